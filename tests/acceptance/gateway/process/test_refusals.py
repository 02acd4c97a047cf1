"""What a connection answers before the application has a request is counted and has its line in the access log."""

import socket
from collections.abc import Callable

import pytest
from structlog.testing import capture_logs

from tests.support.sample_gateway import Gateway

HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
UPGRADE = (
    HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n\r\n"
)


@pytest.fixture(scope="module")
def strict(serve: Callable[..., Gateway]) -> Gateway:
    return serve(header_bytes_max=1_024, url_bytes_max=256, request_head_seconds=1)


def exchange(gateway: Gateway, sent: bytes) -> bytes:
    """Send, then read until the server closes."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as wire:
        wire.sendall(sent)
        read = b""
        while chunk := wire.recv(65_536):
            read += chunk
        return read


def count(gateway: Gateway, status: int) -> float:
    sample = gateway.app.state.metrics.registry.get_sample_value(
        "jembatan_http_requests_total", {"route": "none", "status": str(status)}
    )
    return sample or 0.0


class TestRefusals:
    @pytest.mark.parametrize(
        ("sent", "status", "problem"),
        [
            (HEAD, 408, "REQUEST_TIMEOUT"),
            (b"GET /" + b"x" * 300 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "URL_TOO_LONG"),
            (HEAD + b"X: " + b"x" * 1_100 + b"\r\n\r\n", 431, "HEAD_TOO_LARGE"),
            (b"NONSENSE\r\n\r\n", 400, None),
            (UPGRADE, 400, None),
        ],
        ids=["a half head", "a long URL", "large headers", "no HTTP", "a false upgrade"],
    )
    def test_are_counted_and_logged(self, strict: Gateway, sent: bytes, status: int, problem: str | None) -> None:
        before = count(strict, status)
        with capture_logs() as logs:
            answer = exchange(strict, sent)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert count(strict, status) == before + 1
        [line] = [line for line in logs if line["event"] == "request"]
        assert (line["status"], line["peer"], line.get("problem")) == (status, "127.0.0.1", problem)
        if problem is not None:
            assert b'"%b"' % line["request_id"].encode() in answer

    def test_for_want_of_room_are_counted_and_logged(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(connections_per_address_max=1, trusted_proxies="10.0.0.1")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=15) as held:
            held.sendall(HEAD)
            with capture_logs() as logs:
                assert exchange(gateway, b"").startswith(b"HTTP/1.1 503 ")
        assert count(gateway, 503) == 1
        [line] = [line for line in logs if line["event"] == "request"]
        assert (line["status"], line["problem"]) == (503, "TOO_MANY_CONNECTIONS")
