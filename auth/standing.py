"""How clients, officers and signing keys stand: counts, and what ends soon. For operators; it only reads.

Everything runs under the AUTH role.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select, true

from auth.clients.table import clients
from auth.settings import AuthSettings
from auth.tokens.table import signing_keys
from ledger.members.table import officers
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStanding:
    """Clients and officers.

    overlapping are clients whose previous secret or keys are still accepted; the first of these ends at
    next_overlap_ends_at.
    """

    clients: int
    clients_disabled: int
    clients_overlapping: int
    next_overlap_ends_at: datetime | None
    officers: int
    officers_disabled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKeyStanding:
    """A key that tokens are signed with or may have been signed with. accepted_until is None for the current one."""

    key_id: str
    created_at: datetime
    accepted_until: datetime | None


async def count_accounts(tx: Transaction) -> AccountStanding:
    """Count clients and officers in one statement."""
    c, o = clients.c, officers.c
    is_overlapping = c.disabled_at.is_(None) & (c.previous_ends_at > tx.as_of)
    of_clients = select(
        func.count().filter(c.disabled_at.is_(None)).label("clients"),
        func.count(c.disabled_at).label("clients_disabled"),
        func.count().filter(is_overlapping).label("clients_overlapping"),
        func.min(c.previous_ends_at).filter(is_overlapping).label("next_overlap_ends_at"),
    ).subquery("of_clients")
    of_officers = select(
        func.count().filter(o.disabled_at.is_(None)).label("officers"),
        func.count(o.disabled_at).label("officers_disabled"),
    ).subquery("of_officers")
    counted = await tx.execute(select(of_clients, of_officers).select_from(of_clients.join(of_officers, true())))
    return AccountStanding(**counted.mappings().one())


async def list_signing_keys(tx: Transaction, settings: AuthSettings) -> Sequence[SigningKeyStanding]:
    """Return the current key and those that are still accepted, newest first, in one statement."""
    c, overlap = signing_keys.c, settings.signing_key_overlap
    is_accepted = or_(c.retired_at.is_(None), c.retired_at > tx.as_of - overlap)
    kid = c.public_key["kid"].astext.label("key_id")
    found = await tx.execute(
        select(kid, c.created_at, c.retired_at).where(is_accepted).order_by(c.created_at.desc(), c.id.desc())
    )
    return [
        SigningKeyStanding(
            key_id=row.key_id,
            created_at=row.created_at,
            accepted_until=row.retired_at + overlap if row.retired_at is not None else None,
        )
        for row in found
    ]
