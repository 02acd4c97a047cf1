"""A reader of text/event-stream and one of multipart/mixed, which take nothing for granted that isn't specified."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import aiohttp

READ_SECONDS_MAX = 20.0


@dataclass
class Event:
    """One event: its name, its data as JSON, its id; a comment has the name ":"."""

    name: str
    data: Any = None
    id: str | None = None
    retry: int | None = None


class EventReader:
    """Reads events one by one, as the HTML Living Standard says, from an open response."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0
        self.raw = b""

    async def read(self) -> Event:
        """The next event; comments are counted and passed over."""
        async with asyncio.timeout(READ_SECONDS_MAX):
            while True:
                event = await self._read_block()
                if event is not None:
                    return event

    async def read_messages(self, count: int) -> list[Any]:
        """The results of so many next events."""
        return [(await self.read_next()).data for _ in range(count)]

    async def read_next(self) -> Event:
        event = await self.read()
        assert event.name == "next", event
        return event

    async def read_rest(self) -> list[Event]:
        """All until the response ends."""
        events: list[Event] = []
        while True:
            try:
                events.append(await self.read())
            except EOFError:
                return events

    async def _read_block(self) -> Event | None:
        fields: dict[str, str] = {}
        while True:
            line = await self.response.content.readline()
            if not line:
                raise EOFError
            self.raw += line
            assert line.endswith(b"\n")
            assert b"\r" not in line
            text = line[:-1].decode()
            if not text:
                break
            name, _, value = text.partition(":")
            if not name:
                self.comments += 1
            else:
                fields[name] = value.removeprefix(" ")
        if not fields:
            return None
        data = fields.get("data")
        return Event(
            fields["event"],
            json.loads(data) if data else None,
            fields.get("id"),
            int(fields["retry"]) if "retry" in fields else None,
        )


class PartReader:
    """Reads the parts of multipart/mixed with the boundary that the response names."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self._delimiter = b"\r\n--graphql"
        self._rest = b""
        self._begun = False

    async def read(self) -> Any:
        """The next part's JSON, or EOFError behind the closing delimiter."""
        if not self._begun:
            assert await self._read_to_delimiter() == b""
            self._begun = True
        part = await self._read_to_delimiter()
        if part.startswith(b"--"):
            raise EOFError
        head, _, body = part.partition(b"\r\n\r\n")
        assert b"content-type: application/json" in head.lower()
        return json.loads(body)

    async def _read_to_delimiter(self) -> bytes:
        async with asyncio.timeout(READ_SECONDS_MAX):
            while self._delimiter not in self._rest:
                if self._rest.startswith(b"--\r\n"):
                    return self._rest
                chunk = await self.response.content.readany()
                if not chunk:
                    raise AssertionError(f"the response ended within a part: {self._rest!r}")
                self._rest += chunk
        part, _, self._rest = self._rest.partition(self._delimiter)
        return part
