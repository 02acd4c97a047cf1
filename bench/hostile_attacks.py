"""What a hostile client sends, attack by attack: each is one exchange over raw bytes, repeated over ten connections.

An exchange returns what came of it: the answer's status, the close code of a WebSocket, or how the connection ended.
"""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from bench.fanout_frames import Opcode, render_frame, render_handshake

_ANSWER_SECONDS_MAX = 90.0
_HELD_MAX = 40
_BODY_BYTES = 4_000_000
_INTROSPECTED = "__schema { types { name description fields { name description type { name ofType { name } } } } }"
_NODE = "id orderNo state legalBasis summary subscriberNotice number { e164 }"
_PAGE = f"blockOrders(first: 100) {{ edges {{ node {{ {_NODE} }} }} }}"


@dataclass(slots=True, kw_only=True)
class Target:
    """The gateway, and what the attackers hold: another carrier's token and the id of its client."""

    host: str
    port: int
    source: str
    token: str
    client_id: str
    held: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    serials: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Connect from the attackers' own address: that of a trusted proxy has no bound."""
        return await asyncio.open_connection(self.host, self.port, local_addr=(self.source, 0))


Exchange = Callable[[Target], Awaitable[str]]


def _head(target: Target, path: str, headers: dict[str, str], *, method: str = "POST") -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\nHost: {target.host}:{target.port}\r\n{lines}\r\n".encode()


async def _exchange(target: Target, *sent: bytes) -> str:
    """Send, and read the whole answer."""
    reader, writer = await target.connect()
    try:
        with suppress(ConnectionError):
            for part in sent:
                writer.write(part)
                await writer.drain()
        return await _read_status(reader)
    finally:
        writer.close()


async def _read_status(reader: asyncio.StreamReader) -> str:
    try:
        async with asyncio.timeout(_ANSWER_SECONDS_MAX):
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            left = int(length[1]) if length else 0
            while left and (part := await reader.read(min(left, 65_536))):
                left -= len(part)
    except asyncio.IncompleteReadError:
        return "closed"
    return head.split(b" ", 2)[1].decode()


def _post(body: bytes, *, has_token: bool) -> Exchange:
    return _post_made(lambda _target: body, has_token=has_token)


def _post_made(make: Callable[[Target], bytes], *, has_token: bool) -> Exchange:
    async def exchange(target: Target) -> str:
        body = make(target)
        headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Connection": "close"}
        if has_token:
            headers["Authorization"] = f"Bearer {target.token}"
        return await _exchange(target, _head(target, "/graphql", headers), body)

    return exchange


def _query(text: str, variables: Any = None) -> bytes:
    return orjson.dumps({"query": text, "variables": variables or {}})


def _repeat(selection: str, count: int) -> bytes:
    return _query("{ " + " ".join(f"a{place}: {selection}" for place in range(count)) + " }")


def _look_up(target: Target) -> bytes:
    """Ask for numbers that were not asked for before."""
    first = next(target.serials) * 100
    known = [{"__typename": "PhoneNumber", "e164": f"+62812{first + place:08d}"} for place in range(100)]
    return _query(
        "query($r: [_Any!]!) { _entities(representations: $r) { ... on PhoneNumber { risk } } }", {"r": known}
    )


def _leave_open(path: str, *, has_head: bool) -> Exchange:
    """Begin a request and send no more. Those that are open wait until the gateway ends them, the oldest first."""

    async def exchange(target: Target) -> str:
        reader, writer = await target.connect()
        kind = "application/json" if path == "/graphql" else "application/x-www-form-urlencoded"
        whole = _head(target, path, {"Content-Type": kind, "Content-Length": "1000"})
        writer.write(whole + b"{" if has_head else whole[:-4])
        await writer.drain()
        target.held.append((reader, writer))
        if len(target.held) < _HELD_MAX:
            return "held"
        oldest, its_writer = target.held.pop(0)
        try:
            return await _read_status(oldest)
        finally:
            its_writer.close()

    return exchange


