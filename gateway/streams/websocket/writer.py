"""What is sent over WebSockets: answers, and the results of their subscriptions, a few of each in turn.

Nothing is written while a connection's buffer is full, and nothing is pulled meanwhile. All subscriptions of a process
take turns in one callback of the event loop: an event that many sockets wait for costs each of them a write, not a
task. One with much to send delays no other, and all of them together don't block the process. Owned by the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Protocol

from gateway.streams.delivery import Delivery
from gateway.streams.ends import StreamEnded
from gateway.streams.subscription import Subscription
from gateway.streams.websocket.frames import render_text
from gateway.streams.websocket.messages import NEXT_TAIL, Refusal

_RESULTS_A_TURN = 4
_TURNS_A_CALLBACK = 256


class Socket(Protocol):
    """A connection as the writer sees it, implemented in gateway.process.connections."""

    is_writable: bool
    on_writable: Callable[[], None]

    def count_waiting_bytes(self) -> int:
        """Return how many written bytes have not been taken yet."""
        ...

    def write_frame(self, frame: bytes) -> None:
        """Send a frame as it is, or nothing once the connection has ended."""
        ...

    def finish(self, code: int, reason: str) -> None:
        """Close after what was written so far, and cut off a peer that doesn't answer."""
        ...


class Flow:
    """A subscription's path to its socket."""

    __slots__ = ("_head", "_is_waiting", "_on_end", "_socket", "_subscription", "_turns", "_writer", "results")

    def __init__(
        self, subscription: Subscription, writer: "Writer", *, head: bytes, on_end: Callable[[StreamEnded], None]
    ) -> None:
        """Begin to flow; head precedes each result, and on_end is called if the subscription itself ends."""
        self.results = 0
        self._subscription, self._writer, self._head, self._on_end = subscription, writer, head, on_end
        self._socket, self._turns = writer.socket, writer.turns
        self._is_waiting = False
        subscription.on_ready = self.want
        self.want()

    def want(self) -> None:
        """Ask for a turn soon."""
        if not self._is_waiting:
            self._is_waiting = True
            self._turns.add(self)

    def take_turn(self) -> None:
        """Write a few results, while there are any and room for them; called only by Turns."""
        self._is_waiting = False
        subscription, socket, head = self._subscription, self._socket, self._head
        try:
            for _ in range(_RESULTS_A_TURN):
                if not socket.is_writable:
                    self._writer.park(self)
                    return
                delivery = subscription.take_nowait()
                if delivery is None:
                    return
                self.results += 1
                socket.write_frame(delivery.frame if delivery.framed_for == head else _render_frame(delivery, head))
                if subscription.has_no_more:
                    return
        except StreamEnded as end:
            self._on_end(end)
        except Exception as error:  # noqa: BLE001 - an internal fault ends one operation, not the socket
            self._on_end(StreamEnded(error, self._subscription.cursor))
        else:
            # There may be more, but others have their turn first.
            self.want()


def _render_frame(delivery: Delivery, head: bytes) -> bytes:
    """Render a result's frame, and keep it: most clients number their operations alike, so that many share it."""
    delivery.frame, delivery.framed_for = render_text(head, delivery.payload, NEXT_TAIL), head
    return delivery.frame


class Turns:
    """The flows that may have something to send. One for all sockets of a process."""

    __slots__ = ("_is_called", "_loop", "_waiting")

    def __init__(self) -> None:
        """Start without any."""
        self._waiting: deque[Flow] = deque()
        self._loop = asyncio.get_running_loop()
        self._is_called = False

    def add(self, flow: Flow) -> None:
        """Give a flow a turn soon."""
        self._waiting.append(flow)
        if not self._is_called:
            self._is_called = True
            self._loop.call_soon(self._call)

    def _call(self) -> None:
        waiting = self._waiting
        for _ in range(min(len(waiting), _TURNS_A_CALLBACK)):
            waiting.popleft().take_turn()
        if waiting:
            self._loop.call_soon(self._call)
        else:
            self._is_called = False


class Writer:
    """What one session sends besides results, in order, and what waits until its socket has room."""

    def __init__(self, socket: Socket, turns: Turns, *, waiting_bytes_max: int) -> None:
        """Write to a socket; waiting_bytes_max limits what may wait before the session stops reading."""
        self.socket, self.turns = socket, turns
        self._said: deque[bytes] = deque()
        self._said_bytes, self._waiting_bytes_max = 0, waiting_bytes_max
        self._parked: list[Flow] = []
        self._room = asyncio.Event()
        self._is_closed = False
        socket.on_writable = self._go_on

    @property
    def is_blocked(self) -> bool:
        """Whether there is something to send and the client doesn't read."""
        return not self.socket.is_writable and bool(self._said or self._parked)

    def say(self, message: bytes) -> None:
        """Send a message, after all earlier ones."""
        if self._is_closed:
            return
        if self._said or not self.socket.is_writable:
            self._said.append(message)
            self._said_bytes += len(message)
        else:
            self.socket.write_frame(render_text(message))

    def park(self, flow: Flow) -> None:
        """Keep a flow until there is room."""
        if not self._is_closed:
            self._parked.append(flow)

    def close(self, refusal: Refusal) -> None:
        """Write what is waiting, room or not, since nothing will follow, and close the socket."""
        if not self._is_closed:
            for message in self._said:
                self.socket.write_frame(render_text(message))
            self.stop()
            self.socket.finish(int(refusal.code), refusal.reason)

    def stop(self) -> None:
        """Stop writing."""
        self._is_closed = True
        self._said.clear()
        self._said_bytes = 0
        self._parked.clear()
        self._room.set()

    async def wait_for_room(self) -> None:
        """Wait while more is waiting for the client than may."""
        while self._said_bytes > self._waiting_bytes_max:
            self._room.clear()
            await self._room.wait()

    def _go_on(self) -> None:
        said = self._said
        while said and self.socket.is_writable:
            message = said.popleft()
            self._said_bytes -= len(message)
            self.socket.write_frame(render_text(message))
        if self._said_bytes <= self._waiting_bytes_max:
            self._room.set()
        if self.socket.is_writable:
            parked, self._parked = self._parked, []
            for flow in parked:
                flow.want()
