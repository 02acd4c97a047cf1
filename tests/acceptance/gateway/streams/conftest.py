"""The real gateway with its own sequencer and follower on a real database, and members that follow it by HTTP."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest

from gateway.process.server import make_server
from gateway.settings import Settings
from gateway.wiring import connect_database, create_gateway
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from schema.graph import schema
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import Parties
from tests.support.station import Clock, Serve, Station
from tests.support.waiting import until


@pytest.fixture
async def serve(database: Database, database_url: str, keyring: Keyring, parties: Parties) -> AsyncIterator[Serve]:
    """Starts a station over the test's database; settings by keyword."""
    stops: list[Callable[[], None]] = []
    sessions: list[aiohttp.ClientSession] = []

    async def start(**overrides: Any) -> Station:
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        defaults = {
            "database_url": database_url,
            "role_prefix": ROLE_PREFIX,
            "port": port,
            "metrics_port": 0,
            "log_level": "ERROR",
            "job_seconds": 0,
            "rate_burst": 100_000,
            "drain_seconds": 3,
            "token_requests_per_client": 10_000,
            "token_requests_per_address": 10_000,
        }
        settings = Settings(**(defaults | overrides))
        clock = Clock()
        served = connect_database(settings, url=database_url, keyring=keyring)
        app = create_gateway(settings, database=served, schema=schema, now=clock.read)
        loops: list[asyncio.AbstractEventLoop] = []

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            if not loops:
                loops.append(asyncio.get_running_loop())
            await app(scope, receive, send)

        noting.state = app.state  # type: ignore[attr-defined]
        server = make_server(noting, settings)  # type: ignore[arg-type]
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()

        def stop() -> None:
            server.should_exit = True

        def end() -> None:
            stop()
            thread.join(timeout=15)
            assert not thread.is_alive(), "the server did not stop"

        stops.append(end)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        sessions.append(session)
        await until(lambda: server.started, "the server has started")
        return Station(database, parties, session, f"http://127.0.0.1:{port}", app, stop, clock, served, loops)

    yield start
    for session in sessions:
        await session.close()
    for end in stops:
        await asyncio.to_thread(end)


@pytest.fixture
async def station(serve: Serve) -> Station:
    return await serve()
