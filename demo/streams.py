"""Parties that follow a subscription over WebSocket or event stream, lose it, and resume from their last cursor."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp
import orjson

from cli.follow.socket import SubscriptionSocket, open_subscription, read_end
from demo.parties import Party, expect

_HEAR_SECONDS_MAX = 20


@dataclass(frozen=True, slots=True)
class Heard:
    """One message: its cursor, and its event, which is None where it has only the cursor."""

    cursor: str
    event: Mapping[str, Any] | None


class Stream(Protocol):
    """One connection that carries one subscription."""

    async def read(self) -> Mapping[str, Any]:
        """Return the next result. Errors: StreamEndedError."""
        ...

    def abort(self) -> None:
        """Drop the connection immediately."""
        ...


class EventStream:
    """A subscription over text/event-stream."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        """Take a response that has begun."""
        self._response = response

    async def read(self) -> Mapping[str, Any]:
        """Return the next result. Errors: StreamEndedError if the last result says why it ends; ConnectionError."""
        fields: dict[str, str] = {}
        async for line in self._response.content:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name and name != ":":
                fields[name] = value
            elif not name and fields.get("event") == "next":
                result: dict[str, Any] = orjson.loads(fields["data"])
                if "data" not in result:
                    raise read_end(result["errors"][0])
                expect(result["extensions"]["cursor"] == fields["id"], "an event's id is its cursor")
                return result
        raise ConnectionResetError("the event stream ended")

    def abort(self) -> None:
        """Drop the connection immediately."""
        self._response.close()


class Follower:
    """One party with what it follows. Owned by the task that runs the journey."""

    def __init__(self, party: Party, document: str, *, is_event_stream: bool) -> None:
        """Open nothing yet."""
        self.party = party
        self.cursor: str | None = None
        self._document = document
        self._is_event_stream = is_event_stream
        self._connection = AsyncExitStack()
        self._stream: Stream | None = None

    async def open(self) -> None:
        """Follow from after the last cursor, or from now if there is none. Errors: StreamEndedError."""
        await self.close()
        self._stream = await self._open_events() if self._is_event_stream else await self._open_socket()

    async def hear(self) -> Heard:
        """Return the next message and keep its cursor. Errors: StreamEndedError, TimeoutError."""
        expect(self._stream is not None, "it follows")
        async with asyncio.timeout(_HEAR_SECONDS_MAX):
            result = await self._stream.read()  # type: ignore[union-attr]
        (message,) = result["data"].values()
        expect(message["cursor"] == result["extensions"]["cursor"], "both cursors of a message are the same")
        self.cursor = message["cursor"]
        return Heard(message["cursor"], message["event"])

    async def hear_events(self, count: int) -> list[Mapping[str, Any]]:
        """Return the next count events; every message must have one."""
        heard = [(await self.hear()).event for _ in range(count)]
        expect(all(event is not None for event in heard), "every message has an event")
        return [event for event in heard if event is not None]

    def cut(self) -> None:
        """Drop the connection as when a cable is cut."""
        if self._stream is not None:
            self._stream.abort()

    async def close(self) -> None:
        """Close the connection; it may be called again."""
        self._stream = None
        await self._connection.aclose()

    async def _open_socket(self) -> SubscriptionSocket:
        opening = open_subscription(
            self.party.base_url, token=self.party.token, document=self._document, cursor=self.cursor
        )
        return await self._connection.enter_async_context(opening)

    async def _open_events(self) -> EventStream:
        response = await self.party.open_events(self._document, after=self.cursor)
        self._connection.callback(response.close)
        return EventStream(response)
