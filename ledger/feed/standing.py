"""How the log stands: its size, what is signed, and which process assigns positions. For operators; it only reads."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text

from ledger.storage.database import Transaction

# The lock of a bigint key is shown as its two halves.
_READ = text("""
SELECT h.size, h.oldest_position, h.epoch, c.tree_size AS signed_size, c.signed_at, (
  SELECT min(l.pid) FROM pg_locks l
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtextextended('jembatan.sequencer', 0)
) AS sequencer_pid
FROM feed_head h LEFT JOIN LATERAL (
  SELECT tree_size, signed_at FROM feed_checkpoints ORDER BY tree_size DESC LIMIT 1
) c ON true WHERE h.id = 1
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogStanding:
    """The log's size, its oldest entry that is not archived, and its newest checkpoint.

    sequencer_pid is the database's process that serves the sequencer, as in pg_stat_activity; None if there is none.
    epoch counts how often another process took over.
    """

    size: int
    oldest_position: int
    epoch: int
    signed_size: int | None
    signed_at: datetime | None
    sequencer_pid: int | None


async def read_log_standing(tx: Transaction) -> LogStanding:
    """Read it in one statement. Runs under the REGULATOR role, for the installation and not for a viewer."""
    return LogStanding(**(await tx.execute(_READ)).mappings().one())
