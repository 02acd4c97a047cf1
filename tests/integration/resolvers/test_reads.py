"""One snapshot an operation: opened late, one statement at a time, given back before anything is written."""

import asyncio
from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from auth.settings import AuthSettings
from ledger.accesses import Accesses
from ledger.errors import UnknownError
from ledger.storage.database import Database
from ledger.storage.failures import StatementTimeoutError
from resolvers.context import Context, ViewerMissingError
from resolvers.reads import OperationReader, ReaderClosedError
from tests.support.country import Parties
from tests.support.desk import Desk, principal_of
from tests.support.journeys import issue_orders


@pytest.fixture
def reader(database: Database, parties: Parties, as_of: datetime) -> OperationReader:
    return OperationReader(database, parties.officer, as_of=as_of, accesses=Accesses())


async def count_members(tx) -> int:
    return (await tx.execute(text("SELECT count(*) FROM members"))).scalar_one()


def connections_in_use(database: Database) -> int:
    return database.engine.pool.checkedout()


class TestOperationReader:
    async def test_opens_nothing_until_it_is_asked(self, database: Database, reader: OperationReader):
        assert connections_in_use(database) == 0
        await reader.read(count_members)
        assert connections_in_use(database) == 1
        await reader.aclose()
        assert connections_in_use(database) == 0

    async def test_runs_the_statements_of_many_fields_one_after_another(self, reader: OperationReader):
        counts = await asyncio.gather(*(reader.read(count_members) for _ in range(20)))
        assert len(set(counts)) == 1
        await reader.aclose()

    async def test_keeps_one_snapshot_until_it_is_reset(self, desk: Desk, reader: OperationReader):
        async def count_orders(tx):
            return (await tx.execute(text("SELECT count(*) FROM block_orders"))).scalar_one()

        before = await reader.read(count_orders)
        await issue_orders(desk.database, desk.parties, desk.as_of, ["+6281200000001"])
        assert await reader.read(count_orders) == before
        await reader.reset()
        assert await reader.read(count_orders) == before + 1
        await reader.aclose()

    async def test_can_write_nothing(self, reader: OperationReader):
        async def write(tx):
            await tx.execute(text("INSERT INTO members (id) VALUES (gen_random_uuid())"))

        with pytest.raises(DBAPIError):
            await reader.read(write)
        await reader.aclose()

    async def test_goes_on_after_a_refusal_of_the_ledger(self, reader: OperationReader):
        async def refuse(tx):
            raise UnknownError

        with pytest.raises(UnknownError):
            await reader.read(refuse)
        assert await reader.read(count_members) > 0
        await reader.aclose()

    async def test_fails_the_same_way_until_reset_once_the_database_failed(
        self, database: Database, reader: OperationReader
    ):
        async def sleep_too_long(tx):
            await tx.execute(text("SELECT set_config('statement_timeout', '20', true)"))
            await tx.execute(text("SELECT pg_sleep(5)"))

        with pytest.raises(StatementTimeoutError):
            await reader.read(sleep_too_long)
        assert connections_in_use(database) == 0
        with pytest.raises(StatementTimeoutError):
            await reader.read(count_members)
        await reader.reset()
        assert await reader.read(count_members) > 0
        await reader.aclose()

    async def test_gives_its_connection_back_when_the_operation_is_cancelled(
        self, database: Database, reader: OperationReader
    ):
        started = asyncio.Event()

        async def wait(tx):
            started.set()
            await tx.execute(text("SELECT pg_sleep(30)"))

        task = asyncio.create_task(reader.read(wait))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await reader.aclose()
        assert connections_in_use(database) == 0

    async def test_reads_no_more_once_closed(self, reader: OperationReader):
        await reader.aclose()
        await reader.aclose()
        with pytest.raises(ReaderClosedError):
            await reader.read(count_members)


class TestContext:
    async def test_holds_no_connection_while_it_writes(self, database: Database, parties: Parties, as_of: datetime):
        """A pool of one connection would wait for itself otherwise."""

        async def count_in_use(tx):
            return connections_in_use(database)

        principal = principal_of(parties.officer, as_of)
        async with Context(
            database=database, auth_settings=AuthSettings(), principal=principal, as_of=as_of, request_id="r"
        ) as context:
            await context.read(count_members)
            assert await context.write(count_in_use) == 1
            await context.read(count_members)
        assert connections_in_use(database) == 0

    async def test_reads_and_writes_nothing_without_a_token(self, database: Database, as_of: datetime):
        async with Context(
            database=database, auth_settings=AuthSettings(), principal=None, as_of=as_of, request_id="r"
        ) as context:
            with pytest.raises(ViewerMissingError):
                await context.read(count_members)
            with pytest.raises(ViewerMissingError):
                await context.write(count_members)
