"""One subscription over one HTTP response: pulled as the client reads, kept alive by heartbeats, ended with a code.

ASGI's send waits while the connection's buffer is full, so nothing is pulled then; a client that reads nothing for too
long is cut off, since a close would wait for it as well. When the client disconnects, everything is released.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from gateway.process.connections import ABORT, WRITE
from gateway.streams.delivery import Delivery
from gateway.streams.ends import SlowReaderError, StreamEnded
from gateway.streams.hub import StreamConnection
from gateway.streams.settings import StreamSettings
from gateway.streams.subscription import Subscription

_TICKS = 4
"""How often the timer checks within the shorter of the times that it watches."""
_TURN_BYTES_MAX = 65_536


class Form(Protocol):
    """How a transport frames what it carries."""

    headers: Mapping[str, str]
    heartbeat: bytes
    opening: bytes
    completion: bytes

    def render(self, delivery: Delivery) -> bytes:
        """Render one result."""
        ...

    def render_end(self, ended: StreamEnded, request_id: str) -> bytes:
        """Render the end: why the stream ends, and that nothing more follows."""
        ...


class HttpStream:
    """The response that carries a subscription. Owned by the request's task; called once."""

    def __init__(
        self,
        subscription: Subscription,
        connection: StreamConnection,
        form: Form,
        settings: StreamSettings,
        *,
        request_id: str,
        headers: Mapping[str, str],
    ) -> None:
        """Nothing is sent yet; headers are added to the form's own."""
        self._subscription, self._connection, self._form = subscription, connection, form
        self._settings = settings
        self._request_id = request_id
        self._headers = {**headers, **form.headers}
        self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        self._sending_since: float | None = None
        self._sent_at = self._loop.time()
        self._is_silent = False
        self._is_waiting = False
        self._has_more = False
        self._is_gone = False
        self._timer: asyncio.TimerHandle | None = None
        self._abort: Callable[[], None] | None = None
        self._write: Callable[[bytes], bool] | None = None
        self._unsent = b""
        self.told: dict[str, Any] = {"delivered": 0}
        """What the log records about it."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the subscription ends or the client disconnects or stops reading. Closes the subscription."""
        extensions = scope.get("extensions") or {}
        self._abort, self._write = extensions.get(ABORT), extensions.get(WRITE)
        self._subscription.on_ready = self._offer
        listening = asyncio.create_task(self._listen(receive))
        self._beat()
        try:
            headers = [(name.lower().encode(), value.encode()) for name, value in self._headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self._put(send, self._form.opening)
            await self._run(send)
        finally:
            self.close()
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    def close(self) -> None:
        """Release everything; it may be called again."""
        if self._timer is not None:
            self._timer.cancel()
        self._subscription.close()
        self._connection.close()

    async def _run(self, send: Send) -> None:
        while not self._is_gone:
            self._wake.clear()
            try:
                chunk = self._unsent or self._pull()
            except StreamEnded as ended:
                await self._finish(send, ended)
                return
            self._unsent = b""
            if chunk:
                await self._put(send, chunk)
            elif self._is_silent:
                await self._put(send, self._form.heartbeat)
            else:
                self._is_waiting = True
                await self._wake.wait()
                self._is_waiting = False

    def _offer(self) -> None:
        """Write what may have become available, if nothing else is being written and the client has room."""
        if not self._is_waiting or self._wake.is_set() or self._write is None:
            self._wake.set()
            return
        try:
            chunk = self._pull()
        except StreamEnded:
            # The task reads the end again, and reports it.
            self._wake.set()
            return
        if chunk and self._write(chunk):
            self._sent_at = self._loop.time()
            chunk = b""
        self._unsent = chunk
        # The task handles what is left, be it more or the end.
        if chunk or self._subscription.is_over or self._has_more:
            self._wake.set()

    def _pull(self) -> bytes:
        """Return what is available, up to a limit, for one write. Errors: StreamEnded, when nothing is left."""
        frames: list[bytes] = []
        size = 0
        self._has_more = True
        while size < _TURN_BYTES_MAX:
            try:
                delivery = self._subscription.take_nowait()
            except StreamEnded:
                if frames:
                    # It is raised again at the next pull.
                    break
                raise
            if delivery is None:
                self._has_more = False
                break
            frames.append(self._form.render(delivery))
            size += len(frames[-1])
        self.told["delivered"] += len(frames)
        return frames[0] if len(frames) == 1 else b"".join(frames)

    async def _put(self, send: Send, chunk: bytes) -> None:
        self._sending_since = self._loop.time()
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        self._sending_since, self._sent_at, self._is_silent = None, self._loop.time(), False

    async def _finish(self, send: Send, ended: StreamEnded) -> None:
        self.told["end"] = ended.problem
        if self._is_gone:
            return
        self._sending_since = self._loop.time()
        last = self._form.render_end(ended, self._request_id)
        await send({"type": "http.response.body", "body": last, "more_body": False})

    async def _listen(self, receive: Receive) -> None:
        """Wait until the client disconnects; what it still sends is ignored."""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                break
        self._is_gone = True
        self._subscription.close()
        self._wake.set()

    def _beat(self) -> None:
        """Detect silence, and a client that doesn't read."""
        now, settings = self._loop.time(), self._settings
        since = self._sending_since
        if since is not None and now - since >= settings.stream_stall_seconds:
            self._cut_off()
            return
        if since is None and now - self._sent_at >= settings.stream_heartbeat_seconds:
            self._is_silent = True
            self._wake.set()
        shorter = min(settings.stream_heartbeat_seconds, settings.stream_stall_seconds)
        self._timer = self._loop.call_later(shorter / _TICKS, self._beat)

    def _cut_off(self) -> None:
        """Drop the connection. An error would wait behind what the client doesn't read, so none is sent."""
        self.told["end"] = SlowReaderError.code
        self._is_gone = True
        self._subscription.end(SlowReaderError())
        if self._abort is not None:
            self._abort()
