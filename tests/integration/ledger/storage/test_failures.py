"""Failures of a real server, in a transaction and while connecting."""

from collections.abc import Awaitable, Callable
from datetime import datetime

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.errors import DatabaseUnavailableError, UnavailableError
from ledger.settings import LedgerSettings
from ledger.storage.database import Database, Transaction
from ledger.storage.failures import DatabaseBusyError, DatabaseFullError, DatabaseReadOnlyError, DatabaseRefusedError
from ledger.storage.roles import Role, login_name
from ledger.storage.sealing import Keyring
from ledger.viewer import OPERATOR
from tests.support.cluster import ROLE_PREFIX, Cluster

RAISE = "DO $$ BEGIN RAISE EXCEPTION 'said' USING ERRCODE = '{}'; END $$"
WRITE = text("INSERT INTO keyring_checks (key_id, sealed, recorded_at) VALUES ('a', '', now())")
PROCESS = text("SELECT pg_backend_pid()")
Kill = Callable[[int], Awaitable[None]]


@pytest.fixture
def end_session(cluster: Cluster) -> Kill:
    """Ends a session as an administrator does, and returns when it is gone."""

    async def end(process_id: int) -> None:
        superuser = await asyncpg.connect(cluster.urls.superuser)
        assert await superuser.fetchval("SELECT pg_terminate_backend($1, 10000)", process_id)
        await superuser.close()

    return end


class TestTransaction:
    @pytest.mark.parametrize(
        ("sqlstate", "kind"),
        [("53100", DatabaseFullError), ("53300", DatabaseBusyError), ("57P03", DatabaseUnavailableError)],
    )
    async def test_that_the_server_has_no_means_for_is_an_outage(
        self, database: Database, as_of: datetime, sqlstate: str, kind: type[UnavailableError]
    ) -> None:
        with pytest.raises(kind):
            async with database.system(Role.JOBS, as_of=as_of) as tx:
                await tx.execute(text(RAISE.format(sqlstate)))

    async def test_whose_session_an_administrator_ends_is_an_outage_and_the_next_one_works(
        self, database: Database, as_of: datetime, end_session: Kill
    ) -> None:
        async def outlive(tx: Transaction) -> None:
            await end_session((await tx.execute(PROCESS)).scalar_one())
            await tx.execute(PROCESS)

        with pytest.raises(DatabaseUnavailableError):
            await database.run(OPERATOR, as_of=as_of, work=outlive)
        await database.ping()

    async def test_on_a_pooled_session_that_was_ended_meanwhile_gets_another(
        self, database: Database, as_of: datetime, end_session: Kill
    ) -> None:
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            before = (await tx.execute(PROCESS)).scalar_one()
        await end_session(before)
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            assert (await tx.execute(PROCESS)).scalar_one() != before


class TestServerThatTakesNoChanges:
    @pytest.fixture(autouse=True)
    async def _make_read_only(self, database: Database, owner_connection: asyncpg.Connection) -> None:
        name = await owner_connection.fetchval("SELECT current_database()")
        await owner_connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")

    async def test_refuses_a_write_as_an_outage(self, database: Database, as_of: datetime) -> None:
        with pytest.raises(DatabaseReadOnlyError):
            async with database.system(Role.JOBS, as_of=as_of) as tx:
                await tx.execute(WRITE)

    async def test_answers_what_only_reads(self, database: Database, as_of: datetime) -> None:
        async with database.reading(OPERATOR, as_of=as_of) as tx:
            assert (await tx.execute(text("SELECT 1"))).scalar_one() == 1

    async def test_is_not_ready(self, database: Database) -> None:
        with pytest.raises(DatabaseReadOnlyError):
            await database.ping()

    async def test_a_write_in_a_transaction_for_reading_is_a_fault_of_ours(
        self, database: Database, as_of: datetime
    ) -> None:
        with pytest.raises(DBAPIError):
            async with database.snapshot(Role.JOBS, as_of=as_of) as tx:
                await tx.execute(WRITE)


class TestConnecting:
    async def test_when_our_pool_has_nothing_free_says_so(
        self, database_url: str, keyring: Keyring, as_of: datetime
    ) -> None:
        settings = LedgerSettings(
            database_url=database_url, role_prefix=ROLE_PREFIX, database_pool_size=1, database_pool_timeout_seconds=0.1
        )
        database = Database.connect(settings, keyring)
        async with database.system(Role.JOBS, as_of=as_of):
            with pytest.raises(DatabaseBusyError):
                await database.ping()
        await database.ping()
        await database.close()

    async def test_when_the_login_has_no_connection_left_says_so_and_recovers(
        self, cluster: Cluster, database_url: str, owner_connection: asyncpg.Connection, keyring: Keyring
    ) -> None:
        name = await owner_connection.fetchval("SELECT current_database()")
        # One of them is the owner's.
        await owner_connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 2")
        held = await asyncpg.connect(database_url)
        database = Database.connect(LedgerSettings(database_url=database_url, role_prefix=ROLE_PREFIX), keyring)
        with pytest.raises(DatabaseBusyError):
            await database.ping()
        await held.close()
        await owner_connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
        await database.ping()
        await database.close()

    @pytest.mark.parametrize(
        ("wrong", "kind"),
        [
            (("/test_", "/nothing_"), DatabaseRefusedError),
            ((f"{login_name(ROLE_PREFIX)}@", "nobody@"), DatabaseRefusedError),
            (("?host=", "?host=/nowhere"), DatabaseUnavailableError),
        ],
        ids=["unknown database", "unknown login", "no server"],
    )
    async def test_to_what_does_not_take_us_says_why(
        self, database_url: str, keyring: Keyring, wrong: tuple[str, str], kind: type[UnavailableError]
    ) -> None:
        url = database_url.replace(*wrong)
        database = Database.connect(LedgerSettings(database_url=url, role_prefix=ROLE_PREFIX), keyring)
        with pytest.raises(kind) as refused:
            await database.ping()
        assert type(refused.value) is kind
        await database.close()
