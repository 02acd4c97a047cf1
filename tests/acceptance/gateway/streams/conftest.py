"""The real gateway with its own sequencer and follower on a real database, and members that follow it by HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from gateway.settings import Settings
from gateway.wiring import create_gateway
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from schema.graph import schema
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import Parties
from tests.support.server_thread import ServerThread, listen, port_of
from tests.support.station import Clock, Serve, Station
from tests.support.waiting import until


@pytest.fixture
async def serve(database: Database, database_url: str, keyring: Keyring, parties: Parties) -> AsyncIterator[Serve]:
    """Starts a station over the test's database; settings by keyword."""
    started: list[ServerThread] = []
    sessions: list[aiohttp.ClientSession] = []

    async def start(**overrides: Any) -> Station:
        listener = listen()
        port = port_of(listener)
        defaults = {
            "database_url": database_url,
            "role_prefix": ROLE_PREFIX,
            "port": port,
            "metrics_port": 0,
            "log_level": "ERROR",
            "job_seconds": 0,
            "heartbeat_seconds": 0,
            "rate_burst": 100_000,
            "drain_seconds": 3,
            "token_requests_per_client": 10_000,
            "token_requests_per_address": 10_000,
        }
        settings = Settings(**(defaults | overrides))
        clock = Clock()
        served = Database.connect(settings, keyring)
        app = create_gateway(settings, database=served, schema=schema, now=clock.read)
        loops: list[asyncio.AbstractEventLoop] = []

        async def noting(scope: Any, receive: Any, send: Any) -> None:
            if not loops:
                loops.append(asyncio.get_running_loop())
            await app(scope, receive, send)

        noting.state = app.state  # type: ignore[attr-defined]
        thread = ServerThread(noting, settings, listener)
        started.append(thread)
        session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True))
        sessions.append(session)
        await until(lambda: thread.server.started, "the server has started")
        url = f"http://127.0.0.1:{port}"
        return Station(
            database, parties, session, url, app, thread.stop, thread.count_connections, clock, served, loops
        )

    yield start
    for session in sessions:
        await session.close()
    for thread in started:
        await asyncio.to_thread(thread.end)


@pytest.fixture
async def station(serve: Serve) -> Station:
    return await serve()
