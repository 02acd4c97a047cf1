"""The load on one server, in a process of its own: a few connections that ask and compare every body, byte by byte.

It reads orders on its standard input and answers each in a line (json_lines.py). The protocol is written out, since a
full HTTP client would use more of the machine than a fast server does: HTTP/1.1, kept alive, with a length or in
chunks.
"""

import asyncio
import itertools
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from urllib.parse import urlsplit

import orjson
import uvloop

from bench.json_lines import open_standard_input, tell

_HEAD_END = b"\r\n\r\n"


class UnexpectedAnswerError(RuntimeError):
    """A status, a header or a body that is not the expected one."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it is written, and the body that must come back."""

    request: bytes
    body: bytes


@dataclass(slots=True)
class Taken:
    """What a load has measured: one duration for each answer, in seconds."""

    seconds: list[float] = field(default_factory=list)
    failure: str | None = None


def render_request(url: str, *, token: str, body: bytes) -> bytes:
    """Return one POST of a GraphQL request."""
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
        f"Accept: application/json\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def read_answer(received: bytes) -> tuple[bytes, int] | None:
    """Return the body of an answer and how many bytes the answer had; None while it is incomplete.

    Errors: UnexpectedAnswerError for another status than 200, and for a body without a length.
    """
    end = received.find(_HEAD_END)
    if end < 0:
        return None
    head = received[:end].lower()
    if not head.startswith(b"http/1.1 200 "):
        raise UnexpectedAnswerError(received[:500].decode(errors="replace"))
    start = end + len(_HEAD_END)
    found = head.find(b"\r\ncontent-length:")
    if found >= 0:
        length = int(head[found + 17 :].split(b"\r\n", 1)[0])
        return (received[start : start + length], start + length) if len(received) >= start + length else None
    if b"\r\ntransfer-encoding: chunked" in head:
        return _read_chunks(received, start)
    raise UnexpectedAnswerError("the answer has no length")


def _read_chunks(received: bytes, start: int) -> tuple[bytes, int] | None:
    chunks: list[bytes] = []
    while (end := received.find(b"\r\n", start)) >= 0:
        length = int(received[start:end].split(b";", 1)[0], 16)
        start = end + 2
        if len(received) < start + length + 2:
            return None
        if length == 0:
            return b"".join(chunks), start + 2
        chunks.append(received[start : start + length])
        start += length + 2
    return None


class Connection(asyncio.Protocol):
    """One connection, which asks again as soon as it is answered, or when the next request is due."""

    def __init__(
        self, exchanges: Iterator[Exchange], taken: Taken, *, ends_at: float, dues: Iterator[float] | None
    ) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._exchanges = exchanges
        self._taken = taken
        self._ends_at = ends_at
        self._dues = dues
        self._received = b""
        self._asked: Exchange
        self._since = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the first time."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Compare an answer that is complete."""
        self._received = self._received + data if self._received else data
        try:
            answer = read_answer(self._received)
        except (UnexpectedAnswerError, ValueError) as error:
            self._end(str(error))
            return
        if answer is None:
            return
        body, size = answer
        if body != self._asked.body or size != len(self._received):
            self._end(f"an answer differs from the checked one: {self._received[:1000]!r}")
            return
        self._received = b""
        self._taken.seconds.append(time.perf_counter() - self._since)
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        """Report that the server closed, unless the load is over."""
        if not self.done.done():
            self._end(f"the server closed a connection: {exc}")

    def _go_on(self) -> None:
        now = time.perf_counter()
        due = now if self._dues is None else next(self._dues)
        if due >= self._ends_at:
            self._end(None)
        elif due > now:
            asyncio.get_running_loop().call_later(due - now, self._ask, due)
        else:
            self._ask(due)

    def _ask(self, due: float) -> None:
        if self.done.done():
            return
        self._asked = next(self._exchanges)
        self._since = due
        self._transport.write(self._asked.request)

    def _end(self, failure: str | None) -> None:
        self._taken.failure = self._taken.failure or failure
        if not self.done.done():
            self.done.set_result(None)
        self._transport.close()


async def load(
    address: tuple[str, int],
    exchanges: Sequence[Exchange],
    *,
    connections: int,
    seconds: float,
    per_second: float | None,
) -> dict[str, Any]:
    """Ask for that long, one request after another on each connection; per_second paces all of them together.

    A paced request counts from when it was due, so that waiting for a slow one before it counts too.
    """
    loop = asyncio.get_running_loop()
    taken = Taken()
    cycle = itertools.cycle(exchanges)
    cpu, started = time.process_time(), time.perf_counter()
    dues = None if per_second is None else (started + place / per_second for place in itertools.count())
    opened = [
        await loop.create_connection(lambda: Connection(cycle, taken, ends_at=started + seconds, dues=dues), *address)
        for _ in range(connections)
    ]
    await asyncio.gather(*(connection.done for _, connection in opened))
    elapsed = time.perf_counter() - started
    return describe(taken, elapsed=elapsed) | {"cpu_share": (time.process_time() - cpu) / elapsed}


def describe(taken: Taken, *, elapsed: float) -> dict[str, Any]:
    """Return the counts, and the percentiles in milliseconds."""
    ordered = sorted(taken.seconds)
    return {
        "answers": len(ordered),
        "seconds": elapsed,
        "p50_ms": 1000 * ordered[len(ordered) // 2] if ordered else None,
        "p99_ms": 1000 * ordered[len(ordered) * 99 // 100] if ordered else None,
        "failure": taken.failure,
    }


async def main() -> None:
    """Serve orders until standard input ends."""
    lines = await open_standard_input()
    exchanges: list[Exchange] = []
    address = ("", 0)
    while line := await lines.readline():
        order = orjson.loads(line)
        if order["do"] == "prepare":
            parts = urlsplit(order["url"])
            address = (parts.hostname or "", parts.port or 80)
            exchanges = [
                Exchange(render_request(order["url"], token=order["token"], body=b64decode(asked)), b64decode(answered))
                for asked, answered in order["exchanges"]
            ]
            tell({"failure": None})
        else:
            answer = await load(
                address,
                exchanges,
                connections=order["connections"],
                seconds=order["seconds"],
                per_second=order["per_second"],
            )
            tell(answer)


if __name__ == "__main__":
    uvloop.run(main())
