"""How often a client may call: a token bucket each, in bounded memory, in this process only.

Several processes each grant the whole rate; a shared count would put a write before every read.
"""

from gateway.operations.recent import Recent


class Allowance:
    """One bucket, for what is counted by itself. Owned by one event loop; time is passed in, in seconds."""

    __slots__ = ("_burst", "_left", "_rate_per_second", "_then")

    def __init__(self, *, rate_per_second: float, burst: float, now_seconds: float) -> None:
        """Grant burst at once, and rate_per_second for good."""
        self._rate_per_second = rate_per_second
        self._burst = self._left = burst
        self._then = now_seconds

    def take(self, weight: float, *, now_seconds: float) -> bool:
        """Take weight, if so much is left; else nothing."""
        self._left = min(self._burst, self._left + max(now_seconds - self._then, 0.0) * self._rate_per_second)
        self._then = now_seconds
        if self._left < weight:
            return False
        self._left -= weight
        return True


class RateLimiter:
    """Token buckets by client. Owned by one event loop; time is passed in, in seconds."""

    def __init__(self, *, rate_per_second: float, burst: int, clients_max: int) -> None:
        """Grant each client burst operations at once, and rate_per_second for good."""
        self.rate_per_second = rate_per_second
        self.burst = burst
        self._buckets: Recent[str, tuple[float, float]] = Recent(clients_max)

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, client: str, *, now_seconds: float) -> float | None:
        """Take one operation; None when granted, else the seconds until one will be."""
        tokens, then = self._buckets.find(client) or (float(self.burst), now_seconds)
        # A clock that steps back grants nothing and takes nothing.
        tokens = min(float(self.burst), tokens + max(now_seconds - then, 0.0) * self.rate_per_second)
        granted = tokens >= 1
        self._buckets.keep(client, (tokens - 1 if granted else tokens, now_seconds))
        return None if granted else (1 - tokens) / self.rate_per_second
