"""A feed whose events get their positions: a running sequencer, and how to write and to wait."""

from dataclasses import dataclass

import asyncpg

from ledger.feed.events import EventDraft, append_events
from ledger.feed.sequencer import Sequencer
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Database
from tests.support.waiting import until


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
