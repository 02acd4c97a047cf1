"""Answers that a connection gives before the application has a request: counted and logged as the application's are."""

import structlog

from gateway.operations.errors import RequestRefusedError
from gateway.process.metrics import Metrics

ROUTE = "none"
"""The label of a request whose path isn't known."""
_log = structlog.get_logger("gateway.access")


class Refusals:
    """Where the connections of one process record what they refuse."""

    def __init__(self, metrics: Metrics) -> None:
        """Bind to the metrics that the application's own answers are counted in."""
        self._metrics = metrics

    def record(self, refusal: RequestRefusedError, *, request_id: str, peer: str) -> None:
        """Record an answer that names its error."""
        self._metrics.errors.labels(refusal.category.value).inc()
        self.record_status(refusal.status, peer=peer, request_id=request_id, problem=refusal.code)

    def record_status(self, status: int, *, peer: str, **known: str) -> None:
        """Record an answer of which nothing but the status is known."""
        self._metrics.requests[ROUTE, str(status)].inc()
        _log.info("request", method=None, path=None, status=status, peer=peer, **known)
