"""Turns: never more at once than there are, none lost, whoever gives up when."""

import asyncio
from collections.abc import Awaitable

import pytest

from auth.login.turns import Turns
from tests.support.waiting import yield_turn


class Crowd:
    """Callers that take a turn and hold it until they are told to let go."""

    def __init__(self, at_once: int) -> None:
        self.turns = Turns(at_once)
        self.had: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}

    def join(self, name: str, *, is_known: bool = False) -> asyncio.Task[None]:
        self._gates[name] = asyncio.Event()
        return asyncio.create_task(self._hold(name, is_known=is_known))

    def let_go(self, name: str) -> None:
        self._gates[name].set()

    async def _hold(self, name: str, *, is_known: bool) -> None:
        async with self.turns.take(is_known=is_known):
            self.had.append(name)
            await self._gates[name].wait()


async def settle(*tasks: Awaitable[None]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)


class TestTurns:
    async def test_go_to_who_is_known_first_and_otherwise_in_order(self) -> None:
        crowd = Crowd(1)
        tasks = [crowd.join("first"), crowd.join("second"), crowd.join("third")]
        await yield_turn()
        tasks.append(crowd.join("known", is_known=True))
        await yield_turn()
        for name in ("first", "known", "second", "third"):
            assert crowd.had[-1] == name
            crowd.let_go(name)
            await yield_turn()
            await yield_turn()
        await settle(*tasks)

    async def test_are_not_lost_with_a_caller_that_gives_up(self) -> None:
        crowd = Crowd(1)
        first, waiting = crowd.join("first"), crowd.join("waiting")
        await yield_turn()
        waiting.cancel()
        await settle(waiting)
        crowd.let_go("first")
        await settle(first)
        crowd.let_go("first")
        last = crowd.join("last")
        await yield_turn()
        assert crowd.had == ["first", "last"]
        crowd.let_go("last")
        await settle(last)

    @pytest.mark.parametrize("is_known", [True, False])
    async def test_are_not_lost_where_they_come_as_the_caller_gives_up(self, *, is_known: bool) -> None:
        crowd = Crowd(1)
        first, waiting = crowd.join("first"), crowd.join("waiting", is_known=is_known)
        await yield_turn()
        crowd.turns._pass_on()
        waiting.cancel()
        await settle(waiting)
        last = crowd.join("last")
        await yield_turn()
        assert crowd.had == ["first", "last"]
        first.cancel()
        last.cancel()
        await settle(first, last)
