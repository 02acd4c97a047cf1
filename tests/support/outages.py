"""Outages in tests: declared by the operator, and what an order's due time must be after any set of them."""

from collections.abc import Iterable
from datetime import datetime

from ledger.orders.table import BlockOrder
from ledger.outages.reading import load_outage_extensions
from ledger.outages.recording import declare_outage
from ledger.outages.table import Outage, OutageExtension
from ledger.storage.database import Database
from ledger.viewer import OPERATOR, Viewer

Span = tuple[datetime, datetime]


async def declare(database: Database, as_of: datetime, starts_at: datetime, ends_at: datetime) -> list[Outage]:
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        return await declare_outage(tx, starts_at, ends_at, reason="No connection.")


async def read_extensions(
    database: Database, viewer: Viewer, as_of: datetime, order: BlockOrder
) -> list[OutageExtension]:
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await load_outage_extensions(tx, [order.id]))[order.id]


def stop_clock(issued_at: datetime, due_at: datetime, spans: Iterable[Span]) -> datetime:
    """When what was due at due_at is due if its clock stands still during these times, each counted once."""
    passed = issued_at
    for starts_at, ends_at in sorted(spans):
        begins = max(starts_at, passed)
        if begins < due_at and begins < ends_at:
            due_at += ends_at - begins
        passed = max(passed, ends_at)
    return due_at
