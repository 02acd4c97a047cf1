"""WebSocket connections: uvicorn's protocol, with limits and a way to cut them off.

It adds what uvicorn lacks: limits on the data waiting for a slow reader and on the rate of frames; close codes that a
client can act on; and an end for connections whose peer doesn't read, since a normal close waits until it does. It adds
`ABORT` to the scope's extensions, a function that drops the connection immediately. Nothing here knows GraphQL.
Source: RFC 6455; the sources of uvicorn and websockets for what is overridden.
"""

import asyncio
import codecs
import json
import logging
from collections.abc import Callable
from typing import Any, ClassVar

from uvicorn._types import ASGISendEvent
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import ProtocolError
from websockets.frames import CloseCode as StandardCode
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import StatusLike

from gateway.process.refusals import Refusals
from gateway.process.room import Room
from gateway.settings import Settings
from ledger.bounds.rates import Allowance

ABORT, ANSWER, SOCKET, WRITE = "jembatan.abort", "jembatan.answer", "jembatan.socket", "jembatan.write"
MESSAGE_TOO_LARGE, TOO_MANY_MESSAGES = 4413, 4429
LINGER_SECONDS = 5.0
"""How long a refused peer may keep sending before it is cut off. Cut off immediately, it would be reset while it sends
and never read why."""

_UTF8 = codecs.getincrementaldecoder("utf-8")
_CONTROL_WEIGHT, _CONTINUATION_WEIGHT = 1.0, 1 / 16

# uvicorn logs URLs with their parameters at INFO; websockets logs entire messages, with tokens, at DEBUG.
_log = logging.getLogger("gateway.connections")
_log.setLevel(logging.WARNING)


def _expect_nothing() -> None:
    """The callback while no one waits for room."""


