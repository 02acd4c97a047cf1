"""The follower: one for each process, it reads what was added to the feed and hands it to every subscriber here.

It reads each entry once, in order, and skips none: after a lost connection it goes on where it was. The latest
entries are kept in memory. When the database is no longer the one that it followed (restored, failed over with
entries lost), it forgets all it knew and says so. Owned by the event loop that runs it; its callbacks run there and
must not wait.
Source: design section 5.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ledger.bounds.backoff import Backoff
from ledger.errors import DatabaseUnavailableError
from ledger.feed.batches import FEED_CHANNEL
from ledger.feed.cursors import FeedCursor
from ledger.feed.direct import FAILURES, DirectSession, wait_for_notice
from ledger.feed.entries import Entry
from ledger.feed.reading import TAIL, entry_of
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.settings import FeedSettings
from ledger.storage.roles import Role

APPLICATION_NAME = "jembatan follower"
POLL_SECONDS = 0.5
"""How often it looks for new entries when no notice came."""
_BATCH_MAX = 500
_BACKOFF = Backoff(0.05, 2.0)
_CHANGING = frozenset({EventKind.ENTRIES_ERASED, EventKind.ENTRIES_ARCHIVED})
"""After these, what was read before no longer stands so in the database."""
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
    """What is told about this process's follower; written by its task alone. lag is in entries."""

    is_connected: bool = False
    head: int = 0
    lag: int = 0
    resets: int = 0


class _FeedReplacedError(Exception):
    """The database's feed is not the one that was followed."""


class Follower:
    """The end of the feed, as far as this process has read it."""

    def __init__(self, settings: FeedSettings, *, poll_seconds: float = POLL_SECONDS) -> None:
        """Nothing is connected or known yet."""
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

    @property
    def feed_id(self) -> str:
        """Which feed it is. Errors: DatabaseUnavailableError while it was never reached."""
        self._require_ready()
        return self._feed_id

    @property
    def head(self) -> Position:
        """The last entry that was read; 0 in an empty feed. Errors: DatabaseUnavailableError."""
        self._require_ready()
        return self._head

    @property
    def oldest(self) -> Position:
        """The first entry that is kept in memory; head + 1 where none is. Errors: DatabaseUnavailableError."""
        self._require_ready()
        return Position(self._head + 1 - len(self._tail))

    def slice(self, after: Position, *, limit: int | None = None) -> Sequence[Entry] | None:
        """The entries behind a position, oldest first, all of them or so many; None: read them from the database.

        Nothing for a position that this process has not come to yet. Errors: DatabaseUnavailableError.
        """
        start = after + 1 - self.oldest
        if start < 0:
            return None
        return self._tail[start:] if limit is None else self._tail[start : start + limit]

    def cursor_at(self, position: Position) -> FeedCursor | None:
        """The place behind an entry in memory or behind the last one; None where it isn't known here.

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
        """Call back with each new batch, in order, and when the feed was replaced; returns what ends that."""
        key = object()
        self._listeners[key] = (on_entries, on_reset)

        def remove() -> None:
            self._listeners.pop(key, None)

        return remove

    async def wait_ready(self) -> None:
        """Return once the feed was reached for the first time."""
        await self._ready.wait()

    async def run(self) -> None:
        """Follow until cancelled; a database that is away is tried again, soon at first, then every two seconds."""
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
        """One session. Errors: _FeedReplacedError, FAILURES."""
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
                # A notice says that there is more; without one, look whether it is still the same feed.
                if is_woken or await self._check(session):
                    await self._catch_up(session)
                is_woken = await wait_for_notice(wake, seconds=self._poll_seconds)
        finally:
            await session.close()

    async def _begin(self, session: DirectSession) -> None:
        """Learn which feed it is and what came last, without telling anybody: nobody followed it before."""
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
        """Whether there is more to read. Errors: _FeedReplacedError when what was read is no part of this feed."""
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
        """Read on by one batch and keep it. Errors: _FeedReplacedError where the next entry isn't there any more."""
        entries = [entry_of(row) for row in await session.fetch(TAIL, self._head, _BATCH_MAX)]
        if not entries:
            return entries
        if entries[0].position != self._head + 1 or entries[-1].position != self._head + len(entries):
            raise _FeedReplacedError
        self._keep(entries)
        return entries

    def _keep(self, entries: Sequence[Entry]) -> None:
        for place, entry in enumerate(entries):
            if entry.kind in _CHANGING:
                self._before_tail = entries[place - 1].leaf_hash if place else self._head_hash
                self._tail.clear()
            self._tail.append(entry)
        surplus = len(self._tail) - self._settings.feed_tail_entries
        # Not at every batch, since dropping from the front moves all the others.
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
    """One subscriber that fails must not keep the others from their events."""
    try:
        callback(*arguments)
    except Exception:
        _logger.exception("feed_listener_failed")
