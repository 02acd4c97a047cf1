"""Retention: erases the content and salts of old entries on schedule; leaf hashes remain, and proofs stay valid.

It must only erase entries covered by a signed checkpoint, and none under a legal hold: the statement skips those, and a
row-level policy enforces it a second time. The log itself records which entries were erased, so that an unrecorded
erasure can be detected. The feed's events about itself are kept: they contain no personal data.

A batch examines a bounded number of entries, whether or not it may erase them, and the next one continues after it: so
entries under a hold, however many, can't make a statement long.
Source: design section 5; ADR 0055 and 0096.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from ledger.feed.events import RECORD_SUBJECT_ID, EventDraft, append_events
from ledger.feed.legal_holds import LOCK_HOLDS
from ledger.feed.table import IS_HELD
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Transaction
from ledger.viewer import OPERATOR

BATCH_ENTRIES = 5_000
ERASED_NUMBER = "erased"

_IS_ALL_HELD = text("SELECT EXISTS (SELECT 1 FROM legal_holds WHERE released_at IS NULL AND subject IS NULL)")
_ERASE = text(f"""
WITH looked_at AS MATERIALIZED (
  SELECT events.id, events.recorded_at FROM events
  WHERE events.erased_at IS NULL AND events.recorded_at < :before
    AND (events.recorded_at, events.id) > (CAST(:after_at AS timestamptz), CAST(:after_id AS bigint))
  ORDER BY events.recorded_at, events.id LIMIT :limit
), chosen AS MATERIALIZED (
  SELECT events.id, f.position FROM looked_at JOIN events ON events.id = looked_at.id
  JOIN feed f ON f.event_id = events.id
  WHERE events.subject <> 'FEED' AND f.position <= (SELECT max(tree_size) FROM feed_checkpoints) AND NOT {IS_HELD}
), erased AS (
  UPDATE events SET payload = '{{}}', salt = NULL, reserved_salt = NULL, content = NULL, content_salt = NULL,
    actor_officer_id = NULL, actor_client_id = NULL, erased_at = :now,
    subject_id = CASE WHEN events.subject = 'NUMBER' THEN '{ERASED_NUMBER}' ELSE events.subject_id END
  FROM chosen WHERE events.id = chosen.id RETURNING chosen.position
)
SELECT (SELECT array_agg(position ORDER BY position) FROM erased) AS positions, last.recorded_at, last.id
FROM (SELECT 1) AS one LEFT JOIN LATERAL (
  SELECT recorded_at, id FROM looked_at ORDER BY recorded_at DESC, id DESC LIMIT 1
) AS last ON (SELECT count(*) FROM looked_at) = :limit
""")


@dataclass(frozen=True, slots=True)
class Place:
    """An entry in the order of retention."""

    recorded_at: datetime
    event_id: int


_BEGINNING = Place(datetime.min.replace(tzinfo=UTC), 0)


@dataclass(frozen=True, slots=True)
class Erasure:
    """One batch: how many entries were erased, and where to continue; None if there are no more old entries."""

    count: int
    next_after: Place | None = None


@dataclass(slots=True)
class RetentionStatus:
    """The state of this process's retention, for metrics: entries erased so far, and how far it is behind.

    lag_s is how much longer than they should be the oldest entries not yet examined are kept; 0 if there are none.
    """

    erased: int = 0
    lag_s: float = 0.0


class Retention:
    """Erases old entries batch by batch: one run examines each of them once. Owned by the task that runs the jobs."""

    def __init__(self, *, kept_days: int, limit: int = BATCH_ENTRIES) -> None:
        """Begin with the oldest entry; kept_days of 0 keeps all."""
        self.status = RetentionStatus()
        self._kept_days = kept_days
        self._limit = limit
        self._after: Place | None = None

    @property
    def has_more(self) -> bool:
        """Whether the run has old entries left to examine."""
        return self._after is not None

    async def erase_batch(self, tx: Transaction) -> int:
        """Erase the next batch of the run; returns how many entries were erased."""
        erasure = await erase_old_entries(tx, kept_days=self._kept_days, limit=self._limit, after=self._after)
        self._after = erasure.next_after
        self.status.erased += erasure.count
        self.status.lag_s = 0.0
        if erasure.next_after is not None:
            before = tx.as_of - timedelta(days=self._kept_days)
            self.status.lag_s = (before - erasure.next_after.recorded_at).total_seconds()
        return erasure.count


async def erase_old_entries(
    tx: Transaction, *, kept_days: int, limit: int = BATCH_ENTRIES, after: Place | None = None
) -> Erasure:
    """Examine the next entries older than kept_days, at most limit, and erase those that may be; 0 keeps all.

    Runs under the RETENTION role; safe to run again.
    """
    if not kept_days:
        return Erasure(0)
    await tx.execute(LOCK_HOLDS)
    if (await tx.execute(_IS_ALL_HELD)).scalar_one():
        return Erasure(0)
    start = after or _BEGINNING
    bounds = {"before": tx.as_of - timedelta(days=kept_days), "after_at": start.recorded_at, "after_id": start.event_id}
    row = (await tx.execute(_ERASE, bounds | {"limit": limit, "now": tx.as_of})).one()
    positions = row.positions or []
    if positions:
        payload = {"ranges": join_ranges(positions), "count": len(positions)}
        record = EventDraft(
            kind=EventKind.ENTRIES_ERASED, subject=Subject.FEED, subject_id=RECORD_SUBJECT_ID, payload=payload
        )
        await append_events(tx, [record], actor=OPERATOR)
    return Erasure(len(positions), Place(row.recorded_at, row.id) if row.id is not None else None)


def join_ranges(positions: Iterable[int]) -> list[list[int]]:
    """Ascending positions as ranges [first, last], both inclusive."""
    ranges: list[list[int]] = []
    for position in positions:
        if ranges and ranges[-1][1] == position - 1:
            ranges[-1][1] = position
        else:
            ranges.append([position, position])
    return ranges
