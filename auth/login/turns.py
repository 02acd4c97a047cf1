"""Turns at something of which only a few run at once: who is known goes first, others in the order in which they came.

Nobody who has a turn is interrupted, so who is known waits for at most one that is running, however many others wait.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A semaphore with two lines. Owned by one event loop."""

    def __init__(self, at_once: int) -> None:
        """Give at most at_once turns at a time."""
        self._free = at_once
        self._known: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()

    @asynccontextmanager
    async def take(self, *, is_known: bool) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block."""
        await self._wait(self._known if is_known else self._others)
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self, line: deque[asyncio.Future[None]]) -> None:
        if self._free:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                line.remove(turn)
            else:
                # The turn came in the moment in which its caller gave up.
                self._pass_on()
            raise

    def _pass_on(self) -> None:
        """Give the turn to the next in line, or keep it free where nobody waits."""
        for line in (self._known, self._others):
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self._free += 1
