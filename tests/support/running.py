"""Run what runs until it is cancelled (a sequencer, a follower, a beat) beside a test."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol


class Part(Protocol):
    """Anything with a run that ends by cancellation alone."""

    def run(self) -> Coroutine[Any, Any, None]: ...


@asynccontextmanager
async def running(part: Part) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
