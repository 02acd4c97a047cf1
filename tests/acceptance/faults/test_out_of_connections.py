"""A server without a free connection, and one that takes no changes: 503 for whoever got none, and nothing worse."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import asyncpg
import pytest

from gateway.streams.websocket.messages import CloseCode
from ledger.storage.roles import login_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate
from tests.support.cluster import ROLE_PREFIX
from tests.support.commands import SECONDS_MAX, clean_environment, run_command
from tests.support.faults.fleet import SETTINGS, Fleet, running_fleet
from tests.support.faults.processes import Serving, find_leader
from tests.support.operator import render_keys
from tests.support.own_server import OwnServer
from tests.support.waiting import until

CONNECTIONS_MAX = 40
ANSWERED = aiohttp.ClientTimeout(total=30)
FOLLOWED = (("regulator", "feed"), ("telkomsel", "blockRequestEvents"), ("provider", "fraudSignals"))
ASKED = {"query": "{ blockOrders(first: 1) { nodes { id } } }"}
FOLLOW = {"query": "subscription { fraudSignals { cursor } }"}
"""It reads whether its viewer takes part before it begins."""

END_POOLED = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'jembatan'"
NOBODY = {"grant_type": "client_credentials", "client_id": "nobody"}


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OwnServer]:
    server = OwnServer(tmp_path_factory.mktemp("crowded"), role_prefix=ROLE_PREFIX)
    server.urls = await asyncio.to_thread(server.start)
    await migrate(server.urls.owner, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
    superuser = await asyncpg.connect(server.urls.superuser)
    await superuser.execute(f"ALTER SYSTEM SET max_connections = {CONNECTIONS_MAX}")
    await superuser.close()
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.start)
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
    ) as fleet:
        for name, root in FOLLOWED:
            fleet.subscribe(name, root)
        yield fleet


@pytest.fixture
async def fleet(running: Fleet) -> AsyncIterator[Fleet]:
    """That has shown that it works, and must work again afterwards."""
    running.begin_writing()
    await running.hear_on(3)
    await running.stop_writing()
    yield running
    running.begin_writing()
    await running.hear_on(3)
    await running.check()


@dataclass
class Crowd:
    """Whoever else uses the same server, and takes every connection of it that is free."""

    server: OwnServer
    held: list[asyncpg.Connection] = field(default_factory=list)

    async def take_all(self) -> None:
        """Also those of the pools, which get no other; but not those of the feed's sequencer and followers."""
        superuser = await asyncpg.connect(self.server.urls.superuser)
        # It stays, since whoever leaves makes room for somebody.
        self.held.append(superuser)
        while await superuser.fetchval(END_POOLED) + await self._take_free():
            continue

    async def _take_free(self) -> int:
        before = len(self.held)
        with suppress(asyncpg.TooManyConnectionsError):
            while True:
                self.held.append(await asyncpg.connect(self.server.urls.application))
        return len(self.held) - before

    async def leave(self) -> None:
        for connection in self.held:
            await connection.close()
        self.held = []


@pytest.fixture
async def crowd(server: OwnServer, fleet: Fleet) -> AsyncIterator[Crowd]:
    crowd = Crowd(server)
    yield crowd
    await crowd.leave()


@asynccontextmanager
async def read_only(server: OwnServer) -> AsyncIterator[None]:
    """As after a failover to a standby."""
    superuser = await asyncpg.connect(server.urls.superuser)
    try:
        await superuser.execute("SET default_transaction_read_only = off")
        await superuser.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        await superuser.execute("SELECT pg_reload_conf()")
        yield
    finally:
        await superuser.execute("ALTER SYSTEM RESET default_transaction_read_only")
        await superuser.execute("SELECT pg_reload_conf()")
        await superuser.close()


async def ask(fleet: Fleet, method: str, path: str, **sent: object) -> tuple[int, str | None, object]:
    """The status of an answer, its Retry-After, and its body."""
    sent = {"timeout": ANSWERED, **sent}
    async with fleet.http.request(method, f"{fleet.servings[0].url}{path}", **sent) as response:
        is_json = "json" in response.content_type
        body = await response.json() if is_json else await response.text()
        return response.status, response.headers.get("Retry-After"), body


async def ask_everywhere(fleet: Fleet) -> dict[str, tuple[int, str | None, object]]:
    bearer = {"Authorization": f"Bearer {fleet.bearers['telkomsel'].bearer}"}
    stream = {"Authorization": f"Bearer {fleet.bearers['provider'].bearer}", "Accept": "text/event-stream"}
    page = "/oauth/authorize?client_id=nobody&response_type=code&code_challenge=x&code_challenge_method=S256"
    return {
        "operation": await ask(fleet, "POST", "/graphql", json=ASKED, headers=bearer),
        "stream": await ask(fleet, "POST", "/graphql", json=FOLLOW, headers=stream),
        "token": await ask(fleet, "POST", "/oauth/token", data=NOBODY),
        "page": await ask(fleet, "GET", page, headers={"Accept": "text/html"}),
    }


