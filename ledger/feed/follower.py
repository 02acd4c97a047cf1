"""The follower: one per process, it reads new entries of the feed and passes them to all subscribers in the process.

It reads each entry once, in order, and must skip none: after a lost connection it resumes where it was. It keeps the
latest entries in memory. If the database no longer has the feed that it followed (restored, or failed over with entries
lost), it discards its state and notifies its listeners. Owned by the event loop that runs it; its callbacks run there
and must not block.
Source: design section 5.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ledger.bounds.backoff import Backoff
from ledger.errors import DatabaseUnavailableError
from ledger.feed.batches import FEED_CHANNEL
from ledger.feed.cursors import FeedCursor
from ledger.feed.direct import FAILURES, DirectSession, wait_for_notice
from ledger.feed.entries import Entry
from ledger.feed.reading import TAIL, entry_of
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import Position
from ledger.settings import FeedSettings
from ledger.storage.roles import Role

APPLICATION_NAME = "jembatan follower"
POLL_SECONDS = 0.5
"""How often it checks for new entries without a notification."""
_BATCH_MAX = 500
_TOLD_MAX = 100
_BACKOFF = Backoff(0.05, 2.0)
_CHANGING = frozenset({EventKind.ENTRIES_ERASED, EventKind.ENTRIES_ARCHIVED})
"""After these, entries in memory may no longer match the database."""
_logger = logging.getLogger(__name__)

_LOOK = """
SELECT h.feed_id::text AS feed_id, h.size, h.oldest_position, last.leaf_hash AS last_hash, mine.leaf_hash AS own_hash
FROM feed_head h LEFT JOIN feed last ON last.position = h.size LEFT JOIN feed mine ON mine.position = $1
WHERE h.id = 1
"""

OnEntries = Callable[[Sequence[Entry]], None]
OnReset = Callable[[], None]


@dataclass(slots=True)
class FollowerStatus:
    """The state of this process's follower, for metrics; only its task writes it.

    lag is in entries; unknown counts those read whose kind or subject only a later version knows.
    """

    is_connected: bool = False
    head: int = 0
    lag: int = 0
    resets: int = 0
    unknown: int = 0


class _FeedReplacedError(Exception):
    """The database's feed is not the one that was followed."""


