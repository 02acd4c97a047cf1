"""The latest results of one channel in order, limited by number, bytes and age.

Each subscriber reads them from its own position. What is dropped is still in the feed.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Sequence

from gateway.streams.delivery import KEPT_SECONDS, Delivery
from ledger.identifiers import Position

KEPT_MAX = 1_000
KEPT_BYTES_MAX = 1_048_576


class Window:
    """The frames that a channel holds; first_index is the index of the first. Owned by one event loop.

    After covered_from, nothing of the channel is missing from the frames and from what is yet to be executed.
    """

    __slots__ = ("_bytes", "covered_from", "first_index", "frames")

    def __init__(self) -> None:
        """Start empty."""
        self.frames: list[Delivery] = []
        self.first_index = 0
        self.covered_from = Position(0)
        self._bytes = 0

    def find_index(self, after: Position) -> int | None:
        """Return the index of what follows a position; None where not all of it is held."""
        if after < self.covered_from:
            return None
        return self.first_index + bisect_right(self.frames, after, key=lambda frame: frame.position)

    def append(self, deliveries: Sequence[Delivery]) -> None:
        """Add what was executed last."""
        self.frames.extend(deliveries)
        self._bytes += sum(len(delivery.payload) for delivery in deliveries)

    def trim(self) -> None:
        """Drop what is too old or too much."""
        oldest = asyncio.get_running_loop().time() - KEPT_SECONDS
        dropped = 0
        for frame in self.frames:
            rest = len(self.frames) - dropped
            is_too_much = rest > KEPT_MAX or (self._bytes > KEPT_BYTES_MAX and rest > 1)
            if not is_too_much and frame.made_at >= oldest:
                break
            self._bytes -= len(frame.payload)
            dropped += 1
        if dropped:
            self.covered_from = max(self.covered_from, self.frames[dropped - 1].position)
            del self.frames[:dropped]
            self.first_index += dropped

    def skip_to(self, position: Position) -> None:
        """Drop everything, so that subscribers here or before a position continue from history."""
        self.first_index += len(self.frames) + 1
        self.clear()
        self.covered_from = position

    def clear(self) -> None:
        """Drop everything; no one reads here any more."""
        self.frames.clear()
        self._bytes = 0
