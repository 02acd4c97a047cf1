"""Work that many wait for at the same time and that is done once. It knows nothing about the work itself."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """Results by key, kept for a few seconds and shared by all who ask meanwhile. Owned by one event loop.

    A waiter may be cancelled: the work goes on for the others, until close. A failure is raised to those who waited for
    it and is not kept.
    """

    def __init__(self, *, entries_max: int, seconds: float) -> None:
        """Keep at most entries_max results, each for the given number of seconds."""
        self._entries_max = entries_max
        self._seconds = seconds
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}
        self._done_at: dict[Hashable, float] = {}

    async def get(self, key: Hashable, make: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return the result for a key. Errors: what making it raises."""
        task = self._tasks.get(key)
        if task is None or self._is_stale(key, task):
            self.forget(key)
            task = asyncio.create_task(make())
            self._tasks[key] = task
            task.add_done_callback(lambda done: self._note(key, done))
        return await asyncio.shield(task)

    def forget(self, key: Hashable) -> None:
        """Drop a result, so that it is made again when next asked for."""
        self._tasks.pop(key, None)
        self._done_at.pop(key, None)

    def trim(self) -> None:
        """Drop what is too old."""
        for key in [key for key, task in self._tasks.items() if self._is_stale(key, task)]:
            self.forget(key)

    def clear(self) -> None:
        """Drop everything that is done."""
        for key in tuple(self._done_at):
            self.forget(key)

    def close(self) -> None:
        """Cancel what is still being made, and drop everything."""
        for task in self._tasks.values():
            task.cancel()
        self._tasks.clear()
        self._done_at.clear()

    def _is_stale(self, key: Hashable, task: asyncio.Task[T]) -> bool:
        return task.done() and asyncio.get_running_loop().time() - self._done_at.get(key, 0.0) > self._seconds

    def _note(self, key: Hashable, task: asyncio.Task[T]) -> None:
        if self._tasks.get(key) is not task:
            return
        if task.cancelled() or task.exception() is not None:
            self.forget(key)
            return
        self._done_at[key] = task.get_loop().time()
        while len(self._done_at) > self._entries_max:
            self.forget(next(iter(self._done_at)))
