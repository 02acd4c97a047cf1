"""A country whose events get their positions: a running sequencer, a follower, and how to wait for them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
import pytest

from ledger.feed.events import EventDraft, append_events
from ledger.feed.follower import Follower
from ledger.feed.sequencer import Sequencer
from ledger.feed.vocabulary import EventKind, Subject
from ledger.settings import FeedSettings
from ledger.storage.database import Database
from tests.conftest import ROLE_PREFIX, Cluster
from tests.integration.ledger.conftest import country, database_url, parties  # noqa: F401 - fixtures

WAIT_SECONDS_MAX = 20.0


async def until(condition: Callable[[], object], what: str = "it happened") -> None:
    """Return when the condition holds. It may be a coroutine function."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        found = condition()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, f"waited too long until {what}"
        await asyncio.sleep(0.01)


@asynccontextmanager
async def running(part: Sequencer | Follower) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@dataclass(frozen=True)
class Sequenced:
    """A database with a sequencer at work on it."""

    database: Database
    owner: asyncpg.Connection
    sequencer: Sequencer

    async def head(self) -> int:
        return await self.owner.fetchval("SELECT size FROM feed_head")

    async def wait(self, size: int | None = None) -> int:
        """Wait until the feed has so many entries, or every committed event."""

        async def is_there() -> bool:
            if size is not None:
                return await self.head() >= size
            return not await self.owner.fetchval("SELECT EXISTS (SELECT 1 FROM feed_pending)")

        await until(is_there, f"the feed has {size or 'all'} entries")
        return await self.head()

    async def append(self, viewer, as_of, count: int = 1, **named) -> None:
        """Write so many events as the viewer, in one transaction."""
        async with self.database.transaction(viewer, as_of=as_of) as tx:
            await append_events(tx, [event_draft(number, **named) for number in range(count)])


def event_draft(number: int = 0, **named) -> EventDraft:
    draft = {
        "kind": EventKind.ORDER_ISSUED,
        "subject": Subject.BLOCK_ORDER,
        "subject_id": f"subject-{number}",
        "state": "ISSUED",
        "payload": {"version": number},
    }
    return EventDraft(**(draft | named))


@pytest.fixture
def direct(database_url: str) -> FeedSettings:  # noqa: F811
    return FeedSettings(database_url=database_url, role_prefix=ROLE_PREFIX)


@pytest.fixture
def sequencer_settings(direct: FeedSettings) -> FeedSettings:
    return direct.model_copy(update={"checkpoint_seconds": 0.05})


@pytest.fixture
def follower_settings(direct: FeedSettings) -> FeedSettings:
    return direct.model_copy(update={"feed_tail_entries": 1_000})


@pytest.fixture
async def sequenced(database, owner_connection, sequencer_settings) -> AsyncIterator[Sequenced]:
    """The database with a running sequencer that has caught up."""
    sequencer = Sequencer(sequencer_settings, takeover_seconds=0.05)
    async with running(sequencer):
        ready = Sequenced(database, owner_connection, sequencer)
        await ready.wait()
        yield ready


@dataclass(frozen=True)
class Administrator:
    """Ends sessions of the test's database, as a restart or a network would."""

    connection: asyncpg.Connection
    database_name: str

    async def end_sessions(self, application_name: str) -> int:
        return await self.connection.fetchval(
            "SELECT count(*) FROM (SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = $1 AND application_name = $2) AS ended",
            self.database_name,
            application_name,
        )


@pytest.fixture
async def administrator(cluster: Cluster, owner_connection: asyncpg.Connection) -> AsyncIterator[Administrator]:
    connection = await asyncpg.connect(cluster.urls.superuser)
    yield Administrator(connection, await owner_connection.fetchval("SELECT current_database()"))
    await connection.close()


@pytest.fixture
async def follower(sequenced: Sequenced, follower_settings: FeedSettings) -> AsyncIterator[Follower]:
    """A follower that has read everything so far."""
    follower = Follower(follower_settings, poll_seconds=0.1)
    async with running(follower):
        await follower.wait_ready()
        yield follower
