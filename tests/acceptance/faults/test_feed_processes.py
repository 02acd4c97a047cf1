"""Two serving processes share one feed: whichever is lost, frozen or told to stop, no subscriber loses an event."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from ledger.storage.roles import login_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate
from tests.support.cluster import ROLE_PREFIX
from tests.support.faults.fleet import Fleet, running_fleet
from tests.support.faults.processes import find_leader
from tests.support.faults.subscribers import FAT, WAYS
from tests.support.faults.wires import Resume, Transport, Way
from tests.support.own_server import OwnServer
from tests.support.waiting import until

FOLLOWED = (
    ("regulator", "feed"),
    ("regulator", "complaintEvents"),
    ("agency", "complaintEvents"),
    ("telkomsel", "blockRequestEvents"),
    ("xlsmart", "blockRequestEvents"),
    ("axis", "blockRequestEvents"),
    ("provider", "fraudSignals"),
)
PAGES = (Way(Transport.PAGES, Resume.ARGUMENT),)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnServer]:
    server = OwnServer(tmp_path_factory.mktemp("feed"), role_prefix=ROLE_PREFIX)
    server.urls = await asyncio.to_thread(server.start)
    await migrate(server.urls.owner, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture(scope="module")
async def running(
    server: OwnServer, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    async with running_fleet(
        url=server.urls.application,
        owner_url=server.urls.owner,
        keyring=keyring,
        folder=tmp_path_factory.mktemp("logs"),
        count=2,
        settings={"JEMBATAN_SEQUENCER_LEASE_SECONDS": "1", "JEMBATAN_STREAM_STALL_SECONDS": "2"},
    ) as fleet:
        fleet.subscribe("xlsmart", "feed", ways=PAGES, start=0)
        for name, root in FOLLOWED:
            fleet.subscribe(name, root)
        yield fleet


@pytest.fixture
async def fleet(running: Fleet) -> AsyncIterator[Fleet]:
    """With every process alive, and writers at work."""
    await running.heal()
    running.begin_writing()
    await running.hear_on(3)
    yield running
    await running.stop_writing()
    await running.drop_guests()


class TestProcesses:
    async def test_hand_the_feed_over_when_one_is_killed(self, fleet: Fleet) -> None:
        first = await find_leader(fleet.servings)
        await first.kill()
        await fleet.hear_on(5)
        second = await find_leader(fleet.servings)
        await first.start()
        await second.kill()
        await fleet.hear_on(5)
        await fleet.check()

    @pytest.mark.long
    async def test_fence_off_a_sequencer_that_was_frozen_past_its_lease(self, fleet: Fleet) -> None:
        leader = await find_leader(fleet.servings)
        leader.freeze()
        successor = await find_leader(fleet.servings)
        assert successor is not leader
        await fleet.write_on(30)
        leader.thaw()
        assert await find_leader(fleet.servings) is successor
        await fleet.hear_on(5)
        await fleet.check()

    async def test_send_subscribers_on_with_their_last_cursor_when_told_to_stop(self, fleet: Fleet) -> None:
        leader = await find_leader(fleet.servings)
        attached = [fleet.make_subscriber(name, root) for name, root in FOLLOWED[: len(WAYS)]]
        for subscriber, way in zip(attached, WAYS, strict=True):
            subscriber.begin(way, leader.url)
        await until(lambda: all(subscriber.received for subscriber in attached))
        assert await leader.terminate() == 0
        await until(lambda: not any(subscriber.is_following for subscriber in attached))
        assert [dict(subscriber.ends) for subscriber in attached] == [{"SERVER_SHUTDOWN": 1}] * len(WAYS)
        [other] = [serving for serving in fleet.servings if serving is not leader]
        for subscriber, way in zip(attached, reversed(WAYS), strict=True):
            subscriber.begin(way, other.url)
        await fleet.check([*attached, *fleet.subscribers])

    @pytest.mark.long
    async def test_end_a_reader_that_stopped_and_keep_what_it_did_not_read(self, fleet: Fleet) -> None:
        [serving, *_] = fleet.servings
        await fleet.fill(500)
        reader = fleet.make_subscriber("regulator", "feed", selection=FAT, cursor=await fleet.find_beginning())
        slow = 'jembatan_stream_ends_total{problem="SLOW_READER"}'
        ended = await serving.read_metric(slow)

        async def is_ended() -> bool:
            return await serving.read_metric(slow) > ended

        reader.pause()
        reader.begin(WAYS[0], serving.url)
        await until(is_ended)
        reader.go_on()
        await until(lambda: not reader.is_following)
        reader.begin(WAYS[-1], serving.url)
        await fleet.check([reader, *fleet.subscribers])

    @pytest.mark.parametrize("end", ["crash", "stop"])
    async def test_go_on_where_they_were_when_postgresql_was_restarted(
        self, fleet: Fleet, server: OwnServer, end: str
    ) -> None:
        await asyncio.to_thread(getattr(server, end))
        refused = fleet.journal.refused.total()
        await until(lambda: fleet.journal.refused.total() > refused + 3)
        await asyncio.to_thread(server.start)
        await fleet.hear_on(5)
        await fleet.check()
