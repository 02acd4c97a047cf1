"""One operation of a WebSocket: through the same stages as over HTTP, to an answer, a refusal or a subscription.

It speaks to no socket: the session says what comes of it (websocket_session.py).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import orjson
import structlog
from graphql import OperationType

from gateway.operations.errors import PARTIAL_SUCCESS, GatewayError
from gateway.operations.exchange import Answer, Exchange, filled
from gateway.operations.failures import tell_failure
from gateway.operations.pipeline import BEFORE_EXECUTION, run_stages
from gateway.operations.services import Services
from gateway.operations.stages.encode_response import encode_response
from gateway.operations.stages.execute_operation import execute_operation
from gateway.streams.hub import StreamConnection, StreamHub
from gateway.streams.subscription import Subscription
from gateway.streams.websocket.writer import Flow

_log = structlog.get_logger("gateway.access")
_OPERATION_NAME_CHARACTERS_MAX = 100


@dataclass(frozen=True, slots=True)
class Refused:
    """The operation ended before it gave anything."""

    errors: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Answered:
    """A query's or mutation's one result, as JSON."""

    payload: bytes


Outcome = Refused | Answered | Subscription


class Operation:
    """What runs under one id of a socket. Owned by its session."""

    __slots__ = (
        "begun_at",
        "codes",
        "exchange",
        "flow",
        "id",
        "is_over",
        "request_id",
        "subscription",
        "task",
    )

    def __init__(self, identifier: str, *, request_id: str) -> None:
        """Begun, with nothing known of it yet."""
        self.id = identifier
        self.request_id = request_id
        self.begun_at = perf_counter()
        self.exchange: Exchange | None = None
        self.task: asyncio.Task[None] | None = None
        self.subscription: Subscription | None = None
        self.flow: Flow | None = None
        self.is_over = False
        self.codes: Sequence[str] = ()

    @property
    def is_mutation(self) -> bool:
        """Whether it changes something, and so is never stopped half-way."""
        operation = self.exchange.operation if self.exchange else None
        return operation is not None and operation.operation is OperationType.MUTATION

    @property
    def results(self) -> int:
        """How many it gave."""
        if self.flow is not None:
            return self.flow.results
        return 1 if self.exchange is not None and self.exchange.outcome is not None else 0

    def record(self, services: Services) -> None:
        """Count it and write its line of the access log, when it is over."""
        exchange = self.exchange
        operation = exchange.operation if exchange else None
        kind = operation.operation.value if operation else "none"
        outcome = "refused" if not self.results and self.codes else "partial" if self.codes else "done"
        services.metrics.operations.labels(kind, outcome).inc()
        for code in self.codes:
            services.metrics.errors.labels(code).inc()
        name = operation.name.value[:_OPERATION_NAME_CHARACTERS_MAX] if operation and operation.name else None
        _log.info(
            "operation",
            request_id=self.request_id,
            transport="websocket",
            operation=kind,
            operation_name=name,
            client_id=exchange.principal.client_id if exchange and exchange.principal else None,
            cost=exchange.cost if exchange else None,
            results=self.results,
            duration_ms=round((perf_counter() - self.begun_at) * 1000, 2),
            codes=list(self.codes) or None,
        )


async def run_operation(
    operation: Operation, exchange: Exchange, *, services: Services, hub: StreamHub, connection: StreamConnection
) -> Outcome:
    """What comes of an operation. It raises nothing but cancellation."""
    operation.exchange = exchange = await run_stages(exchange, services, BEFORE_EXECUTION)
    if exchange.failure is not None:
        return _refuse(operation, exchange.failure)
    if filled(exchange.operation).operation is OperationType.SUBSCRIPTION:
        try:
            return await hub.open(exchange, None, connection=connection)
        except Exception as failure:  # noqa: BLE001 - whatever it was, it is told to this operation alone
            return _refuse(operation, failure)
    exchange = await run_stages(exchange, services, (execute_operation,))
    operation.exchange = exchange = await encode_response(exchange, services)
    answer = filled(exchange.answer)
    operation.codes = answer.codes
    if _is_result(answer):
        return Answered(answer.body)
    return Refused(orjson.loads(answer.body)["errors"])


def _is_result(answer: Answer) -> bool:
    """Whether an answer, of the media type that tells it by its status, has data."""
    return answer.status in {200, PARTIAL_SUCCESS}


def _refuse(operation: Operation, failure: Exception) -> Refused:
    told = tell_failure(failure, operation.request_id)
    operation.codes = tuple(error.code for error in told)
    wait = failure.headers.get("Retry-After") if isinstance(failure, GatewayError) else None
    more = {} if wait is None else {"retryAfterSeconds": int(wait)}
    return Refused([{**error.body, "extensions": {**error.body["extensions"], **more}} for error in told])
