"""An outage of the real gateway: noticed at the next start, told to the carrier's stream, and never held against it."""

from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from tests.support.journeys import TELKOMSEL_NUMBER, issue_orders
from tests.support.station import Serve
from tests.support.waiting import until

FOLLOW = """subscription ($after: FeedCursor) { blockRequestEvents(after: $after) {
  cursor event { kind dueAt formerDueAt blockOrder { dueAt outageExtensions { outage { cause } } } } } }"""
OUTAGES = "{ outages { nodes { startsAt endsAt cause reason } } }"


def read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestOutage:
    @pytest.mark.timeout(120)
    async def test_is_recorded_at_the_next_start_and_told_to_who_follows(
        self, serve: Serve, owner_connection: asyncpg.Connection
    ) -> None:
        first = await serve(heartbeat_seconds=3600)
        parties = first.parties
        began = datetime.now(UTC)
        [order] = await issue_orders(first.database, parties, began, [TELKOMSEL_NUMBER])
        token = await first.token(parties.telkomsel)
        async with first.follow(token, FOLLOW) as reader:
            cursor = (await reader.read_next()).data["data"]["blockRequestEvents"]["cursor"]
        first.stop()
        # Both the last sign and the order are from before the silence of two hours.
        await owner_connection.execute("UPDATE heartbeats SET beat_at = beat_at - interval '2 hours'")
        await owner_connection.execute("UPDATE block_orders SET issued_at = issued_at - interval '3 hours'")
        second = await serve(heartbeat_seconds=15)
        [row] = await owner_connection.fetch("SELECT starts_at, ends_at, cause FROM outages")
        assert row["cause"] == "DETECTED"
        lost = row["ends_at"] - row["starts_at"]
        assert timedelta(hours=2) <= lost < timedelta(hours=2, minutes=2)
        token = await second.token(parties.telkomsel)
        async with second.follow(token, FOLLOW, variables={"after": cursor}) as reader:
            event = None
            while event is None or event["kind"] != "ORDER_DUE_EXTENDED":
                event = (await reader.read_next()).data["data"]["blockRequestEvents"]["event"]
        assert read_moment(event["formerDueAt"]) == order.due_at
        assert read_moment(event["dueAt"]) == order.due_at + lost
        [given_back] = event["blockOrder"]["outageExtensions"]
        assert given_back["outage"]["cause"] == "DETECTED"
        for viewer in (parties.telkomsel, parties.agency, parties.provider):
            answer = await second.graph(await second.token(viewer), OUTAGES)
            assert [node["cause"] for node in answer["data"]["outages"]["nodes"]] == ["DETECTED"]

    async def test_is_none_while_a_process_is_there(self, serve: Serve, owner_connection: asyncpg.Connection) -> None:
        await serve(heartbeat_seconds=0.05)
        first = await owner_connection.fetchval("SELECT beat_at FROM heartbeats")

        async def has_beaten_again() -> bool:
            return await owner_connection.fetchval("SELECT beat_at FROM heartbeats") > first

        await until(has_beaten_again, "it beats again")
        assert await owner_connection.fetchval("SELECT count(*) FROM outages") == 0

    async def test_that_can_not_be_recorded_keeps_no_process_from_starting(
        self, serve: Serve, owner_connection: asyncpg.Connection
    ) -> None:
        await owner_connection.execute("INSERT INTO heartbeats VALUES (1, now() - interval '2 hours')")
        await owner_connection.execute("ALTER TABLE outages ADD CONSTRAINT broken CHECK (false) NOT VALID")
        station = await serve(heartbeat_seconds=0.05)
        assert await station.token(station.parties.telkomsel)
        await owner_connection.execute("ALTER TABLE outages DROP CONSTRAINT broken")

        async def is_recorded() -> bool:
            return await owner_connection.fetchval("SELECT count(*) FROM outages") == 1

        await until(is_recorded, "a later heartbeat records it")

    async def test_of_a_process_that_says_nothing_is_not_noticed(
        self, serve: Serve, owner_connection: asyncpg.Connection
    ) -> None:
        await serve(heartbeat_seconds=0)
        assert await owner_connection.fetchval("SELECT count(*) FROM heartbeats") == 0
