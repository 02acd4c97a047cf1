"""A rolling upgrade: an event of a kind that this version doesn't know reaches every reader of it, and stops none.

A process of the later version is played by the tables' owner, who writes an event as that would.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from ledger.viewer import Viewer
from tests.support.faults.wires import Ask, Resume, Transport, hear
from tests.support.station import Serve, Station
from tests.support.stream_readers import PartReader
from tests.support.waiting import until

FEED = "position kind subject subjectId state text"
FOLLOW_FEED = f"subscription ($after: FeedCursor) {{ message: feed(after: $after) {{ cursor entry {{ {FEED} }} }} }}"
FOLLOW_ORDERS = """subscription ($after: FeedCursor) {
  message: blockRequestEvents(after: $after) { cursor entry: event { position kind subjectId: blockOrderId } } }"""
APOLLO = 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0",application/json'
LATER = ("ORDER_TELEPORTED", "BLOCK_ORDER"), ("MOON_PHASE_CHANGED", "MOON")


async def write_later(owner: asyncpg.Connection, viewer: Viewer, kind: str, subject: str) -> None:
    await owner.execute(
        "INSERT INTO events (kind, subject, subject_id, state, audience, payload, recorded_at) "
        "VALUES ($1, $2, 'later', 'GONE', ARRAY[$3::uuid], '{}', $4)",
        kind,
        subject,
        viewer.member_id,
        datetime.now(UTC),
    )


async def settle(station: Station, owner: asyncpg.Connection) -> None:
    """Wait until every event has its position, and the process has read it."""

    async def is_settled() -> bool:
        size = await owner.fetchval(
            "SELECT CASE WHEN NOT EXISTS (SELECT 1 FROM feed_pending) THEN size END FROM feed_head"
        )
        return size is not None and station.app.state.follower.status.head == size

    await until(is_settled, "the process has read every event")


async def listen(station: Station, token: str, document: str, transport: str) -> AsyncIterator[Any]:
    """Messages as each transport brings them, the first of which reports only a place."""
    if transport == "MULTIPART":
        async with station.request(token, document, accept=APOLLO) as response:
            reader = PartReader(response)
            while True:
                part = await reader.read()
                if part:
                    yield part["payload"]["data"]["message"]
    ask = Ask(station.url, token, document, None, Resume.ARGUMENT)
    async with aclosing(hear(station.http, ask, Transport(transport))) as results:
        async for result in results:
            if result is not None:
                yield result.body["data"]["message"]


async def take(messages: AsyncIterator[Any], count: int) -> list[Any]:
    async with asyncio.timeout(20):
        return [await anext(messages) for _ in range(count)]


@pytest.mark.parametrize("transport", ["SSE", "WEBSOCKET", "MULTIPART"])
class TestLiveSubscription:
    async def test_to_the_feed_is_told_it_as_other_with_its_own_text(
        self, station: Station, owner_connection: asyncpg.Connection, transport: str
    ) -> None:
        viewer = station.parties.telkomsel
        await settle(station, owner_connection)
        async with aclosing(listen(station, await station.token(viewer), FOLLOW_FEED, transport)) as messages:
            [first] = await take(messages, 1)
            assert first["entry"] is None
            await station.write(viewer, 1)
            for kind, subject in LATER:
                await write_later(owner_connection, viewer, kind, subject)
            await station.write(viewer, 1, first=1)
            told = [message["entry"] for message in await take(messages, 4)]
        assert [(entry["kind"], entry["subject"]) for entry in told] == [
            ("ORDER_ISSUED", "BLOCK_ORDER"),
            ("OTHER", "BLOCK_ORDER"),
            ("OTHER", "OTHER"),
            ("ORDER_ISSUED", "BLOCK_ORDER"),
        ]
        positions = [int(entry["position"]) for entry in told]
        assert positions == list(range(positions[0], positions[0] + 4))
        named = [json.loads(entry["text"]) for entry in told[1:3]]
        assert [(text["kind"], text["subject"]) for text in named] == list(LATER)

    async def test_to_orders_passes_it_over_and_goes_on(
        self, station: Station, owner_connection: asyncpg.Connection, transport: str
    ) -> None:
        viewer = station.parties.telkomsel
        token = await station.token(viewer)
        await settle(station, owner_connection)
        async with aclosing(listen(station, token, FOLLOW_ORDERS, transport)) as messages:
            await take(messages, 1)
            for kind, subject in LATER:
                await write_later(owner_connection, viewer, kind, subject)
            await station.write(viewer, 1)
            [message] = await take(messages, 1)
        assert message["entry"]["subjectId"] == "order-0"
        # The cursor lies beyond what was passed over: nothing comes twice, and nothing is missing after it.
        await station.write(viewer, 1, first=1)
        async with station.follow(token, FOLLOW_ORDERS, variables={"after": message["cursor"]}) as reader:
            assert (await reader.read_next()).data["data"]["message"]["entry"]["subjectId"] == "order-1"


class TestHistory:
    @pytest.mark.parametrize("tail", [10_000, 16])
    async def test_is_caught_up_with_from_memory_and_from_the_database(
        self, serve: Serve, owner_connection: asyncpg.Connection, tail: int
    ) -> None:
        station = await serve(feed_tail_entries=tail)
        viewer = station.parties.telkomsel
        token = await station.token(viewer)
        await settle(station, owner_connection)
        async with station.follow(token, FOLLOW_FEED) as reader:
            cursor = (await reader.read_next()).data["data"]["message"]["cursor"]
        for kind, subject in LATER:
            await write_later(owner_connection, viewer, kind, subject)
        await station.write(viewer, 40)
        async with station.follow(token, FOLLOW_FEED, variables={"after": cursor}) as reader:
            told = [(await reader.read_next()).data["data"]["message"]["entry"]["kind"] for _ in range(42)]
        assert told == ["OTHER", "OTHER", *["ORDER_ISSUED"] * 40]

    async def test_is_read_in_pages(self, station: Station, owner_connection: asyncpg.Connection) -> None:
        viewer = station.parties.telkomsel
        for kind, subject in LATER:
            await write_later(owner_connection, viewer, kind, subject)
        await settle(station, owner_connection)
        token = await station.token(viewer)
        page = (await station.graph(token, f"{{ feed(first: 500) {{ nodes {{ {FEED} }} }} }}"))["data"]["feed"]
        assert [(node["kind"], node["subject"]) for node in page["nodes"]][-2:] == [
            ("OTHER", "BLOCK_ORDER"),
            ("OTHER", "OTHER"),
        ]


class TestCounting:
    async def test_tells_each_once_and_each_kind_by_its_name_once(
        self, station: Station, owner_connection: asyncpg.Connection, caplog: pytest.LogCaptureFixture
    ) -> None:
        viewer = station.parties.telkomsel
        token = await station.token(viewer)
        await settle(station, owner_connection)
        async with station.follow(token, FOLLOW_FEED) as reader, station.follow(token, FOLLOW_FEED) as other:
            for each in (reader, other):
                await each.read_next()
            for kind, subject in (*LATER, LATER[0]):
                await write_later(owner_connection, viewer, kind, subject)
            for each in (reader, other):
                await each.read_messages(3)
        assert station.app.state.follower.status.unknown == 3
        told = [record for record in caplog.records if record.msg == "feed_kind_unknown"]
        assert [(record.kind, record.subject) for record in told] == list(LATER)  # type: ignore[attr-defined]
