"""Room for connections, measured by clients that hold as many as they can."""

import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest
from structlog.testing import capture_logs

from gateway.process.room import Room
from gateway.settings import Settings
from tests.support.sample_gateway import Gateway
from tests.support.waiting import block_until

HALF_HEAD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
ELSEWHERE = {"trusted_proxies": "10.0.0.1"}
"""So that the loopback addresses of these tests are counted."""


@pytest.fixture
def wires() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def connect(gateway: Gateway, wires: ExitStack, source: str = "127.0.0.1") -> socket.socket:
    return wires.enter_context(
        socket.create_connection(("127.0.0.1", gateway.port), timeout=10, source_address=(source, 0))
    )


def is_served(wire: socket.socket) -> bool:
    """Finish the request and return whether it is answered."""
    try:
        wire.sendall(b"\r\n")
        return wire.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def hold_half_heads(gateway: Gateway, wires: ExitStack, count: int, source: str) -> list[socket.socket]:
    held = []
    for _ in range(count):
        wire = connect(gateway, wires, source)
        with suppress(OSError):
            wire.sendall(HALF_HEAD)
        held.append(wire)
    return held


class TestHalfHeads:
    def test_of_one_address_leave_room_for_others_and_are_logged(
        self, serve: Callable[..., Gateway], wires: ExitStack
    ) -> None:
        gateway = serve(connections_max=40, **ELSEWHERE)
        with capture_logs() as logs:
            held = hold_half_heads(gateway, wires, 60, "127.0.0.2")
            [other] = hold_half_heads(gateway, wires, 1, "127.0.0.3")
            assert is_served(other)
        assert sum(map(is_served, held)) == 20
        refusals = [line for line in logs if line["event"] == "connections refused"]
        assert refusals
        assert (refusals[0]["peer"], refusals[0]["held"], refusals[0]["total"]) == ("127.0.0.2", 20, 20)

    def test_beyond_the_bound_of_an_address_are_503(self, serve: Callable[..., Gateway], wires: ExitStack) -> None:
        gateway = serve(connections_per_address_max=3, **ELSEWHERE)
        held = hold_half_heads(gateway, wires, 3, "127.0.0.2")
        refused = connect(gateway, wires, "127.0.0.2")
        answer = refused.recv(65_536)
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b'"TOO_MANY_CONNECTIONS"' in answer
        assert b"Retry-After: 5" in answer
        held[0].close()
        block_until(
            lambda: is_served(hold_half_heads(gateway, wires, 1, "127.0.0.2")[0]), "the room that was left is taken"
        )

    def test_through_a_trusted_proxy_count_for_no_address(
        self, serve: Callable[..., Gateway], wires: ExitStack
    ) -> None:
        gateway = serve(connections_per_address_max=3)
        assert all(map(is_served, hold_half_heads(gateway, wires, 10, "127.0.0.1")))


class TestRoom:
    def test_is_never_more_than_the_limit_of_open_files_leaves(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resource, "getrlimit", lambda _: (300, 300))
        room = Room(Settings(trusted_proxies="127.0.0.1"))
        assert sum(room.enter("127.0.0.1") for _ in range(320)) == 225

    def test_is_shared_so_that_as_much_stays_free_as_any_address_holds(self) -> None:
        room = Room(Settings(connections_max=90, **ELSEWHERE))
        for _ in range(100):
            room.enter("198.51.100.1"), room.enter("198.51.100.2")
        assert sum(room.enter("198.51.100.3") for _ in range(100)) == 15

    def test_of_an_address_is_that_of_its_64_bit_prefix(self) -> None:
        room = Room(Settings(connections_per_address_max=2, **ELSEWHERE))
        assert [room.enter(f"2001:db8::{n}") for n in range(3)] == [True, True, False]
        assert room.enter("2001:db8:0:1::1")

    def test_is_free_again_once_left(self) -> None:
        room = Room(Settings(connections_per_address_max=1, **ELSEWHERE))
        for _ in range(3):
            assert room.enter("198.51.100.1")
            assert not room.enter("198.51.100.1")
            room.leave("198.51.100.1")
