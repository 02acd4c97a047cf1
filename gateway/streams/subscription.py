"""One subscriber's end of a subscription: it is pulled from, never pushed to, so a slow reader costs nothing.

A transport sets `on_ready`, which is called in the event loop whenever there may be something, and calls take_nowait
until it returns None; one whose buffer is full pulls again when it has room. All that is kept for one subscriber is its
position: what the channel no longer holds by then is read again from the feed.
Owned by the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence

from gateway.streams.counts import StreamCounts
from gateway.streams.delivery import Delivery
from gateway.streams.ends import StreamEnded, StreamEndError
from gateway.streams.window import Window
from ledger.identifiers import Position


def expect_nothing() -> None:
    """The callback until a transport sets its own."""


class Subscription:
    """A position in a channel. Made only by Channel.open; whoever opened it through the hub closes it.

    position and cursor are those of what was taken last, or of where it began. has_no_more is true if what was taken
    last was certainly the last one there was; more is announced by on_ready.
    """

    __slots__ = (
        "_counts",
        "_end",
        "_feed",
        "_from",
        "_held",
        "_index",
        "_on_close",
        "_on_drained",
        "_waiter",
        "_window",
        "cursor",
        "has_no_more",
        "on_ready",
        "position",
    )

    def __init__(self, window: Window, feed: "Feed", counts: StreamCounts, *, position: Position, cursor: str) -> None:
        """Begin after a position; nothing arrives before the channel feeds or joins it."""
        self.position = position
        self.cursor = cursor
        self.has_no_more = False
        self.on_ready: Callable[[], None] = expect_nothing
        self._window = window
        self._feed = feed
        self._counts = counts
        self._held: deque[Delivery] = deque()
        self._index: int | None = None
        self._from = position
        self._end: StreamEnded | None = None
        self._on_close: Callable[[Subscription], None] | None = None
        self._on_drained: Callable[[], None] | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def is_over(self) -> bool:
        """Whether it was ended or closed."""
        return self._end is not None

    @property
    def problem(self) -> str:
        """The stable code of why it is over; empty while it is not."""
        return "" if self._end is None else self._end.problem

    def take_nowait(self) -> Delivery | None:
        """Return the next delivery, or None where there is none yet. Errors: StreamEnded, again at every call."""
        if self._end is not None:
            raise self._end.renew()
        if self._held:
            delivery = self._held.popleft()
            self.has_no_more = False
            if not self._held and self._on_drained is not None:
                self._on_drained()
            return self._take(delivery)
        if self._index is None:
            return None
        window = self._window
        place = self._index - window.first_index
        if place < 0:
            # The channel has dropped what comes next; it is read from history, after the last one taken.
            self._index = None
            is_here = self._feed(self, max(self.position, self._from))
            return self.take_nowait() if is_here else None
        frames = window.frames
        while place < len(frames):
            delivery = frames[place]
            place += 1
            if delivery.position > self._from:
                self._index = window.first_index + place
                self.has_no_more = place == len(frames)
                return self._take(delivery)
        self._index = window.first_index + place
        return None

    async def next(self) -> Delivery:
        """Wait for the next delivery; for one waiter at a time, and not with a transport that sets on_ready.

        Errors: StreamEnded.
        """
        self.on_ready = self._wake
        while True:
            delivery = self.take_nowait()
            if delivery is not None:
                return delivery
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def end(self, failure: Exception) -> None:
        """End it for a reason and drop what was not taken. Ending it again does nothing."""
        if self._end is None:
            self._end = StreamEnded(failure, self.cursor)
            self._leave()
            self.on_ready()

    def close(self) -> None:
        """Release everything; it may be called again, and after an end."""
        self.on_ready = expect_nothing
        if self._end is None:
            self._end = StreamEnded(StreamEndError(), self.cursor)
        self._leave()

    def hold(self, deliveries: Sequence[Delivery], *, on_drained: Callable[[], None] | None) -> None:
        """Supply what comes before anything of the channel's; on_drained is called when all of it was taken."""
        self._held.extend(deliveries)
        self._on_drained = on_drained
        self.on_ready()

    def join(self, index: int, *, after: Position) -> None:
        """Let it read the channel's frames from an index on, but only those after a position. It calls no one."""
        self._index, self._from = index, after

    def watch_close(self, on_close: "Callable[[Subscription], None]") -> None:
        """Call back once, when it ends or is closed."""
        self._on_close = on_close

    def _take(self, delivery: Delivery) -> Delivery:
        self.position, self.cursor = delivery.position, delivery.cursor
        self._counts.delivered += 1
        if delivery.ends is not None:
            self._end = StreamEnded(delivery.ends, delivery.cursor)
            self._leave()
            raise self._end.renew()
        return delivery

    def _leave(self) -> None:
        self._held.clear()
        self._index = None
        on_close, self._on_close = self._on_close, None
        if on_close is not None:
            on_close(self)

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


Feed = Callable[[Subscription, Position], bool]
"""Feeds a subscriber with what follows a position; returns whether that is available now."""
