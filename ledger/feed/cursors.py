"""Cursors of the feed: opaque references to a position, which expire if the feed is no longer the same.

A cursor contains the feed's id, a position, and the first bytes of that entry's leaf hash. If the database was restored
from a backup older than the cursor, or lost entries in a failover, it has another entry at that position or none: then
the cursor has expired, and no entry is skipped silently. If the operator announced the restore, the error says so. A
cursor is exclusive: reading resumes after it.
Source: design section 5; graphql-facts.md, Subscriptions that resume.
"""

import base64
import binascii
import hmac
import struct
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import text

from ledger.errors import CursorExpiredError, CursorInvalidError
from ledger.feed.restorations import LostHistory, find_lost_history
from ledger.identifiers import Position
from ledger.storage.database import Transaction

_VERSION = 1
_FORM = struct.Struct(">B16sQ8s")
_TEXT_LENGTH = 44
_PREFIX_BYTES = 8

_LOOK_UP = text("""
SELECT h.feed_id, h.size, h.oldest_position, f.leaf_hash
FROM feed_head h LEFT JOIN feed f ON f.position = :position WHERE h.id = 1
""")
_TELL = text("""
SELECT h.feed_id, h.size, h.oldest_position, l.leaf_hash AS last_hash, o.leaf_hash AS oldest_hash
FROM feed_head h LEFT JOIN feed l ON l.position = h.size LEFT JOIN feed o ON o.position = h.oldest_position - 1
WHERE h.id = 1
""")


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """The place after an entry, or before the first one (position 0, no hash)."""

    feed_id: str
    position: Position
    hash_prefix: bytes

    @classmethod
    def of(cls, feed_id: str, position: Position, leaf_hash: bytes | None) -> "FeedCursor":
        """The place after the entry with that hash."""
        return cls(feed_id, position, (leaf_hash or bytes(_PREFIX_BYTES))[:_PREFIX_BYTES])

    def render(self) -> str:
        """The cursor as opaque text: 44 characters of base64url."""
        packed = _FORM.pack(_VERSION, uuid.UUID(self.feed_id).bytes, self.position, self.hash_prefix)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str) -> "FeedCursor":
        """Parse the opaque text. Errors: CursorInvalidError."""
        if len(cursor) != _TEXT_LENGTH or not cursor.isascii():
            raise CursorInvalidError(field="after", hint="Pass a cursor of the feed, unchanged.")
        try:
            version, feed_id, position, prefix = _FORM.unpack(base64.b64decode(cursor, b"-_", validate=True))
        except (binascii.Error, struct.error):
            raise CursorInvalidError(field="after", hint="Pass a cursor of the feed, unchanged.") from None
        if version != _VERSION or position >= 2**63:
            raise CursorInvalidError(field="after", hint="Pass a cursor of the feed, unchanged.")
        return cls(str(uuid.UUID(bytes=feed_id)), Position(position), prefix)


class LogRestoredError(CursorExpiredError):
    """The log was restored from a backup, and the entry of this cursor is lost."""

    code = "LOG_RESTORED"
    hint = "Discard what you received after restoredTo, and read on from restoredCursor."


async def resolve_cursor(tx: Transaction, cursor: str) -> FeedCursor:
    """Look up a cursor in this feed, in one statement.

    Errors: CursorInvalidError; CursorExpiredError with oldestPosition and oldestCursor, if entries after the cursor
    were archived or it belongs to another feed; LogRestoredError, also with restoredTo, restoredCursor, announcedAt and
    announcedIn, the position of the announcement, if its entry was lost in a restore that the operator announced.
    """
    known = FeedCursor.parse(cursor)
    row = (await tx.execute(_LOOK_UP, {"position": known.position})).one()
    is_here = row.feed_id == known.feed_id and row.oldest_position - 1 <= known.position <= row.size
    here = FeedCursor.of(known.feed_id, known.position, row.leaf_hash)
    if not is_here or not hmac.compare_digest(here.hash_prefix, known.hash_prefix):
        oldest, _ = await find_ends(tx)
        details = {"oldestPosition": str(oldest.position + 1), "oldestCursor": oldest.render()}
        is_archived = known.position < row.oldest_position - 1
        lost = None if is_archived or row.feed_id != known.feed_id else await find_lost_history(tx, known.position)
        if lost is not None:
            raise _refuse_lost(lost, feed_id=known.feed_id, details=details)
        raise CursorExpiredError(field="after", details=details)
    return known


async def find_place(tx: Transaction, position: Position) -> FeedCursor:
    """The place after the entry at that position, which must be of this feed and not archived, or 0."""
    row = (await tx.execute(_LOOK_UP, {"position": position})).one()
    return FeedCursor.of(row.feed_id, position, row.leaf_hash)


def _refuse_lost(lost: LostHistory, *, feed_id: str, details: Mapping[str, str]) -> LogRestoredError:
    where = f" at entry {lost.announced_in}" if lost.announced_in is not None else ""
    message = (
        f"The history after entry {lost.restored_to} was replaced by a restore from a backup, announced{where} on "
        f"{lost.announced_at.isoformat()}."
    )
    more = {
        "restoredTo": str(lost.restored_to),
        "restoredCursor": FeedCursor.of(feed_id, lost.restored_to, lost.restored_hash).render(),
        "announcedAt": lost.announced_at.isoformat(),
    }
    more |= {"announcedIn": str(lost.announced_in)} if lost.announced_in is not None else {}
    return LogRestoredError(message, field="after", details={**details, **more})


async def find_ends(tx: Transaction) -> tuple[FeedCursor, FeedCursor]:
    """The place before the oldest entry that was not archived, and the place after the last one."""
    row = (await tx.execute(_TELL)).one()
    feed_id = row.feed_id
    return (
        FeedCursor.of(feed_id, Position(row.oldest_position - 1), row.oldest_hash),
        FeedCursor.of(feed_id, Position(row.size), row.last_hash),
    )
