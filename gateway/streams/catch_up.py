"""Catches up subscribers that are behind, from memory or else the database, until the channel admits them.

Reading is limited: entries per read, entries per second for one stream, and streams that read at the same time. Those
of one channel at the same position share what is read. The next part is read once a subscriber has taken the last one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.operations.failures import is_unavailable
from gateway.streams.channel import Channel
from gateway.streams.counts import StreamCounts
from gateway.streams.delivery import KEPT_SECONDS, Delivery
from gateway.streams.ends import FeedResetError
from gateway.streams.settings import StreamSettings
from gateway.streams.shared import Shared
from gateway.streams.subscription import Subscription
from ledger.bounds.backoff import Backoff
from ledger.feed.entries import Entry, may_get
from ledger.feed.follower import Follower
from ledger.feed.reading import Slice, read_entries
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.storage.database import Transaction

_PARTS_KEPT_MAX = 64
_BACKOFF = Backoff(0.05, 2.0)
_LEAST_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a channel's history; nothing belongs between the last delivery and scanned_to."""

    deliveries: Sequence[Delivery]
    scanned_to: Position


class CatchUps:
    """All catch-ups of one process. Owned by one event loop."""

    def __init__(self, follower: Follower, settings: StreamSettings, counts: StreamCounts) -> None:
        """Start without catch-ups."""
        self._follower = follower
        self._batch_max = settings.catch_up_batch_max
        self._per_second = settings.catch_up_per_second
        self._readers = asyncio.Semaphore(settings.catch_ups_at_once)
        self._counts = counts
        self._parts: Shared[Part] = Shared(entries_max=_PARTS_KEPT_MAX, seconds=KEPT_SECONDS)

    async def run(self, channel: Channel, subscription: Subscription, after: Position) -> None:
        """Feed a subscriber with what follows a position until the channel admits it, or until it ends."""
        self._counts.catch_ups += 1
        clock = asyncio.get_running_loop().time
        failures = 0
        while not subscription.is_over and not channel.admit(subscription, after):
            started = clock()
            try:
                part = await self._read_part(channel, after)
            except Exception as failure:  # noqa: BLE001 - whatever failed, the subscriber must learn that nothing comes
                if not is_unavailable(failure) and not isinstance(failure, TimeoutError):
                    subscription.end(channel.tell_end(failure))
                    return
                await asyncio.sleep(_BACKOFF.choose_seconds(failures))
                failures += 1
                continue
            failures = 0
            is_further, after = part.scanned_to > after, part.scanned_to
            if part.deliveries:
                await _hand_over(subscription, part.deliveries)
            pause = len(part.deliveries) / self._per_second - (clock() - started)
            await asyncio.sleep(max(pause, 0.0 if is_further else _LEAST_PAUSE_SECONDS))
        subscription.on_ready()

    def trim(self) -> None:
        """Drop what is too old."""
        self._parts.trim()

    def forget(self) -> None:
        """Drop everything read so far: the feed no longer holds it in that form."""
        self._parts.clear()

    def close(self) -> None:
        """Stop reading."""
        self._parts.close()

    async def _read_part(self, channel: Channel, after: Position) -> Part:
        async def read() -> Part:
            slice_ = self._find_in_memory(channel, after) or await self._read_from_database(channel, after)
            return Part(await channel.encode(slice_.entries), slice_.scanned_to)

        return await self._parts.get((channel.key, after), read)

    def _find_in_memory(self, channel: Channel, after: Position) -> Slice | None:
        """Return what the follower still has. Errors: FeedResetError; DatabaseUnavailableError until it is ready."""
        if self._follower.feed_id != channel.feed_id:
            raise FeedResetError
        entries = self._follower.slice(after)
        if not entries:
            return None
        kept: list[Entry] = []
        for entry in entries:
            if may_get(entry, channel.viewer) and channel.tells(entry):
                kept.append(entry)
                if len(kept) == self._batch_max:
                    return Slice(kept, entry.position)
        return Slice(kept, entries[-1].position)

    async def _read_from_database(self, channel: Channel, after: Position) -> Slice:
        source = channel.source
        kinds = None if source is None else source.kinds | source.ends_with

        async def read(tx: Transaction) -> Slice:
            wanted = None if kinds is not None and len(kinds) == len(EventKind) else kinds
            return await read_entries(tx, after=after, limit=self._batch_max, kinds=wanted)

        async with self._readers:
            self._counts.histories += 1
            found: Slice = await channel.execution.read(read)
        return Slice([entry for entry in found.entries if channel.tells(entry)], found.scanned_to)


async def _hand_over(subscription: Subscription, deliveries: Sequence[Delivery]) -> None:
    """Give a subscriber these deliveries, and wait until it has taken them."""
    drained = asyncio.get_running_loop().create_future()

    def on_drained() -> None:
        if not drained.done():
            drained.set_result(None)

    subscription.hold(deliveries, on_drained=on_drained)
    await drained
