"""A subscription over text/event-stream: where it begins, what it tells, how it is resumed, that it lives."""

import json
from datetime import UTC, datetime

import asyncpg
from sqlalchemy import text

from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import new_id
from tests.support.cluster import Cluster
from tests.support.statements import count_statements
from tests.support.station import FOLLOW, Serve, Station, names, orders_of
from tests.support.waiting import until

OUT_OF_CURSOR = "A" * 44


class TestFollowing:
    async def test_tells_the_position_first_and_then_each_event(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            first = await reader.read_next()
            assert first.data["data"]["blockRequestEvents"]["event"] is None
            assert first.retry is not None
            cursor = first.data["data"]["blockRequestEvents"]["cursor"]
            assert first.data["extensions"]["cursor"] == cursor == first.id
            await station.write(station.parties.telkomsel, 2)
            told = [await reader.read_next() for _ in range(2)]
        messages = [event.data["data"]["blockRequestEvents"] for event in told]
        assert [message["event"]["blockOrderId"] for message in messages] == ["order-0", "order-1"]
        assert [event.id for event in told] == [message["cursor"] for message in messages]
        assert [event.data["extensions"]["cursor"] for event in told] == [event.id for event in told]

    async def test_never_tells_what_another_member_or_brand_may_get(self, station: Station) -> None:
        telkomsel, indosat = station.parties.telkomsel, station.parties.indosat
        token = await station.token(telkomsel)
        async with station.follow(token) as reader:
            begin = (await reader.read_next()).id
            await station.write(indosat, 5)
            await station.write(telkomsel, 1, first=9)
            assert orders_of(await reader.read_messages(1)) == ["order-9"]
        async with station.follow(token, last_event_id=begin) as reader:
            assert orders_of(await reader.read_messages(1)) == ["order-9"]

    async def test_shows_that_it_lives_while_nothing_happens(self, serve: Serve) -> None:
        station = await serve(stream_heartbeat_seconds=0.1)
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            await reader.read_next()
            begun = reader.comments

            async def read_comment() -> bool:
                assert await reader.response.content.readline() == b":\n"
                assert await reader.response.content.readline() == b"\n"
                return True

            assert begun == 1
            assert [await read_comment() for _ in range(3)] == [True] * 3

    async def test_lets_go_of_everything_when_the_client_goes_away(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            await reader.read_next()
            hub = station.app.state.streams
            assert (hub.counts.open["event_stream"], hub.counts.channels) == (1, 1)
        await until(lambda: hub.counts.open["event_stream"] == 0, "the subscription is closed")
        await until(lambda: hub.counts.connections["event_stream"] == 0, "the connection is let go of")
        assert hub.counts.channels == 0


class TestResuming:
    async def test_goes_on_after_the_argument_the_extension_or_the_last_event_id(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            begin = (await reader.read_next()).id
            await station.write(station.parties.telkomsel, 3)
            ids = [(await reader.read_next()).id for _ in range(3)]
        literal = FOLLOW.replace(" ($after: FeedCursor)", "").replace("$after", f'"{ids[0]}"')
        for resumed in (
            {"variables": {"after": ids[0]}},
            {"extensions": {"cursor": ids[0]}},
            {"last_event_id": ids[0]},
            {"last_event_id": ids[0], "extensions": {"cursor": ids[2]}, "variables": {"after": begin}},
            {"query": literal},
        ):
            async with station.follow(token, **resumed) as reader:
                again = [await reader.read_next() for _ in range(2)]
            assert [event.id for event in again] == ids[1:], resumed

    async def test_reads_history_from_the_database_and_goes_on_live_without_loss_or_repeat(self, serve: Serve) -> None:
        station = await serve(feed_tail_entries=100, catch_up_batch_max=7, catch_up_per_second=100_000)
        telkomsel = station.parties.telkomsel
        token = await station.token(telkomsel)
        async with station.follow(token) as reader:
            begin = (await reader.read_next()).id
        await station.write(telkomsel, 300, batch=50)
        await until(lambda: station.app.state.follower.head >= 300, "the follower has come so far")
        async with station.follow(token, last_event_id=begin) as reader:
            told = await reader.read_messages(20)
            # While it catches up, more happens: in one piece and one by one.
            await station.write(telkomsel, 120, first=300, batch=30)
            told += await reader.read_messages(150)
            await station.write(telkomsel, 20, first=420, batch=1)
            told += await reader.read_messages(270)
        assert orders_of(told) == names(0, 440)
        assert station.counts.histories > 0

    async def test_refuses_a_cursor_of_another_feed_with_the_oldest_one(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            cursor = (await reader.read_next()).id
        async with station.request(token, variables={"after": cursor[:4] + "AAAA" + cursor[8:]}) as response:
            assert response.status == 400
            assert response.headers["Content-Type"].startswith("application/graphql-response+json")
            (error,) = json.loads(await response.text())["errors"]
        assert error["extensions"]["code"] == "CURSOR_EXPIRED"
        async with station.follow(token, last_event_id=error["extensions"]["oldestCursor"]) as reader:
            await station.write(station.parties.telkomsel, 1)
            assert orders_of(await reader.read_messages(1)) == ["order-0"]

    async def test_refuses_what_is_no_cursor_before_anything_is_streamed(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        for sent in (
            {"variables": {"after": "7"}},
            {"variables": {"after": 7}},
            {"extensions": {"cursor": ["7"]}},
            {"headers": {"Last-Event-ID": "7"}},
            {"variables": {"after": OUT_OF_CURSOR}},
        ):
            async with station.request(token, **sent) as response:
                body = json.loads(await response.text())
            assert response.status == 400, sent
            assert body["errors"][0]["extensions"]["problem"] == "CURSOR_INVALID", sent
        assert station.counts.channels == 0


class TestDatabaseAway:
    async def test_stays_open_and_tells_what_happened_when_the_database_is_back(
        self, station: Station, cluster: Cluster, owner_connection: asyncpg.Connection
    ) -> None:
        telkomsel = station.parties.telkomsel
        token = await station.token(telkomsel)
        needing = FOLLOW.replace("blockOrderId", "blockOrderId blockOrder { orderNo }")
        name = await owner_connection.fetchval("SELECT current_database()")
        superuser = await asyncpg.connect(cluster.urls.superuser)
        async with station.follow(token, needing) as reader:
            await reader.read_next()
            async with station.database.transaction(telkomsel, as_of=datetime.now(UTC)) as tx:
                draft = EventDraft(
                    kind=EventKind.ORDER_ISSUED,
                    subject=Subject.BLOCK_ORDER,
                    subject_id="order-0",
                    audience=(telkomsel.member_id,),
                )
                await append_events(tx, [draft])
                own = (await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one()
                # The process that serves can open no connection any more; it is still told what is committed.
                await superuser.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
                await superuser.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
                    "WHERE datname = $1 AND application_name = 'jembatan' AND pid <> $2",
                    name,
                    own,
                )
            before = station.counts.executions
            await until(lambda: station.counts.executions >= before + 3, "it has tried again")
            assert station.counts.executed == 1
            await superuser.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
            assert orders_of(await reader.read_messages(1)) == ["order-0"]
        await superuser.close()


class TestSharing:
    async def test_executes_and_encodes_an_event_once_for_fifty_subscribers(self, station: Station) -> None:
        telkomsel = station.parties.telkomsel
        token, other = await station.token(telkomsel), await station.token(telkomsel)
        needing = FOLLOW.replace("blockOrderId", "blockOrderId blockOrder { orderNo }")
        managers = [station.follow(token if number % 2 else other, needing) for number in range(50)]
        readers = [await manager.__aenter__() for manager in managers]
        for reader in readers:
            await reader.read_next()
        assert station.counts.channels == 1
        before = station.counts.executed
        statements: list[str] = []
        stop = count_statements(station.served, statements.append)
        for order_id in (new_id(), new_id(), new_id()):
            await station.write(telkomsel, subject_id=order_id)
            for reader in readers:
                assert orders_of(await reader.read_messages(1)) == [order_id]
        stop()
        assert station.counts.executed == before + 3
        assert sum("FROM block_orders" in statement for statement in statements) == 3
        for manager in managers:
            await manager.__aexit__(None, None, None)

    async def test_shares_history_among_those_who_resume_at_one_place(self, station: Station) -> None:
        telkomsel = station.parties.telkomsel
        token = await station.token(telkomsel)
        async with station.follow(token) as reader:
            begin = (await reader.read_next()).id
        await station.write(telkomsel, 10)
        await until(lambda: station.app.state.follower.head >= 10, "the follower has come so far")
        before = station.counts.executed
        # One stays, or the channel and what it keeps would end between two of them.
        async with station.follow(token, variables={"after": begin}) as stays:
            await stays.read_messages(10)
            for _ in range(5):
                async with station.follow(token, variables={"after": begin}) as reader:
                    assert orders_of(await reader.read_messages(10)) == names(0, 10)
        assert station.counts.executed == before + 10

    async def test_shares_nothing_among_different_members_or_scopes(self, station: Station) -> None:
        parties = station.parties
        tokens = [
            await station.token(parties.telkomsel),
            await station.token(parties.telkomsel, without=("numbers:read",)),
            await station.token(parties.indosat),
        ]
        managers = [station.follow(token) for token in tokens]
        readers = [await manager.__aenter__() for manager in managers]
        for reader in readers:
            await reader.read_next()
        assert station.counts.channels == len(tokens)
        for manager in managers:
            await manager.__aexit__(None, None, None)
