"""Rate limits in bounded memory, for this process only.

Each of several processes grants the full rate; a shared count would put a write before every read. There are two kinds:
a token bucket grants a burst and then a steady rate; a sliding limit grants a number of requests in any window.
"""

from dataclasses import dataclass
from datetime import datetime

from ledger.bounds.recent import Recent

CALLERS_MAX = 10_000
"""The number of clients, or other keys, that one limit remembers."""


class Allowance:
    """One token bucket. Owned by one event loop; time is passed in, in seconds."""

    __slots__ = ("_burst", "_left", "_rate_per_second", "_then")

    def __init__(self, *, rate_per_second: float, burst: float, now_seconds: float) -> None:
        """Grant burst immediately, then rate_per_second."""
        self._rate_per_second = rate_per_second
        self._burst = self._left = burst
        self._then = now_seconds

    def take(self, weight: float = 1, *, now_seconds: float) -> float | None:
        """Take weight and return None; if there is not enough, take nothing and return the seconds until there is."""
        # A clock that steps back neither adds nor removes anything.
        self._left = min(self._burst, self._left + max(now_seconds - self._then, 0.0) * self._rate_per_second)
        self._then = now_seconds
        if self._left < weight:
            return (weight - self._left) / self._rate_per_second
        self._left -= weight
        return None

    def charge(self, weight: float, *, now_seconds: float) -> None:
        """Take weight afterwards, for what has been done; the debt is at most one burst."""
        self.take(0, now_seconds=now_seconds)
        self._left = max(self._left - weight, -self._burst)


class RateLimiter:
    """A token bucket for each client. Owned by one event loop; time is passed in, in seconds."""

    def __init__(self, *, rate_per_second: float, burst: int, clients_max: int = CALLERS_MAX) -> None:
        """Grant each client a burst of operations, then rate_per_second."""
        self.rate_per_second = rate_per_second
        self.burst = burst
        self._buckets: Recent[str, Allowance] = Recent(clients_max)

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str, weight: int = 1, *, now_seconds: float) -> float | None:
        """Take weight operations and return None, or return the seconds until they will be granted.

        A weight of 0 takes nothing, and asks whether the client is in debt.
        """
        return self._find_bucket(client, now_seconds).take(weight, now_seconds=now_seconds)

    def charge(self, client: str, weight: int, *, now_seconds: float) -> None:
        """Count further operations for what one that was granted turned out to weigh."""
        if weight > 0:
            self._find_bucket(client, now_seconds).charge(weight, now_seconds=now_seconds)

    def _find_bucket(self, client: str, now_seconds: float) -> Allowance:
        bucket = self._buckets.find(client)
        if bucket is None:
            bucket = Allowance(rate_per_second=self.rate_per_second, burst=self.burst, now_seconds=now_seconds)
            self._buckets.keep(client, bucket)
        return bucket


@dataclass(slots=True)
class _Count:
    window: int
    current: int
    previous: int


class SlidingLimit:
    """At most requests_max requests of a key in any window. Owned by one event loop.

    It keeps two counts per key: the current window's, and the previous window's weighted by how much still overlaps.
    """

    def __init__(self, *, requests_max: int, window_s: int, keys_max: int = CALLERS_MAX) -> None:
        """Start with no requests counted."""
        self._requests_max = requests_max
        self._window_s = window_s
        self._counts: Recent[str, _Count] = Recent(keys_max)

    def admit(self, key: str, *, as_of: datetime) -> int | None:
        """Count the request and return None, or return the seconds after which to try again."""
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
