"""However writers commit and subscribers drop: each subscriber gets exactly what is its own, in order, once.

Plans of steps are drawn by hypothesis and played against real processes and a real database. More of them:
JEMBATAN_RESUMING_PLANS=500.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.complaints.decisions import Decision
from ledger.storage.sealing import Keyring
from tests.support.cluster import Cluster
from tests.support.faults.fleet import Fleet, running_fleet
from tests.support.faults.subscribers import WAYS, Subscriber
from tests.support.faults.wires import Way
from tests.support.faults.writers import RolledBackError
from tests.support.waiting import until

PLANS = int(os.environ.get("JEMBATAN_RESUMING_PLANS", "10"))
FOLLOWED = (
    ("regulator", "feed"),
    ("regulator", "blockRequestEvents"),
    ("agency", "complaintEvents"),
    ("other_agency", "feed"),
    ("telkomsel", "blockRequestEvents"),
    ("xlsmart", "feed"),
    ("axis", "blockRequestEvents"),
    ("provider", "fraudSignals"),
    ("indosat", "fraudSignals"),
)
WRITES = ("file", "file for another", "reject", "order", "acknowledge")

ways = st.sampled_from(WAYS)
processes = st.integers(0, 1)
writers = st.integers(0, 3)
followers = st.integers(0, len(FOLLOWED) - 1)
steps = st.one_of(
    st.tuples(st.just("begin"), writers, st.sampled_from(WRITES), st.integers(1, 3)),
    st.tuples(st.just("begin"), writers, st.sampled_from(WRITES), st.integers(1, 3)),
    st.tuples(st.just("commit"), writers),
    st.tuples(st.just("roll_back"), writers),
    st.tuples(st.just("drop"), followers),
    st.tuples(st.just("resume"), followers, ways, processes),
    st.tuples(st.just("pause"), followers),
    st.tuples(st.just("go_on"), followers),
)


@dataclass
class Writing:
    """A transaction that has written all it will, and waits to be told how it ends."""

    wrote: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    is_kept: bool = True
    task: "asyncio.Task[Any] | None" = None

    async def hold(self) -> None:
        self.wrote.set()
        await self.may_end.wait()
        if not self.is_kept:
            raise RolledBackError

    async def begin(self, work: "Coroutine[Any, Any, Any]") -> None:
        self.task = asyncio.create_task(work)
        await until(lambda: self.wrote.is_set() or (self.task is not None and self.task.done()))

    async def end(self, *, is_kept: bool) -> None:
        self.is_kept = is_kept
        self.may_end.set()
        assert self.task is not None
        try:
            await self.task
        except RolledBackError:
            assert not is_kept


class Play:
    """One plan as it is played: four writers, and a fresh subscriber for each root field that is followed."""

    def __init__(self, fleet: Fleet, firsts: list[tuple[Way, int]]) -> None:
        self.fleet = fleet
        self.desk = fleet.open_desk()
        self.writing: dict[int, Writing] = {}
        self.subscribers = [fleet.make_subscriber(name, root) for name, root in FOLLOWED]
        for subscriber, (way, process) in zip(self.subscribers, firsts, strict=True):
            subscriber.begin(way, fleet.servings[process].url)

    async def begin(self, writer: int, write: str, count: int) -> None:
        if writer in self.writing:
            return
        writing = self.writing[writer] = Writing()
        await writing.begin(await self._prepare(writing, write, [next(self.desk.numbers) for _ in range(count)]))

    async def commit(self, writer: int) -> None:
        if writing := self.writing.pop(writer, None):
            await writing.end(is_kept=True)

    async def roll_back(self, writer: int) -> None:
        if writing := self.writing.pop(writer, None):
            await writing.end(is_kept=False)

    async def drop(self, place: int) -> None:
        await self.subscribers[place].drop()

    async def resume(self, place: int, way: Way, process: int) -> None:
        await self.subscribers[place].drop()
        self.subscribers[place].begin(way, self.fleet.servings[process].url)

    async def pause(self, place: int) -> None:
        self.subscribers[place].pause()

    async def go_on(self, place: int) -> None:
        self.subscribers[place].go_on()

    async def wait_for_places(self) -> None:
        """Until every subscriber knows where it began."""
        await until(lambda: all(subscriber.start is not None for subscriber in self.subscribers))

    async def end(self, lasts: list[tuple[Way, int]]) -> None:
        """Let every writer and every subscriber come to its end, each that hangs in the way drawn for it."""
        for writer in sorted(self.writing, reverse=True):
            await self.commit(writer)
        for subscriber, (way, process) in zip(self.subscribers, lasts, strict=True):
            subscriber.go_on()
            if not subscriber.is_following:
                subscriber.begin(way, self.fleet.servings[process].url)

    async def close(self) -> None:
        for writer in list(self.writing):
            await self.roll_back(writer)
        await self.fleet.drop_guests()

    async def _prepare(self, writing: Writing, write: str, numbers: list[str]) -> "Coroutine[Any, Any, Any]":
        desk, parties = self.desk, self.desk.parties
        if write == "file":
            return desk.file(parties.agency, numbers, hold=writing.hold)
        if write == "file for another":
            return desk.file(parties.other_agency, numbers, hold=writing.hold)
        complaints = await desk.file(parties.agency, numbers)
        if write == "reject":
            return desk.decide(complaints, Decision.REJECT, hold=writing.hold)
        await desk.decide(complaints, Decision.VERIFY)
        if write == "order":
            return desk.order(numbers, hold=writing.hold)
        [order, *_] = await desk.order(numbers)
        return desk.acknowledge(order, hold=writing.hold)


@pytest.fixture(scope="module")
async def fleet(cluster: Cluster, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Fleet]:
    """A short tail and small readings, so that resuming meets every border between memory and database."""
    name = await cluster.clone()
    async with running_fleet(
        url=cluster.url_of(name),
        owner_url=cluster.url_of(name, owner=True),
        keyring=keyring,
        folder=tmp_path_factory.mktemp("logs"),
        count=2,
        settings={"JEMBATAN_FEED_TAIL_ENTRIES": "16", "JEMBATAN_CATCH_UP_BATCH_MAX": "3"},
    ) as fleet:
        yield fleet
    await cluster.drop(name)


class TestResuming:
    @pytest.mark.timeout(60 + 10 * PLANS)
    @settings(max_examples=PLANS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        firsts=st.lists(st.tuples(ways, processes), min_size=len(FOLLOWED), max_size=len(FOLLOWED)),
        plan=st.lists(steps, min_size=10, max_size=40),
        lasts=st.lists(st.tuples(ways, processes), min_size=len(FOLLOWED), max_size=len(FOLLOWED)),
    )
    async def test_brings_each_subscriber_exactly_what_is_its_own(
        self, fleet: Fleet, firsts: list[tuple[Way, int]], plan: list[tuple[Any, ...]], lasts: list[tuple[Way, int]]
    ) -> None:
        play = Play(fleet, firsts)
        try:
            await play.wait_for_places()
            for name, *arguments in plan:
                await getattr(play, name)(*arguments)
            await play.end(lasts)
            await fleet.check(play.subscribers)
        finally:
            await play.close()
        assert _list_ends(play.subscribers) == {}


def _list_ends(subscribers: list[Subscriber]) -> dict[str, dict[str, int]]:
    """Streams that ended though nobody dropped them: none should, since no process was lost."""
    return {subscriber.name: dict(subscriber.ends) for subscriber in subscribers if subscriber.ends}