def _note_nothing(_status: int) -> None:
    """The callback once nothing more can be refused."""


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """An upgraded connection, without compression. Owned by the event loop, as its transport is."""

    settings: ClassVar[Settings]
    room: ClassVar[Room]
    refusals: ClassVar[Refusals]

    def __init__(self, *given: Any, **named: Any) -> None:
        """Take uvicorn's own arguments."""
        super().__init__(*given, **named)
        self.logger = _log
        rate = self.settings.stream_messages_per_second
        allowance = Allowance(rate_per_second=rate, burst=max(2 * rate, 1), now_seconds=self.loop.time())
        self.conn = self._frames = BoundedFrames(
            self.loop, allowance, bytes_max=self.settings.stream_message_bytes_max, on_refusal=self._record_refusal
        )
        self._is_lingering = False
        self._is_open = False
        self.is_writable = True
        """Whether the buffer has room; what is written while it has none is still buffered."""
        self.on_writable: Callable[[], None] = _expect_nothing
        """Called when there is room again."""

    def count_waiting_bytes(self) -> int:
        """Return how many written bytes the kernel has not yet taken."""
        return self.transport.get_write_buffer_size()

    def write_frame(self, frame: bytes) -> None:
        """Send a frame as it is, or nothing once the connection has ended."""
        if self._is_open:
            self.transport.write(frame)

    def finish(self, code: int, reason: str) -> None:
        """Close after what was written so far; a peer that doesn't answer in time is cut off."""
        if not self._is_open:
            return
        self._is_open = False
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self._cut_off_later()

    def pause_writing(self) -> None:
        """Note that the buffer is full."""
        self.is_writable = False
        super().pause_writing()

    def resume_writing(self) -> None:
        """Notify whoever waits for room."""
        self.is_writable = True
        super().resume_writing()
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release whoever wrote here, the room that was taken before the upgrade, and all that refers back to it."""
        self.room.leave(self.client[0] if self.client else "local")
        self._is_open = False
        self.on_writable = _expect_nothing
        super().connection_lost(exc)
        # Without cycles its memory is free at once, and not only when Python searches for them; docs/adr/0083.
        self._frames.release()

    def handle_close(self, event: Frame) -> None:
        """Answer the peer's close, or accept its answer to ours."""
        self._is_open = False
        super().handle_close(event)

    def shutdown(self) -> None:
        """Close because the process is stopping, unless that has begun: the peer may still have to read why.

        uvicorn would close the connection immediately. With something of the peer's unread, such as a pong, that is a
        reset, which discards what the peer has not received yet. An upgrade is still answered by its application.
        """
        self.finish(StandardCode.SERVICE_RESTART, "")

    async def send(self, message: ASGISendEvent) -> None:
        """Accept or refuse the upgrade; everything later is written through SOCKET."""
        await super().send(message)
        self._is_open = self.conn.state is State.OPEN and not self.transport.is_closing()

    def data_received(self, data: bytes) -> None:
        """Read frames; discard what arrives after the connection has failed."""
        if self._is_lingering:
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            self._refuse_handshake()

    def handle_parser_exception(self) -> None:
        """End the connection with the code that the parser chose."""
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close is not None else (StandardCode.ABNORMAL_CLOSURE, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self._linger()

    def handle_cont(self, event: Frame) -> None:
        """Take a further part of a message. Empty ones are dropped, since they would only fill memory."""
        if event.data or event.fin:
            super().handle_cont(event)

    def handle_ping(self) -> None:
        """Answer a ping, unless the peer doesn't read: its pongs would only pile up."""
        pongs = self.conn.data_to_send()
        if self.is_writable:
            self.transport.write(b"".join(pongs))

    async def run_asgi(self) -> None:
        """Run the application; uvicorn's own method would report an upgrade refused over HTTP as unfinished."""
        extensions: dict[str, Any] = self.scope["extensions"]
        extensions.update({ABORT: self.transport.abort, SOCKET: self})
        try:
            await self.app(self.scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:  # noqa: BLE001 - the outermost layer; it is logged with its traceback
            _log.exception("a socket's application failed")
        finally:
            extensions.clear()
            if not self.handshake_complete:
                self.send_500_response()
            if self.close_timer is None:
                self.transport.close()

    def _record_refusal(self, status: int) -> None:
        self.refusals.record_status(status, peer=self.client[0] if self.client else "local")

    def _refuse_handshake(self) -> None:
        """Answer a request, such as one with a body, that the HTTP parser accepted but not the WebSocket one."""
        answer = b"".join(self.conn.data_to_send())
        self.transport.write(answer or self.conn.reject(400, "This is not an upgrade to a WebSocket.").serialize())
        self.transport.close()

    def _linger(self) -> None:
        """Discard what the peer still sends until it has read why it is refused, then cut it off."""
        self._is_lingering, self.disconnected, self._is_open = True, True, False
        self.writable.set()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._cut_off_later()

    def _cut_off_later(self) -> None:
        if self.close_timer is not None:
            self.close_timer.cancel()
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)


def bound_websocket(settings: Settings, room: Room, refusals: Refusals) -> type[BoundedWebSocket]:
    """Return the protocol for WebSockets with the limits of the settings."""
    return type("BoundedWebSocket", (BoundedWebSocket,), {"settings": settings, "room": room, "refusals": refusals})


class BoundedFrames(ServerProtocol):
    """The frames of one connection, counted as they are read, so that the first one over the limit ends a flood."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        allowance: Allowance,
        *,
        bytes_max: int,
        on_refusal: Callable[[int], None],
    ) -> None:
        """Read frames at the allowance's rate, and messages of up to bytes_max; refused upgrades are told."""
        super().__init__(extensions=None, max_size=bytes_max, logger=_log)
        self._loop = loop
        self._allowance = allowance
        self._is_flooded = False
        self._on_refusal = on_refusal
        self._decoder: codecs.IncrementalDecoder | None = None

    def recv_frame(self, frame: Frame) -> None:
        """Take one frame, or fail the connection."""
        weight = _CONTINUATION_WEIGHT if frame.opcode is Opcode.CONT else _CONTROL_WEIGHT
        wait_seconds = None
        if frame.opcode is not Opcode.CLOSE:
            wait_seconds = self._allowance.take(weight, now_seconds=self._loop.time())
        if wait_seconds is not None:
            self._is_flooded = True
            raise ProtocolError("Too many messages")
        super().recv_frame(frame)
        if frame.opcode in {Opcode.TEXT, Opcode.CONT}:
            self._check_text(frame)

    def fail(self, code: StandardCode | int, reason: str = "") -> None:
        """Fail the connection, with our own code where our own limit was exceeded."""
        if self._is_flooded:
            code, reason = TOO_MANY_MESSAGES, "Too many messages"
        elif code == StandardCode.MESSAGE_TOO_BIG:
            code = MESSAGE_TOO_LARGE
            reason = f"A message may have at most {self.max_message_size} bytes (JEMBATAN_STREAM_MESSAGE_BYTES_MAX)"
        elif code == StandardCode.INVALID_DATA:
            reason = "The message is not UTF-8."
        super().fail(code, reason)

    def release(self) -> None:
        """Drop what refers back to this object; nothing more is read."""
        self.parser.close()
        self.parser_exc = self.handshake_exc = None
        self._on_refusal = _note_nothing

    def _check_text(self, frame: Frame) -> None:
        """Fail the connection, while frames are still read, if a text is not UTF-8: no frame behind it then counts."""
        if frame.opcode is Opcode.TEXT:
            self._decoder = _UTF8()
        if self._decoder is not None:
            self._decoder.decode(frame.data, final=frame.fin)
        if frame.fin:
            self._decoder = None

    def reject(self, status: StatusLike, text: str) -> Response:
        """Return a refused upgrade as JSON, like every other refusal."""
        response = super().reject(status, text)
        self._on_refusal(response.status_code)
        problem = {"code": "BAD_USER_INPUT", "problem": "UPGRADE_REFUSED"}
        error = {"message": text.partition("\n")[0], "extensions": problem}
        response.body = json.dumps({"errors": [error]}).encode()
        del response.headers["Content-Length"], response.headers["Content-Type"]
        response.headers["Content-Length"] = str(len(response.body))
        response.headers["Content-Type"] = "application/json; charset=utf-8"
        return response
