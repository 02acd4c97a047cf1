"""Places of running operations: a process runs only so many at once, each for only so long."""

import asyncio
from types import TracebackType

from gateway.operations.errors import OperationTimeoutError, OverloadedError
from gateway.operations.services import InFlight, Services


def hold_place(services: Services) -> "_Place":
    """Hold a place while inside, for no longer than an operation may run.

    Errors: OverloadedError where no place is free; OperationTimeoutError.
    """
    return _Place(services.in_flight, asyncio.timeout(services.settings.operation_timeout_seconds))


class _Place:
    __slots__ = ("_gate", "_timer")

    def __init__(self, gate: InFlight, timer: asyncio.Timeout) -> None:
        self._gate, self._timer = gate, timer

    async def __aenter__(self) -> None:
        gate = self._gate
        if gate.running >= gate.running_max:
            raise OverloadedError(headers={"Retry-After": "1"})
        await self._timer.__aenter__()
        gate.running += 1

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._gate.running -= 1
        try:
            await self._timer.__aexit__(kind, error, trace)
        except TimeoutError:
            raise OperationTimeoutError from None
