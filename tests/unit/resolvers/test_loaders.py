"""Reading ahead: what is expected comes with the first key that is asked for, once, and never by itself."""

import asyncio

import pytest

from ledger.members.reading import load_brands, load_members
from ledger.pages import BATCH_SIZE_MAX
from resolvers.loaders import Loader, Loaders
from resolvers.reads import ReaderClosedError
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

    async def test_follows_what_is_known_at_once_and_else_when_it_is_loaded(self, shelf: Shelf):
        loader = shelf.loader()
        later = loader.follow(4, str)
        assert await later == "16"
        assert loader.follow(4, str) == "16"
        assert loader.follow(4, lambda value: value + 1) == 17
        assert shelf.asked == [[4]]

    async def test_follows_what_is_known_to_be_nothing(self, shelf: Shelf):
        loader = shelf.loader()
        await loader.load(3)
        assert loader.follow(3, lambda value: [value]) == [None]

    async def test_tells_everyone_who_follows_that_the_reading_failed(self):
        async def fail(_tx, _keys):
            raise LookupError

        loader = Loader(Shelf().read, fail)
        with pytest.raises(LookupError):
            await loader.follow(1, str)
        with pytest.raises(LookupError):
            loader.follow(1, str)


class TestLoaders:
    async def test_are_made_when_they_are_first_used_and_kept(self, shelf: Shelf):
        loaders = Loaders(shelf.read)
        assert loaders.members is loaders.of(load_members) is loaders.members
        assert loaders.of(load_brands) is not loaders.members

    async def test_read_nothing_once_they_are_released(self, shelf: Shelf):
        loaders = Loaders(shelf.read)
        loaders.release()
        with pytest.raises(ReaderClosedError):
            await loaders.members.load("01890000-0000-7000-8000-000000000000")
