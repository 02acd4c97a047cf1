"""How a subscriber hears: Server-Sent Events, graphql-transport-ws, and pages of the feed; each as a client does it.

A wire yields results as they come and None for a sign of life. It ends with Ended, whatever ended it.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import aiohttp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from tests.support.waiting import pause

SUBPROTOCOL = "graphql-transport-ws"
SILENCE_SECONDS_MAX = 3.0
"""Six heartbeats: who hears nothing for so long takes the server for dead."""
_ENDS = (aiohttp.ClientError, WebSocketException, OSError, EOFError)


class Transport(StrEnum):
    SSE = "SSE"
    WEBSOCKET = "WEBSOCKET"
    PAGES = "PAGES"


class Resume(StrEnum):
    """Where the cursor stands in the request."""

    ARGUMENT = "ARGUMENT"
    EXTENSIONS = "EXTENSIONS"
    LAST_EVENT_ID = "LAST_EVENT_ID"


@dataclass(frozen=True)
class Way:
    transport: Transport
    resume: Resume

    def __str__(self) -> str:
        return f"{self.transport}, {self.resume}"


class Ended(Exception):  # noqa: N818 - the end of a stream, which may be none of its fault
    """A stream ended; extensions are those of the error that it ended with, if there was one."""

    def __init__(self, why: str, extensions: Mapping[str, Any] | None = None) -> None:
        super().__init__(why)
        self.extensions = extensions or {}


@dataclass(frozen=True)
class Result:
    """One result as it came; event_id is that of SSE."""

    body: Mapping[str, Any]
    event_id: str | None = None


@dataclass(frozen=True)
class Ask:
    """What a subscriber asks, and where it goes on."""

    url: str
    bearer: str
    document: str
    cursor: str | None
    resume: Resume

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = {"query": self.document, "variables": {}}
        if self.cursor is not None and self.resume is Resume.ARGUMENT:
            body["variables"] = {"after": self.cursor}
        if self.cursor is not None and self.resume is Resume.EXTENSIONS:
            body["extensions"] = {"cursor": self.cursor}
        return body


async def hear(http: aiohttp.ClientSession, ask: Ask, transport: Transport) -> AsyncIterator[Result | None]:
    """Errors: Ended, always at last."""
    wires = {Transport.SSE: _hear_sse, Transport.PAGES: _hear_pages}
    try:
        if transport is Transport.WEBSOCKET:
            async for result in _hear_websocket(ask):
                yield result
        else:
            async for result in wires[transport](http, ask):
                yield result
    except TimeoutError:
        raise Ended("silence") from None
    except _ENDS as error:
        raise Ended(type(error).__name__) from error
    raise Ended("closed")


async def _hear_sse(http: aiohttp.ClientSession, ask: Ask) -> AsyncIterator[Result | None]:
    headers = {"Authorization": f"Bearer {ask.bearer}", "Accept": "text/event-stream"}
    if ask.cursor is not None and ask.resume is Resume.LAST_EVENT_ID:
        headers["Last-Event-ID"] = ask.cursor
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=2, sock_read=SILENCE_SECONDS_MAX)
    async with http.post(f"{ask.url}/graphql", json=ask.body, headers=headers, timeout=timeout) as response:
        if response.status != 200:
            raise _refused(await response.read())
        fields: dict[str, str] = {}
        async for line in response.content:
            text = line.decode().rstrip("\n")
            assert not text.endswith("\r")
            if text.startswith(":"):
                yield None
            elif text:
                name, _, value = text.partition(":")
                fields[name] = value.removeprefix(" ")
            elif fields:
                if fields.get("event") == "complete":
                    raise Ended("complete")
                if fields.get("event") == "next":
                    yield Result(json.loads(fields["data"]), fields.get("id"))
                fields = {}


async def _hear_websocket(ask: Ask) -> AsyncIterator[Result | None]:
    url = ask.url.replace("http:", "ws:") + "/graphql"
    connection = await connect(
        url, subprotocols=[SUBPROTOCOL], compression=None, open_timeout=2, ping_interval=None, max_size=2**24
    )  # type: ignore[arg-type]
    try:
        await _send(connection, type="connection_init", payload={"Authorization": f"Bearer {ask.bearer}"})
        await _expect(connection, "connection_ack")
        await _send(connection, id="only", type="subscribe", payload=ask.body)
        while True:
            message = await _receive(connection)
            match message["type"]:
                case "next":
                    yield Result(message["payload"])
                case "ping":
                    # A close may have come already, and what was sent before it is still to be read.
                    with suppress(ConnectionClosed):
                        await _send(connection, type="pong")
                    yield None
                case "error":
                    raise Ended("error", message["payload"][0].get("extensions"))
                case "complete":
                    raise Ended("complete")
    finally:
        # No closing handshake: a client that is lost sends none, and who is asked for one may be frozen.
        connection.transport.abort()
        with suppress(WebSocketException):
            await connection.wait_closed()


async def _hear_pages(http: aiohttp.ClientSession, ask: Ask) -> AsyncIterator[Result | None]:
    """The feed by pages, each after the last one's end: what a client does that holds no stream open."""
    headers = {"Authorization": f"Bearer {ask.bearer}"}
    cursor = ask.cursor
    timeout = aiohttp.ClientTimeout(total=SILENCE_SECONDS_MAX)
    while True:
        body = {"query": ask.document, "variables": {"after": cursor}}
        async with http.post(f"{ask.url}/graphql", json=body, headers=headers, timeout=timeout) as response:
            if response.status != 200:
                raise _refused(await response.read())
            answer = await response.json()
        if answer.get("errors"):
            raise Ended("refused", answer["errors"][0].get("extensions"))
        for edge in answer["data"]["page"]["edges"]:
            cursor = edge["cursor"]
            message = {"cursor": cursor, "event": edge["node"]}
            yield Result({"data": {"message": message}, "extensions": {"cursor": cursor}})
        yield None
        await pause(0.05)


def _refused(body: bytes) -> Ended:
    try:
        return Ended("refused", json.loads(body)["errors"][0]["extensions"])
    except (ValueError, KeyError, IndexError, TypeError):
        return Ended(f"refused: {body[:200]!r}")


async def _expect(connection: ClientConnection, kind: str) -> None:
    while (message := await _receive(connection))["type"] != kind:
        assert message["type"] == "ping", message


async def _receive(connection: ClientConnection) -> dict[str, Any]:
    async with asyncio.timeout(SILENCE_SECONDS_MAX):
        message: dict[str, Any] = json.loads(await connection.recv(decode=True))
        return message


async def _send(connection: ClientConnection, **message: Any) -> None:
    await connection.send(json.dumps(message))
