"""Turns: a bounded number of each caller's operations is worked on at once, and its others wait in line."""

import asyncio
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

    def take(self, caller: str, *, seconds_max: float) -> "_Turn":
        """Hold a turn during the block. Errors: OverloadedError after seconds_max in line."""
        return _Turn(self._callers, caller, self._at_once_max, seconds_max)


@dataclass(slots=True)
class _Line:
    turns: asyncio.Semaphore
    members: int = 0


class _Turn:
    """One turn, or one place in line; entered once. Every operation takes one, and hardly any has to wait."""

    __slots__ = ("_at_once_max", "_caller", "_lines", "_seconds_max")

    def __init__(self, lines: dict[str, _Line], caller: str, at_once_max: int, seconds_max: float) -> None:
        self._lines, self._caller = lines, caller
        self._at_once_max, self._seconds_max = at_once_max, seconds_max

    async def __aenter__(self) -> None:
        line = self._lines.get(self._caller)
        if line is None:
            line = self._lines[self._caller] = _Line(asyncio.Semaphore(self._at_once_max))
        line.members += 1
        try:
            if line.turns.locked():
                await self._wait(line)
            else:
                await line.turns.acquire()
        except BaseException:
            self._leave(line)
            raise

    async def __aexit__(self, *_: object) -> None:
        line = self._lines[self._caller]
        line.turns.release()
        self._leave(line)

    async def _wait(self, line: _Line) -> None:
        try:
            async with asyncio.timeout(self._seconds_max):
                await line.turns.acquire()
        except TimeoutError:
            raise OverloadedError(headers={"Retry-After": "1"}) from None

    def _leave(self, line: _Line) -> None:
        line.members -= 1
        if not line.members:
            del self._lines[self._caller]
