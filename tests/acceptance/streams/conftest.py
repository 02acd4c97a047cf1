"""The real gateway with its own sequencer and follower on a real database, and members that follow it by HTTP."""

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from starlette.applications import Starlette

from auth.clients.registration import ClientDraft, create_client
from auth.scopes import BY_KIND, OFFICER_ONLY
from gateway.process.server import make_server
from gateway.settings import Settings
from gateway.wiring import create_gateway
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.storage.database import Database
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring
from ledger.viewer import MemberKind, Viewer
from schema.graph import schema
from tests.conftest import ROLE_PREFIX
from tests.integration.ledger.conftest import Parties, country, database_url, parties  # noqa: F401 - fixtures
from tests.support.stream_readers import EventReader

WAIT_SECONDS_MAX = 20.0
FOLLOW = """subscription ($after: FeedCursor) {
  blockRequestEvents(after: $after) { cursor event { position blockOrderId } }
}"""


async def until(condition: Callable[[], object], what: str) -> None:
    """Return when the condition holds; it may be a coroutine function."""
    deadline = time.monotonic() + WAIT_SECONDS_MAX
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, f"waited too long until {what}"
        await asyncio.sleep(0.01)


@dataclass
class Clock:
    """The server's clock, which a test may put forward."""

    ahead: timedelta = timedelta()

    def read(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Station:
    """One serving process' worth of gateway, in a thread with an event loop of its own."""

    database: Database
    parties: Parties
    http: aiohttp.ClientSession
    url: str
    app: Starlette
    stop: Callable[[], None]
    clock: "Clock"
    served: Database
    loops: list[asyncio.AbstractEventLoop]
    clients: dict[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def counts(self) -> Any:
        return self.app.state.streams.counts

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def on_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run something in the server's own event loop."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self.loops[0]))

    async def token(self, viewer: Viewer, *, without: tuple[str, ...] = ()) -> str:
        """A token of a client of the viewer's, made when it is first asked for."""
        scopes = sorted(BY_KIND[MemberKind(viewer.kind.value)] - OFFICER_ONLY - set(without))
        name = f"{viewer.member_id}-{viewer.brand_id}"
        if name not in self.clients:
            draft = ClientDraft(member_id=viewer.member_id, brand_id=viewer.brand_id, name=name, scopes=scopes)
            async with self.database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
                self.clients[name] = tuple(await create_client(tx, draft))
        basic = base64.b64encode(":".join(self.clients[name]).encode()).decode()
        form = {"grant_type": "client_credentials", "scope": " ".join(scopes)}
        async with self.http.post(
            f"{self.url}/oauth/token", data=form, headers={"Authorization": f"Basic {basic}"}
        ) as response:
            assert response.status == 200, await response.text()
            return (await response.json())["access_token"]

    async def write(self, viewer: Viewer, count: int = 1, *, first: int = 0, batch: int = 1_000, **named: Any) -> None:
        """Events of orders that the viewer may get, called order-0 and so on; in transactions of a bounded size."""
        for begin in range(0, count, batch):
            drafts = [
                replace(
                    EventDraft(
                        kind=EventKind.ORDER_ISSUED,
                        subject=Subject.BLOCK_ORDER,
                        subject_id=f"order-{first + number}",
                        state="ISSUED",
                        audience=(viewer.member_id,),
                        brand_id=viewer.brand_id,
                    ),
                    **named,
                )
                for number in range(begin, min(count, begin + batch))
            ]
            async with self.database.transaction(viewer, as_of=datetime.now(UTC)) as tx:
                await append_events(tx, drafts)

    def request(self, token: str | None, query: str = FOLLOW, *, accept: str = "text/event-stream", **sent: Any) -> Any:
        """The context manager of a POST; headers, variables and extensions by name."""
        headers = {"Accept": accept, **sent.pop("headers", {})}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return self.http.post(f"{self.url}/graphql", json={"query": query, **sent}, headers=headers)

    @asynccontextmanager
    async def follow(self, token: str, query: str = FOLLOW, **sent: Any) -> AsyncIterator[EventReader]:
        """Follow by SSE; a cursor goes as last_event_id or in what is sent."""
        last_event_id = sent.pop("last_event_id", None)
        headers = {"Last-Event-ID": last_event_id} if last_event_id else {}
        async with self.request(token, query, headers=headers, **sent) as response:
            assert response.status == 200, await response.text()
            assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
            yield EventReader(response)

    async def graph(self, token: str, query: str, **variables: Any) -> Any:
        async with self.request(token, query, accept="application/json", variables=variables) as response:
            return json.loads(await response.text())


Serve = Callable[..., Awaitable[Station]]


@pytest.fixture
async def serve(database: Database, database_url: str, keyring: Keyring, parties: Parties) -> AsyncIterator[Serve]:  # noqa: F811
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
        served = Database.connect(settings, keyring)
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
