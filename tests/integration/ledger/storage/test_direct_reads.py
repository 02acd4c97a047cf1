"""Reads over connections of their own: each for one viewer, on one snapshot, whatever was read there before."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest

from ledger.errors import DatabaseUnavailableError
from ledger.settings import LedgerSettings
from ledger.storage.direct_reads import DirectReads
from ledger.storage.failures import DatabaseBusyError, StatementTimeoutError
from ledger.storage.wire import FailedStatementError
from ledger.viewer import Viewer
from tests.support.cluster import ROLE_PREFIX, Cluster
from tests.support.country import Parties
from tests.support.waiting import until

WHO = (
    "SELECT current_user, current_setting('jembatan.member_id'), current_setting('jembatan.brand_id'), pg_backend_pid()"
)
COUNT = "INSERT INTO number_lookups (client_id, day, used) VALUES ('direct', current_date, 1) RETURNING used"
SLEEP = "SELECT pg_sleep(0.87)"


@pytest.fixture
async def superuser(cluster: Cluster) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(cluster.urls.superuser)
    yield connection
    await connection.close()


async def await_sleepers(superuser: asyncpg.Connection, count: int) -> None:
    async def are_there() -> bool:
        # Other tests' statements sleep for other times.
        sleeping = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE wait_event = 'PgSleep' AND query ~ 'pg_sleep[(](0.87|0.88|21)[)]'"
        )
        return bool(await superuser.fetchval(sleeping) == count)

    await until(are_there, f"{count} statements sleep")


def settings_of(database_url: str, **values: object) -> LedgerSettings:
    return LedgerSettings(database_url=database_url, role_prefix=ROLE_PREFIX, **values)


@pytest.fixture
async def reads(database_url: str) -> AsyncIterator[DirectReads]:
    reads = DirectReads(settings_of(database_url), connections_max=1)
    yield reads
    await reads.close()


async def who(reads: DirectReads, viewer: Viewer) -> list[str]:
    [row] = await reads.fetch(viewer, [(WHO, ())])
    return [(each or b"").decode() for each in row or ()]


class TestViewer:
    async def test_is_bound_for_one_read_and_gone_for_the_next(self, reads: DirectReads, parties: Parties) -> None:
        first = await who(reads, parties.telkomsel)
        second = await who(reads, parties.regulator)
        third = await who(reads, parties.indosat)
        assert first[:2] == [f"{ROLE_PREFIX}carrier", parties.telkomsel.member_id]
        assert second[:3] == [f"{ROLE_PREFIX}regulator", parties.regulator.member_id, ""]
        assert third[1] != first[1]
        assert first[3] == second[3] == third[3], "one connection served all three"

    async def test_writes_nothing(self, reads: DirectReads, parties: Parties) -> None:
        with pytest.raises(FailedStatementError) as refused:
            await reads.fetch(parties.telkomsel, [("CREATE TABLE x (y int)", ())])
        assert refused.value.sqlstate == "25006"
        assert (await who(reads, parties.indosat))[1] == parties.indosat.member_id


class TestStatements:
    async def test_of_one_call_see_one_snapshot(
        self,
        reads: DirectReads,
        parties: Parties,
        superuser: asyncpg.Connection,
        owner_connection: asyncpg.Connection,
    ) -> None:
        count = "SELECT count(*) FROM members, pg_sleep(0.88)"
        asked = asyncio.create_task(reads.fetch(parties.regulator, [(count, ()), (count, ())]))
        await await_sleepers(superuser, 1)
        await owner_connection.execute(
            "INSERT INTO members (id, slug, kind, legal_name, admitted_at) "
            "VALUES (gen_random_uuid(), 'later', 'CARRIER', 'Later', now())"
        )
        first, second = await asked
        assert first == second

    async def test_before_them_are_committed_whatever_becomes_of_the_read(
        self, reads: DirectReads, parties: Parties, owner_connection: asyncpg.Connection
    ) -> None:
        with pytest.raises(FailedStatementError) as failed:
            await reads.fetch(parties.telkomsel, [("SELECT 1 / 0", ())], before=(COUNT, ()))
        assert failed.value.rows[1] == [b"1"]
        assert await owner_connection.fetchval("SELECT used FROM number_lookups WHERE client_id = 'direct'") == 1

    async def test_that_are_many_leave_no_more_prepared_than_their_bound(
        self, reads: DirectReads, parties: Parties
    ) -> None:
        for number in range(300):
            await reads.fetch(parties.regulator, [(f"SELECT {number}", ())])
        [row] = await reads.fetch(parties.regulator, [("SELECT count(*) FROM pg_prepared_statements", ())])
        assert row is not None
        assert int(row[0] or 0) <= 129

    async def test_that_is_long_is_not_kept_prepared(self, reads: DirectReads, parties: Parties) -> None:
        await reads.fetch(parties.regulator, [(f"SELECT '{'x' * 20_000}'", ())])
        long = "SELECT count(*) FROM pg_prepared_statements WHERE length(statement) > 16384"
        assert await reads.fetch(parties.regulator, [(long, ())]) == [[b"0"]]

    async def test_with_a_value_that_none_takes_leave_no_place_taken(
        self, reads: DirectReads, parties: Parties
    ) -> None:
        for value in (object(), "\ud800"):
            with pytest.raises((TypeError, UnicodeEncodeError)):
                await reads.fetch(parties.telkomsel, [("SELECT $1::text", (value,))])
        assert reads.used == 0
        assert (await who(reads, parties.indosat))[1] == parties.indosat.member_id


class TestReaderWhoGivesUp:
    async def test_leaves_its_connection_to_finish_and_the_next_one_waits_for_it(
        self, reads: DirectReads, parties: Parties, superuser: asyncpg.Connection
    ) -> None:
        asked = asyncio.create_task(reads.fetch(parties.telkomsel, [(SLEEP, ())]))
        await await_sleepers(superuser, 1)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert reads.used == 1, "its place is not free before PostgreSQL has finished"
        assert (await who(reads, parties.indosat))[1] == parties.indosat.member_id

    async def test_of_many_leaves_no_place_taken(
        self, database_url: str, parties: Parties, superuser: asyncpg.Connection
    ) -> None:
        reads = DirectReads(settings_of(database_url), connections_max=3)
        asked = [asyncio.create_task(reads.fetch(parties.telkomsel, [(SLEEP, ())])) for _ in range(9)]
        await await_sleepers(superuser, 3)
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await until(lambda: reads.used == 0, "every place is free again")
        assert len(await asyncio.gather(*(who(reads, parties.indosat) for _ in range(9)))) == 9
        await reads.close()


class TestFailure:
    async def test_of_an_idle_connection_is_not_noticed(
        self, reads: DirectReads, parties: Parties, superuser: asyncpg.Connection
    ) -> None:
        pid = int((await who(reads, parties.telkomsel))[3])
        await superuser.fetchval("SELECT pg_terminate_backend($1, 10000)", pid)
        assert int((await who(reads, parties.telkomsel))[3]) != pid

    async def test_of_a_connection_that_reads_is_told_as_an_absent_database(
        self, reads: DirectReads, parties: Parties, superuser: asyncpg.Connection
    ) -> None:
        pid = int((await who(reads, parties.telkomsel))[3])
        asked = asyncio.create_task(reads.fetch(parties.telkomsel, [("SELECT pg_sleep(21)", ())]))
        await await_sleepers(superuser, 1)
        await superuser.fetchval("SELECT pg_terminate_backend($1, 10000)", pid)
        with pytest.raises(DatabaseUnavailableError):
            await asked
        assert (await who(reads, parties.indosat))[1] == parties.indosat.member_id

    async def test_of_a_statement_that_takes_too_long_has_its_code(self, database_url: str, parties: Parties) -> None:
        reads = DirectReads(settings_of(database_url, statement_timeout_ms=100), connections_max=1)
        with pytest.raises(StatementTimeoutError):
            await reads.fetch(parties.telkomsel, [("SELECT pg_sleep(20)", ())])
        await reads.close()

    async def test_to_find_a_free_place_in_time_is_told_as_a_busy_database(
        self, database_url: str, parties: Parties
    ) -> None:
        reads = DirectReads(settings_of(database_url, database_pool_timeout_seconds=0.1), connections_max=1)
        first = asyncio.create_task(reads.fetch(parties.telkomsel, [(SLEEP, ())]))
        await until(lambda: reads.used == 1, "the read has begun")
        with pytest.raises(DatabaseBusyError):
            await reads.fetch(parties.telkomsel, [(WHO, ())])
        await first
        await reads.close()

    async def test_to_connect_is_told_and_leaves_no_place_taken(self, parties: Parties) -> None:
        reads = DirectReads(settings_of("postgresql://nobody@127.0.0.1:1/none"), connections_max=1)
        for _ in range(3):
            with pytest.raises(DatabaseUnavailableError):
                await reads.fetch(parties.telkomsel, [(WHO, ())])
        assert reads.used == 0


class TestClosing:
    async def test_lets_a_read_finish(
        self, reads: DirectReads, parties: Parties, as_of: datetime, owner_connection: asyncpg.Connection
    ) -> None:
        asked = asyncio.create_task(reads.fetch(parties.telkomsel, [(SLEEP, ()), ("SELECT $1::timestamptz", (as_of,))]))
        await until(lambda: reads.used == 1, "the read has begun")
        await reads.close()
        assert len(await asked) == 2
        assert (reads.used, reads.idle) == (0, 0)
