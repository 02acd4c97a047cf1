"""A request that offers another protocol, as Java's HttpClient and `curl --http2` do, is a request like any other."""

import json
import re
import socket
from collections.abc import Callable, Sequence

import pytest

from tests.support.sample_gateway import FORM_ROUTES, GRAPHQL_RESPONSE, Gateway

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQBAAAAAAIAAAAA\r\n"
OFFERS = {
    "h2c": H2C,
    "h2c in other case": b"CONNECTION: upgrade,http2-settings\r\nUPGRADE: H2C\r\nhttp2-settings: AAMAAABk\r\n",
    "TLS": b"Connection: Upgrade\r\nUpgrade: TLS/1.0\r\n",
    "h2c and websocket": b"Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
    "kept alive": b"Connection: keep-alive, Upgrade\r\nUpgrade: h2c\r\n",
}
FORM = b"grant_type=client_credentials"
QUERY = b'{"query": "{ open }"}'


@pytest.fixture(scope="module")
def own(serve: Callable[..., Gateway]) -> Gateway:
    return serve(auth_routes=FORM_ROUTES, header_bytes_max=2_000, url_bytes_max=1_000, body_bytes_max=4_096)


def post(path: bytes, content_type: bytes, body: bytes, more: bytes = H2C) -> bytes:
    head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: %d\r\n%b\r\n"
    return head % (path, content_type, len(body), more) + body


def ask(more: bytes = H2C, body: bytes = QUERY) -> bytes:
    return post(b"/graphql", b"application/json", body, b"Accept: " + GRAPHQL_RESPONSE.encode() + b"\r\n" + more)


LAST = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def exchange(gateway: Gateway, parts: Sequence[bytes], *, answers: int) -> list[tuple[int, bytes]]:
    """Send the parts one by one on one connection, then LAST; the statuses and bodies of all answers but the last."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in (*parts, LAST):
            wire.sendall(part)
        read = b""
        while chunk := wire.recv(65_536):
            read += chunk
    found = []
    while read:
        head, _, read = read.partition(b"\r\n\r\n")
        (length,) = re.findall(rb"(?i)content-length: (\d+)", head)
        found.append((int(head.split(b" ")[1]), read[: int(length)]))
        read = read[int(length) :]
    assert len(found) == answers + 1, found
    assert found[-1][0] == 200
    return found[:-1]


class TestOffer:
    @pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
    def test_loses_no_body(self, own: Gateway, offer: bytes) -> None:
        asked = [ask(offer), post(b"/oauth/token", b"application/x-www-form-urlencoded", FORM, offer)]
        answers = exchange(own, asked, answers=2)
        assert [(status, json.loads(body)) for status, body in answers] == [
            (200, {"data": {"open": "open"}}),
            (200, {"grant_type": "client_credentials"}),
        ]

    def test_loses_no_body_in_chunks(self, own: Gateway) -> None:
        head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(QUERY), QUERY)
        assert exchange(own, [head + H2C + b"\r\n" + chunks], answers=1) == [(200, b'{"data":{"open":"open"}}')]

    @pytest.mark.parametrize("size", [1, 7, 64])
    def test_may_arrive_in_pieces(self, own: Gateway, size: int) -> None:
        whole = ask()
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        assert exchange(own, pieces, answers=1) == [(200, b'{"data":{"open":"open"}}')]

    def test_may_come_with_every_request_of_a_connection_at_once(self, own: Gateway) -> None:
        get = b"GET /graphql?query=%7Bopen%7D HTTP/1.1\r\nHost: x\r\n" + H2C + b"\r\n"
        answers = exchange(own, [b"".join((get, ask(), get, ask(b""), ask()))], answers=5)
        assert answers == [(200, b'{"data":{"open":"open"}}')] * 5

    def test_of_smuggling_a_request_in_a_body_that_arrives_apart_gains_none(self, own: Gateway) -> None:
        smuggled = b"GET /graphql?query=%7Bboom%7D HTTP/1.1\r\nHost: x\r\n\r\n"
        head = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        (answer,) = exchange(own, [head % len(smuggled) + H2C + b"\r\n", smuggled], answers=1)
        assert answer[0] == 400
        assert b"not JSON" in answer[1]

    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (ask(body=b'{"query": "{ open }"}'.ljust(4_097)), 413),
            (b"GET /healthz?%b HTTP/1.1\r\nHost: x\r\n%b\r\n" % (b"x" * 1_000, H2C), 414),
            (b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: %b\r\n%b\r\n" % (b"x" * 2_000, H2C), 431),
        ],
        ids=["body", "URL", "headers"],
    )
    def test_evades_no_bound(self, own: Gateway, request_: bytes, status: int) -> None:
        with socket.create_connection(("127.0.0.1", own.port), timeout=15) as wire:
            wire.sendall(request_)
            assert wire.recv(65_536).startswith(b"HTTP/1.1 %d " % status)

    def test_leaves_the_wish_to_close_as_it_is(self, own: Gateway) -> None:
        with socket.create_connection(("127.0.0.1", own.port), timeout=15) as wire:
            wire.sendall(ask(H2C.replace(b"Upgrade,", b"close, Upgrade,", 1)))
            read = b""
            while chunk := wire.recv(65_536):
                read += chunk
        assert read.startswith(b"HTTP/1.1 200 ")

    def test_by_connect_is_none_and_is_refused(self, own: Gateway) -> None:
        with socket.create_connection(("127.0.0.1", own.port), timeout=15) as wire:
            wire.sendall(b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n")
            assert int(wire.recv(65_536).split(b" ")[1]) >= 400
