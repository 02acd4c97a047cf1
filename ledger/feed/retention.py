"""Retention: erases the content and salts of old entries on schedule; leaf hashes remain, and proofs stay valid.

It must only erase entries covered by a signed checkpoint, and none under a legal hold: the statement skips those, and a
row-level policy enforces it a second time. The log itself records which entries were erased, so that an unrecorded
erasure can be detected. The feed's events about itself are kept: they contain no personal data.
Source: design section 5; ADR 0055.
"""

from collections.abc import Iterable
from datetime import timedelta

from sqlalchemy import text

from ledger.feed.events import EventDraft, append_events
from ledger.feed.legal_holds import LOCK_HOLDS
from ledger.feed.table import IS_HELD
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Transaction
from ledger.viewer import OPERATOR

BATCH_ENTRIES = 5_000
ERASED_NUMBER = "erased"

_IS_ALL_HELD = text("SELECT EXISTS (SELECT 1 FROM legal_holds WHERE released_at IS NULL AND subject IS NULL)")
_ERASE = text(f"""
WITH chosen AS MATERIALIZED (
  SELECT events.id, f.position FROM events JOIN feed f ON f.event_id = events.id
  WHERE events.erased_at IS NULL AND events.recorded_at < :before AND events.subject <> 'FEED'
    AND f.position <= (SELECT max(tree_size) FROM feed_checkpoints) AND NOT {IS_HELD}
  ORDER BY events.recorded_at, events.id LIMIT :limit
)
UPDATE events SET payload = '{{}}', salt = NULL, reserved_salt = NULL, actor_officer_id = NULL, actor_client_id = NULL,
  subject_id = CASE WHEN events.subject = 'NUMBER' THEN '{ERASED_NUMBER}' ELSE events.subject_id END, erased_at = :now
FROM chosen WHERE events.id = chosen.id
RETURNING chosen.position
""")


async def erase_old_entries(tx: Transaction, *, kept_days: int, limit: int = BATCH_ENTRIES) -> int:
    """Erase one batch of entries older than kept_days; 0 keeps all. Returns how many were erased.

    Runs under the RETENTION role; safe to run again.
    """
    if not kept_days:
        return 0
    await tx.execute(LOCK_HOLDS)
    if (await tx.execute(_IS_ALL_HELD)).scalar_one():
        return 0
    before = tx.as_of - timedelta(days=kept_days)
    erased = await tx.execute(_ERASE, {"before": before, "limit": limit, "now": tx.as_of})
    positions = sorted(erased.scalars())
    if positions:
        payload = {"ranges": join_ranges(positions), "count": len(positions)}
        record = EventDraft(kind=EventKind.ENTRIES_ERASED, subject=Subject.FEED, subject_id="entries", payload=payload)
        await append_events(tx, [record], actor=OPERATOR)
    return len(positions)


def join_ranges(positions: Iterable[int]) -> list[list[int]]:
    """Ascending positions as ranges [first, last], both inclusive."""
    ranges: list[list[int]] = []
    for position in positions:
        if ranges and ranges[-1][1] == position - 1:
            ranges[-1][1] = position
        else:
            ranges.append([position, position])
    return ranges
