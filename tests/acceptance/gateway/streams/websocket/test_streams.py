"""Subscriptions over a WebSocket: where they begin, how they are resumed, and what ends them, each with a cursor."""

import asyncio
import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from auth.clients.registration import disable_client
from ledger.storage.roles import Role
from tests.support.raw_socket import CLOSE, TEXT, RawSocket
from tests.support.sockets import Client, open_bare, open_socket
from tests.support.station import FOLLOW, Serve, Station, names, orders_of
from tests.support.waiting import until

FEED = "subscription { feed { cursor entry { position } } }"
LARGE = FOLLOW.replace("cursor event", " ".join(f"c{number}: cursor" for number in range(100)) + " cursor event")


async def begin(client: Client, identifier: str = "1", **more: Any) -> str:
    """Subscribe from now, and give the cursor of that place."""
    await client.subscribe(identifier, **more)
    first = await client.read_next(identifier)
    (message,) = first["data"].values()
    assert next(value for name, value in message.items() if name != "cursor") is None
    assert first["extensions"]["cursor"] == message["cursor"]
    return message["cursor"]


async def read_orders(client: Client, identifier: str, count: int) -> list[str]:
    return orders_of([await client.read_next(identifier) for _ in range(count)])


async def read_end(client: Client, identifier: str = "1") -> tuple[str, str]:
    """Problem and cursor of an operation's end; results on the way are passed over."""
    while (message := await client.read())["type"] == "next":
        pass
    assert (message["type"], message["id"]) == ("error", identifier), message
    (error,) = message["payload"]
    return error["extensions"]["problem"], error["extensions"]["cursor"]


