"""Revoking: one row says that a token, or every token of a family, is worth nothing any more.

Access tokens have no row of their own (ADR 0022), so the row lives as long as the longest of them could.
The way back is closed: nothing takes a revocation back.

Source: RFC 7009 section 2.1; RFC 9700 section 4.14.2.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Executable, update
from sqlalchemy.dialects.postgresql import insert

from auth.settings import AuthSettings
from auth.tokens.table import revoked_tokens, token_families
from ledger.identifiers import ClientId, OfficerId
from ledger.storage.database import Transaction


def revoke_token(connection: Connection, token_id: str, *, expires_at: datetime, as_of: datetime) -> None:
    """End one access token."""
    connection.execute(_insert_revocations([token_id], expires_at=expires_at, as_of=as_of))


def revoke_family(connection: Connection, family_id: str, *, settings: AuthSettings, as_of: datetime) -> None:
    """End every refresh and access token that came from one code."""
    connection.execute(
        update(token_families)
        .where(token_families.c.id == family_id, token_families.c.revoked_at.is_(None))
        .values(revoked_at=as_of)
    )
    connection.execute(_insert_revocations([family_id], expires_at=_outlived_at(settings, as_of), as_of=as_of))


async def revoke_officer_families(tx: Transaction, officer_id: OfficerId, *, settings: AuthSettings) -> int:
    """End every token that an officer's logins led to and that can be refreshed; returns how many families.

    Runs under the AUTH role. For a changed password, a lost device or a log-out everywhere.
    """
    return await _revoke_families(tx, token_families.c.officer_id == officer_id, settings)


async def revoke_client_families(tx: Transaction, client_id: ClientId, *, settings: AuthSettings) -> int:
    """End every token that can be refreshed through a client; returns how many families. Runs under the AUTH role."""
    return await _revoke_families(tx, token_families.c.client_id == client_id, settings)


async def _revoke_families(tx: Transaction, condition: Any, settings: AuthSettings) -> int:
    ended = await tx.execute(
        update(token_families)
        .where(condition, token_families.c.revoked_at.is_(None))
        .values(revoked_at=tx.as_of)
        .returning(token_families.c.id)
    )
    ids = list(ended.scalars())
    if ids:
        await tx.execute(_insert_revocations(ids, expires_at=_outlived_at(settings, tx.as_of), as_of=tx.as_of))
    return len(ids)


def _insert_revocations(ids: list[str], *, expires_at: datetime, as_of: datetime) -> Executable:
    rows = [{"token_id": token_id, "revoked_at": as_of, "expires_at": expires_at} for token_id in ids]
    return insert(revoked_tokens).values(rows).on_conflict_do_nothing(index_elements=[revoked_tokens.c.token_id])


def _outlived_at(settings: AuthSettings, as_of: datetime) -> datetime:
    """When no token issued before now can be valid any more, whichever machine's clock issued it."""
    return as_of + timedelta(seconds=settings.access_token_lifetime_s + settings.clock_skew_s)
