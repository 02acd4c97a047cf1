"""Revocation: one row states that a token, or every token of a family, is no longer valid.

Access tokens have no rows of their own (ADR 0022), so a revocation is kept as long as the last of them could be valid.
A revocation must never be undone.

Source: RFC 7009 section 2.1; RFC 9700 section 4.14.2.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from sqlalchemy import Connection, Executable, update
from sqlalchemy.dialects.postgresql import insert

from auth.settings import AuthSettings
from auth.tokens.table import revoked_tokens, token_families
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


async def revoke_families(
    tx: Transaction, parties: Mapping[str, str], *, code_ids: AbstractSet[str], settings: AuthSettings
) -> int:
    """Revoke the families between the parties and all tokens of the codes; returns how many families that were.

    Shapes: parties maps officer_id, client_id or both to ids. Runs under the AUTH role.
    """
    ended = await tx.execute(
        update(token_families)
        .where(
            *(token_families.c[name] == value for name, value in parties.items()), token_families.c.revoked_at.is_(None)
        )
        .values(revoked_at=tx.as_of)
        .returning(token_families.c.id)
    )
    ids = sorted(code_ids | set(ended.scalars()))
    if ids:
        await tx.execute(_insert_revocations(ids, expires_at=_outlived_at(settings, tx.as_of), as_of=tx.as_of))
    return len(ids)


def _insert_revocations(ids: list[str], *, expires_at: datetime, as_of: datetime) -> Executable:
    rows = [{"token_id": token_id, "revoked_at": as_of, "expires_at": expires_at} for token_id in ids]
    return insert(revoked_tokens).values(rows).on_conflict_do_nothing(index_elements=[revoked_tokens.c.token_id])


def _outlived_at(settings: AuthSettings, as_of: datetime) -> datetime:
    """Return when no token issued until now can still be valid, by whichever machine's clock."""
    return as_of + timedelta(seconds=settings.access_token_seconds + settings.token_skew_seconds)
