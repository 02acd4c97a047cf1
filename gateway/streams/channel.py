"""A channel: all subscribers of one key, who share each execution and each encoded result.

It holds the latest results for a few seconds, and each subscriber reads them from its own position. A subscriber that
is further behind, or pauses for longer, is fed from history (catch_up.py) until the channel holds its position. No
event is skipped: what a channel drops is still in the feed.
Owned by one event loop. Source: docs/adr/0056; graphql-facts, The sequencer and shared subscriptions.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from gateway.operations.failures import log_causes
from gateway.streams.delivery import KEPT_SECONDS, Delivery
from gateway.streams.encodings import Encodings
from gateway.streams.ends import ParticipationEndedError, StreamEndError, StreamFailedError
from gateway.streams.execution import SharedExecution
from gateway.streams.keys import ChannelKey
from gateway.streams.shared import Shared
from gateway.streams.subscription import Subscription, expect_nothing
from gateway.streams.window import Window
from ledger.errors import Category, LedgerError
from ledger.feed.cursors import FeedCursor
from ledger.feed.entries import Entry, may_get
from ledger.identifiers import Position
from ledger.viewer import Viewer
from resolvers.sources import Message, Source

CatchUp = Callable[["Channel", Subscription, Position], Coroutine[Any, Any, None]]
"""Feeds a subscriber with what follows a position until the channel admits it; CatchUps.run is one."""
_PENDING_MAX = 2_000
_log = structlog.get_logger("gateway.streams")


class Channel:
    """The subscribers of one key and what they share. Made only by StreamHub."""

    def __init__(
        self, key: ChannelKey, viewer: Viewer, execution: SharedExecution, *, batch_max: int, catch_up: CatchUp
    ) -> None:
        """Start without a known source."""
        self.key = key
        self.viewer = viewer
        self.execution = execution
        self.source: Source | None = None
        self.feed_id = ""
        self.holds = 0
        self.counts = execution.counts
        self._window = Window()
        self._catch_up = catch_up
        self._batch_max = batch_max
        self._pending: deque[Entry] = deque()
        self._pump: asyncio.Task[None] | None = None
        self._feeds: dict[Subscription, asyncio.Task[None]] = {}
        self._joined: set[Subscription] = set()
        self._encodings = Encodings()
        self._places: Shared[Delivery] = Shared(entries_max=4, seconds=KEPT_SECONDS)
        self._proofs: Shared[None] = Shared(entries_max=1, seconds=KEPT_SECONDS)

    async def prove(self, follow: Callable[[], tuple[str, Position]]) -> None:
        """Ask the root field what it follows and whether this viewer may, once for all who open at about the same time.

        follow returns the feed's id and its end, from which on the channel is offered entries.
        Errors: refusals of the operation's arguments and of its viewer.
        """

        async def probe() -> None:
            source = await self.execution.probe()
            if self.source is None:
                self.feed_id, self._window.covered_from = follow()
            self.source = source

        await self._proofs.get(None, probe)

    async def tell_place(self, position: Position, cursor: str) -> Delivery:
        """Return the message that reports only a position, shared by all who begin there. Errors: LedgerError."""

        async def tell() -> Delivery:
            return await self.execution.begin(position, Message(cursor))

        return await self._places.get(position, tell)

    def open(self, *, position: Position, cursor: str) -> Subscription:
        """Return a subscriber that begins after a position and is not fed yet."""
        return Subscription(self._window, self.feed, self.counts, position=position, cursor=cursor)

    def feed(self, subscription: Subscription, after: Position) -> bool:
        """Feed a subscriber with what follows its position; False if that comes later, from history."""
        self._joined.discard(subscription)
        if self.admit(subscription, after):
            return True
        task = asyncio.create_task(self._catch_up(self, subscription, after))
        self._feeds[subscription] = task
        task.add_done_callback(lambda done: self._forget_feed(subscription, done))
        return False

    def admit(self, subscription: Subscription, after: Position) -> bool:
        """Let a subscriber read on from here, if nothing after its position is missing here."""
        index = self._window.find_index(after)
        if index is None or subscription.is_over:
            return False
        self._joined.add(subscription)
        subscription.join(index, after=after)
        return True

    def leave(self, subscription: Subscription) -> None:
        """Remove a subscriber."""
        self._joined.discard(subscription)
        task = self._feeds.pop(subscription, None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def offer(self, entries: Sequence[Entry]) -> None:
        """Take what was added to the feed; called by the follower, so it must not wait."""
        if self.source is None:
            return
        self._pending.extend(entry for entry in entries if may_get(entry, self.viewer) and self.tells(entry))
        if len(self._pending) > _PENDING_MAX:
            self._skip_to(entries[-1].position)
        elif self._pending and self._pump is None:
            self._pump = asyncio.create_task(self._execute_pending())

    def tells(self, entry: Entry) -> bool:
        """Whether the root field reports an entry that its viewer may get, or ends with it."""
        source = self.source
        return source is not None and (source.takes(entry) or self._ends_with(entry))

    async def encode(self, entries: Sequence[Entry]) -> list[Delivery]:
        """Return the deliveries of entries, each executed once for all who are near the same position.

        Errors: LedgerError where the viewer is refused by now.
        """
        made = {entry.position: self._encodings.find(entry.position) for entry in entries}
        missing: list[tuple[Position, Message]] = []
        for entry in entries:
            if made[entry.position] is None:
                cursor = FeedCursor.of(self.feed_id, entry.position, entry.leaf_hash).render()
                if self._ends_with(entry):
                    made[entry.position] = _end_with(entry.position, cursor)
                else:
                    missing.append((entry.position, Message(cursor, entry)))
        if missing:
            for delivery in await self.execution.run(missing):
                made[delivery.position] = delivery
                self._encodings.keep(delivery)
        return [delivery for delivery in made.values() if delivery is not None]

    def tell_end(self, failure: Exception) -> Exception:
        """Return the error that ends subscribers after a failure; an internal one is logged once, here."""
        if isinstance(failure, LedgerError):
            has_end = self.source is not None and bool(self.source.ends_with)
            return ParticipationEndedError() if has_end and failure.category is Category.FORBIDDEN else failure
        if isinstance(failure, StreamEndError):
            return failure
        log_causes([failure])
        return StreamFailedError()

    def trim(self) -> None:
        """Drop what is too old or too much."""
        self._window.trim()
        self._encodings.trim()
        self._places.trim()

    def forget(self) -> None:
        """Drop what was kept for reuse: the feed no longer holds it in that form."""
        self._encodings.clear()
        self._places.clear()

    def close(self) -> None:
        """Stop everything; no subscribers are left."""
        for task in (self._pump, *self._feeds.values()):
            if task is not None:
                task.cancel()
        self._places.close()
        self._proofs.close()
        self._pending.clear()
        self._window.clear()
        self._encodings.clear()

    def _forget_feed(self, subscription: Subscription, task: asyncio.Task[None]) -> None:
        # The subscriber may have fallen behind again, and another task may feed it.
        if self._feeds.get(subscription) is task:
            del self._feeds[subscription]

    def _ends_with(self, entry: Entry) -> bool:
        """Whether the viewer's stream ends there. The regulator also gets entries that end other members' streams."""
        source = self.source
        return source is not None and entry.kind in source.ends_with and not self.viewer.is_regulator

    async def _execute_pending(self) -> None:
        batch: list[Entry] = []
        try:
            while self._pending:
                count = min(self._batch_max, len(self._pending))
                batch = [self._pending.popleft() for _ in range(count)]
                self._append(await self.encode(batch))
        except Exception as failure:  # noqa: BLE001 - whatever failed, no one may be left waiting for what never comes
            self._end_all(failure)
            # A subscriber that is just opening must not be admitted as if what failed were held here.
            self._skip_to((self._pending or batch)[-1].position)
        finally:
            self._pump = None

    def _append(self, deliveries: Sequence[Delivery]) -> None:
        self._window.append(deliveries)
        self._call_joined()
        self.trim()

    def _call_joined(self) -> None:
        for subscription in tuple(self._joined):
            try:
                subscription.on_ready()
            except Exception as failure:  # noqa: BLE001 - one that fails must not keep the others from their events
                subscription.on_ready = expect_nothing
                subscription.end(self.tell_end(failure))

    def _skip_to(self, position: Position) -> None:
        """Leave the pending entries to history, because they failed or are more than one channel keeps in memory."""
        _log.warning("stream channel skips to history", waiting=len(self._pending))
        self._pending.clear()
        self._window.skip_to(position)
        self._call_joined()

    def _end_all(self, failure: Exception) -> None:
        end = self.tell_end(failure)
        for subscription in (*self._joined, *self._feeds):
            subscription.end(end)


def _end_with(position: Position, cursor: str) -> Delivery:
    return Delivery(position, cursor, b"", asyncio.get_running_loop().time(), ParticipationEndedError())
