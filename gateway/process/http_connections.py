"""HTTP connections: uvicorn's protocol, with limits on a request's head, on the time that it may take, and on its peer.

It adds what uvicorn lacks: limits on the size of a request's head and on the data waiting for a slow reader; deadlines
for heads and bodies, and a least rate for bodies, since a peer that sends nothing would otherwise hold its connection
for ever; an end that a client which is still sending can read; and requests that offer another protocol, such as h2c,
are read whole and answered in HTTP/1.1. `ABORT` in the scope's extensions is a function that
drops the connection immediately, `ANSWER` one that sends a whole response and `WRITE` one that sends part of a streamed
one, unless they would have to wait.
Nothing here knows GraphQL.
Source: RFC 9110 sections 7.8 and 15.5.9; RFC 9112 section 9.6; RFC 6585 section 5; the source of uvicorn for what is
overridden.
"""

import asyncio
import re
import socket
from asyncio.transports import Transport
from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import Any, ClassVar, cast

import httptools
import orjson
import structlog
from uvicorn._types import HTTPScope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from gateway.operations.errors import (
    HeadTooLargeError,
    RequestRefusedError,
    RequestTimeoutError,
    TooManyConnectionsError,
    UrlTooLongError,
)
from gateway.operations.failures import tell_failure
from gateway.process.connections import ABORT, ANSWER, LINGER_SECONDS, WRITE
from gateway.process.refusals import Refusals
from gateway.process.room import Room
from gateway.settings import Settings
from ledger.identifiers import new_id

Header = tuple[bytes, bytes]

_log = structlog.get_logger("gateway.connections")
_TICK_SECONDS = 0.5
_BAD_REQUEST, _NOT_MODIFIED = 400, 304
_RATE_GRACE_SECONDS = 5.0
"""How long a body may be slower than the least rate."""
_DISCARD_PAUSE_SECONDS = 0.05
"""Between two reads of what is discarded, so that a peer that sends megabytes after its answer costs nobody else."""
_RECEIVE_BUFFER_BYTES = 262_144
"""What the kernel holds of what a peer sends, which would grow to megabytes. So a peer goes at the pace at which it is
read, also where what it sends is discarded."""
_HEADER_OVERHEAD_BYTES = len(": \r\n")
_REQUEST_LINE_BYTES = 64
"""What a request line has beside its URL, with room to spare."""
_JOINED_BYTES_MAX = 65_536
"""The longest body that is copied behind its head; beyond that, a second write costs less."""
_CLOSING_HEADERS = frozenset({b"connection", b"transfer-encoding"})
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_OFFER_HEADERS = frozenset({b"upgrade", b"http2-settings"})
"""What offers another protocol; `Connection` names them too."""


class Part(StrEnum):
    """What the server waits for: a part of a request, or that a peer that was answered leaves."""

    HEAD = "head"
    BODY = "body"
    EXIT = "exit"


