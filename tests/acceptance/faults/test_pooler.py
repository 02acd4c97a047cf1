"""PgBouncer in transaction mode before the database: everything works by one setting, and nothing is left behind."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from cli.session import Installation
from demo.run import DemoOptions, demo_settings, play_demo
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.failures import DatabaseBusyError
from ledger.storage.pooler import Between, find_between
from ledger.storage.roles import login_name, owner_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate
from tests.support.cluster import ROLE_PREFIX
from tests.support.commands import SECONDS_MAX, run_command
from tests.support.faults.fleet import Fleet, running_fleet
from tests.support.faults.processes import find_leader
from tests.support.operator import render_keys
from tests.support.own_server import OwnServer
from tests.support.pgbouncer import NEEDS_PGBOUNCER, VERSIONS, PgBouncer, connect
from tests.support.server_thread import listen, port_of
from tests.support.waiting import until

pytestmark = NEEDS_PGBOUNCER
CONNECTIONS = 3
"""Of the server. Each of the two processes has up to ten of the pooler, and so have the writers of these tests."""
FOLLOWED = (
    ("regulator", "feed"),
    ("agency", "complaintEvents"),
    ("telkomsel", "blockRequestEvents"),
    ("axis", "blockRequestEvents"),
    ("provider", "fraudSignals"),
)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory, binary: Path) -> AsyncIterator[OwnServer]:
    server = OwnServer(tmp_path_factory.mktemp("pooled"), role_prefix=ROLE_PREFIX)
    server.urls = await asyncio.to_thread(server.start)
    yield server
    await asyncio.to_thread(server.stop)


@pytest.fixture(scope="module")
async def pooler(server: OwnServer, binary: Path) -> AsyncIterator[PgBouncer]:
    """Through which the database was migrated, too."""
    pooler = PgBouncer(binary, server.urls, pool_size=CONNECTIONS)
    await pooler.start()
    await migrate(pooler.owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
    yield pooler
    await pooler.close()


def settings_of(server: OwnServer, pooler: PgBouncer) -> LedgerSettings:
    return LedgerSettings(
        database_url=pooler.application_url,
        database_direct_url=server.urls.application,
        role_prefix=ROLE_PREFIX,
        database_pool_timeout_seconds=1,
    )


@pytest.fixture(scope="module")
async def fleet(
    server: OwnServer, pooler: PgBouncer, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Fleet]:
    async with running_fleet(
        url=pooler.application_url,
        direct_url=server.urls.application,
        owner_url=server.urls.owner,
        keyring=keyring,
        folder=tmp_path_factory.mktemp("logs"),
        count=2,
    ) as fleet:
        for name, root in FOLLOWED:
            fleet.subscribe(name, root)
        yield fleet


@VERSIONS
class TestPgBouncer:
    async def test_carries_the_journeys_of_two_processes_over_three_connections(
        self, fleet: Fleet, server: OwnServer
    ) -> None:
        fleet.begin_writing()
        await fleet.hear_on(10)
        owner = await asyncpg.connect(server.urls.superuser)
        pooled = await owner.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'jembatan'")
        await owner.close()
        assert 1 <= pooled <= CONNECTIONS
        await find_leader(fleet.servings)
        await fleet.check()

    async def test_is_restarted_in_mid_work_and_nothing_that_was_confirmed_is_lost(
        self, fleet: Fleet, pooler: PgBouncer
    ) -> None:
        fleet.begin_writing()
        await fleet.hear_on(3)
        leader = await find_leader(fleet.servings)
        await pooler.stop()
        refused = fleet.journal.refused.total()
        await until(lambda: fleet.journal.refused.total() > refused + 3)
        # What is already in the log still reaches its subscribers, and its sequencer stays: neither uses the pool.
        assert await leader.is_leading()
        assert not await leader.is_ready()
        await pooler.start()
        await fleet.hear_on(5)
        assert await find_leader(fleet.servings) is leader
        await fleet.check()

    async def test_keeps_nothing_of_one_transaction_for_the_next(self, fleet: Fleet, pooler: PgBouncer) -> None:
        await fleet.stop_writing()
        clients = [await connect(pooler.application_url) for _ in range(CONNECTIONS)]
        found = []
        for client in clients:
            # Each keeps its connection of the server, so that the next one gets another.
            await client.execute("BEGIN")
            found.append(
                await client.fetchrow("""
                SELECT (SELECT count(*) FROM pg_prepared_statements WHERE name <> '') AS statements,
                  (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS locks,
                  (SELECT count(*) FROM pg_listening_channels()) AS channels, current_user::text AS role,
                  coalesce(current_setting('jembatan.member_id', true), '') AS member_id,
                  current_setting('statement_timeout') AS statement_timeout
                """)
            )
        servers = {await client.fetchval("SELECT pg_backend_pid()") for client in clients}
        for client in clients:
            await client.close()
        assert len(servers) == CONNECTIONS
        assert {tuple(row.values()) for row in found} == {(0, 0, 0, login_name(ROLE_PREFIX), "", "0")}

    async def test_without_a_free_connection_is_503_in_time(
        self, server: OwnServer, pooler: PgBouncer, fleet: Fleet, keyring: Keyring
    ) -> None:
        await fleet.stop_writing()
        database = Database.connect(settings_of(server, pooler), keyring)
        clients = [await connect(pooler.application_url) for _ in range(CONNECTIONS)]
        for client in clients:
            await client.execute("BEGIN")
        with pytest.raises(DatabaseBusyError):
            await database.ping()
        query = {"query": "{ viewer { memberId } }"}
        headers = {"Authorization": f"Bearer {fleet.bearers['telkomsel'].bearer}"}
        async with fleet.http.post(f"{fleet.servings[0].url}/graphql", json=query, headers=headers) as response:
            told = await response.json()
        assert (response.status, told["errors"][0]["extensions"]["problem"]) == (503, "DATABASE_BUSY")
        assert response.headers["Retry-After"]
        for client in clients:
            await client.close()
        await database.ping()
        await database.close()

    @pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning")
    async def test_carries_the_whole_demo(
        self, server: OwnServer, pooler: PgBouncer, keyring: Keyring, tmp_path: Path
    ) -> None:
        owner = await asyncpg.connect(server.urls.superuser)
        await owner.execute(f"CREATE DATABASE demo OWNER {owner_name(ROLE_PREFIX)}")
        await owner.close()
        keys = {name.removeprefix("JEMBATAN_").lower(): value for name, value in render_keys(keyring).items()}

        def play() -> None:
            with listen() as listener:
                settings = demo_settings(tmp_path, "127.0.0.1", port_of(listener)).model_copy(
                    update={
                        "database_url": pooler.lead_through(server.urls.application, database="demo"),
                        "database_direct_url": server.urls.application.replace("/jembatan?", "/demo?"),
                        "migration_database_url": pooler.lead_through(server.urls.owner, database="demo"),
                        **keys,
                    }
                )
                options = DemoOptions(host="127.0.0.1", port=None, data_dir=tmp_path, is_kept=False, is_ended=True,
                                      is_json=True)  # fmt: skip
                play_demo(options, Installation(settings=settings, keyring=keyring), listener, None)

        await asyncio.to_thread(play)

    async def test_is_found_out_to_share_connections_or_not(
        self, server: OwnServer, pooler: PgBouncer, binary: Path, fleet: Fleet
    ) -> None:
        await fleet.stop_writing()
        settings = settings_of(server, pooler)
        by_session = PgBouncer(binary, server.urls, mode="session", pool_size=1)
        await by_session.start()
        found = [
            await find_between(url, settings)
            for url in (server.urls.application, by_session.application_url, pooler.application_url)
        ]
        await by_session.close()
        assert found == [Between.NOTHING, Between.SESSIONS, Between.TRANSACTIONS]

    @pytest.mark.parametrize(("direct", "code"), [("none", "POOLER_UNDECLARED"), ("pooled", "POOLER_NOT_BYPASSED")])
    async def test_that_is_not_declared_or_not_bypassed_is_refused_at_start(
        self, pooler: PgBouncer, fleet: Fleet, keyring: Keyring, direct: str, code: str
    ) -> None:
        await fleet.stop_writing()
        environment = {
            "JEMBATAN_DATABASE_URL": pooler.application_url,
            "JEMBATAN_ROLE_PREFIX": ROLE_PREFIX,
            "JEMBATAN_METRICS_PORT": "0",
            "JEMBATAN_LOG_LEVEL": "ERROR",
            **render_keys(keyring),
            **({"JEMBATAN_DATABASE_DIRECT_URL": pooler.application_url} if direct == "pooled" else {}),
        }
        status, _, noted = await run_command("serve", "--port", "0", environment=environment, seconds_max=SECONDS_MAX)
        assert (status, noted.split(": ")[1]) == (1, code), noted

    @pytest.mark.parametrize(("direct", "state"), [("own", "ok"), ("none", "failed"), ("pooled", "failed")])
    async def test_is_what_the_doctor_says_it_is(
        self, server: OwnServer, pooler: PgBouncer, fleet: Fleet, keyring: Keyring, direct: str, state: str
    ) -> None:
        await fleet.stop_writing()
        addresses = {"own": server.urls.application, "pooled": pooler.application_url}
        environment = {
            "JEMBATAN_DATABASE_URL": pooler.application_url,
            "JEMBATAN_ROLE_PREFIX": ROLE_PREFIX,
            **render_keys(keyring),
            **({"JEMBATAN_DATABASE_DIRECT_URL": addresses[direct]} if direct in addresses else {}),
        }
        _, told, noted = await run_command("doctor", "--json", environment=environment, seconds_max=SECONDS_MAX)
        assert [found["state"] for found in json.loads(told) if found["check"] == "pooler"] == [state], noted
