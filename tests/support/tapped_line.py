"""A line between a client and the gateway: a test listens to it, holds back what is sent, or cuts off an answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass
class Line:
    """What passed so far, and what is to happen to the first request that contains the marker."""

    origin: str = ""
    sent: bytearray = field(default_factory=bytearray)
    received: bytearray = field(default_factory=bytearray)
    hold_at: bytes | None = None
    cut_after: bytes | None = None
    held: asyncio.Event = field(default_factory=asyncio.Event)
    was_cut: bool = False

    def count(self, request: bytes) -> int:
        """How many requests begin like this."""
        return self.sent.count(request)

    def count_answers(self, status: int) -> int:
        return self.received.count(b"HTTP/1.1 %d " % status)


@asynccontextmanager
async def tap(port: int) -> AsyncIterator[Line]:
    """A line to a port on loopback; its origin takes the place of the gateway's."""
    line = Line()
    connections: set[asyncio.Task[None]] = set()

    async def carry(near: asyncio.StreamReader, near_end: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        task.add_done_callback(connections.discard)
        try:
            far, far_end = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            near_end.transport.abort()
            return
        asked = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_carry_requests(line, near, far_end, asked))
                both.create_task(_carry_answers(line, far, near_end, asked))
        except* OSError:
            pass
        finally:
            for end in (near_end, far_end):
                end.transport.abort()

    server = await asyncio.start_server(carry, "127.0.0.1", 0)
    line.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield line
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)


async def _carry_requests(
    line: Line, source: asyncio.StreamReader, target: asyncio.StreamWriter, asked: asyncio.Event
) -> None:
    while chunk := await source.read(_CHUNK):
        line.sent += chunk
        if line.hold_at is not None and line.hold_at in chunk:
            line.held.set()
            await asyncio.Event().wait()
        if line.cut_after is not None and line.cut_after in chunk:
            asked.set()
        target.write(chunk)
        await target.drain()
    raise ConnectionResetError


async def _carry_answers(
    line: Line, source: asyncio.StreamReader, target: asyncio.StreamWriter, asked: asyncio.Event
) -> None:
    while chunk := await source.read(_CHUNK):
        line.received += chunk
        if asked.is_set() and not line.was_cut:
            line.was_cut, line.cut_after = True, None
            raise ConnectionResetError
        target.write(chunk)
        await target.drain()
    raise ConnectionResetError
