"""The request pipeline, as one list. Read `Run.take` from top to bottom; each step is one file under stages/.

Every transport runs this list; nothing else assembles the steps. Each step takes what the previous one returned and
adds to it, or raises; whatever is raised becomes an answer. Three steps judge an operation by what is the same for all
that are alike: they run for the first of them, and recall_operation returns what they found for the others.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeVar

from graphql import OperationType
from starlette.requests import ClientDisconnect

from gateway.operations.progress import Answer, Authorized, Executed, Parsed, Read, Received, Unchanged
from gateway.operations.services import Services
from gateway.operations.stages.authenticate_caller import authenticate_caller
from gateway.operations.stages.authorize_fields import authorize_fields
from gateway.operations.stages.encode_response import encode_failure, encode_response, encode_unchanged
from gateway.operations.stages.execute_operation import execute_operation
from gateway.operations.stages.find_unchanged import find_unchanged
from gateway.operations.stages.limit_rate import limit_rate
from gateway.operations.stages.parse_document import parse_document
from gateway.operations.stages.read_request import read_request
from gateway.operations.stages.recall_operation import recall_operation, remember_operation
from gateway.operations.stages.validate_document import validate_document

S = TypeVar("S")


class Run:
    """One operation in the pipeline. reached is what the last successful step returned."""

    __slots__ = ("_services", "reached")

    def __init__(self, received: Received, services: Services) -> None:
        """Begin with what a transport received; an operation of a WebSocket begins with its caller known."""
        self.reached = received
        self._services = services

    async def take(self, subscribe: Callable[[Authorized], Awaitable[S]]) -> Answer | S:
        """Run the steps, up to an answer or to the subscription that `subscribe` opens.

        Errors: ClientDisconnect, since no one is left to read an answer; otherwise only cancellation.
        """
        services = self._services
        try:
            self.reached = called = await authenticate_caller(self.reached, services)
            limit_rate(called, services)
            async with services.turns.take(called.client, seconds_max=services.settings.operation_timeout_seconds):
                self.reached = read = await read_request(called, services)
                self.reached = authorized = recall_operation(read, services) or self._examine(read)
                if authorized.kind is OperationType.SUBSCRIPTION:
                    return await subscribe(authorized)
                unchanged = await find_unchanged(authorized, services)
                if unchanged is not None:
                    self.reached = unchanged
                    return encode_unchanged(unchanged.tag)
                self.reached = executed = await execute_operation(authorized, services)
                return encode_response(executed, services)
        except ClientDisconnect:
            raise
        except Exception as failure:  # noqa: BLE001 - every failure is answered; errors.py says how
            return self.refuse(failure)

    def _examine(self, read: Read) -> Authorized:
        """Run the three steps that recall_operation skips where it can. Errors: the refusals of each."""
        services = self._services
        self.reached = parsed = parse_document(read, services)
        self.reached = planned = validate_document(parsed, services)
        authorized = authorize_fields(planned, services)
        remember_operation(authorized, services)
        return authorized

    def refuse(self, failure: Exception) -> Answer:
        """Return the answer to an operation that goes no further, also one refused before the first step."""
        return encode_failure(self.reached, failure, self._services)

    @property
    def is_mutation(self) -> bool:
        """Whether the operation is a mutation; False until it is parsed."""
        return isinstance(self.reached, Parsed) and self.reached.kind is OperationType.MUTATION

    @property
    def is_executed(self) -> bool:
        """Whether the operation has been executed."""
        return isinstance(self.reached, Executed)

    def record(self, codes: Iterable[str], *, results: int | None = None) -> dict[str, Any]:
        """Count the finished operation and return the fields of its log line.

        Shapes: codes are those of its errors; results is how many results were sent, by default 1 if it was executed,
        else 0.
        """
        told = list(codes)
        given = int(self.is_executed) if results is None else results
        known = self.reached.describe()
        outcome = "done" if not told else "partial" if given else "refused"
        if isinstance(self.reached, Unchanged):
            outcome = "unchanged"
        metrics = self._services.metrics
        metrics.operations[known["operation"], outcome].inc()
        for code in told:
            metrics.errors.labels(code).inc()
        return {**known, "codes": told or None}
