"""Archiving: removes old entries that are in a verified export; their hashes remain.

It removes entries from the oldest on, in batches. Each batch is one transaction that deletes the content and the
recipients' rows of its range, advances the oldest position and records itself in the log; after a crash, archiving
resumes at the oldest position. It stops at a batch with an entry under a legal hold, which a row-level policy enforces
again. It must never remove an entry that no signed checkpoint covers. Runs under the ARCHIVE role.
Source: design section 5; ADR 0055.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy import text

from ledger.errors import ConflictError
from ledger.feed.events import RECORD_SUBJECT_ID, EventDraft, append_events
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
    """An entry in the range is under a legal hold."""

    code = "ENTRIES_HELD"
    hint = "Archive only up to the position before it, or have an officer release the hold."


class ArchivingError(ConflictError):
    """Another process is archiving at the same time; nothing in this batch was removed."""

    code = "ARCHIVING_ALREADY"
    hint = "Run the command again when the other process has finished."


class NotSignedError(ConflictError):
    """Only entries covered by a signed checkpoint can be archived."""

    code = "NOT_SIGNED"


async def get_oldest_position(tx: Transaction) -> Position:
    """The first position that was not archived."""
    return Position((await tx.execute(_OLDEST)).scalar_one())


async def find_last_before(tx: Transaction, moment: datetime) -> int:
    """The last signed position that was assigned before a time, or 0; times increase with positions."""
    low, high = 0, int((await tx.execute(_SIZE)).scalar_one())
    while low < high:
        middle = (low + high + 1) // 2
        sequenced_at = (await tx.execute(_SEQUENCED_AT, {"position": middle})).scalar_one_or_none()
        low, high = (middle, high) if sequenced_at is not None and sequenced_at < moment else (low, middle - 1)
    return low


async def check_not_held(tx: Transaction, *, first: int, last: int) -> None:
    """Errors: EntriesHeldError, which names the first position that is held."""
    held = (await tx.execute(_FIND_HELD, {"first": first, "last": last})).scalar_one_or_none()
    if held is not None:
        raise EntriesHeldError(
            f"The entry at position {held} is under a legal hold; neither it nor later ones can be archived."
        )


async def drop_entries(
    database: Database,
    *,
    until: int,
    sha256: str,
    now: Callable[[], datetime],
    record: Callable[[Transaction], Awaitable[None]] | None = None,
    note: Callable[[int], None] = lambda _position: None,
    batch_entries: int = BATCH_ENTRIES,
) -> int:
    """Remove every entry up to a position, all of which are in the verified export with that hash; returns how many.

    It may be interrupted and restarted. record is called in the first batch's transaction, before it, and says there
    who archives; note is called after each batch with its last position.
    Errors: EntriesHeldError, ArchivingError, NotSignedError; earlier batches stay removed.
    """
    dropped = 0
    while True:
        async with database.system(Role.ARCHIVE, as_of=now()) as tx:
            first = await get_oldest_position(tx)
            if first > until:
                return dropped
            last = min(first + batch_entries - 1, until)
            if record is not None:
                await record(tx)
            dropped += await _drop_batch(tx, first=first, last=last, sha256=sha256)
        record = None
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
    record = EventDraft(
        kind=EventKind.ENTRIES_ARCHIVED, subject=Subject.FEED, subject_id=RECORD_SUBJECT_ID, payload=payload
    )
    await append_events(tx, [record], actor=OPERATOR)
    # Last, because the sequencer waits for a transaction that has locked the head.
    moved = await tx.execute(_MOVE, {"first": first, "next": last + 1})
    if moved.rowcount != 1:
        raise ArchivingError
    return int(row.dropped)
