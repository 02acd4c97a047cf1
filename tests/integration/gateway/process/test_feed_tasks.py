"""What a serving process runs for the feed, as the settings say, and what it tells about it."""

import asyncio
from contextlib import suppress

import pytest
from prometheus_client import generate_latest

from gateway.process.feed_tasks import make_sequencer, running_feed
from gateway.process.metrics import Metrics
from gateway.settings import Settings
from ledger.errors import DatabaseUnavailableError
from ledger.feed.events import append_events
from ledger.feed.follower import Follower
from ledger.feed.sequencer import APPLICATION_NAME
from tests.support.sequenced import event_draft
from tests.support.waiting import until, yield_turn


def read(metrics):
    lines = generate_latest(metrics.registry).decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("jembatan_")}


@pytest.fixture
def settings(database_url):
    return Settings(database_url=database_url)


class TestRunningFeed:
    async def test_sequences_and_follows_while_inside_and_tells_it(
        self, settings, database, database_url, parties, as_of
    ):
        follower = Follower(settings)
        sequencer = make_sequencer(settings)
        metrics = Metrics()
        metrics.watch_feed(follower.status, sequencer.status)
        async with running_feed(follower, sequencer, ready_seconds_max=20):
            before = follower.head
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, [event_draft(1)])
            await until(lambda: sequencer.status.sequenced and follower.head > before, "it was followed")
            told = read(metrics)
            assert told["jembatan_sequencer_leader"] == told["jembatan_follower_connected"] == 1
            assert told["jembatan_sequencer_takeovers_total"] == 1
            assert told["jembatan_sequencer_entries_total"] == sequencer.status.sequenced
            assert told["jembatan_follower_head"] == follower.head
        assert read(metrics)["jembatan_sequencer_leader"] == 0

    async def test_leaves_no_session_behind(self, settings, database_url, owner_connection):
        follower = Follower(settings)
        sequencer = make_sequencer(settings)
        async with running_feed(follower, sequencer, ready_seconds_max=20):
            await until(lambda: sequencer.status.is_leader)
        left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE $1"
        await until(lambda: is_zero(owner_connection.fetchval(left, "jembatan %")), f"{APPLICATION_NAME} is gone")

    def test_leaves_sequencing_to_others_where_the_settings_say_so(self, database_url):
        assert make_sequencer(Settings(sequencing=False, database_url=database_url)) is None

    async def test_begins_without_a_database_and_says_that_the_feed_is_away(self, settings):
        url = "postgresql://nobody@127.0.0.1:1/nothing"
        away = settings.model_copy(update={"database_url": url})
        follower = Follower(away)
        async with running_feed(follower, make_sequencer(away), ready_seconds_max=0.05):
            with pytest.raises(DatabaseUnavailableError):
                _ = follower.head

    async def test_ends_the_others_work_too(self, settings, database_url):
        ended = asyncio.Event()

        async def work():
            with suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            ended.set()

        follower = Follower(settings)
        async with running_feed(follower, None, ready_seconds_max=20, others=[work]):
            await yield_turn()
        assert ended.is_set()


async def is_zero(counting):
    return await counting == 0
