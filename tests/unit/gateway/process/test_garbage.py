"""Searches for reference cycles: what they set aside, what they free, and what they report."""

import gc
from collections.abc import Iterator

import pytest

from gateway.process.garbage import ShortSearches
from tests.support.waiting import yield_turn


class Knot:
    """Refers to itself, and so is freed by a search only."""

    def __init__(self) -> None:
        self.itself = self


def count_knots() -> int:
    return sum(isinstance(found, Knot) for found in gc.get_objects())


@pytest.fixture
def searches() -> Iterator[ShortSearches]:
    thresholds = gc.get_threshold()
    searches = ShortSearches()
    searches.begin()
    yield searches
    searches.end()
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class TestShortSearches:
    def test_set_aside_what_survives(self, searches: ShortSearches) -> None:
        before = gc.get_freeze_count()
        kept = [Knot() for _ in range(60_000)]
        searches.tend()
        assert gc.get_freeze_count() >= before + len(kept)
        assert count_knots() == 0

    def test_free_what_does_not_and_set_nothing_aside(self, searches: ShortSearches) -> None:
        before = gc.get_freeze_count()
        for _ in range(60_000):
            Knot()
        searches.tend()
        assert count_knots() == 0
        assert gc.get_freeze_count() <= before

    def test_leave_alone_what_is_little(self, searches: ShortSearches) -> None:
        kept = [Knot() for _ in range(1_000)]
        searches.tend()
        assert count_knots() == len(kept)

    def test_find_what_took_the_place_of_something_older(self, searches: ShortSearches) -> None:
        kept: list[list[int]] = [[] for _ in range(60_000)]
        searches.tend()
        for place in range(len(kept)):
            kept[place] = []
        before = gc.get_freeze_count()
        searches.tend()
        assert gc.get_freeze_count() >= before + len(kept) / 2

    def test_report_how_long_they_took(self, searches: ShortSearches) -> None:
        gc.collect()
        gc.collect()
        figures = {family.name: family.samples[0].value for family in searches.collect()}
        assert figures["jembatan_gc_searches"] >= 2
        assert 0 < figures["jembatan_gc_longest_seconds"] <= figures["jembatan_gc_seconds"]

    async def test_are_done_while_the_loop_is_too_busy_for_its_ticks(self, searches: ShortSearches) -> None:
        before = gc.get_freeze_count()
        kept: list[Knot] = []
        for _ in range(10):
            kept += [Knot() for _ in range(6_000)]
            await yield_turn()
        assert gc.get_freeze_count() - before >= len(kept) / 2
        assert searches.collect()
