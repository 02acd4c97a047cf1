"""What waits for a position in the log: counted by the sequencer for its metrics, and by whoever asks how things stand.

It only reads.
"""

from dataclasses import dataclass

from sqlalchemy import text

from ledger.storage.database import Transaction
from ledger.storage.roles import Role

PENDING_COUNTED_MAX = 100_000
MEASURE_BACKLOG = f"""
SELECT count(*) AS pending, greatest(0, coalesce((
  SELECT extract(epoch FROM clock_timestamp() - e.recorded_at)
  FROM feed_pending o JOIN events e ON e.id = o.event_id ORDER BY o.event_id LIMIT 1
), 0))::float AS lag_s
FROM (SELECT 1 FROM feed_pending LIMIT {PENDING_COUNTED_MAX}) AS counted
"""
"""pending: how many events have no position, up to a limit. lag_s: the age of the oldest, 0 if there is none."""

_MEASURE = text(MEASURE_BACKLOG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """Events without a position, counted up to 100,000, and the age of the oldest in seconds; 0 if there is none."""

    pending: int
    lag_seconds: float


async def measure_backlog(tx: Transaction) -> Backlog:
    """Measure in one statement, under the SEQUENCER role, whose queue it is."""
    async with tx.role(Role.SEQUENCER):
        row = (await tx.execute(_MEASURE)).one()
    return Backlog(pending=row.pending, lag_seconds=row.lag_s)