async def _log_in_falsely(target: Target) -> str:
    reader, writer = await target.connect()
    try:
        writer.write(_head(target, "/oauth/login", {"Connection": "keep-alive"}, method="GET"))
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        page = (await reader.readexactly(int(length[1]) if length else 0)).decode()
        cookies = "; ".join(value.decode() for value in re.findall(rb"(?i)set-cookie: ([^;\r]+)", head))
        fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page))
        form = urlencode(
            fields | {"login": f"nobody{next(target.serials)}", "password": "a guess that is long"}
        ).encode()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form)),
            "Cookie": cookies, "Connection": "close",
        }  # fmt: skip
        writer.write(_head(target, "/oauth/login", headers) + form)
        return await _read_status(reader)
    finally:
        writer.close()


async def _ask_for_token(target: Target) -> str:
    form = urlencode({"grant_type": "client_credentials", "client_id": target.client_id}).encode()
    headers = {
        "Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(form)), "Connection": "close"
    }  # fmt: skip
    return await _exchange(target, _head(target, "/oauth/token", headers), form)


async def _send_large_head(target: Target) -> str:
    return await _exchange(target, _head(target, "/graphql", {"X-Large": "x" * 200_000}))


async def _send_large_chunks(target: Target) -> str:
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    return await _exchange(target, _head(target, "/graphql", headers), *[chunk] * 80, b"0\r\n\r\n")


def _open_websocket(*messages: bytes) -> Exchange:
    async def exchange(target: Target) -> str:
        reader, writer = await target.connect()
        try:
            handshake = {"target": "/graphql", "key": "dGhlIHNhbXBsZSBub25jZQ==", "protocol": "graphql-transport-ws"}
            writer.write(render_handshake(host=f"{target.host}:{target.port}", **handshake))
            async with asyncio.timeout(_ANSWER_SECONDS_MAX):
                head = await reader.readuntil(b"\r\n\r\n")
                if b" 101 " not in head:
                    return head.split(b" ", 2)[1].decode()
                writer.write(b"".join(messages))
                opcode, size = await reader.readexactly(2)
                body = await reader.readexactly(size & 0x7F)
        except asyncio.IncompleteReadError:
            return "closed"
        else:
            is_close = opcode & 0x0F == Opcode.CLOSE
            return str(int.from_bytes(body[:2], "big")) if is_close else "acknowledged"
        finally:
            writer.close()

    return exchange


def _list_large_bodies() -> dict[str, bytes]:
    filling = "x" * _BODY_BYTES
    return {
        "variables": b'{"query":"{ __typename }","variables":{"a":[' + b"{}," * (_BODY_BYTES // 3) + b"{}]}}",
        "comment": _query(f"{{ __typename }} # {filling}"),
        "string": _query(f'{{ a(b: "{filling}") }}'),
        "name": _query(f"{{ {filling} }}"),
    }


def list_attacks() -> dict[str, Exchange]:
    """Return each attack by its name, in the order of the rounds."""
    who = ((False, "nobody"), (True, "a token"))
    init = render_frame(Opcode.TEXT, b'{"type":"connection_init"}')
    invalid = render_frame(Opcode.TEXT, b"\xff\xfe") + render_frame(Opcode.PING, b"behind")
    return {
        **{f"30 introspections, {by}": _post(_repeat(_INTROSPECTED, 30), has_token=has) for has, by in who},
        **{f"30 times _service, {by}": _post(_repeat("_service { sdl }", 30), has_token=has) for has, by in who},
        **{
            f"4 MB of a {kind}, {by}": _post(body, has_token=has)
            for has, by in who
            for kind, body in _list_large_bodies().items()
        },
        "half heads, /graphql": _leave_open("/graphql", has_head=False),
        "half bodies, /graphql": _leave_open("/graphql", has_head=True),
        "half heads, /oauth/token": _leave_open("/oauth/token", has_head=False),
        "half bodies, /oauth/token": _leave_open("/oauth/token", has_head=True),
        "false logins": _log_in_falsely,
        "token requests, a client_id alone": _ask_for_token,
        "20 aliases of large pages": _post(_repeat(_PAGE, 20), has_token=True),
        "100 numbers by _entities": _post_made(_look_up, has_token=True),
        "heads of 200 KB": _send_large_head,
        "chunked bodies of 5 MB": _send_large_chunks,
        "WebSockets that come and go": _open_websocket(init),
        "WebSockets, invalid UTF-8": _open_websocket(init, invalid),
    }
