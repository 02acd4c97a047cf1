"""A subscriber that keeps its last cursor, comes back after every end, and writes down what it was told."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from ledger.feed.cursors import FeedCursor
from ledger.viewer import Viewer
from tests.support.faults.truth import Truth
from tests.support.faults.wires import Ask, Ended, Result, Resume, Transport, Way, hear
from tests.support.waiting import pause

_SIDES = {
    "blockRequestEvents": "event { position kind subjectId: blockOrderId blockOrder { id orderNo } }",
    "complaintEvents": "event { position kind subjectId: complaintId complaint { id ticketNo } }",
    "fraudSignals": "event { position kind subjectId: signalId signal { id category } }",
    "feed": "event: entry { position kind subjectId text }",
}
_PAGE = """
query($after: FeedCursor) { page: feed(first: 50, after: $after) { edges { cursor node { position kind subjectId } } } }
"""
_BEYOND_REPAIR = {"CURSOR_EXPIRED", "CURSOR_INVALID", "FEED_RESET", "GRAPHQL_VALIDATION_FAILED", "BAD_USER_INPUT"}
WAYS = (
    *(Way(Transport.SSE, resume) for resume in Resume),
    Way(Transport.WEBSOCKET, Resume.ARGUMENT),
    Way(Transport.WEBSOCKET, Resume.EXTENSIONS),
)


FAT = f"event: entry {{ position kind subjectId {' '.join(f't{place}: text' for place in range(25))} }}"
"""A selection of the feed's that fills every buffer on the way before long."""


def document_of(root: str, selection: str = "") -> str:
    """So that every answer looks the same: message { cursor event }."""
    sides = selection or _SIDES[root]
    return f"subscription($after: FeedCursor) {{ message: {root}(after: $after) {{ cursor {sides} }} }}"


@dataclass(frozen=True)
class Party:
    """Who subscribes."""

    name: str
    viewer: Viewer
    bearer: str


@dataclass(eq=False)
class Subscriber:
    """It follows one root field from where it began, over any of the processes, each time in another way."""

    party: Party
    root: str
    http: aiohttp.ClientSession
    choose_url: Callable[[], str]
    ways: tuple[Way, ...] = WAYS
    chance: random.Random = field(default_factory=lambda: random.Random(0))  # noqa: S311 - no secret
    selection: str = ""
    cursor: str | None = None
    start: int | None = None
    position: int = 0
    received: list[tuple[int, str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    ends: "Counter[str]" = field(default_factory=Counter)
    connected: int = 0
    _stream: "asyncio.Task[None] | None" = None
    _may_read: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._may_read.set()
        if self.cursor is not None:
            self.start = self.position = FeedCursor.parse(self.cursor).position

    @property
    def name(self) -> str:
        return f"{self.party.name} {self.root}"

    async def run(self) -> None:
        """Come back for ever."""
        while True:
            self._stream = asyncio.create_task(self.follow(self.chance.choice(self.ways)))
            try:
                await asyncio.wait({self._stream})
            finally:
                await self.drop()
            await pause(0.02)

    def begin(self, way: Way, url: str) -> None:
        """One stream from that process, in that way, while the caller goes on."""
        self._stream = asyncio.create_task(self.follow(way, url=url))

    @property
    def is_following(self) -> bool:
        return self._stream is not None and not self._stream.done()

    async def follow(self, way: Way, *, url: str | None = None) -> None:
        """One stream, until it ends."""
        document = _PAGE if way.transport is Transport.PAGES else document_of(self.root, self.selection)
        ask = Ask(url or self.choose_url(), self.party.bearer, document, self.cursor, way.resume)
        is_first = True
        try:
            async with aclosing(hear(self.http, ask, way.transport)) as results:
                async for result in results:
                    await self._may_read.wait()
                    self.connected += is_first
                    is_first = False
                    if result is not None:
                        self._take(result, way)
        except Ended as end:
            self._note_end(end, way)

    async def drop(self) -> None:
        """Lose the present stream, as when a cable is cut."""
        if self._stream is not None:
            self._stream.cancel()
            with suppress(asyncio.CancelledError):
                await self._stream

    def pause(self) -> None:
        """Read nothing, and leave the connection open."""
        self._may_read.clear()

    def go_on(self) -> None:
        self._may_read.set()

    def has_all(self, truth: Truth) -> bool:
        if self.start is None:
            return False
        expected = truth.list_told(self.party.viewer, self.root, after=self.start)
        return not expected or self.position >= expected[-1][0]

    def check_faults(self) -> None:
        """It saw nothing that must never be."""
        assert not self.faults, (self.name, self.faults[:3])

    def check(self, truth: Truth) -> None:
        """It was told exactly what is its own since it began, in order and once."""
        assert self.start is not None, (self.name, self.ends)
        self.check_faults()
        expected = truth.list_told(self.party.viewer, self.root, after=self.start)
        # What a client had asked for and didn't wait for may have been written since.
        received = [told for told in self.received if told[0] <= truth.size]
        missing, surplus = sorted(set(expected) - set(received)), sorted(set(received) - set(expected))
        assert not missing, (self.name, missing[:3], len(missing), self.position, self.ends)
        assert not surplus, (self.name, surplus[:3], len(surplus), self.ends)
        assert len(received) == len(expected), (self.name, len(received), len(expected))

    def _take(self, result: Result, way: Way) -> None:
        body = result.body
        if body.get("errors") and (body["errors"][0].get("extensions") or {}).get("cursor"):
            raise Ended("ended", body["errors"][0]["extensions"])
        if body.get("errors"):
            self._blame(f"{way}: {body['errors'][0]}")
            raise Ended("failed", body["errors"][0].get("extensions"))
        message = body["data"]["message"]
        cursors = {message["cursor"], body["extensions"]["cursor"]}
        if way.transport is Transport.SSE:
            cursors.add(result.event_id)
        if len(cursors) != 1:
            self._blame(f"{way}: cursors differ: {cursors}")
        self._move(message, way)

    def _move(self, message: Mapping[str, Any], way: Way) -> None:
        place, event = FeedCursor.parse(message["cursor"]).position, message["event"]
        if self.start is None:
            if event is not None:
                self._blame(f"{way}: the first message tells {event}, not the place")
            self.start = self.position = place
        elif event is None and place < self.position:
            self._blame(f"{way}: from {self.position} back to {place}")
        elif event is not None and place <= self.position:
            self._blame(f"{way}: {place} after {self.position}")
        if event is not None:
            if int(event["position"]) != place:
                self._blame(f"{way}: {event} at {place}")
            self.received.append((int(event["position"]), event["kind"], event["subjectId"]))
        self.cursor, self.position = message["cursor"], place

    def _note_end(self, end: Ended, way: Way) -> None:
        said = end.extensions
        problem = said.get("problem") or said.get("code")
        self.ends[str(problem or end)] += 1
        if {said.get("problem"), said.get("code")} & _BEYOND_REPAIR:
            self._blame(f"{way}: {said}")
        if (cursor := said.get("cursor")) is None:
            return
        place = FeedCursor.parse(cursor).position
        if self.start is None:
            self.start = place
        if place < self.position:
            self._blame(f"{way}: ended at {place}, but was at {self.position}")
        # The cursor of an end is as good as the last one: whoever goes on from it misses nothing.
        self.cursor, self.position = cursor, place

    def _blame(self, fault: str) -> None:
        self.faults.append(fault)
