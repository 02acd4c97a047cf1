"""One operation of a WebSocket, run on the same steps as over HTTP, and what its session must know about it.

It never touches the socket: the session sends what results from it (session.py).
"""

import asyncio
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

from gateway.operations.pipeline import Run
from gateway.operations.progress import Answer, Called
from gateway.operations.services import Services
from gateway.process.logs import log_access
from gateway.streams.hub import StreamConnection, StreamHub
from gateway.streams.subscription import Subscription
from gateway.streams.websocket.writer import Flow


class Operation:
    """What runs under one id of a socket. Owned by its session."""

    __slots__ = ("begun_at", "codes", "flow", "id", "is_over", "request_id", "run", "subscription", "task")

    def __init__(self, identifier: str, called: Called, services: Services) -> None:
        """Begin with a caller, and nothing more known yet."""
        self.id = identifier
        self.request_id = called.request_id
        self.run = Run(called, services)
        self.begun_at = perf_counter()
        self.task: asyncio.Task[None] | None = None
        self.subscription: Subscription | None = None
        self.flow: Flow | None = None
        self.is_over = False
        self.codes: Sequence[str] = ()

    @property
    def results(self) -> int:
        """How many results it gave."""
        return int(self.run.is_executed) if self.flow is None else self.flow.results

    async def take(self, hub: StreamHub, connection: StreamConnection) -> Answer | Subscription:
        """Run it. Raises nothing but cancellation."""
        outcome = await self.run.take(lambda authorized: hub.open(authorized, None, connection=connection))
        if isinstance(outcome, Answer):
            self.codes = outcome.codes
        return outcome

    def record(self) -> None:
        """Count it and write its line of the access log, once it is over."""
        known = self.run.record(self.codes, results=self.results)
        told = {
            "transport": "websocket",
            **known,
            "results": self.results,
            "duration_ms": round((perf_counter() - self.begun_at) * 1000, 2),
        }
        log_access("operation", told, request_id=self.request_id, is_own_id=True)


def list_errors(answer: Answer) -> list[Mapping[str, Any]]:
    """Return the errors of an operation without a result, each with what HTTP would send as Retry-After."""
    wait = answer.headers.get("Retry-After")
    more = {} if wait is None else {"retryAfterSeconds": int(wait)}
    return [{**error, "extensions": {**error["extensions"], **more}} for error in answer.errors]
