"""As little of WebSocket (RFC 6455) as a load client needs: no extensions, so compression is never negotiated."""

import base64
import hashlib
import os
from enum import IntEnum

_ACCEPT_SUFFIX = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL = 0x80
_LENGTH_16, _LENGTH_64 = 126, 127


class FrameError(ValueError):
    """The server sent what it must not send."""


class Opcode(IntEnum):
    """The kind of a frame."""

    CONTINUATION = 0
    TEXT = 1
    BINARY = 2
    CLOSE = 8
    PING = 9
    PONG = 10


class FrameReader:
    """Turns incoming bytes into complete messages."""

    def __init__(self) -> None:
        self._rest = b""
        self._parts: list[bytes] = []
        self._opcode = 0

    def read(self, data: bytes) -> list[tuple[int, bytes]]:
        """Return the messages that are now complete, each with its opcode. Errors: FrameError."""
        if self._rest:
            data = self._rest + data
        messages: list[tuple[int, bytes]] = []
        start, end = 0, len(data)
        while end - start >= 2:
            head, length = data[start], data[start + 1]
            body = start + 2
            if length >= _LENGTH_16:
                if length > _LENGTH_64:
                    raise FrameError("a server's frames are not masked")
                body += 2 if length == _LENGTH_16 else 8
                if end < body:
                    break
                length = int.from_bytes(data[start + 2 : body], "big")
            if end - body < length:
                break
            start = body + length
            self._add(head, data[body:start], messages)
        self._rest = data[start:] if start < end else b""
        return messages

    def _add(self, head: int, body: bytes, messages: list[tuple[int, bytes]]) -> None:
        if head == _FINAL | Opcode.TEXT and not self._parts:
            messages.append((Opcode.TEXT, body))
            return
        opcode = head & 0x0F
        if head & 0x70:
            raise FrameError("reserved bits are set, though no extension was agreed on")
        if opcode >= Opcode.CLOSE:
            messages.append((opcode, body))
            return
        self._opcode = opcode or self._opcode
        self._parts.append(body)
        if head & _FINAL:
            messages.append((self._opcode, b"".join(self._parts)))
            self._parts = []


def render_frame(opcode: Opcode, body: bytes) -> bytes:
    """Render one masked frame, as a client must send it."""
    length = len(body)
    if length < _LENGTH_16:
        head = bytes((_FINAL | opcode, 0x80 | length))
    elif length < 1 << 16:
        head = bytes((_FINAL | opcode, 0x80 | _LENGTH_16)) + length.to_bytes(2, "big")
    else:
        head = bytes((_FINAL | opcode, 0x80 | _LENGTH_64)) + length.to_bytes(8, "big")
    mask = os.urandom(4)
    stretched = (mask * (length // 4 + 1))[:length]
    masked = int.from_bytes(body, "big") ^ int.from_bytes(stretched, "big")
    return head + mask + masked.to_bytes(length, "big")


def render_handshake(*, host: str, target: str, key: str, protocol: str) -> bytes:
    """Render the request for a WebSocket."""
    lines = (
        f"GET {target} HTTP/1.1",
        f"Host: {host}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Protocol: {protocol}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def check_handshake(answer: bytes, *, key: str, protocol: str) -> None:
    """Refuse anything but the requested switch. Errors: FrameError."""
    status, *lines = answer.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    accept = base64.b64encode(hashlib.sha1(key.encode() + _ACCEPT_SUFFIX, usedforsecurity=False).digest()).decode()
    if (
        not status.startswith("HTTP/1.1 101")
        or headers.get("sec-websocket-accept") != accept
        or headers.get("sec-websocket-protocol") != protocol
        or "sec-websocket-extensions" in headers
    ):
        raise FrameError(f"the handshake was answered: {answer[:500]!r}")
