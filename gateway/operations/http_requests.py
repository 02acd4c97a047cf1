"""One HTTP request to the graph, and its answer, in ASGI's own form.

Every operation passes here, so nothing is looked at that the endpoint doesn't need.
"""

from collections.abc import Mapping
from functools import lru_cache

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from gateway.operations.errors import BodyTooLargeError
from gateway.operations.progress import Weigh

_READ = frozenset(
    {
        b"accept",
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"dpop",
        b"if-none-match",
        b"last-event-id",
        b"origin",
        b"sec-fetch-site",
    }
)
_NOT_MODIFIED = 304


class HttpRequest:
    """A request's head, and its body as it arrives. Owned by the request's task."""

    __slots__ = ("_headers", "_receive", "accept", "method", "path", "peer", "query_string", "scope")

    def __init__(self, scope: Scope, receive: Receive) -> None:
        """Read the head. Shapes: peer is the address that ASGI names, None where it names none."""
        self.scope, self._receive = scope, receive
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query_string: bytes = scope["query_string"]
        client = scope.get("client")
        self.peer: str | None = client[0] if client else None
        self._headers: dict[bytes, list[str]] = {}
        for name, value in scope["headers"]:
            if name in _READ:
                self._headers.setdefault(name, []).append(value.decode("latin-1"))
        self.accept = ", ".join(self.list_values(b"accept")) or None

    def list_values(self, name: bytes) -> tuple[str, ...]:
        """Return all headers of a name; one of _READ."""
        return tuple(self._headers.get(name, ()))

    def find_value(self, name: bytes) -> str | None:
        """Return the first header of a name, if there is one."""
        values = self._headers.get(name)
        return values[0] if values else None

    async def read_body(self, *, bytes_max: int, weigh: Weigh) -> bytes:
        """Read the body, chunked or not, and stop as soon as it is larger than bytes_max.

        weigh is called before the body is read if its length is declared, so that of many sent at once only those are
        read that their sender's rate has room for.
        Errors: BodyTooLargeError; those of weigh; ClientDisconnect.
        """
        declared_length = self.find_value(b"content-length")
        # The HTTP parser has already refused a length that is not a number, or one with too many digits.
        declared = int(declared_length) if declared_length is not None and declared_length.isdecimal() else None
        if declared is not None:
            if declared > bytes_max:
                raise _too_large(bytes_max)
            weigh(declared)
        body = await self._collect(bytes_max)
        if declared is None:
            weigh(len(body))
        return body

    async def _collect(self, bytes_max: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > bytes_max:
                raise _too_large(bytes_max)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)


class Reply:
    """A whole answer, as an ASGI application."""

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """Take what is sent, except for the length of the body."""
        self.status, self.body = status, body
        self.headers = [(_encode_name(name), value.encode("latin-1")) for name, value in headers.items()]
        if status != _NOT_MODIFIED:
            self.headers.append((b"content-length", b"%d" % len(body)))

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})


@lru_cache(maxsize=64)
def _encode_name(name: str) -> bytes:
    return name.lower().encode("latin-1")


def _too_large(bytes_max: int) -> BodyTooLargeError:
    """Return the refusal. It ends the connection, since the rest of the body would have to be read first."""
    return BodyTooLargeError(f"The request body is larger than {bytes_max} bytes.", headers={"Connection": "close"})
