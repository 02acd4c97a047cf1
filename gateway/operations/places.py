"""Places of running operations: a process runs only so many at once, each for only so long."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.operations.errors import OperationTimeoutError, OverloadedError
from gateway.operations.services import Services


@asynccontextmanager
async def hold_place(services: Services) -> AsyncIterator[None]:
    """Hold a place while inside, for no longer than an operation may run.

    Errors: OverloadedError where no place is free; OperationTimeoutError.
    """
    gate = services.in_flight
    if gate.running >= gate.running_max:
        raise OverloadedError(headers={"Retry-After": "1"})
    gate.running += 1
    services.metrics.in_flight.set(gate.running)
    try:
        async with asyncio.timeout(services.settings.operation_timeout_seconds) as timer:
            yield
    except TimeoutError:
        if timer.expired():
            raise OperationTimeoutError from None
        raise
    finally:
        gate.running -= 1
        services.metrics.in_flight.set(gate.running)