class BoundedHttp(HttpToolsProtocol):  # type: ignore[misc, unused-ignore]
    """Ends a connection whose request is too large in its head or too slow. Owned by the event loop."""

    settings: ClassVar[Settings]
    room: ClassVar[Room]
    refusals: ClassVar[Refusals]

    _peer = ""
    _is_admitted = False
    _awaited: Part | None = None
    _waited_seconds = 0.0
    _part_bytes = 0
    _url_bytes = 0
    _header_bytes = 0
    _completed = 0
    _overflow: RequestRefusedError | None = None
    _is_offer = False
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Limit the write buffer, also for an upgraded connection; refuse the connection if there is no room."""
        transport.set_write_buffer_limits(high=self.settings.stream_buffer_bytes_max)
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER_BYTES)
        super().connection_made(transport)
        self._peer = self.client[0] if self.client else "local"
        self._is_admitted = self.room.enter(self._peer)
        if self._is_admitted:
            self._await(Part.HEAD)
            self._watch()
            return
        # Whoever is refused must not hold a file, so nothing waits until it has read why.
        self._answer(TooManyConnectionsError(headers={"Retry-After": "5"}))
        self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Make room."""
        if self._is_admitted:
            self.room.leave(self._peer)
        self._stop_watching()
        if self.cycle is not None:
            self.cycle.transport = self.transport
        super().connection_lost(exc)
        self._release()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection on; the room that it takes is left when the WebSocket ends."""
        self._stop_watching()
        super().handle_websocket_upgrade()
        self._release()

    def data_received(self, data: bytes) -> None:
        """Parse what came, and watch for the rest of the request."""
        if self._awaited is Part.EXIT:
            self._part_bytes += len(data)
            self._pause()
            return
        if self._awaited is None:
            self._await(Part.HEAD)
        completed = self._completed
        self._parse(data)
        if self._awaited is Part.HEAD and completed == self._completed:
            self._count_unfinished(len(data))
        elif self._awaited is Part.BODY:
            self.cycle.transport = cast("Transport", _Exit(self))
            if self.cycle.response_complete:
                self._pause()
        self._watch()

    def on_message_begin(self) -> None:
        """Start to count the request's head."""
        self._url_bytes = self._header_bytes = 0
        if self._awaited is None:
            self._await(Part.HEAD)
        super().on_message_begin()
        extensions: Any = {ABORT: self.transport.abort, ANSWER: self.write_answer, WRITE: self.write_chunk}
        self.scope["extensions"] = extensions

    def on_url(self, url: bytes) -> None:
        """Count part of the URL."""
        self._url_bytes += len(url)
        if self._url_bytes > self.settings.url_bytes_max:
            self._overflow = UrlTooLongError()
            raise ValueError
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Count a header."""
        self._header_bytes += len(name) + len(value) + _HEADER_OVERHEAD_BYTES
        if self._header_bytes > self.settings.header_bytes_max:
            self._overflow = HeadTooLargeError()
            raise ValueError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Wait for the body, if there is one. A head with an offer is parsed again without it."""
        self._is_offer = (
            self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT" and not self._should_upgrade()
        )
        if self._is_offer:
            return
        self._await(Part.BODY)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Count part of the body."""
        self._part_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Wait for nothing until another request begins."""
        if self._is_offer:
            return
        self._awaited = None
        self._completed += 1
        if self.cycle is not None:
            self.cycle.transport = self.transport
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Say what is wrong with a request that can't be parsed, or that is too large to be."""
        if self._overflow is not None:
            self._refuse(self._overflow)
            return
        self.refusals.record_status(_BAD_REQUEST, peer=self._peer)
        super().send_400_response(msg)

    def timeout_keep_alive_handler(self) -> None:
        """End an idle connection, also one whose peer has not read the last response."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def write_chunk(self, chunk: bytes) -> bool:
        """Write part of the response body past ASGI's send; False where only send can, because it may have to wait.

        A stream writes this way to a client that reads: an event for many clients then costs each a write, not a task.
        """
        cycle: RequestResponseCycle | None = self.cycle
        if (
            not cycle
            or self.flow.write_paused
            or not cycle.response_started
            or cycle.response_complete
            or cycle.disconnected
        ):
            return False
        if not cycle.chunked_encoding:
            return False
        self.transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        return True

    def write_answer(self, scope: HTTPScope, status: int, headers: Iterable[Header], body: bytes) -> bool:
        """Write a whole response past ASGI's send, head and body in one; False where only send can.

        It can where nothing has to wait, nothing closes the connection afterwards, and the response is of the request
        that was read last.
        """
        cycle: RequestResponseCycle | None = self.cycle
        if (
            cycle is None
            or cycle.scope is not scope
            or cycle.response_started
            or cycle.disconnected
            or not cycle.keep_alive
            or self.flow.write_paused
            or scope["method"] == "HEAD"
        ):
            return False
        head = _render_answer_head(status, (*cycle.default_headers, *headers), len(body))
        if head is None:
            return False
        cycle.response_started = cycle.response_complete = True
        cycle.waiting_for_100_continue = False
        if len(body) <= _JOINED_BYTES_MAX:
            cycle.transport.write(head + body)
        else:
            cycle.transport.write(head)
            cycle.transport.write(body)
        cycle.message_event.set()
        cycle.on_response()
        return True

    def leave(self) -> None:
        """Close after what was written. What the peer still sends is discarded until it has read it.

        Closed immediately, the connection would be reset, and a peer that is still sending would never read the answer.
        Until then the deadline and the least rate of a body hold.
        """
        self._unset_keepalive_if_required()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._await(Part.EXIT)
        self._watch()

    def _parse(self, data: bytes) -> None:
        """Parse what came, as uvicorn does, and pass over offers of other protocols.

        Behind an offer the parser would take a body for the other protocol, or for another request.
        """
        self._unset_keepalive_if_required()
        pieces = [memoryview(data)]
        while pieces:
            piece = pieces.pop()
            try:
                self.parser.feed_data(piece)
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            except httptools.HttpParserUpgrade as upgrade:
                if not self._is_offer:
                    if self._should_upgrade():
                        self.handle_websocket_upgrade()
                    return
                pieces += [piece[upgrade.args[0] :], memoryview(self._begin_again())]

    def _begin_again(self) -> bytes:
        """Start a parser behind a head with an offer, and return the head without it."""
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        self._is_offer = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does
        return _render_head(method, self.url, version, self.headers)

    def _pause(self) -> None:
        """Read nothing for a moment. A pause of the flow control would be the application's, and excuse the peer."""
        self.transport.pause_reading()
        self.loop.call_later(_DISCARD_PAUSE_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if not self.transport.is_closing():
            self.transport.resume_reading()

    def _release(self) -> None:
        """Drop what refers back to this object, so that its memory is free without a search for cycles.

        A request that is still running keeps what it needs.
        """
        self.parser = self.cycle = self.scope = None  # type: ignore[assignment]
        self.pipeline.clear()

    def _await(self, part: Part) -> None:
        self._awaited, self._waited_seconds, self._part_bytes = part, 0.0, 0

    def _watch(self) -> None:
        if self._awaited is not None and self._timer is None:
            self._timer = self.loop.call_later(_TICK_SECONDS, self._tick)

    def _stop_watching(self) -> None:
        self._awaited = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tick(self) -> None:
        self._timer = None
        if self._awaited is None:
            return
        if not self._is_held_up():
            # Counted in ticks: time that the loop itself took is no fault of the peer either.
            self._waited_seconds += _TICK_SECONDS
        if self._is_too_slow():
            self._cut_off(self._awaited)
        else:
            self._watch()

    def _is_held_up(self) -> bool:
        """Whether the peer can't send, because the application doesn't read."""
        return self.flow.read_paused or (self._awaited is Part.BODY and self.cycle.waiting_for_100_continue)

    def _is_too_slow(self) -> bool:
        seconds = self._waited_seconds
        if self._awaited is Part.HEAD:
            return seconds > self.settings.request_head_seconds
        rate = self.settings.request_body_bytes_per_second_min
        is_below_rate = seconds > _RATE_GRACE_SECONDS and self._part_bytes < rate * seconds
        return is_below_rate or seconds > self.settings.request_body_seconds

    def _cut_off(self, part: Part) -> None:
        """End a request that takes too long, with an answer unless one has begun."""
        if part is Part.EXIT:
            self.transport.abort()
            return
        _log.warning(
            "request cut off", peer=self._peer, awaited=part.value, bytes=self._part_bytes, seconds=self._waited_seconds
        )
        cycle: RequestResponseCycle | None = self.cycle
        if part is Part.BODY and not self.cycle.response_started:
            # Whoever reads the body learns that its client has left.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self._refuse(RequestTimeoutError())
        elif part is Part.HEAD and (cycle is None or cycle.response_complete):
            self._refuse(RequestTimeoutError())
        else:
            self.transport.abort()

    def _count_unfinished(self, size: int) -> None:
        """Refuse a head without an end: the parser reports a header only once it is complete."""
        self._part_bytes += size
        if self._part_bytes > self.settings.url_bytes_max + self.settings.header_bytes_max + _REQUEST_LINE_BYTES:
            self._refuse(HeadTooLargeError())

    def _refuse(self, refusal: RequestRefusedError) -> None:
        if not self.transport.is_closing():
            self._answer(refusal)
            self.leave()

    def _answer(self, refusal: RequestRefusedError) -> None:
        request_id = new_id()
        self.transport.write(_render(refusal, request_id))
        self.refusals.record(refusal, request_id=request_id, peer=self._peer)


class _Exit:
    """The transport as the response to an unfinished request sees it: closing it waits for the client."""

    def __init__(self, protocol: BoundedHttp) -> None:
        self.write, self.is_closing = protocol.transport.write, protocol.transport.is_closing
        self.close = protocol.leave


def bound_http(settings: Settings, room: Room, refusals: Refusals) -> type[BoundedHttp]:
    """Return the protocol for HTTP with the limits of the settings."""
    return type("BoundedHttp", (BoundedHttp,), {"settings": settings, "room": room, "refusals": refusals})


def _render_answer_head(status: int, headers: Collection[Header], body_bytes: int) -> bytes | None:
    """Render the head of a response that says how long its body is, or that has none, as 304 does.

    None for any other, and for an unsafe one.
    """
    lines = [STATUS_LINE[status]]
    length = None
    for name, value in headers:
        if name == b"content-length":
            length = value
        elif name in _CLOSING_HEADERS:
            return None
        lines.append(b"%b: %b\r\n" % (name, value))
    lines.append(b"\r\n")
    head = b"".join(lines)
    is_one_line_each = head.count(b"\n") == head.count(b"\r") == len(lines)
    is_safe = is_one_line_each and _CONTROL.search(head) is None
    is_whole = length == b"%d" % body_bytes or (status == _NOT_MODIFIED and length is None and not body_bytes)
    return head if is_safe and is_whole else None


def _render_head(method: bytes, url: bytes, version: bytes, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Render a parsed head without what offers another protocol."""
    lines = [b"%b %b HTTP/%b" % (method, url, version)]
    for name, given in headers:
        value = given
        if name == b"connection":
            options = [option.strip() for option in given.split(b",")]
            value = b", ".join(option for option in options if option.lower() not in _OFFER_HEADERS)
        if name not in _OFFER_HEADERS:
            lines.append(b"%b: %b" % (name, value))
    return b"\r\n".join((*lines, b"", b""))


def _render(refusal: RequestRefusedError, request_id: str) -> bytes:
    """Render the answer to a request that never reached the application."""
    body = orjson.dumps({"errors": [error.body for error in tell_failure(refusal, request_id)]})
    headers = {
        **refusal.headers,
        "Content-Type": "application/json; charset=utf-8",
        "Content-Length": str(len(body)),
        "X-Request-Id": request_id,
        "Cache-Control": "no-store",
        "Connection": "close",
    }
    lines = b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items())
    return b"".join((STATUS_LINE[refusal.status], lines, b"\r\n", body))
