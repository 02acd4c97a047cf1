"""Room for connections: how many one process and one address may hold. It never closes a connection.

An address may take no more connections than remain free, so that however many a few addresses hold, others find room:
one hostile address gets half of the room, two get a third each, and a third stays free. Connections of trusted proxies,
which carry everybody's requests, count towards the whole only.
"""

import resource
import time
from collections import Counter

import structlog
from uvicorn.middleware.proxy_headers import _TrustedHosts

from auth.protocol.requests import group_address
from gateway.process.settings import ProcessSettings

_log = structlog.get_logger("gateway.connections")
_LOGGED_SECONDS_MIN = 1.0
_FILES_KEPT_MAX = 256
"""Files for what isn't a client: the database, logs, listeners. At most a quarter of all."""


class Room:
    """The connections that one process holds. Owned by one event loop."""

    def __init__(self, settings: ProcessSettings) -> None:
        """Read the process's limit of open files, which no setting can exceed."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._connections_max = settings.connections_max
        if files != resource.RLIM_INFINITY:
            self._connections_max = min(self._connections_max, files - min(_FILES_KEPT_MAX, files // 4))
        self._per_address_max = settings.connections_per_address_max
        self._trusted = _TrustedHosts(settings.trusted_proxies)
        self._held: Counter[str] = Counter()
        self._total = 0
        self._refused = 0
        self._logged_at = -_LOGGED_SECONDS_MIN

    def enter(self, host: str) -> bool:
        """Count a connection from a host, or return False where there is no room for it."""
        address = group_address(host)
        held, free = self._held[address], self._connections_max - self._total
        has_share = host in self._trusted or held < min(self._per_address_max, free)
        if free <= 0 or not has_share:
            self._log_refusal(host, held)
            return False
        self._held[address] += 1
        self._total += 1
        return True

    def leave(self, host: str) -> None:
        """Release a connection that entered."""
        address = group_address(host)
        self._total -= 1
        self._held[address] -= 1
        if not self._held[address]:
            del self._held[address]

    def _log_refusal(self, host: str, held: int) -> None:
        """Log refusals, at most once in a second."""
        self._refused += 1
        now = time.monotonic()
        if now - self._logged_at < _LOGGED_SECONDS_MIN:
            return
        _log.warning("connections refused", peer=host, held=held, total=self._total, refused=self._refused)
        self._logged_at, self._refused = now, 0
