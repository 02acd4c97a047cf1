"""Revocation: one row states that a token, or every token of a family, is no longer valid.

Access tokens have no rows of their own (ADR 0022), so a revocation is kept as long as the last of them could be valid.
A revocation must never be undone.

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
    """Revoke one access token."""
    connection.execute(_insert_revocations([token_id], expires_at=expires_at, as_of=as_of))


def revoke_family(connection: Connection, family_id: str, *, settings: AuthSettings, as_of: datetime) -> None:
    """Revoke every refresh and access token that came from one code."""
    connection.execute(
        update(token_families)
        .where(token_families.c.id == family_id, token_families.c.revoked_at.is_(None))
        .values(revoked_at=as_of)
    )
    connection.execute(_insert_revocations([family_id], expires_at=_outlived_at(settings, as_of), as_of=as_of))


async def revoke_officer_families(tx: Transaction, officer_id: OfficerId, *, settings: AuthSettings) -> int:
    """Revoke every family of an officer's tokens; returns how many there were. Runs under the AUTH role.

    For a changed password, a lost device or a logout everywhere.
    """
    return await _revoke_families(tx, token_families.c.officer_id == officer_id, settings)


async def revoke_client_families(tx: Transaction, client_id: ClientId, *, settings: AuthSettings) -> int:
    """Revoke every family of a client's tokens; returns how many there were. Runs under the AUTH role."""
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
    """Return when no token issued until now can still be valid, by whichever machine's clock."""
    return as_of + timedelta(seconds=settings.access_token_seconds + settings.token_skew_seconds)
