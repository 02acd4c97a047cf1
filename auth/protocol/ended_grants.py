"""The end of what officers granted: a code, a refresh family and an access token end together, or a copy lives on.

A code that is gone can't be redeemed, and every token that came of it carries its id. Runs under the AUTH role.
"""

from collections.abc import Mapping

from sqlalchemy import delete

from auth.protocol.table import authorization_codes
from auth.settings import AuthSettings
from auth.tokens.revocations import revoke_families
from ledger.identifiers import ClientId, OfficerId
from ledger.storage.database import Transaction


async def end_officer_grants(
    tx: Transaction, officer_id: OfficerId, *, client_id: ClientId | None = None, settings: AuthSettings
) -> int:
    """End what the officer granted, to this client or to all; returns how many grants that were.

    For a changed password, a consent taken back, a lost device or a logout everywhere.
    """
    parties = {"officer_id": officer_id} | ({"client_id": client_id} if client_id is not None else {})
    return await _end_grants(tx, parties, settings)


async def end_client_grants(tx: Transaction, client_id: ClientId, *, settings: AuthSettings) -> int:
    """End what all officers granted to the client; returns how many grants that were."""
    return await _end_grants(tx, {"client_id": client_id}, settings)


async def _end_grants(tx: Transaction, parties: Mapping[str, str], settings: AuthSettings) -> int:
    # Codes first: whoever redeems one holds its lock until the family exists.
    codes = await tx.execute(
        delete(authorization_codes)
        .where(*(authorization_codes.c[name] == value for name, value in parties.items()))
        .returning(authorization_codes.c.id)
    )
    return await revoke_families(tx, parties, code_ids=frozenset(codes.scalars()), settings=settings)
