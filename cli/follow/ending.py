"""How a command that runs until it is told to stop ends: SIGTERM like Ctrl-C, at the next place where it waits."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any

from cli.entry import search_new


async def run_until_told(work: Coroutine[Any, Any, None]) -> None:
    """Run the work, and let SIGTERM end it as Ctrl-C does: between two steps, never between an event and its cursor.

    A second SIGTERM ends it immediately, as is needed when the reader of the lines has stalled.
    """
    search_new()
    task, loop = asyncio.current_task(), asyncio.get_running_loop()
    is_ending = False

    def end(_signal: int, _frame: FrameType | None) -> None:
        nonlocal is_ending
        if is_ending or task is None:
            raise KeyboardInterrupt
        is_ending = True
        loop.call_soon_threadsafe(task.cancel)

    signal.signal(signal.SIGTERM, end)
    await work
