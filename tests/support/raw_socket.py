"""A WebSocket client that frames by hand, and so may break every rule of framing."""

import os
import socket
import struct

from tests.support.sockets import SUBPROTOCOL

TEXT, BINARY, CONTINUATION, PING, CLOSE = 1, 2, 0, 9, 8


class RawSocket:
    """A client that frames by hand."""

    def __init__(self, port: int, *, receive_bytes: int | None = None) -> None:
        self.connection = socket.socket()
        if receive_bytes is not None:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.connection.settimeout(20)
        self.connection.connect(("127.0.0.1", port))
        self.connection.sendall(
            b"GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            b"Sec-WebSocket-Protocol: " + SUBPROTOCOL.encode() + b"\r\n\r\n"
        )
        self.reader = self.connection.makefile("rb")
        assert b" 101 " in self.reader.readline()
        while self.reader.readline() not in {b"\r\n", b""}:
            pass

    def frame(self, opcode: int, data: bytes, *, fin: bool = True, is_masked: bool = True) -> bytes:
        mask = os.urandom(4) if is_masked else b""
        size = len(data)
        bit = 0x80 if is_masked else 0
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([bit | size])
        elif size < 65_536:
            head += bytes([bit | 126]) + struct.pack("!H", size)
        else:
            head += bytes([bit | 127]) + struct.pack("!Q", size)
        body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(data)) if is_masked else data
        return head + mask + body

    def send(self, *frames: bytes) -> None:
        self.connection.sendall(b"".join(frames))

    def read_frame(self) -> tuple[int, bytes]:
        first, second = self.reader.read(2)
        assert not second & 0x80
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", self.reader.read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.reader.read(8))
        return first & 0x0F, self.reader.read(size)

    def read_close(self) -> int:
        while True:
            opcode, data = self.read_frame()
            if opcode == CLOSE:
                return int(struct.unpack("!H", data[:2])[0])

    def init(self) -> None:
        self.send(self.frame(TEXT, b'{"type":"connection_init"}'))
        assert b"connection_ack" in self.read_frame()[1]

    def close(self) -> None:
        self.reader.close()
        self.connection.close()
