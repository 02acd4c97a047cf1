"""One graphql-transport-ws subscriber, and what all subscribers of a load have received. It reads every body.

A body that was read once is recognized by its bytes, so that reading the same one a thousand times is cheap.
"""

import asyncio
import base64
import os
import time
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from bench.fanout_frames import FrameError, FrameReader, Opcode, check_handshake, render_frame, render_handshake

PROTOCOL = "graphql-transport-ws"
_NO_EVENT = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Where a subscriber connects, and the frames that it sends."""

    host: str
    target: str
    init: bytes
    subscribe: bytes

    @classmethod
    def prepare(cls, task: Mapping[str, Any], payload: Mapping[str, Any], *, host: str, target: str) -> "Call":
        """Render the frames once for all subscribers."""
        operation = {"query": task["document"], "variables": task["variables"]}
        return cls(
            host=host,
            target=target,
            init=_render({"type": "connection_init", "payload": payload}),
            # The answer to the ping shows that the server has read the subscription before it.
            subscribe=_render({"type": "subscribe", "id": "1", "payload": operation}) + _render({"type": "ping"}),
        )


@dataclass(slots=True, kw_only=True)
class Tally:
    """The events seen by any subscriber, in the order in which they were first seen, and what went wrong.

    key_path leads from `data` to what distinguishes events; a message with nothing there has only a cursor.
    """

    key_path: Sequence[str]
    places: dict[str, int] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    known: dict[bytes, int] = field(default_factory=dict)
    failures: int = 0
    first_failure: str | None = None
    is_closing: bool = False

    def fail(self, text: str) -> None:
        """Count a failure, and keep the first."""
        if not self.is_closing:
            self.failures += 1
            self.first_failure = self.first_failure or text

    def place(self, payload: Mapping[str, Any], body: bytes) -> int:
        """Return the index of the event in a result; -1 if there is none."""
        found: Any = payload.get("data")
        for name in self.key_path:
            found = found.get(name) if found is not None else None
        place = _NO_EVENT
        if payload.get("errors") or payload.get("data") is None:
            self.fail(body[:500].decode())
        elif found is not None:
            place = self.places.setdefault(str(found), len(self.places))
            self.counts.extend([0] * (place + 1 - len(self.counts)))
        self.known[body] = place
        return place


class Subscriber(asyncio.Protocol):
    """Connects, subscribes, and notes which event came when; ready once the server has read the subscription."""

    def __init__(self, call: Call, tally: Tally) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.places = array("i")
        self.times = array("q")
        self._call = call
        self._tally = tally
        self._key = base64.b64encode(os.urandom(16)).decode()
        self._frames = FrameReader()
        self._handshake: bytes | None = b""
        self._is_closing = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Request the WebSocket."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one only by its methods
        call = self._call
        self._transport.write(render_handshake(host=call.host, target=call.target, key=self._key, protocol=PROTOCOL))

    def data_received(self, data: bytes) -> None:
        """Read messages. All traffic of a load passes through here, so the usual case is short."""
        now = time.monotonic_ns()
        try:
            if self._handshake is not None:
                data = self._read_handshake(data)
            known, counts = self._tally.known, self._tally.counts
            for opcode, body in self._frames.read(data):
                place = known.get(body)
                if place is None or opcode != Opcode.TEXT:
                    place = self._read(opcode, body)
                if place != _NO_EVENT:
                    self.places.append(place)
                    self.times.append(now)
                    counts[place] += 1
        except (FrameError, ValueError, KeyError, AttributeError) as error:
            self._fail(f"{type(error).__name__}: {error}; {data[:200]!r}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Count it as a failure: only the load itself may end a connection."""
        if not self._is_closing:
            self._fail(f"a connection ended: {exc}")

    def close(self) -> None:
        """Close the connection."""
        self._is_closing = True
        if not self._transport.is_closing():
            self._transport.write(render_frame(Opcode.CLOSE, (1000).to_bytes(2, "big")))
            self._transport.close()

    def _read_handshake(self, data: bytes) -> bytes:
        head, ends, rest = ((self._handshake or b"") + data).partition(b"\r\n\r\n")
        if not ends:
            self._handshake = head
            return b""
        check_handshake(head, key=self._key, protocol=PROTOCOL)
        self._handshake = None
        self._transport.write(self._call.init)
        return rest

    def _read(self, opcode: int, body: bytes) -> int:
        if opcode == Opcode.PING:
            self._transport.write(render_frame(Opcode.PONG, body))
        elif opcode != Opcode.TEXT:
            self._fail(f"an unexpected frame: {Opcode(opcode).name} {body[:200]!r}")
        else:
            return self._read_message(body)
        return _NO_EVENT

    def _read_message(self, body: bytes) -> int:
        message = orjson.loads(body)
        kind = message["type"]
        if kind == "next":
            return self._tally.place(message["payload"], body)
        if kind == "connection_ack":
            self._transport.write(self._call.subscribe)
        elif kind == "pong":
            if not self.ready.done():
                self.ready.set_result(None)
        elif kind == "ping":
            self._transport.write(_render({"type": "pong"}))
        else:
            self._fail(body[:500].decode())
        return _NO_EVENT

    def _fail(self, text: str) -> None:
        self._tally.fail(text)
        if not self.ready.done():
            self.ready.set_result(None)


def _render(message: Mapping[str, Any]) -> bytes:
    return render_frame(Opcode.TEXT, orjson.dumps(message))
