"""Requests that never arrive whole: each is cut off in time, with an answer and a line in the log."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from tests.support.sample_gateway import FORM_ROUTES, Gateway
from tests.support.waiting import block

HALF_HEADS = pytest.mark.parametrize(
    "sent",
    [b"", b"GET /graph", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Half: a", b"\r\n"],
    ids=["nothing", "half a line", "half a header", "an empty line"],
)
BODY_HEAD = b"POST %b HTTP/1.1\r\nHost: x\r\nContent-Type: %b\r\nContent-Length: 1000\r\n\r\n"
WHOLE = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def impatient(serve: Callable[..., Gateway]) -> Gateway:
    return serve(request_head_seconds=1, request_body_seconds=2, auth_routes=FORM_ROUTES)


@contextmanager
def connect(gateway: Gateway) -> Iterator[socket.socket]:
    """A connection whose reads fail after a time that is far below the default deadlines for a body."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as wire:
        yield wire


def read_all(wire: socket.socket) -> bytes:
    """Read until the server closes."""
    read = b""
    while chunk := wire.recv(65_536):
        read += chunk
    return read


def drip(wire: socket.socket, chunk: bytes) -> threading.Thread:
    """Send a chunk every 0.2 s until the connection ends."""

    def send() -> None:
        with suppress(OSError):
            while True:
                wire.sendall(chunk)
                block(0.2)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


class TestHead:
    @HALF_HEADS
    def test_that_stays_half_is_cut_off_with_408(self, impatient: Gateway, sent: bytes) -> None:
        with capture_logs() as logs, connect(impatient) as wire:
            began = time.monotonic()
            wire.sendall(sent)
            answer = read_all(wire)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"REQUEST_TIMEOUT"' in answer
        assert time.monotonic() - began >= 1
        cut = [line for line in logs if line["event"] == "request cut off"]
        assert [(line["awaited"], line["peer"]) for line in cut] == [("head", "127.0.0.1")]
        assert 1 < cut[0]["seconds"] <= 2, "counted in ticks of the server"

    @pytest.mark.parametrize("chunk", [b"X-Drip: a\r\n", b"\r\n"], ids=["headers", "empty lines"])
    def test_that_drips_is_cut_off_all_the_same(self, impatient: Gateway, chunk: bytes) -> None:
        with connect(impatient) as wire:
            if chunk.strip():
                wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n")
            dripping = drip(wire, chunk)
            assert wire.recv(12) == b"HTTP/1.1 408"
        dripping.join()

    def test_behind_a_whole_request_is_cut_off_too(self, impatient: Gateway) -> None:
        with connect(impatient) as wire:
            wire.sendall(WHOLE + b"GET /heal")
            answer = read_all(wire)
        assert (answer.count(b"HTTP/1.1 200 "), answer.count(b"HTTP/1.1 408 ")) == (1, 1)

    def test_of_an_idle_connection_may_take_as_long_as_it_is_kept(self, impatient: Gateway) -> None:
        with connect(impatient) as wire:
            for _ in range(2):
                wire.sendall(WHOLE)
                assert wire.recv(65_536).startswith(b"HTTP/1.1 200 ")
                block(2)


class TestBody:
    @pytest.mark.parametrize(
        ("path", "content_type"),
        [(b"/graphql", b"application/json"), (b"/oauth/token", b"application/x-www-form-urlencoded")],
    )
    def test_that_stays_half_is_cut_off_with_408(self, impatient: Gateway, path: bytes, content_type: bytes) -> None:
        with capture_logs() as logs, connect(impatient) as wire:
            began = time.monotonic()
            wire.sendall(BODY_HEAD % (path, content_type) + b'{"query":')
            answer = read_all(wire)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began >= 2
        cut = [line for line in logs if line["event"] == "request cut off"]
        assert [(line["awaited"], line["bytes"]) for line in cut] == [("body", 9)]
        assert 2 < cut[0]["seconds"] <= 3, "counted in ticks of the server"
        assert not [line for line in logs if line["log_level"] == "error"]

    def test_that_nobody_reads_is_cut_off_after_its_answer(self, impatient: Gateway) -> None:
        with connect(impatient) as wire:
            wire.sendall(BODY_HEAD % (b"/nothing", b"text/plain"))
            with suppress(ConnectionResetError):
                assert read_all(wire).startswith(b"HTTP/1.1 404 ")

    def test_slower_than_the_least_rate_is_cut_off_before_its_deadline(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(request_body_seconds=60, request_body_bytes_per_second_min=100)
        with connect(gateway) as wire:
            began = time.monotonic()
            wire.sendall(BODY_HEAD % (b"/graphql", b"application/json"))
            dripping = drip(wire, b"x")
            assert wire.recv(12) == b"HTTP/1.1 408"
            assert time.monotonic() - began >= 5
        dripping.join()

    def test_that_keeps_the_least_rate_is_answered(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(request_body_bytes_per_second_min=100)
        body = b'{"query":"{ open }"}'.ljust(1_000)
        with connect(gateway) as wire:
            wire.sendall(BODY_HEAD % (b"/graphql", b"application/json"))
            for start in range(0, 1_000, 100):
                block(0.6)
                wire.sendall(body[start : start + 100])
            assert wire.recv(65_536).startswith(b"HTTP/1.1 200 ")
