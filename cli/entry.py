"""Where a process of ours begins, before anything large is imported, and how its garbage is searched meanwhile."""

import gc
from typing import NoReturn

_NEW_OBJECTS_MAX = 500_000
"""More than everything that we import makes. A limit, so that nothing depends on search_new being called."""
_before: list[tuple[int, int, int]] = []


def main() -> NoReturn:
    """Run the entry point `jembatan`."""
    search_seldom()
    from cli.main import main as run

    run()


def search_seldom() -> None:
    """Don't search for reference cycles while modules are imported.

    What is imported stays, and searching all of it time and again takes a fifth of a start.
    """
    if not _before:
        _before.append(gc.get_threshold())
    gc.set_threshold(_NEW_OBJECTS_MAX, *gc.get_threshold()[1:])


def search_new() -> None:
    """Search as before search_seldom, but only what is made from now on. Without search_seldom it does nothing."""
    if _before:
        gc.freeze()
        gc.set_threshold(*_before.pop())
