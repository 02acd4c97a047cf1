"""A request's way, as one list. Read `Run.take` from top to bottom; each step is one file under stages/.

Every transport runs this list and nothing else assembles a run of its own. A step takes what the step before it made
and returns more, or raises; whatever is raised becomes an answer.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from graphql import OperationType
from starlette.requests import ClientDisconnect

from gateway.operations.progress import Answer, Authorized, Executed, Parsed, Received
from gateway.operations.services import Services
from gateway.operations.stages.authenticate_caller import authenticate_caller
from gateway.operations.stages.authorize_fields import authorize_fields
from gateway.operations.stages.encode_response import encode_failure, encode_response
from gateway.operations.stages.execute_operation import execute_operation
from gateway.operations.stages.limit_rate import limit_rate
from gateway.operations.stages.parse_document import parse_document
from gateway.operations.stages.validate_document import validate_document

S = TypeVar("S")


class Run:
    """One operation on its way. reached is what the last step that succeeded made of it."""

    __slots__ = ("_services", "reached")

    def __init__(self, received: Received, services: Services) -> None:
        """Begin where a transport received it; a WebSocket's operations begin with their caller known."""
        self.reached = received
        self._services = services

    async def take(self, subscribe: Callable[[Authorized], Awaitable[S]]) -> Answer | S:
        """Take the steps: to an answer, or to the subscription that the transport opens with the hub.

        Errors: ClientDisconnect, since nobody is left to read an answer; nothing else but cancellation.
        """
        services = self._services
        try:
            self.reached = called = await authenticate_caller(self.reached, services)
            limit_rate(called, services)
            self.reached = parsed = await parse_document(called, services)
            self.reached = planned = validate_document(parsed, services)
            self.reached = authorized = authorize_fields(planned, services)
            if authorized.kind is OperationType.SUBSCRIPTION:
                return await subscribe(authorized)
            self.reached = executed = await execute_operation(authorized, services)
            return encode_response(executed, services)
        except ClientDisconnect:
            raise
        except Exception as failure:  # noqa: BLE001 - every failure is answered; errors.py tells which and how
            return self.refuse(failure)

    def refuse(self, failure: Exception) -> Answer:
        """The answer of an operation that goes no further; also for what a transport refuses before the first step."""
        return encode_failure(self.reached, failure, self._services)

    @property
    def is_mutation(self) -> bool:
        """Whether it changes something, as far as is known by now."""
        return isinstance(self.reached, Parsed) and self.reached.kind is OperationType.MUTATION

    @property
    def is_executed(self) -> bool:
        """Whether it ran to its end."""
        return isinstance(self.reached, Executed)

    def record(self, codes: Iterable[str], *, results: int | None = None) -> dict[str, Any]:
        """Count it, now that it is over, and return what its line of the log says.

        Shapes: codes are those of its errors; results is how many results a subscription gave, else what is known here.
        """
        told = list(codes)
        given = int(self.is_executed) if results is None else results
        known = self.reached.describe()
        outcome = "done" if not told else "partial" if given else "refused"
        metrics = self._services.metrics
        metrics.operations.labels(known["operation"], outcome).inc()
        for code in told:
            metrics.errors.labels(code).inc()
        return {**known, "codes": told or None}
