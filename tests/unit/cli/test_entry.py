"""How garbage is searched while a process of ours begins: not while it imports, and as ever once it works."""

import asyncio
import gc
from collections.abc import Iterator

import pytest

from cli.entry import search_new, search_seldom
from cli.follow.ending import run_until_told
from cli.stopping import run_until_stopped

DEFAULT = (700, 10, 10)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(*DEFAULT)
    yield
    search_new()
    gc.set_threshold(*before)
    gc.unfreeze()


async def read_thresholds(found: list[tuple[int, int, int]]) -> None:
    found.append(gc.get_threshold())


class TestSearchSeldom:
    def test_lets_importing_go_unsearched(self) -> None:
        search_seldom()
        before = gc.get_stats()[0]["collections"]
        kept = [[place] for place in range(100_000)]
        assert gc.get_stats()[0]["collections"] == before
        assert len(kept) == 100_000

    def test_twice_is_undone_at_once(self) -> None:
        search_seldom()
        search_seldom()
        search_new()
        assert gc.get_threshold() == DEFAULT


class TestSearchNew:
    def test_sets_aside_what_was_imported(self) -> None:
        search_seldom()
        before = gc.get_freeze_count()
        kept = [[place] for place in range(10_000)]
        search_new()
        assert gc.get_freeze_count() >= before + len(kept)

    def test_changes_nothing_in_a_process_that_began_otherwise(self) -> None:
        gc.set_threshold(500, 5, 5)
        before = gc.get_freeze_count()
        search_new()
        assert (gc.get_threshold(), gc.get_freeze_count()) == ((500, 5, 5), before)


class TestWork:
    def test_of_a_command_is_searched_as_ever(self) -> None:
        found: list[tuple[int, int, int]] = []
        search_seldom()
        run_until_stopped(read_thresholds(found))
        assert found == [DEFAULT]

    def test_that_runs_until_it_is_told_is_searched_as_ever(self) -> None:
        found: list[tuple[int, int, int]] = []
        search_seldom()
        asyncio.run(run_until_told(read_thresholds(found)))
        assert found == [DEFAULT]
