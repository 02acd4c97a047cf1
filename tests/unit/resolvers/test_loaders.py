"""Reading ahead: what is expected comes with the first key that is asked for, once, and never by itself."""

import asyncio

import pytest

from ledger.pages import BATCH_SIZE_MAX
from resolvers.loaders import Loader
from tests.support.waiting import yield_turn


class Shelf:
    """A load function that finds even numbers as their squares, and what it was asked."""

    def __init__(self):
        self.asked: list[list[int]] = []
        self.led: list[list[int]] = []

    async def read(self, work):
        return await work(None)

    async def load(self, _tx, keys):
        self.asked.append(list(keys))
        return {key: key * key for key in keys if key % 2 == 0}

    def loader(self) -> Loader[int, int]:
        return Loader(self.read, self.load, lead=lambda values: self.led.append(sorted(values)))


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


class TestLoader:
    async def test_reads_what_is_expected_with_the_first_that_is_asked(self, shelf: Shelf):
        loader = shelf.loader()
        loader.expect([2, 3, 4])
        assert [await loader.load(key) for key in (4, 2, 3)] == [16, 4, None]
        assert shelf.asked == [[4, 2, 3]]
        assert shelf.led == [[4, 16]]

    async def test_reads_nothing_that_is_only_expected(self, shelf: Shelf):
        shelf.loader().expect([2, 4])
        await yield_turn()
        assert shelf.asked == []

    async def test_reads_nothing_twice(self, shelf: Shelf):
        loader = shelf.loader()
        await loader.load(2)
        loader.expect([2, 6])
        assert await loader.load(8) == 64
        assert await loader.load(6) == 36
        assert shelf.asked == [[2], [8, 6]]

    async def test_leads_nowhere_while_nothing_was_read_ahead(self, shelf: Shelf):
        await shelf.loader().load(2)
        assert shelf.led == []

    async def test_reads_no_more_at_once_than_a_batch_may_hold(self, shelf: Shelf):
        loader = shelf.loader()
        loader.expect(range(BATCH_SIZE_MAX + 500))
        await loader.load(BATCH_SIZE_MAX + 1_000)
        await loader.load(BATCH_SIZE_MAX + 2)
        assert [len(keys) for keys in shelf.asked] == [BATCH_SIZE_MAX, 501]

    async def test_asks_for_all_that_is_asked_together_by_one_reading(self, shelf: Shelf):
        loader = shelf.loader()
        loader.expect([10])
        assert await asyncio.gather(*(loader.load(key) for key in (2, 4, 6))) == [4, 16, 36]
        assert shelf.asked == [[2, 4, 6, 10]]
