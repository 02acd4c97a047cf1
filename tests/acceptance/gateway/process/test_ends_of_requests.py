"""How a connection ends: a refused client reads why, and one that leaves in the middle costs no traceback."""

import socket
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from gateway.process.http_connections import BoundedHttp
from tests.support.sample_gateway import FORM_ROUTES, Gateway
from tests.support.waiting import block_until

HEAD = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNK = b"1000\r\n" + b"x" * 4_096 + b"\r\n"
CHUNKS_SENT = 256
TRIES = 20


@pytest.fixture(scope="module")
def own(serve: Callable[..., Gateway]) -> Gateway:
    return serve(
        header_bytes_max=2_000,
        url_bytes_max=1_000,
        auth_routes=FORM_ROUTES,
    )


def exchange(gateway: Gateway, *sent: bytes) -> bytes:
    """Send everything, then read until the server closes. Errors: ConnectionResetError."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as wire:
        for part in sent:
            wire.sendall(part)
        read = b""
        while chunk := wire.recv(65_536):
            read += chunk
        return read


class TestBodyTooLarge:
    @pytest.mark.parametrize("more", [b"", b"Connection: close\r\n"], ids=["kept alive", "closed"])
    def test_in_chunks_has_its_413_read_each_time_by_a_client_that_sends_all_of_it(
        self, own: Gateway, more: bytes
    ) -> None:
        for _ in range(TRIES):
            chunks = [CHUNK] * CHUNKS_SENT
            answer = exchange(own, HEAD + more + b"Transfer-Encoding: chunked\r\n\r\n", *chunks, b"0\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 413 ")
            assert b'"BODY_TOO_LARGE"' in answer

    def test_by_its_declared_length_has_its_413_read_each_time(self, own: Gateway) -> None:
        size = CHUNKS_SENT * 4_096
        for _ in range(TRIES):
            answer = exchange(own, HEAD + b"Content-Length: %d\r\n\r\n" % size, *([b"x" * 4_096] * CHUNKS_SENT))
            assert answer.startswith(b"HTTP/1.1 413 ")


class TestClientThatSendsOn:
    def test_after_its_answer_is_read_with_pauses_and_then_served_again(
        self, own: Gateway, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pauses: list[None] = []
        read_on = BoundedHttp._read_on
        monkeypatch.setattr(BoundedHttp, "_read_on", lambda self: (pauses.append(None), read_on(self))[1])
        refused = b"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
        last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = exchange(own, refused + b"Content-Length: 4000000\r\n\r\n", b"x" * 4_000_000, last)
        assert answer.startswith(b"HTTP/1.1 415 ")
        assert b"HTTP/1.1 200 " in answer
        assert len(pauses) >= 10, "256 KB at a time"


def make_head(*, url_bytes: int = 100, header_bytes: int = 100) -> bytes:
    """A request whose URL and headers are exactly so large, each header as it is sent."""
    path = b"/healthz?".ljust(url_bytes, b"x")
    headers = b"Host: x\r\nConnection: close\r\n"
    filler = b"X: " + b"x" * (header_bytes - len(headers) - len(b"X: \r\n")) + b"\r\n"
    return b"GET " + path + b" HTTP/1.1\r\n" + headers + filler + b"\r\n"


class TestHead:
    @pytest.mark.parametrize(
        ("head", "status"),
        [
            (make_head(url_bytes=1_000, header_bytes=2_000), b"200"),
            (make_head(header_bytes=2_001), b"431"),
            (make_head(url_bytes=1_001), b"414"),
            (b"GET /healthz HTTP/1.1\r\nX: " + b"x" * 1_000_000, b"431"),
            (b"GET /" + b"x" * 1_000_000, b"414"),
        ],
        ids=["at both bounds", "headers", "URL", "a header without an end", "a URL without an end"],
    )
    def test_has_exactly_the_documented_bounds(self, own: Gateway, head: bytes, status: bytes) -> None:
        assert exchange(own, head).split(b" ")[1] == status

    def test_bounds_hold_for_an_upgrade_too(self, own: Gateway) -> None:
        upgrade = b"Connection: Upgrade\r\nUpgrade: websocket\r\nX: " + b"x" * 2_000 + b"\r\n\r\n"
        assert exchange(own, b"GET /graphql HTTP/1.1\r\n" + upgrade).startswith(b"HTTP/1.1 431 ")


class TestClientThatLeaves:
    @pytest.mark.parametrize(
        ("path", "content_type"),
        [(b"/graphql", b"application/json"), (b"/oauth/token", b"application/x-www-form-urlencoded")],
    )
    def test_in_mid_body_leaves_a_line_in_the_log_and_no_traceback(
        self, own: Gateway, caplog: pytest.LogCaptureFixture, path: bytes, content_type: bytes
    ) -> None:
        with capture_logs() as logs:
            head = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: 99\r\n\r\n"
            with socket.create_connection(("127.0.0.1", own.port), timeout=10) as wire:
                wire.sendall(head % (path, content_type) + b"half")
            block_until(lambda: [line for line in logs if line["event"] == "request"], "the request is logged")
        [line] = [line for line in logs if line["event"] == "request"]
        assert (line["path"], line["status"], line["end"]) == (path.decode(), 0, "CLIENT_LEFT")
        assert [line["log_level"] for line in logs] == ["info"]
        assert not [record for record in caplog.records if record.exc_info]


class TestHttp10:
    def test_is_answered_and_closed(self, own: Gateway) -> None:
        answer = exchange(own, b"GET /graphql?query=%7Bopen%7D HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"chunked" not in answer.lower()
        assert answer.endswith(b'{"data":{"open":"open"}}')
