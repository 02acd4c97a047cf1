"""Consents: which scopes an officer has allowed a client, until the officer revokes them.

A consent must never widen what a client gets, which scopes.py decides every time; it only records that the officer was
asked and agreed. What Authlib's calls lead to is synchronous.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, select
from sqlalchemy.dialects.postgresql import insert

from auth.clients.table import clients, consents
from auth.rows import make_record
from ledger.identifiers import ClientId, OfficerId
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The scopes that an officer has allowed a client."""

    client_id: ClientId
    client_name: str
    scopes: Sequence[str]
    given_at: datetime


def find_agreed_scopes(connection: Connection, *, officer_id: str, client_id: str) -> frozenset[str]:
    """Return the scopes that the officer has allowed this client; nobody revokes them before this transaction ends."""
    scopes: list[str] | None = connection.execute(
        select(consents.c.scopes)
        .where(consents.c.officer_id == officer_id, consents.c.client_id == client_id)
        .with_for_update(read=True, key_share=True)
    ).scalar_one_or_none()
    return frozenset(scopes or ())


def record_consent(
    connection: Connection, *, officer_id: str, client_id: str, scopes: Iterable[str], as_of: datetime
) -> None:
    """Record that the officer allows these scopes, in addition to those allowed before."""
    agreed = find_agreed_scopes(connection, officer_id=officer_id, client_id=client_id) | frozenset(scopes)
    row: dict[str, Any] = {
        "officer_id": officer_id,
        "client_id": client_id,
        "scopes": sorted(agreed),
        "given_at": as_of,
    }
    statement = insert(consents).values(row)
    # Of two concurrent answers the later one wins; the other one's scopes are asked for again.
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=[consents.c.officer_id, consents.c.client_id],
            set_={"scopes": statement.excluded.scopes, "given_at": statement.excluded.given_at},
        )
    )


async def list_consents(tx: Transaction, officer_id: OfficerId) -> list[Consent]:
    """List the officer's consents, by the client's name."""
    found = await tx.execute(
        select(consents.c.client_id, clients.c.name.label("client_name"), consents.c.scopes, consents.c.given_at)
        .join(clients, clients.c.id == consents.c.client_id)
        .where(consents.c.officer_id == officer_id)
        .order_by(clients.c.name, clients.c.id)
    )
    return [make_record(Consent, row) for row in found]


async def revoke_consent(tx: Transaction, *, officer_id: OfficerId, client_id: ClientId) -> bool:
    """Delete the consent, so that the officer is asked again; returns whether there was one.

    What the client got by it must be ended as well: see protocol/ended_grants.py.
    """
    gone = await tx.execute(
        delete(consents).where(consents.c.officer_id == officer_id, consents.c.client_id == client_id)
    )
    return gone.rowcount == 1
