"""The one writer of a WebSocket: answers first, then one result of each subscription that has some, in turn.

It waits while the connection's buffer is full, and pulls nothing meanwhile. A subscription with much to tell can't
keep the others waiting, nor one socket the process: after some messages it lets others have a turn.
"""

import asyncio
from collections import deque
from collections.abc import Callable

from starlette.types import Message, Send

from gateway.streams.ends import StreamEnded
from gateway.streams.websocket_messages import Refusal
from gateway.streams.websocket_operations import Operation

OnEnd = Callable[[Operation, StreamEnded], None]

_TURN_MESSAGES = 64


class Writer:
    """What a session still has to say. Owned by the session's event loop; run is its only task."""

    def __init__(self, send: Send, *, on_end: OnEnd, waiting_characters_max: int) -> None:
        """Write with an ASGI send; on_end is told of a subscription that ended of itself."""
        self.sent = 0
        self.is_sending = False
        """Whether a message waits for room in the connection's buffer, or is just being put there."""
        self._send = send
        self._on_end = on_end
        self._waiting_characters_max = waiting_characters_max
        self._said: deque[str] = deque()
        self._waiting_characters = 0
        self._expected: deque[Operation] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._close: Refusal | None = None
        self._is_over = False

    def say(self, text: str) -> None:
        """Send a message, behind those that were said before."""
        self._said.append(text)
        self._waiting_characters += len(text)
        self._wake.set()

    def expect(self, operation: Operation) -> None:
        """Look whether an operation's subscription has something, when its turn comes."""
        if not operation.is_expected:
            operation.is_expected = True
            self._expected.append(operation)
            self._wake.set()

    def close(self, refusal: Refusal) -> None:
        """Close the socket when all is said; results of subscriptions are not waited for."""
        self._close = refusal
        self._wake.set()

    async def wait_for_room(self) -> None:
        """Wait while more was said than the client has taken."""
        while self._waiting_characters > self._waiting_characters_max and not self._is_over:
            self._room.clear()
            await self._room.wait()

    async def run(self) -> None:
        """Write until the close is sent. Errors: OSError, when the connection is gone."""
        try:
            await self._run()
        finally:
            self._is_over = True
            self._room.set()

    async def _run(self) -> None:
        while True:
            if self._said:
                text = self._said.popleft()
                await self._put({"type": "websocket.send", "text": text})
                self._waiting_characters -= len(text)
                self._room.set()
            elif self._close is not None:
                close: Message = {
                    "type": "websocket.close",
                    "code": int(self._close.code),
                    "reason": self._close.reason,
                }
                await self._put(close)
                return
            elif self._expected:
                frame = self._take(self._expected.popleft())
                if frame is not None:
                    await self._put({"type": "websocket.send", "text": frame})
            else:
                self._wake.clear()
                await self._wake.wait()

    def _take(self, operation: Operation) -> str | None:
        operation.is_expected = False
        if operation.is_over:
            return None
        try:
            frame = operation.take_frame()
        except StreamEnded as end:
            self._on_end(operation, end)
            return None
        if frame is not None:
            # It may have more: it is asked again when the others had their turn.
            operation.is_expected = True
            self._expected.append(operation)
        return frame

    async def _put(self, message: Message) -> None:
        self.is_sending = True
        await self._send(message)
        self.is_sending = False
        self.sent += 1
        if not self.sent % _TURN_MESSAGES:
            await asyncio.sleep(0)
