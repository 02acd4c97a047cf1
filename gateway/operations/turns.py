"""Turns: a bounded number of each caller's operations is worked on at once, and its others wait in line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.operations.errors import OverloadedError


class Turns:
    """How many operations of one caller are worked on at once; its others wait in line. Owned by one event loop.

    So a caller with many connections holds up others no more than one with a few.
    """

    def __init__(self, at_once_max: int) -> None:
        """Nobody has a turn yet."""
        self._at_once_max = at_once_max
        self._callers: dict[str, _Line] = {}

    @asynccontextmanager
    async def take(self, caller: str, *, seconds_max: float) -> AsyncIterator[None]:
        """Hold a turn during the block. Errors: OverloadedError after seconds_max in line."""
        line = self._callers.setdefault(caller, _Line(asyncio.Semaphore(self._at_once_max)))
        line.members += 1
        try:
            try:
                async with asyncio.timeout(seconds_max if line.turns.locked() else None):
                    await line.turns.acquire()
            except TimeoutError:
                raise OverloadedError(headers={"Retry-After": "1"}) from None
            try:
                yield
            finally:
                line.turns.release()
        finally:
            line.members -= 1
            if not line.members:
                del self._callers[caller]


@dataclass(slots=True)
class _Line:
    turns: asyncio.Semaphore
    members: int = 0
