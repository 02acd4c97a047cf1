"""Ends asynchronous work of a command when it is told to stop, between two steps and never inside the event loop."""

import asyncio
import signal
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from cli.entry import search_new

T = TypeVar("T")


def run_until_stopped(work: Coroutine[Any, Any, T]) -> T:
    """Run the work in an event loop of its own, as asyncio.run does; SIGTERM cancels it, as Ctrl-C does.

    Errors: what the work raises; SystemExit by the command's own handler of SIGTERM.
    """
    search_new()
    if threading.current_thread() is not threading.main_thread():
        return asyncio.run(work)
    handler = signal.getsignal(signal.SIGTERM)
    stopped: list[int] = []

    async def run() -> T:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine always runs in a task

        def stop() -> None:
            stopped.append(signal.SIGTERM)
            task.cancel()

        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop)
        return await work

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if not stopped:
            raise
        raise SystemExit from None
    finally:
        signal.signal(signal.SIGTERM, handler)
        if stopped:
            signal.raise_signal(signal.SIGTERM)
