"""What ends is freed at once: nothing of a closed connection or of an ended stream waits for a search for cycles."""

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Callable

import pytest

from tests.support.garbage import count_garbage
from tests.support.raw_socket import CLOSE, TEXT, RawSocket
from tests.support.station import FOLLOW, Serve, Station

COUNT = 50
QUERY = "{ blockOrders(first: 5) { edges { node { id state } } } }"


async def count_garbage_of(station: Station, act: Callable[[], None]) -> Counter[str]:
    """Do it in turn, 50 times."""

    def repeat() -> None:
        for _ in range(COUNT):
            act()

    def is_over() -> bool:
        counts = station.counts
        is_idle = not counts.channels and not +counts.connections and not +counts.open
        return is_idle and station.count_connections() == 0

    return await count_garbage(lambda: asyncio.to_thread(repeat), is_over)


@pytest.fixture
async def station(serve: Serve) -> Station:
    return await serve(stream_messages_per_second=10_000, streams_max=1_000)


@pytest.fixture
async def bearer(station: Station) -> str:
    return await station.token(station.parties.telkomsel)


def open_subscription(station: Station, bearer: str) -> RawSocket:
    raw = RawSocket(station.port)
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {bearer}"}}
    raw.send(raw.frame(TEXT, json.dumps(init).encode()))
    assert b"connection_ack" in raw.read_frame()[1]
    start = {"id": "1", "type": "subscribe", "payload": {"query": FOLLOW}}
    raw.send(raw.frame(TEXT, json.dumps(start).encode()))
    assert b"next" in raw.read_frame()[1]
    return raw


def post(station: Station, bearer: str, query: str, accept: str, until: bytes, more: str = "") -> None:
    """Send an operation over a connection of its own, and leave once something was read."""
    body = json.dumps({"query": query}).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {bearer}\r\nAccept: {accept}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    )
    with socket.create_connection(("127.0.0.1", station.port), 20) as connection:
        connection.sendall(head.encode() + body)
        read = b""
        while until not in read:
            read += connection.recv(65_536)


class TestWebSockets:
    async def test_leave_no_cycles_when_their_client_closes_them(self, station: Station, bearer: str) -> None:
        def act() -> None:
            raw = open_subscription(station, bearer)
            raw.send(raw.frame(CLOSE, b"\x03\xe8"))
            raw.read_close()
            raw.close()

        assert await count_garbage_of(station, act) == {}

    async def test_leave_no_cycles_when_they_are_lost(self, station: Station, bearer: str) -> None:
        assert await count_garbage_of(station, lambda: open_subscription(station, bearer).close()) == {}

    async def test_leave_no_cycles_when_they_break_the_protocol(self, station: Station, bearer: str) -> None:
        def act() -> None:
            raw = open_subscription(station, bearer)
            raw.send(raw.frame(TEXT, b"\xff"))
            assert raw.read_close() == 1007
            raw.close()

        assert await count_garbage_of(station, act) == {}

    async def test_leave_no_cycles_when_they_were_refused(self, station: Station) -> None:
        def act() -> None:
            raw = RawSocket(station.port)
            raw.send(raw.frame(TEXT, b'{"type":"subscribe","id":"1","payload":{"query":"{ a }"}}'))
            raw.read_close()
            raw.close()

        assert await count_garbage_of(station, act) == {}


class TestHttp:
    @pytest.mark.parametrize(
        ("query", "accept", "end"),
        [
            (FOLLOW, "text/event-stream", b"event: next"),
            (FOLLOW, "multipart/mixed;subscriptionSpec=1.0", b"blockRequestEvents"),
            (QUERY, "application/json", b'"edges"'),
        ],
    )
    async def test_leaves_no_cycles(self, station: Station, bearer: str, query: str, accept: str, end: bytes) -> None:
        assert await count_garbage_of(station, lambda: post(station, bearer, query, accept, end)) == {}

    async def test_leaves_no_cycles_behind_an_offer_of_another_protocol(self, station: Station, bearer: str) -> None:
        offer = "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
        asked = (bearer, QUERY, "application/json", b'"edges"', offer)
        assert await count_garbage_of(station, lambda: post(station, *asked)) == {}

    async def test_leaves_no_cycles_of_connections_without_a_request(self, station: Station) -> None:
        def act() -> None:
            socket.create_connection(("127.0.0.1", station.port), 20).close()

        assert await count_garbage_of(station, act) == {}
