"""The latest results of one channel by position, limited by number, bytes and age.

Subscribers that reach the same position soon after reuse the same bytes: many that resume together cost one execution.
"""

import asyncio
from collections import OrderedDict

from gateway.streams.delivery import KEPT_SECONDS, Delivery
from gateway.streams.window import KEPT_BYTES_MAX, KEPT_MAX
from ledger.identifiers import Position


class Encodings:
    """Results that can be reused. Owned by one event loop."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept: OrderedDict[Position, Delivery] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, position: Position) -> Delivery | None:
        """Return the result for a position, if it is still kept."""
        return self._kept.get(position)

    def keep(self, delivery: Delivery) -> None:
        """Keep a result, and drop what there is no room for."""
        former = self._kept.pop(delivery.position, None)
        self._bytes += len(delivery.payload) - (len(former.payload) if former else 0)
        self._kept[delivery.position] = delivery
        self.trim()

    def trim(self) -> None:
        """Drop what is too old or too much; the latest is always kept for its time."""
        oldest = asyncio.get_running_loop().time() - KEPT_SECONDS
        while self._kept:
            position, first = next(iter(self._kept.items()))
            is_too_much = len(self._kept) > KEPT_MAX or (self._bytes > KEPT_BYTES_MAX and len(self._kept) > 1)
            if not is_too_much and first.made_at >= oldest:
                break
            del self._kept[position]
            self._bytes -= len(first.payload)

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self._bytes = 0
