"""A client of graphql-transport-ws that says exactly what a test wants said, and a gateway over the sample graph."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import strawberry
from starlette.applications import Starlette
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from gateway.app import create_app
from gateway.settings import Settings
from ledger.feed.follower import Follower
from tests.support.sample_gateway import verify_sample
from tests.support.sample_graph import Mutation, Order, PhoneNumber, Query, Referral, SampleContext
from tests.support.server_thread import ServerThread, listen, port_of
from tests.support.station import FOLLOW
from tests.support.waiting import until

SUBPROTOCOL = "graphql-transport-ws"
READ_SECONDS_MAX = 20.0


class Client:
    """One socket. Each read is bounded, and gives a message or raises what closed the socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.acknowledged: Any = None

    async def send(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, (str, bytes)) else json.dumps(message))

    async def init(self, token: str | None = None) -> None:
        payload = {} if token is None else {"payload": {"Authorization": f"Bearer {token}"}}
        await self.send({"type": "connection_init", **payload})
        self.acknowledged = await self.read()
        assert self.acknowledged["type"] == "connection_ack", self.acknowledged

    async def subscribe(self, identifier: str, query: str = FOLLOW, **more: Any) -> None:
        await self.send({"id": identifier, "type": "subscribe", "payload": {"query": query, **more}})

    async def complete(self, identifier: str) -> None:
        await self.send({"id": identifier, "type": "complete"})

    async def read(self) -> Any:
        """The next message, which must be text."""
        async with asyncio.timeout(READ_SECONDS_MAX):
            text = await self.connection.recv()
        assert isinstance(text, str)
        return json.loads(text)

    async def read_next(self, identifier: str) -> Any:
        """The payload of the next message, which must be a result of that id; pings are answered."""
        while (message := await self.read()) == {"type": "ping"}:
            # A close may have come already, and what was sent before it is still to be read.
            with suppress(ConnectionClosed):
                await self.send({"type": "pong"})
        assert (message.get("id"), message["type"]) == (identifier, "next"), message
        return message["payload"]

    async def read_errors(self, identifier: str) -> list[Any]:
        message = await self.read()
        assert (message.get("id"), message["type"]) == (identifier, "error"), message
        assert message["payload"]
        return message["payload"]

    async def read_close(self) -> tuple[int, str]:
        """The code and reason that the server closed with; messages before it are passed over."""
        async with asyncio.timeout(READ_SECONDS_MAX):
            while True:
                try:
                    await self.connection.recv()
                except ConnectionClosed as closed:
                    close = closed.rcvd
                    break
        assert close is not None, "the connection was lost without a close"
        return close.code, close.reason

    async def run(self, query: str, **more: Any) -> Any:
        """The result of a query or mutation, under an id of its own."""
        await self.subscribe("run", query, **more)
        payload = await self.read_next("run")
        assert await self.read() == {"id": "run", "type": "complete"}
        return payload

    async def is_alive(self) -> bool:
        """Whether the server still answers; results on the way are passed over."""
        await self.send({"type": "ping", "payload": {"alive": True}})
        while (await self.read()) != {"type": "pong", "payload": {"alive": True}}:
            pass
        return True


@asynccontextmanager
async def open_socket(url: str, token: str | None = None, **named: Any) -> AsyncIterator[Client]:
    """A socket that was acknowledged, for a token or for nobody."""
    async with open_bare(url, **named) as client:
        await client.init(token)
        yield client


@asynccontextmanager
async def open_bare(url: str, **named: Any) -> AsyncIterator[Client]:
    """A socket on which nothing was said."""
    options: dict[str, Any] = {"subprotocols": [SUBPROTOCOL], "compression": None, "ping_interval": None} | named
    address = url.replace("http://", "ws://") + "/graphql"
    async with connect(address, open_timeout=READ_SECONDS_MAX, close_timeout=1, **options) as connection:
        yield Client(connection)


RELEASED = threading.Event()
"""Lets go of whatever `hold` holds."""


@strawberry.type
class HoldingMutation(Mutation):
    @strawberry.mutation
    async def hold(self, info: strawberry.Info[SampleContext, None]) -> str | None:
        """Begin, and end when a test says so."""
        info.context.calls.append("hold begun")
        await until(RELEASED.is_set, "the test lets go")
        info.context.calls.append("hold ended")
        return "held"


class SampleGateway:
    """The sample graph behind the real server, in a thread; nothing of a feed runs."""

    def __init__(self, **overrides: Any) -> None:
        defaults = {
            "rate_burst": 100_000,
            "rate_anonymous_burst": 100_000,
            "rate_anonymous_per_second": 100_000,
            "stream_connections_per_client": 1_000,
            "stream_messages_per_second": 10_000,
            "metrics_port": 0,
            "drain_seconds": 5,
            "log_level": "ERROR",
        }
        settings = Settings(**(defaults | overrides))
        self.calls: list[str] = []
        RELEASED.clear()
        self.app: Starlette = create_app(
            settings,
            schema=strawberry.federation.Schema(
                query=Query,
                mutation=HoldingMutation,
                types=[Order, Referral, PhoneNumber],
                federation_version="2.9",
            ),
            verify_token=verify_sample,
            make_context=lambda principal, as_of, request_id: SampleContext(principal, as_of, request_id, self.calls),
            follower=Follower(settings.model_copy(update={"database_url": "postgresql://nowhere.invalid/none"})),
            now=lambda: datetime.now(UTC),
        )
        listener = listen()
        self.port = port_of(listener)
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = ServerThread(self.app, settings, listener)
        self.end = self._thread.end

    async def until(self, *calls: str) -> None:
        """Return when all of these were called."""
        await until(lambda: set(calls) <= set(self.calls), f"{calls} are called")

    @property
    def sockets_open(self) -> float:
        return float(self.app.state.metrics.sockets._value.get())


MakeSample = Callable[..., SampleGateway]
