"""Retention of access records: whole sealed hours, oldest first, and the log tells until when.

The seals stay. A record that no seal covers is never erased.
"""

from datetime import timedelta

from sqlalchemy import delete, select, update

from ledger.access_records.table import access_records, access_seals
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Transaction
from ledger.viewer import OPERATOR

SEALS_MAX = 24


async def erase_old_access_records(tx: Transaction, *, kept_days: int) -> int:
    """Erase the records of at most SEALS_MAX seals older than kept_days; returns how many records that were.

    Runs under the RETENTION role; safe to run again.
    """
    c = access_seals.c
    over = tx.as_of - timedelta(days=kept_days)
    oldest = select(c.id).where(c.erased_at.is_(None), c.until <= over).order_by(c.until).limit(SEALS_MAX)
    marked = await tx.execute(
        update(access_seals).where(c.id.in_(oldest)).values(erased_at=tx.as_of).returning(c.until)
    )
    times = sorted(marked.scalars())
    if not times:
        return 0
    until = times[-1]
    erased = await tx.execute(delete(access_records).where(access_records.c.recorded_at < until))
    event = EventDraft(
        kind=EventKind.ACCESSES_ERASED,
        subject=Subject.ACCESS_RECORDS,
        subject_id="access_records",
        payload={"until": until.isoformat(), "count": erased.rowcount},
    )
    await append_events(tx, [event], actor=OPERATOR)
    return erased.rowcount
