"""What of a server's objects only a search for reference cycles would free, after something was done many times."""

import gc
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.support.waiting import until

_OURS = ("auth.", "gateway.", "ledger.", "resolvers.", "schema.", "graphql.", "strawberry.", "uvicorn.", "uvloop.")


@contextmanager
def list_garbage() -> Iterator[list[Any]]:
    """A list that holds, after the block, what became unreachable in it and was not freed."""
    found: list[Any] = []
    gc.disable()
    try:
        yield found
        gc.set_debug(gc.DEBUG_SAVEALL)
        gc.collect()
        found += gc.garbage
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()


async def count_garbage(act: Callable[[], Awaitable[None]], is_over: Callable[[], object]) -> Counter[str]:
    """Count objects by type. Two rounds before fill the caches; is_over says that the server has let go of everything.

    Clients run in the same process, so only objects of the server's own packages, and of those that serve it, count.
    """
    await act()
    await act()
    await until(is_over)
    gc.collect()
    with list_garbage() as garbage:
        await act()
        await until(is_over)
    names = [f"{type(found).__module__}.{type(found).__qualname__}" for found in garbage]
    return Counter(name for name in names if name.startswith(_OURS))
