"""Turns: a caller with many connections waits for itself, and nobody else waits for it."""

import asyncio

import pytest

from gateway.operations.errors import OverloadedError
from gateway.operations.turns import Turns
from tests.support.waiting import until


class Held:
    """Turns that callers hold until they are told to leave."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.entered: list[str] = []
        self.leave = asyncio.Event()

    async def hold(self, caller: str) -> None:
        async with self.turns.take(caller, seconds_max=60):
            self.entered.append(caller)
            await self.leave.wait()


class TestTurns:
    async def test_are_taken_by_so_many_of_a_caller_at_once_and_the_others_wait_in_line(self) -> None:
        held = Held(Turns(2))
        tasks = [asyncio.create_task(held.hold("flood")) for _ in range(5)]
        await until(lambda: len(held.entered) == 2)
        other = asyncio.create_task(held.hold("carrier"))
        await until(lambda: "carrier" in held.entered)
        assert held.entered.count("flood") == 2
        held.leave.set()
        await asyncio.gather(*tasks, other)
        assert held.entered.count("flood") == 5

    async def test_are_refused_to_who_has_waited_too_long(self) -> None:
        held = Held(Turns(1))
        task = asyncio.create_task(held.hold("flood"))
        await until(lambda: bool(held.entered))
        with pytest.raises(OverloadedError):
            async with held.turns.take("flood", seconds_max=0):
                pytest.fail("there was no turn")
        held.leave.set()
        await task

    async def test_are_given_back_by_who_fails_or_leaves_the_line(self) -> None:
        held = Held(Turns(1))
        first = asyncio.create_task(held.hold("flood"))
        await until(lambda: bool(held.entered))
        waiting = asyncio.create_task(held.hold("flood"))
        later = asyncio.create_task(held.hold("carrier"))
        await until(lambda: "carrier" in held.entered)
        for task in (waiting, first, later):
            task.cancel()
        await asyncio.gather(first, waiting, later, return_exceptions=True)
        with pytest.raises(ValueError, match="failed"):
            async with held.turns.take("flood", seconds_max=0):
                raise ValueError("failed")
        async with held.turns.take("flood", seconds_max=0):
            held.entered.append("again")
        assert held.entered == ["flood", "carrier", "again"]
