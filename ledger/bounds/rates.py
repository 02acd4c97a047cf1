"""How often a caller may come, in bounded memory, in this process only.

Several processes each grant the whole rate; a shared count would put a write before every read. There are two promises:
a bucket grants a burst and then a steady rate; a sliding limit grants so many in any window.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger.bounds.recent import Recent

CALLERS_MAX = 10_000
"""Clients, or other keys, that one limit remembers."""


class Allowance:
    """One bucket, for what is counted by itself. Owned by one event loop; time is passed in, in seconds."""

    __slots__ = ("_burst", "_left", "_rate_per_second", "_then")

    def __init__(self, *, rate_per_second: float, burst: float, now_seconds: float) -> None:
        """Grant burst at once, and rate_per_second for good."""
        self._rate_per_second = rate_per_second
        self._burst = self._left = burst
        self._then = now_seconds

    def take(self, weight: float = 1, *, now_seconds: float) -> float | None:
        """Take weight; None when granted, else nothing is taken and it is the seconds until it will be."""
        # A clock that steps back grants nothing and takes nothing.
        self._left = min(self._burst, self._left + max(now_seconds - self._then, 0.0) * self._rate_per_second)
        self._then = now_seconds
        if self._left < weight:
            return (weight - self._left) / self._rate_per_second
        self._left -= weight
        return None


class RateLimiter:
    """A bucket for each client. Owned by one event loop; time is passed in, in seconds."""

    def __init__(self, *, rate_per_second: float, burst: int, clients_max: int = CALLERS_MAX) -> None:
        """Grant each client burst operations at once, and rate_per_second for good."""
        self.rate_per_second = rate_per_second
        self.burst = burst
        self._buckets: Recent[str, Allowance] = Recent(clients_max)

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str, *, now_seconds: float) -> float | None:
        """Take one operation; None when granted, else the seconds until one will be."""
        bucket = self._buckets.find(client)
        if bucket is None:
            bucket = Allowance(rate_per_second=self.rate_per_second, burst=self.burst, now_seconds=now_seconds)
            self._buckets.keep(client, bucket)
        return bucket.take(now_seconds=now_seconds)


@dataclass(slots=True)
class _Count:
    window: int
    current: int
    previous: int


class SlidingLimit:
    """At most so many requests of a key in any window. Owned by one event loop.

    Two counts a key, this window's and the last one's weighted by how much of it still counts.
    """

    def __init__(self, *, requests_max: int, window_s: int, keys_max: int = CALLERS_MAX) -> None:
        """Nothing is counted yet."""
        self._requests_max = requests_max
        self._window_s = window_s
        self._counts: Recent[str, _Count] = Recent(keys_max)

    def admit(self, key: str, *, as_of: datetime) -> int | None:
        """None, and the request is counted; or the seconds after which it may be tried again."""
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
        count = self._counts.find(key) or _Count(window, 0, 0)
        self._counts.keep(key, count)
        if count.window != window:
            count.previous = count.current if count.window == window - 1 else 0
            count.window, count.current = window, 0
        return count
