"""Waiting in tests, written once: for a condition, or, where a test means it, for time itself.

A test waits for what it needs and no longer; it never sleeps and hopes.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

SECONDS_MAX = 60.0
BETWEEN_SECONDS = 0.005


async def until(
    condition: Callable[[], object], what: str = "it happened", *, seconds_max: float = SECONDS_MAX
) -> None:
    """Return when the condition holds; it may be a coroutine function. Errors: TimeoutError, naming what."""
    deadline = time.monotonic() + seconds_max
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited too long until {what}")
        await asyncio.sleep(BETWEEN_SECONDS)


def block_until(condition: Callable[[], object], what: str, *, seconds_max: float = SECONDS_MAX) -> None:
    """The same where no event loop runs."""
    deadline = time.monotonic() + seconds_max
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited too long until {what}")
        time.sleep(BETWEEN_SECONDS)  # between two looks


async def yield_turn(turns: int = 1) -> None:
    """Let the other tasks of this loop run as far as they can without waiting, so many times."""
    for _ in range(turns):
        await asyncio.sleep(0)


async def pause(seconds: float) -> None:
    """Let time pass where the pause is what is played: a slow writer, a client that tries again."""
    await asyncio.sleep(seconds)


def block(seconds: float) -> bool:
    """The same where no event loop runs: work that takes so long. Returns False."""
    time.sleep(seconds)  # it stands for work that blocks
    return False
