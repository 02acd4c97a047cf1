"""What is written to sockets: shared frames, results in turn, and nothing that is left behind by looking once less."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from gateway.streams.counts import StreamCounts
from gateway.streams.delivery import Delivery
from gateway.streams.ends import StreamEnded
from gateway.streams.subscription import Subscription
from gateway.streams.websocket.frames import render_text
from gateway.streams.websocket.messages import render_next_head
from gateway.streams.websocket.writer import Flow, Turns, Writer
from gateway.streams.window import Window
from ledger.identifiers import Position
from tests.support.waiting import yield_turn


class Wire:
    """A connection that keeps what is written, and takes as much as it has room for."""

    def __init__(self, room: int = 1_000) -> None:
        self.frames: list[bytes] = []
        self.room = room
        self.on_writable: Callable[[], None] = lambda: None

    @property
    def is_writable(self) -> bool:
        return len(self.frames) < self.room

    def count_waiting_bytes(self) -> int:
        return 0

    def write_frame(self, frame: bytes) -> None:
        self.frames.append(frame)

    def finish(self, code: int, reason: str) -> None:
        raise AssertionError((code, reason))


def delivery(position: int) -> Delivery:
    return Delivery(Position(position), "CURSOR", b'{"data":%d}' % position, asyncio.get_running_loop().time())


def frame(identifier: str, position: int) -> bytes:
    return render_text(b'{"id":"%b","type":"next","payload":{"data":%d}}' % (identifier.encode(), position))


def expect_no_end(end: StreamEnded) -> None:
    raise AssertionError(end)


class Line:
    """One subscriber of a window, with its socket."""

    def __init__(self, window: Window, turns: Turns, identifier: str, *, room: int = 1_000) -> None:
        self.wire = Wire(room)
        self.writer = Writer(self.wire, turns, waiting_bytes_max=1_000)  # type: ignore[arg-type]
        self.subscription = Subscription(
            window, lambda *_: False, StreamCounts(), position=Position(0), cursor="CURSOR"
        )
        self.subscription.join(window.first_index, after=Position(0))
        self.flow = Flow(self.subscription, self.writer, head=render_next_head(identifier), on_end=expect_no_end)


class TestFlow:
    async def test_shares_the_frame_of_operations_with_the_same_id(self) -> None:
        window, turns = Window(), Turns()
        lines = [Line(window, turns, "1") for _ in range(3)]
        window.append([delivery(1)])
        for line in lines:
            line.subscription.on_ready()
        await yield_turn(3)
        assert [line.wire.frames for line in lines] == [[frame("1", 1)]] * 3
        assert len({id(line.wire.frames[0]) for line in lines}) == 1

    async def test_gives_each_id_its_own_frame_in_any_order(self) -> None:
        window, turns = Window(), Turns()
        lines = [Line(window, turns, identifier) for identifier in ("1", "2", "1", "longer", "2")]
        window.append([delivery(1), delivery(2)])
        for line in lines:
            line.subscription.on_ready()
        await yield_turn(3)
        assert [line.wire.frames for line in lines] == [
            [frame(identifier, 1), frame(identifier, 2)] for identifier in ("1", "2", "1", "longer", "2")
        ]

    @pytest.mark.parametrize("count", [1, 3, 4, 5, 8, 9])
    async def test_writes_all_there_is_and_what_comes_while_it_writes(self, count: int) -> None:
        window, turns = Window(), Turns()
        line = Line(window, turns, "1")
        window.append([delivery(position) for position in range(1, count + 1)])
        line.subscription.on_ready()
        await yield_turn(1)
        window.append([delivery(count + 1)])
        line.subscription.on_ready()
        await yield_turn(8)
        assert line.wire.frames == [frame("1", position) for position in range(1, count + 2)]
        assert line.flow.results == count + 1

    async def test_goes_on_where_it_stopped_once_there_is_room(self) -> None:
        window, turns = Window(), Turns()
        line = Line(window, turns, "1", room=2)
        window.append([delivery(position) for position in range(1, 6)])
        line.subscription.on_ready()
        await yield_turn(3)
        assert line.wire.frames == [frame("1", 1), frame("1", 2)]
        line.wire.room = 100
        line.wire.on_writable()
        await yield_turn(5)
        assert line.wire.frames == [frame("1", position) for position in range(1, 6)]

    async def test_takes_what_is_held_before_what_the_channel_has(self) -> None:
        window, turns = Window(), Turns()
        line = Line(window, turns, "1")
        window.append([delivery(2)])
        drained: list[bool] = []
        line.subscription.hold([delivery(1)], on_drained=partial(drained.append, True))  # noqa: FBT003 - a mark
        await yield_turn(3)
        assert (line.wire.frames, drained) == ([frame("1", 1), frame("1", 2)], [True])


class TestRenderText:
    @pytest.mark.parametrize(
        ("size", "head"),
        [
            (0, b"\x81\x00"),
            (125, b"\x81\x7d"),
            (126, b"\x81\x7e\x00\x7e"),
            (65_535, b"\x81\x7e\xff\xff"),
            (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
        ],
    )
    def test_gives_the_length_in_its_shortest_form(self, size: int, head: bytes) -> None:
        assert render_text(b"x" * (size // 2), b"x" * (size - size // 2)) == head + b"x" * size
