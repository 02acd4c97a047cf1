"""An answer that is whole goes out in one write, head and body; every other one as the server itself sends it."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import pytest

from gateway.process import http_connections
from gateway.process.http_connections import BoundedHttp, _render_answer_head
from tests.support.sample_gateway import FORM_ROUTES, Gateway
from tests.support.waiting import block_until

BODY = b'{"query":"{ open }"}'
OPEN = b'{"data":{"open":"open"}}'


@pytest.fixture(scope="module")
def own(serve: Callable[..., Gateway]) -> Gateway:
    return serve(auth_routes=FORM_ROUTES)


@pytest.fixture
def whole(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether each answer went out as a whole, in turn."""
    written: list[bool] = []
    write = BoundedHttp.write_answer

    def note(self: BoundedHttp, *arguments: Any) -> bool:
        written.append(write(self, *arguments))
        return written[-1]

    monkeypatch.setattr(BoundedHttp, "write_answer", note)
    return written


def expect(whole: list[bool], wanted: list[bool]) -> None:
    """It is noted behind the write, so a client may know of an answer first."""
    block_until(lambda: len(whole) == len(wanted), "each answer was noted")
    assert whole == wanted


def post(body: bytes = BODY, *, version: bytes = b"1.1", more: bytes = b"", method: bytes = b"POST") -> bytes:
    head = b"%b /graphql HTTP/%b\r\nHost: x\r\nAccept: application/json\r\n" % (method, version)
    return head + b"Content-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b" % (more, len(body), body)


@contextmanager
def connect(gateway: Gateway) -> Iterator[tuple[socket.socket, BinaryIO]]:
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as wire, wire.makefile("rb") as read:
        yield wire, read


def read_answer(read: BinaryIO, *, has_body: bool = True) -> tuple[bytes, dict[bytes, bytes], bytes]:
    status = read.readline().split(b" ", 2)[1]
    headers: dict[bytes, bytes] = {}
    while (line := read.readline()) not in {b"\r\n", b""}:
        name, _, value = line.partition(b":")
        assert name.lower() not in headers
        headers[name.lower()] = value.strip()
    return status, headers, read.read(int(headers[b"content-length"])) if has_body else b""


class TestWholeAnswers:
    def test_go_out_at_once_and_the_connection_is_kept(self, own: Gateway, whole: list[bool]) -> None:
        with connect(own) as (wire, read):
            for _ in range(3):
                wire.sendall(post())
                status, headers, body = read_answer(read)
                assert (status, body) == (b"200", OPEN)
        expect(whole, [True, True, True])
        assert {b"date", b"content-type", b"vary", b"x-request-id", b"cache-control"} <= headers.keys()
        assert b"transfer-encoding" not in headers

    def test_come_in_the_order_of_requests_that_did_not_wait(self, own: Gateway) -> None:
        bodies = [b'{"query":"{ echo(text: \\"%d\\") }"}' % number for number in range(20)]
        with connect(own) as (wire, read):
            wire.sendall(b"".join(map(post, bodies)))
            assert [read_answer(read)[2] for _ in bodies] == [
                b'{"data":{"echo":"%d"}}' % number for number in range(20)
            ]

    @pytest.mark.parametrize(
        "request_bytes",
        [post(more=b"Connection: close\r\n"), post(version=b"1.0")],
        ids=["the client closes", "HTTP/1.0"],
    )
    def test_are_left_to_the_server_where_the_connection_ends(
        self, own: Gateway, whole: list[bool], request_bytes: bytes
    ) -> None:
        with connect(own) as (wire, read):
            wire.sendall(request_bytes)
            status, headers, body = read_answer(read)
            assert (status, body, headers[b"connection"]) == (b"200", OPEN, b"close")
            assert read.read() == b""
        expect(whole, [False])

    def test_to_head_have_the_length_and_no_body(self, own: Gateway, whole: list[bool]) -> None:
        with connect(own) as (wire, read):
            wire.sendall(b"HEAD /graphql?query=%7Bopen%7D HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\r\n")
            status, headers, _ = read_answer(read, has_body=False)
            assert (status, headers[b"content-length"]) == (b"200", b"%d" % len(OPEN))
            expect(whole, [False])
            wire.sendall(post())
            assert read_answer(read)[2] == OPEN

    def test_that_are_too_large_to_be_joined_are_written_behind_their_head(
        self, own: Gateway, whole: list[bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(http_connections, "_JOINED_BYTES_MAX", 10)
        with connect(own) as (wire, read):
            wire.sendall(post())
            assert read_answer(read)[2] == OPEN
        expect(whole, [True])

    def test_to_a_client_that_does_not_read_wait_and_arrive_whole(self, serve: Callable[..., Gateway]) -> None:
        own = serve(stream_buffer_bytes_max=4_096)
        text = "x" * 16_000
        with connect(own) as (wire, read):
            sent = post(b'{"query":"query($t: String) { echo(text: $t) }","variables":{"t":"%b"}}' % text.encode())
            for _ in range(200):
                wire.sendall(sent)
            answers = [read_answer(read)[2] for _ in range(200)]
        assert set(answers) == {b'{"data":{"echo":"%b"}}' % text.encode()}

    def test_that_tell_a_client_to_go_on_come_after_that(self, own: Gateway, whole: list[bool]) -> None:
        with connect(own) as (wire, read):
            wire.sendall(post(more=b"Expect: 100-continue\r\n").removesuffix(BODY))
            assert read.readline().startswith(b"HTTP/1.1 100 ")
            assert read.readline() == b"\r\n"
            wire.sendall(BODY)
            assert read_answer(read)[2] == OPEN
        expect(whole, [True])

    def test_of_other_parts_are_sent_so_too(self, own: Gateway, whole: list[bool]) -> None:
        assert own.send("GET", "/healthz").status == 200
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        assert own.send("POST", "/oauth/token", b"a=b", form).body == {"a": "b"}
        assert own.send("GET", "/nothing").status == 404
        expect(whole, [True, True, True])


class TestHeads:
    @pytest.mark.parametrize("value", [b"a\r\nSet-Cookie: b", b"a\nb: c", b"a\rb", b"a\x00", b"\x7f"])
    def test_with_a_value_that_would_split_the_response_are_not_written(self, value: bytes) -> None:
        assert _render_answer_head(200, [(b"content-length", b"1"), (b"location", value)], 1) is None

    @pytest.mark.parametrize(
        "headers",
        [
            [],
            [(b"content-length", b"2")],
            [(b"content-length", b"1"), (b"connection", b"close")],
            [(b"transfer-encoding", b"chunked")],
        ],
    )
    def test_that_leave_the_end_of_the_body_open_are_not_written(self, headers: list[tuple[bytes, bytes]]) -> None:
        assert _render_answer_head(200, headers, 1) is None

    def test_have_a_line_for_each_header(self) -> None:
        head = _render_answer_head(503, [(b"retry-after", b"2"), (b"content-length", b"1")], 1)
        assert head == b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\ncontent-length: 1\r\n\r\n"

    def test_of_304_end_the_response_by_themselves(self) -> None:
        assert _render_answer_head(304, [(b"etag", b'"a"')], 0) == b'HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'
        assert _render_answer_head(304, [(b"etag", b'"a"')], 1) is None
        assert _render_answer_head(200, [(b"etag", b'"a"')], 0) is None