class TestFollowing:
    async def test_tells_the_position_first_and_then_each_event(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            await begin(client)
            await station.write(station.parties.telkomsel, 3)
            assert await read_orders(client, "1", 3) == names(0, 3)

    async def test_goes_on_after_the_argument_or_the_extension(self, station: Station) -> None:
        """Fault: `subscribe.payload.extensions` is dropped."""
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            cursor = await begin(client)
            await station.write(station.parties.telkomsel, 3)
            assert await read_orders(client, "1", 3) == names(0, 3)
        async with open_socket(station.url, token) as client:
            await client.subscribe("argument", variables={"after": cursor})
            assert await read_orders(client, "argument", 3) == names(0, 3)
            await client.subscribe("extension", extensions={"cursor": cursor})
            assert await read_orders(client, "extension", 3) == names(0, 3)

    async def test_refuses_an_expired_cursor_and_leaves_the_other_operations_alone(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            cursor = await begin(client)
            await client.subscribe("2", variables={"after": cursor[:4] + "AAAA" + cursor[8:]})
            assert (await client.read_errors("2"))[0]["extensions"]["code"] == "CURSOR_EXPIRED"
            await client.subscribe("3", extensions={"cursor": 7})
            assert (await client.read_errors("3"))[0]["extensions"]["problem"] == "CURSOR_INVALID"
            await station.write(station.parties.telkomsel, 1)
            assert await read_orders(client, "1", 1) == names(0, 1)

    async def test_refuses_what_the_token_has_no_scope_for(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel, without=("orders:read",))
        async with open_socket(station.url, token) as client:
            await client.subscribe("1")
            assert (await client.read_errors("1"))[0]["extensions"]["code"] == "UNAUTHORIZED_FIELD_OR_TYPE"
            assert await client.is_alive()

    async def test_stops_with_the_clients_complete_and_may_begin_again(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            for _ in range(3):
                await begin(client)
                await client.complete("1")
                await until(lambda: station.counts.open["websocket"] == 0, "the subscription is let go of")
            assert await client.is_alive()

    async def test_carries_many_at_once_each_in_order(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            for number in range(20):
                await begin(client, str(number))
            await station.write(station.parties.telkomsel, 50)
            told: dict[str, list[Any]] = {str(number): [] for number in range(20)}
            for _ in range(20 * 50):
                message = await client.read()
                told[message["id"]].append(message["payload"])
            assert all(orders_of(messages) == names(0, 50) for messages in told.values())

    async def test_lets_go_of_everything_when_the_connection_is_lost(self, station: Station) -> None:
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            await begin(client)
            assert (station.counts.open["websocket"], station.counts.connections["websocket"]) == (1, 1)
            client.connection.transport.abort()
        await until(lambda: station.counts.open["websocket"] == 0, "the subscription is let go of")
        await until(lambda: station.counts.connections["websocket"] == 0, "the connection is let go of")
        assert station.counts.channels == 0


class TestTokens:
    async def test_end_the_socket_when_they_expire(self, serve: Serve) -> None:
        """Fault: the token's expiry is never looked at again."""
        station = await serve(revocation_check_seconds=0.1)
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as idle, open_socket(station.url, token) as client:
            await begin(client)
            await begin(client, "2", query=FEED)
            await station.write(station.parties.telkomsel, 1)
            # The feed tells of the client as well, whenever that has got its position.
            last: dict[str, str] = {}
            while len(last) < 2:
                message = await client.read()
                last[message["id"]] = message["payload"]["extensions"]["cursor"]
            station.clock.ahead = timedelta(hours=1)
            ends = []
            while len(ends) < 2:
                message = await client.read()
                if message["type"] == "next":
                    last[message["id"]] = message["payload"]["extensions"]["cursor"]
                else:
                    ends.append(message)
            told = {end["id"]: end["payload"][0]["extensions"] for end in ends}
            assert {(extensions["code"], extensions["problem"]) for extensions in told.values()} == {
                ("UNAUTHENTICATED", "TOKEN_EXPIRED")
            }
            assert {identifier: extensions["cursor"] for identifier, extensions in told.items()} == last
            assert await client.read_close() == (4401, "TOKEN_EXPIRED")
            assert await idle.read_close() == (4401, "TOKEN_EXPIRED")
        fresh = await station.token(station.parties.telkomsel)
        await station.write(station.parties.telkomsel, 1, first=1)
        async with open_socket(station.url, fresh) as client:
            await client.subscribe("1", variables={"after": last["1"]})
            assert await read_orders(client, "1", 1) == ["order-1"]

    async def test_end_the_socket_when_their_client_is_disabled(self, serve: Serve) -> None:
        station = await serve(revocation_check_seconds=0.1, standing_check_seconds=0.1)
        viewer, other = station.parties.telkomsel, station.parties.indosat
        async with (
            open_socket(station.url, await station.token(viewer)) as client,
            open_socket(station.url, await station.token(other)) as staying,
        ):
            cursor = await begin(client)
            await begin(staying)
            client_id = station.clients[f"{viewer.member_id}-{viewer.brand_id}"][0]
            async with station.database.system(Role.AUTH, as_of=datetime.now(UTC)) as tx:
                await disable_client(tx, client_id)
            assert await read_end(client) == ("TOKEN_REVOKED", cursor)
            assert await client.read_close() == (4401, "TOKEN_REVOKED")
            assert await staying.is_alive()


class TestShutdown:
    async def test_ends_each_stream_with_its_cursor_and_closes_every_socket(self, serve: Serve) -> None:
        station = await serve()
        token = await station.token(station.parties.telkomsel)
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(open_socket(station.url, token)) for _ in range(5)]
            cursors = [await begin(client) for client in clients[:4]]
            station.stop()
            for client, cursor in zip(clients, cursors, strict=False):
                assert await read_end(client) == ("SERVER_SHUTDOWN", cursor)
            assert {await client.read_close() for client in clients} == {(1012, "SERVER_SHUTDOWN")}

    async def test_lets_a_client_that_is_behind_and_still_sends_read_its_last_cursor(self, serve: Serve) -> None:
        """Fault: closed with a pong unread, the connection was reset, and what was on its way was lost."""
        count = 50
        station = await serve(document_aliases_max=200)
        telkomsel = station.parties.telkomsel
        behind = await asyncio.to_thread(open_and_stall, station, await station.token(telkomsel), LARGE)
        await until(lambda: station.counts.open["websocket"] == 1, "it is open")
        await station.write(telkomsel, count)
        await until(lambda: station.counts.delivered == count + 1, "all of it was written")
        station.stop()
        await until(lambda: station.counts.open["websocket"] == 0, "the stream is ended")
        *results, end = await asyncio.to_thread(read_while_sending, behind)
        assert orders_of([message["payload"] for message in results[1:]]) == names(0, count)
        (error,) = end["payload"]
        assert error["extensions"]["problem"] == "SERVER_SHUTDOWN"
        assert error["extensions"]["cursor"] == results[-1]["payload"]["extensions"]["cursor"]


class TestLimits:
    async def test_of_connections_hold_for_one_client(self, serve: Serve) -> None:
        station = await serve(stream_connections_per_client=2)
        token, other = [await station.token(viewer) for viewer in (station.parties.telkomsel, station.parties.indosat)]
        async with open_socket(station.url, token), open_socket(station.url, token) as second:
            refused = await connect_anyway(station, token)
            assert refused == (4429, "TOO_MANY_STREAMS")
            async with open_socket(station.url, other) as client:
                assert await client.is_alive()
            assert await second.is_alive()
        await until(lambda: station.counts.connections["websocket"] == 0, "the sockets are let go of")
        async with open_socket(station.url, token) as client:
            assert await client.is_alive()

    async def test_of_sockets_that_say_nothing_keep_nobody_out_who_says_who_it_is(self, serve: Serve) -> None:
        station = await serve(stream_connections_per_client=2)
        headers = {"Authorization": f"Bearer {await station.token(station.parties.telkomsel)}"}
        async with open_bare(station.url), open_bare(station.url):
            with pytest.raises(InvalidStatus, match="429"):
                async with open_bare(station.url):
                    pass
            async with open_bare(station.url, additional_headers=headers) as client:
                await client.send({"type": "connection_init"})
                assert (await client.read())["type"] == "connection_ack"

    async def test_of_subscriptions_hold_for_one_socket(self, serve: Serve) -> None:
        station = await serve(subscriptions_per_connection=2)
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client, open_socket(station.url, token) as another:
            await begin(client, "1")
            await begin(client, "2")
            await client.subscribe("3")
            (error,) = await client.read_errors("3")
            assert error["extensions"]["problem"] == "TOO_MANY_SUBSCRIPTIONS"
            await begin(another)


async def connect_anyway(station: Station, token: str) -> tuple[int, str]:
    """The code and reason of a socket that is closed instead of acknowledged."""
    async with open_bare(station.url) as client:
        await client.send({"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
        return await client.read_close()


class TestSilence:
    async def test_is_broken_by_the_server_and_whoever_answers_stays(self, serve: Serve) -> None:
        """Fault: no server ping, so that a silent stream can't be told from a dead one."""
        station = await serve(stream_heartbeat_seconds=0.1, stream_stall_seconds=0.5)
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            await begin(client)
            for _ in range(10):
                assert await client.read() == {"type": "ping"}
                await client.send({"type": "pong"})
            assert station.counts.open["websocket"] == 1

    async def test_of_a_client_that_answers_no_ping_ends_its_connection(self, serve: Serve) -> None:
        station = await serve(stream_heartbeat_seconds=0.1, stream_stall_seconds=0.3)
        token = await station.token(station.parties.telkomsel)
        async with open_socket(station.url, token) as client:
            await begin(client)
            await until(lambda: station.counts.open["websocket"] == 0, "the subscription is let go of")
            await until(lambda: station.counts.connections["websocket"] == 0, "the connection is let go of")


class TestSlowReaders:
    @pytest.mark.timeout(100)
    async def test_are_paused_then_ended_and_resume_with_nothing_lost(self, serve: Serve) -> None:
        count = 2_500
        station = await serve(
            stream_buffer_bytes_max=16_384,
            stream_stall_seconds=1,
            # It answers no ping either, and is to be ended for what it doesn't read.
            stream_heartbeat_seconds=60,
            document_aliases_max=200,
        )
        telkomsel = station.parties.telkomsel
        token = await station.token(telkomsel)
        stalled = await asyncio.to_thread(open_and_stall, station, token, LARGE)
        await until(lambda: station.counts.open["websocket"] == 1, "it is open")
        async with station.follow(token) as quick:
            begun = (await quick.read_next()).id
            await station.write(telkomsel, count, batch=500)
            # Who reads is kept up with, whoever else does not.
            assert orders_of(await quick.read_messages(count)) == names(0, count)
            await until(lambda: station.counts.ends["SLOW_READER"] == 1, "the slow reader is ended")
        taken = await asyncio.to_thread(read_whole_messages, stalled)
        results = [message["payload"] for message in taken if message["type"] == "next"]
        assert results[0]["extensions"]["cursor"] == begun
        told = len(results) - 1
        assert 0 < told < count
        assert orders_of(results[1:]) == names(0, told)
        async with open_socket(station.url, token) as client:
            await client.subscribe("1", variables={"after": results[-1]["extensions"]["cursor"]})
            assert await read_orders(client, "1", count - told) == names(told, count)


def open_and_stall(station: Station, token: str, query: str) -> RawSocket:
    """A subscriber that reads its first message and nothing more."""
    raw = RawSocket(station.port, receive_bytes=4_096)
    payload = {"Authorization": f"Bearer {token}"}
    raw.send(raw.frame(TEXT, json.dumps({"type": "connection_init", "payload": payload}).encode()))
    assert b"connection_ack" in raw.read_frame()[1]
    raw.send(raw.frame(TEXT, json.dumps({"id": "1", "type": "subscribe", "payload": {"query": query}}).encode()))
    return raw


def read_while_sending(raw: RawSocket) -> list[Any]:
    """What comes before the server's close, to each message of which the client says something."""
    messages = []
    while (frame := raw.read_frame())[0] == TEXT:
        messages.append(json.loads(frame[1]))
        raw.send(raw.frame(TEXT, b'{"type":"pong"}'))
    assert frame == (CLOSE, (1012).to_bytes(2, "big") + b"SERVER_SHUTDOWN")
    raw.close()
    return messages


def read_whole_messages(raw: RawSocket) -> list[Any]:
    """What still comes until the connection was cut off."""
    messages = []
    try:
        while True:
            opcode, data = raw.read_frame()
            if opcode == TEXT:
                messages.append(json.loads(data))
    except (OSError, ValueError):
        return messages
    finally:
        raw.close()
