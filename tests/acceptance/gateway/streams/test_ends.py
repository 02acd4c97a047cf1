"""What ends a stream that its client did not end: each with a code and the last cursor, and nothing is lost by it."""

import asyncio
import base64
import json
import socket
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest

from auth.clients.registration import disable_client
from ledger.storage.roles import Role
from tests.support.signal_journeys import complain, leave, take_part
from tests.support.station import Serve, Station, names, orders_of
from tests.support.stream_readers import EventReader
from tests.support.waiting import until

LARGE = (
    "subscription ($after: FeedCursor) { blockRequestEvents(after: $after) { event { blockOrderId } "
    + " ".join(f"c{number}: cursor" for number in range(100))
    + " } }"
)

SIGNALS = "subscription { fraudSignals { cursor event { kind } } }"
FEED = "subscription { feed { cursor entry { kind } } }"


async def read_end(reader: EventReader) -> tuple[str, str]:
    """The problem and the cursor of the last words, behind which the stream completes and the response ends."""
    last, complete = await reader.read_rest()
    assert complete.name == "complete"
    (error,) = last.data["errors"]
    extensions = error["extensions"]
    assert extensions["cursor"] == last.id == last.data["extensions"]["cursor"]
    return extensions["problem"], extensions["cursor"]


class TestTokens:
    async def test_ends_when_the_token_expires(self, serve: Serve) -> None:
        station = await serve(revocation_check_seconds=0.1)
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            await reader.read_next()
            await station.write(station.parties.telkomsel, 1)
            cursor = (await reader.read_next()).id
            station.clock.ahead = timedelta(hours=1)
            assert await read_end(reader) == ("TOKEN_EXPIRED", cursor)
        fresh = await station.token(station.parties.telkomsel)
        await station.write(station.parties.telkomsel, 1, first=1)
        async with station.follow(fresh, last_event_id=cursor) as reader:
            assert orders_of(await reader.read_messages(1)) == ["order-1"]

    async def test_ends_when_the_token_is_revoked(self, serve: Serve) -> None:
        station = await serve(revocation_check_seconds=0.1)
        viewer = station.parties.telkomsel
        token, other = await station.token(viewer), await station.token(viewer)
        async with station.follow(token) as reader, station.follow(other) as staying:
            cursor = (await reader.read_next()).id
            await staying.read_next()
            (secrets,) = station.clients.values()
            basic = base64.b64encode(":".join(secrets).encode()).decode()
            headers = {"Authorization": f"Basic {basic}"}
            async with station.http.post(f"{station.url}/oauth/revoke", data={"token": token}, headers=headers) as done:
                assert done.status == 200
            assert await read_end(reader) == ("TOKEN_REVOKED", cursor)
            await station.write(viewer, 1)
            assert orders_of(await staying.read_messages(1)) == ["order-0"]

    async def test_ends_when_the_client_is_removed(self, serve: Serve) -> None:
        station = await serve(revocation_check_seconds=0.1, standing_check_seconds=0.1)
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            cursor = (await reader.read_next()).id
            (secrets,) = station.clients.values()
            async with station.database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
                await disable_client(tx, secrets[0])
            assert await read_end(reader) == ("TOKEN_REVOKED", cursor)

    async def test_refuses_a_subscription_whole_where_a_scope_is_missing(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel, without=("orders:read",))
        async with station.request(token) as response:
            body = json.loads(await response.text())
            assert (response.status, "data" in body) == (403, False)
        assert body["errors"][0]["extensions"]["missingScopes"] == ["orders:read"]
        async with station.request(None) as response:
            assert response.status == 401


class TestParticipations:
    async def test_ends_the_signals_of_who_leaves_and_nothing_else(self, station: Station) -> None:
        parties, now = station.parties, datetime.now(UTC)
        participation = await take_part(station.database, parties, now)
        token, regulator = await station.token(parties.provider), await station.token(parties.regulator)
        async with (
            station.follow(token, SIGNALS) as reader,
            station.follow(token, FEED) as feed,
            station.follow(regulator, SIGNALS) as watching,
        ):
            begin = (await reader.read_next()).id
            await feed.read_next()
            await watching.read_next()
            await leave(station.database, parties, now, participation)
            problem, cursor = await read_end(reader)
            assert problem == "PARTICIPATION_ENDED"
            told = (await feed.read_next()).data["data"]["feed"]
            while told["entry"]["kind"] != "PARTICIPATION_ENDED":
                told = (await feed.read_next()).data["data"]["feed"]
            assert told["cursor"] == cursor
            await complain(station.database, parties, now, "+6281200000001", "Sari")
            await watching.read_next()
        for after in (begin, cursor):
            async with station.request(token, SIGNALS, headers={"Last-Event-ID": after}) as response:
                (error,) = json.loads(await response.text())["errors"]
            assert error["extensions"]["problem"] == "PARTICIPATION_MISSING"


