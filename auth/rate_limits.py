"""Sliding rate limits in this process's memory: a number of requests per key in a window, for a number of keys.

Each key has two counts: this window's, and the previous one's weighted by how much of it still counts. Memory is
bounded whatever the traffic. Limits are per process, so several processes admit several times as much.
"""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime


@dataclass(slots=True)
class _Count:
    window: int
    current: int
    previous: int


class SlidingLimit:
    """Admits a number of requests per key in any window. Owned by the event loop's thread."""

    def __init__(self, *, requests_max: int, window_s: int, keys_max: int) -> None:
        """Start with nothing counted."""
        self._requests_max = requests_max
        self._window_s = window_s
        self._keys_max = keys_max
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def admit(self, key: str, *, as_of: datetime) -> int | None:
        """Count the request and return None, or return the seconds after which it may be tried again."""
        now = as_of.timestamp()
        window, elapsed = int(now // self._window_s), now % self._window_s
        count = self._advance(key, window)
        weighted = count.current + count.previous * (1 - elapsed / self._window_s)
        if weighted >= self._requests_max:
            return max(1, int(self._window_s - elapsed) + 1)
        count.current += 1
        return None

    def __len__(self) -> int:
        return len(self._counts)

    def _advance(self, key: str, window: int) -> _Count:
        count = self._counts.setdefault(key, _Count(window, 0, 0))
        self._counts.move_to_end(key)
        if count.window != window:
            count.previous = count.current if count.window == window - 1 else 0
            count.window, count.current = window, 0
        while len(self._counts) > self._keys_max:
            self._counts.popitem(last=False)
        return count