class TestServerOutOfConnections:
    async def test_is_503_with_a_time_to_wait_everywhere_and_ends_no_stream(self, fleet: Fleet, crowd: Crowd) -> None:
        leader = await find_leader(fleet.servings)
        ends = [dict(subscriber.ends) for subscriber in fleet.subscribers]
        await crowd.take_all()
        told = await ask_everywhere(fleet)
        assert {place: (status, bool(wait)) for place, (status, wait, _) in told.items()} == dict.fromkeys(
            told, (503, True)
        )
        for place in ("operation", "stream"):
            assert told[place][2]["errors"][0]["extensions"]["problem"] == "DATABASE_BUSY"  # type: ignore[index]
        assert told["token"][2]["error"] == "temporarily_unavailable"  # type: ignore[index]
        assert "No connection to the database is free." in told["page"][2]  # type: ignore[operator]
        assert (await ask(fleet, "GET", "/healthz"))[0] == 200
        assert await leader.is_leading()
        assert [dict(subscriber.ends) for subscriber in fleet.subscribers] == ends

    async def test_is_told_over_a_websocket(self, fleet: Fleet, crowd: Crowd) -> None:
        await crowd.take_all()
        payload = {"Authorization": f"Bearer {fleet.bearers['provider'].bearer}"}
        socket = await fleet.http.ws_connect(f"{fleet.servings[0].url}/graphql", protocols=("graphql-transport-ws",))
        await socket.send_json({"type": "connection_init", "payload": payload})
        told = await socket.receive(timeout=30)
        if told.type is aiohttp.WSMsgType.TEXT and told.json()["type"] == "connection_ack":
            # The token was looked at a moment ago, when there still was a connection.
            await socket.send_json({"type": "subscribe", "id": "1", "payload": FOLLOW})
            [error] = (await socket.receive_json(timeout=30))["payload"]
            assert error["extensions"]["problem"] == "DATABASE_BUSY"
        else:
            assert (told.type, told.data) == (aiohttp.WSMsgType.CLOSE, CloseCode.TRY_AGAIN)
        await socket.close()

    async def test_makes_a_process_not_ready_and_says_why(self, fleet: Fleet, crowd: Crowd) -> None:
        await crowd.take_all()
        status, _, body = await ask(fleet, "GET", "/readyz")
        assert (status, body["checks"]) == (503, {"database": "failing", "schema": "failing"})  # type: ignore[index]
        assert body["problems"] == {"database": "DATABASE_BUSY", "schema": "DATABASE_BUSY"}  # type: ignore[index]
        await crowd.leave()
        await until(fleet.servings[0].is_ready)

    async def test_is_waited_for_by_a_start_that_then_says_so(
        self, server: OwnServer, fleet: Fleet, crowd: Crowd, keyring: Keyring
    ) -> None:
        environment = clean_environment(
            **SETTINGS,
            **render_keys(keyring),
            JEMBATAN_DATABASE_URL=server.urls.application,
            JEMBATAN_MIGRATION_DATABASE_URL=server.urls.owner,
            JEMBATAN_DATABASE_WAIT_SECONDS="0.6",
            JEMBATAN_METRICS_PORT="0",
        )
        await crowd.take_all()
        for command in (("serve", "--port", "0"), ("serve", "--migrate", "--port", "0"), ("migrate",)):
            status, _, noted = await run_command(*command, environment=environment, seconds_max=SECONDS_MAX)
            assert (status, "Traceback" in noted) == (1, False), noted
            waiting, error, *_ = noted.splitlines()
            assert waiting.startswith("DATABASE_BUSY: "), noted
            assert error.startswith("error: DATABASE_BUSY: "), noted

    async def test_is_waited_for_by_a_start_that_then_serves(
        self, server: OwnServer, fleet: Fleet, crowd: Crowd, keyring: Keyring, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        environment = {**SETTINGS, **render_keys(keyring), "JEMBATAN_DATABASE_URL": server.urls.application}
        late = Serving("late", tmp_path_factory.mktemp("late"), environment, fleet.http)
        await crowd.take_all()
        starting = asyncio.create_task(late.start())
        await until(lambda: starting.done() or (late.is_running and "DATABASE_BUSY" in late.log))
        await crowd.leave()
        await starting
        assert await late.terminate() == 0


class TestServerThatTakesNoChanges:
    async def test_is_503_for_what_would_change_something(self, server: OwnServer, fleet: Fleet) -> None:
        async with read_only(server):
            token = await ask(fleet, "POST", "/oauth/token", data=NOBODY)
            status, _, body = await ask(fleet, "GET", "/readyz")
        assert token[:2] == (503, "1")
        assert (status, body["problems"]["database"]) == (503, "DATABASE_READ_ONLY")  # type: ignore[index]