class TestShutdown:
    async def test_tells_every_stream_its_last_cursor_and_takes_no_new_one(self, serve: Serve) -> None:
        station = await serve()
        token = await station.token(station.parties.telkomsel)
        async with AsyncExitStack() as stack:
            readers = [await stack.enter_async_context(station.follow(token)) for _ in range(5)]
            cursors = [(await reader.read_next()).id for reader in readers]
            station.stop()
            assert [await read_end(reader) for reader in readers] == [("SERVER_SHUTDOWN", each) for each in cursors]

    async def test_refuses_new_streams_while_it_drains(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        await station.on_loop(station.app.state.streams.drain())
        async with station.request(token) as response:
            body = json.loads(await response.text())
            assert response.status == 503
            assert "Retry-After" in response.headers
        assert body["errors"][0]["extensions"]["problem"] == "SERVER_SHUTDOWN"


class TestFeedReset:
    async def test_ends_when_the_database_is_no_longer_the_same(self, station: Station, owner_connection) -> None:
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            cursor = (await reader.read_next()).id
            await owner_connection.execute("UPDATE feed_head SET feed_id = gen_random_uuid()")
            assert await read_end(reader) == ("FEED_RESET", cursor)

        async def is_expired() -> bool:
            async with station.request(token, headers={"Last-Event-ID": cursor}) as response:
                errors = json.loads(await response.text())["errors"]
            return errors[0]["extensions"]["problem"] == "CURSOR_EXPIRED"

        await until(is_expired, "the old cursor is refused")


class TestLimits:
    async def test_refuses_more_connections_of_one_client(self, serve: Serve) -> None:
        station = await serve(stream_connections_per_client=2)
        token, other = await station.token(station.parties.telkomsel), await station.token(station.parties.indosat)
        async with station.follow(token) as first, station.follow(token):
            await first.read_next()
            async with station.request(token) as response:
                body = json.loads(await response.text())
                assert (response.status, "Retry-After" in response.headers) == (429, True)
            assert body["errors"][0]["extensions"]["problem"] == "TOO_MANY_STREAMS"
            async with station.follow(other) as reader:
                await reader.read_next()
        await until(lambda: station.counts.connections["event_stream"] == 0, "they are closed")
        async with station.follow(token) as reader:
            await reader.read_next()

    async def test_refuses_more_subscriptions_than_the_process_may_serve(self, serve: Serve) -> None:
        station = await serve(streams_max=1)
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            await reader.read_next()
            async with station.request(await station.token(station.parties.indosat)) as response:
                assert response.status == 429

    async def test_catches_up_no_faster_than_it_may(self, serve: Serve) -> None:
        station = await serve(catch_up_per_second=100, catch_up_batch_max=10, feed_tail_entries=100)
        token = await station.token(station.parties.telkomsel)
        async with station.follow(token) as reader:
            begin = (await reader.read_next()).id
        await station.write(station.parties.telkomsel, 60)
        await until(lambda: station.app.state.follower.head >= 60, "the follower has come so far")
        began = asyncio.get_running_loop().time()
        async with station.follow(token, last_event_id=begin) as reader:
            assert orders_of(await reader.read_messages(60)) == names(0, 60)
        # Five pauses of a tenth of a second lie between six parts: a lower bound holds on any machine.
        assert asyncio.get_running_loop().time() - began >= 0.4


class TestSlowReaders:
    @pytest.mark.timeout(100)
    async def test_pauses_a_slow_reader_then_ends_it_and_it_resumes_with_nothing_lost(self, serve: Serve) -> None:
        count = 1_200
        station = await serve(
            stream_buffer_bytes_max=16_384,
            stream_stall_seconds=0.5,
            stream_heartbeat_seconds=0.2,
            document_aliases_max=200,
        )
        telkomsel = station.parties.telkomsel
        token = await station.token(telkomsel)
        stalled = await open_and_stall(station, token)
        async with station.follow(token) as quick:
            begin = (await quick.read_next()).id
            await station.write(telkomsel, count, batch=500)
            # Who reads is kept up with, whoever else does not.
            assert orders_of(await quick.read_messages(count)) == names(0, count)
            await until(lambda: station.counts.ends["SLOW_READER"] == 1, "the slow reader is ended")
        taken = await asyncio.to_thread(read_all, stalled)
        cursors = [line.removeprefix("id: ") for line in taken.split("\n") if line.startswith("id: ")]
        # The last block may be cut; a client forgets what it was not told whole.
        whole = taken[: taken.rfind("\n\n")].count("data: ")
        assert 1 < whole < count
        assert cursors[0] == begin
        async with station.follow(token, last_event_id=cursors[whole - 1]) as reader:
            told = await reader.read_messages(count + 1 - whole)
        assert orders_of(told) == names(whole - 1, count)


async def open_and_stall(station: Station, token: str) -> socket.socket:
    """A subscriber that reads the head of its answer and nothing more."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    connection.settimeout(20)
    await asyncio.to_thread(connection.connect, ("127.0.0.1", station.port))
    body = json.dumps({"query": LARGE}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nAccept: text/event-stream\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    connection.sendall(head.encode() + body)
    await until(lambda: station.counts.open["event_stream"] == 1, "it is open")
    return connection


def read_all(connection: socket.socket) -> str:
    """What was sent before the connection was cut off, without the framing of chunks."""
    received = b""
    try:
        while chunk := connection.recv(65_536):
            received += chunk
    except ConnectionResetError:
        pass
    connection.close()
    body = received.partition(b"\r\n\r\n")[2]
    text = b""
    while b"\r\n" in body:
        size, _, body = body.partition(b"\r\n")
        text += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return text.decode(errors="replace")
