"""The archive: old entries are dropped once they stand in an export that was verified; their hashes stay.

It drops from the oldest entry on, in batches: each takes content and readers' places of its range, moves the oldest
position and records itself in the log, all in one transaction. Killed in between, it goes on from the oldest position.
A legal hold on any entry of a batch stops it there, and a policy holds that a second time. Only what a signed
checkpoint has may be dropped. Runs under the ARCHIVE role.
Source: design section 5; ADR 0055.
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import text

from ledger.errors import ConflictError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.legal_holds import LOCK_HOLDS
from ledger.feed.table import IS_HELD
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import Position
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR

BATCH_ENTRIES = 10_000

_OLDEST = text("SELECT oldest_position FROM feed_head WHERE id = 1")
_SEQUENCED_AT = text("SELECT sequenced_at FROM feed WHERE position = :position")
_SIZE = text("SELECT coalesce(max(tree_size), 0) FROM feed_checkpoints")
_FIND_HELD = text(f"""
SELECT f.position FROM feed f JOIN events ON events.id = f.event_id
WHERE f.position >= :first AND f.position <= :last AND {IS_HELD} ORDER BY f.position LIMIT 1
""")
_DROP = text("""
WITH chosen AS MATERIALIZED (
  SELECT e.id, e.audience FROM feed f JOIN events e ON e.id = f.event_id
  WHERE f.position >= :first AND f.position <= :last
), dropped AS (
  DELETE FROM events USING chosen WHERE events.id = chosen.id RETURNING events.id
), forgotten AS (
  DELETE FROM feed_recipients r USING (SELECT DISTINCT unnest(audience) AS member_id FROM chosen) m
  WHERE r.member_id = m.member_id AND r.position >= :first AND r.position <= :last RETURNING r.position
)
SELECT (SELECT count(*) FROM chosen) AS wanted, (SELECT count(*) FROM dropped) AS dropped,
  (SELECT count(*) FROM forgotten) AS forgotten
""")
_MOVE = text("UPDATE feed_head SET oldest_position = :next WHERE id = 1 AND oldest_position = :first")


class EntriesHeldError(ConflictError):
    """Entries of the range are under a legal hold; they are not archived."""

    code = "ENTRIES_HELD"
    hint = "Archive up to the position before, or have an officer release the hold."


class ArchivingError(ConflictError):
    """The archive was moved by another at the same time; nothing of this batch was dropped."""

    code = "ARCHIVING_ALREADY"
    hint = "Run it again when the other one has ended."


class NotSignedError(ConflictError):
    """Only what a signed checkpoint has may be archived."""

    code = "NOT_SIGNED"


async def get_oldest_position(tx: Transaction) -> Position:
    """The first position whose content is still there."""
    return Position((await tx.execute(_OLDEST)).scalar_one())


async def find_last_before(tx: Transaction, moment: datetime) -> int:
    """The last signed position that was given before a time, 0 where there is none; times rise with positions."""
    low, high = 0, int((await tx.execute(_SIZE)).scalar_one())
    while low < high:
        middle = (low + high + 1) // 2
        sequenced_at = (await tx.execute(_SEQUENCED_AT, {"position": middle})).scalar_one_or_none()
        low, high = (middle, high) if sequenced_at is not None and sequenced_at < moment else (low, middle - 1)
    return low


async def check_not_held(tx: Transaction, *, first: int, last: int) -> None:
    """Errors: EntriesHeldError, with the first position that is held."""
    held = (await tx.execute(_FIND_HELD, {"first": first, "last": last})).scalar_one_or_none()
    if held is not None:
        raise EntriesHeldError(f"The entry at position {held} is under a legal hold; nothing from there is archived.")


async def drop_entries(
    database: Database,
    *,
    until: int,
    sha256: str,
    now: Callable[[], datetime],
    note: Callable[[int], None] = lambda _position: None,
    batch_entries: int = BATCH_ENTRIES,
) -> int:
    """Drop every entry up to a position that stands in the verified export of that hash; returns how many.

    It may be stopped and started again. note is told the last position of each batch.
    Errors: EntriesHeldError, ArchivingError, NotSignedError; the batches before stay dropped.
    """
    dropped = 0
    while True:
        async with database.system(Role.ARCHIVE, as_of=now()) as tx:
            first = await get_oldest_position(tx)
            if first > until:
                return dropped
            last = min(first + batch_entries - 1, until)
            dropped += await _drop_batch(tx, first=first, last=last, sha256=sha256)
        note(last)


async def _drop_batch(tx: Transaction, *, first: int, last: int, sha256: str) -> int:
    if not await tx.try_lock("jembatan.archive"):
        raise ArchivingError
    await tx.execute(LOCK_HOLDS)
    if last > (await tx.execute(_SIZE)).scalar_one():
        raise NotSignedError
    bounds = {"first": first, "last": last}
    await check_not_held(tx, **bounds)
    row = (await tx.execute(_DROP, bounds)).one()
    if row.dropped != row.wanted:
        raise EntriesHeldError
    payload = bounds | {"sha256": sha256}
    record = EventDraft(kind=EventKind.ENTRIES_ARCHIVED, subject=Subject.FEED, subject_id="entries", payload=payload)
    await append_events(tx, [record], actor=OPERATOR)
    # Last of all, since the sequencer waits for whoever holds the head.
    moved = await tx.execute(_MOVE, {"first": first, "next": last + 1})
    if moved.rowcount != 1:
        raise ArchivingError
    return int(row.dropped)