class Follower:
    """The latest entries of the feed that this process has read."""

    def __init__(self, settings: FeedSettings, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Create a follower, which does nothing until run is called."""
        self.status = FollowerStatus()
        self._settings = settings
        self._poll_seconds = poll_seconds
        self._ready = asyncio.Event()
        self._feed_id = ""
        self._head = Position(0)
        self._head_hash: bytes | None = None
        self._tail: list[Entry] = []
        self._before_tail: bytes | None = None
        self._listeners: dict[object, tuple[OnEntries, OnReset | None]] = {}
        self._failures = 0
        self._told: set[str] = set()

    @property
    def feed_id(self) -> str:
        """The feed's id. Errors: DatabaseUnavailableError until the feed was first read."""
        self._require_ready()
        return self._feed_id

    @property
    def head(self) -> Position:
        """The position of the last entry read; 0 in an empty feed. Errors: DatabaseUnavailableError."""
        self._require_ready()
        return self._head

    @property
    def oldest(self) -> Position:
        """The position of the first entry in memory; head + 1 if there is none. Errors: DatabaseUnavailableError."""
        self._require_ready()
        return Position(self._head + 1 - len(self._tail))

    def slice(self, after: Position, *, limit: int | None = None) -> Sequence[Entry] | None:
        """The entries after a position, oldest first, up to limit; None if they must be read from the database.

        Empty for a position that this process has not reached yet. Errors: DatabaseUnavailableError.
        """
        start = after + 1 - self.oldest
        if start < 0:
            return None
        return self._tail[start:] if limit is None else self._tail[start : start + limit]

    def cursor_at(self, position: Position) -> FeedCursor | None:
        """The cursor after an entry in memory, or after the last one; None if the position is not in memory.

        Errors: DatabaseUnavailableError.
        """
        place = position - self.oldest
        if position == 0:
            leaf_hash: bytes | None = None
        elif position == self._head:
            leaf_hash = self._head_hash
        elif place == -1 and self._before_tail is not None:
            leaf_hash = self._before_tail
        elif 0 <= place < len(self._tail):
            leaf_hash = self._tail[place].leaf_hash
        else:
            return None
        return FeedCursor.of(self._feed_id, position, leaf_hash)

    def add_listener(self, on_entries: OnEntries, *, on_reset: OnReset | None = None) -> Callable[[], None]:
        """Call on_entries with each new batch, in order, and on_reset if the feed was replaced; returns how to stop."""
        key = object()
        self._listeners[key] = (on_entries, on_reset)

        def remove() -> None:
            self._listeners.pop(key, None)

        return remove

    async def wait_ready(self) -> None:
        """Wait until the feed was read for the first time."""
        await self._ready.wait()

    async def run(self) -> None:
        """Follow until cancelled; retries if the database is unavailable, with delays that grow to two seconds."""
        while True:
            self._failures += 1
            try:
                await self._follow()
            except _FeedReplacedError:
                self._forget()
                _logger.warning("feed_replaced")
            except FAILURES as error:
                _logger.warning("follower_interrupted", extra={"error": type(error).__name__})
            except Exception:
                _logger.exception("follower_failed")
            finally:
                self.status.is_connected = False
            await asyncio.sleep(_BACKOFF.choose_seconds(self._failures))

    async def _follow(self) -> None:
        """Follow on one session. Errors: _FeedReplacedError, FAILURES."""
        session = await DirectSession.open(
            self._settings, Role.FOLLOWER, application_name=APPLICATION_NAME, idle_transaction_s=60
        )
        try:
            wake = asyncio.Event()
            await session.listen(FEED_CHANNEL, wake)
            if not self._ready.is_set():
                await self._begin(session)
            self.status.is_connected, self._failures = True, 0
            is_woken = False
            while True:
                wake.clear()
                # A notification means that there are new entries; without one, check that the feed is still the same.
                if is_woken or await self._check(session):
                    await self._catch_up(session)
                is_woken = await wait_for_notice(wake, seconds=self._poll_seconds)
        finally:
            await session.close()

    async def _begin(self, session: DirectSession) -> None:
        """Load the feed's id and its latest entries, without calling listeners: they are not new."""
        row = await session.fetch_row(_LOOK, 0)
        if row is None:
            raise _FeedReplacedError
        self._feed_id, size = row["feed_id"], row["size"]
        self._tail, self._before_tail = [], None
        self._head = Position(max(row["oldest_position"] - 1, size - self._settings.feed_tail_entries, 0))
        self._head_hash = row["last_hash"] if self._head == size else None
        while self._head < size and await self._read(session):
            continue
        self.status.head = self._head
        self._ready.set()

    async def _check(self, session: DirectSession) -> bool:
        """Whether there are new entries. Errors: _FeedReplacedError if what was read is not part of this feed."""
        row = await session.fetch_row(_LOOK, self._head)
        if row is None or row["feed_id"] != self._feed_id or row["size"] < self._head:
            raise _FeedReplacedError
        if self._head and row["own_hash"] != self._head_hash:
            raise _FeedReplacedError
        self.status.lag = row["size"] - self._head
        return self.status.lag > 0

    async def _catch_up(self, session: DirectSession) -> None:
        while entries := await self._read(session):
            for on_entries, _ in list(self._listeners.values()):
                _call(on_entries, entries)
            if len(entries) < _BATCH_MAX:
                break

    async def _read(self, session: DirectSession) -> Sequence[Entry]:
        """Read the next batch into memory. Errors: _FeedReplacedError if it doesn't continue what was read before."""
        rows = await session.fetch(TAIL, self._head, _BATCH_MAX)
        entries = [entry_of(row) for row in rows]
        self._note_unknown(rows, entries)
        if not entries:
            return entries
        if self._head_hash is not None and rows[0]["hash_before"] != self._head_hash:
            raise _FeedReplacedError
        if entries[0].position != self._head + 1 or entries[-1].position != self._head + len(entries):
            raise _FeedReplacedError
        self._keep(entries)
        return entries

    def _note_unknown(self, rows: Sequence[Mapping[str, Any]], entries: Sequence[Entry]) -> None:
        """Count entries that only a later version knows, and name each kind once: they are told as OTHER."""
        for row, entry in zip(rows, entries, strict=True):
            if entry.kind is EventKind.OTHER or entry.subject is Subject.OTHER:
                self.status.unknown += 1
                name = f"{row['kind']} of {row['subject']}"
                if name not in self._told and len(self._told) < _TOLD_MAX:
                    self._told.add(name)
                    _logger.warning("feed_kind_unknown", extra={"kind": row["kind"], "subject": row["subject"]})

    def _keep(self, entries: Sequence[Entry]) -> None:
        for place, entry in enumerate(entries):
            if entry.kind in _CHANGING:
                self._before_tail = entries[place - 1].leaf_hash if place else self._head_hash
                self._tail.clear()
            self._tail.append(entry)
        surplus = len(self._tail) - self._settings.feed_tail_entries
        # Not at every batch, since deleting from the front moves all other entries.
        if surplus > self._settings.feed_tail_entries // 4:
            self._before_tail = self._tail[surplus - 1].leaf_hash
            del self._tail[:surplus]
        self._head, self._head_hash = entries[-1].position, entries[-1].leaf_hash
        self.status.head = self._head
        self.status.lag = max(0, self.status.lag - len(entries))

    def _forget(self) -> None:
        self._ready.clear()
        self._tail, self._head, self._head_hash, self._before_tail = [], Position(0), None, None
        self.status.resets += 1
        for _, on_reset in list(self._listeners.values()):
            if on_reset is not None:
                _call(on_reset)

    def _require_ready(self) -> None:
        if not self._ready.is_set():
            raise DatabaseUnavailableError


def _call(callback: Callable[..., None], *arguments: Sequence[Entry]) -> None:
    """Call a listener; one that fails must not keep the others from receiving entries."""
    try:
        callback(*arguments)
    except Exception:
        _logger.exception("feed_listener_failed")
