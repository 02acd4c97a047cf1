"""What every HTTP response gets: a request id, security headers, an access-log line, a count. Sockets are logged too.

Plain ASGI, so that streams pass through unread. URL parameters, bodies and variables are never logged.
"""

import re
import time
from collections.abc import Iterable, MutableMapping
from typing import Any

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.operations.errors import INTERNAL_MESSAGE, Code
from gateway.operations.failures import log_causes
from gateway.process.connections import ANSWER
from gateway.process.logs import log_access
from gateway.process.metrics import Metrics
from ledger.identifiers import new_id

_log = structlog.get_logger("gateway.access")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{7,127}$")
_REQUEST_ID_HEADER = b"x-request-id"
_QUIET = frozenset({"/healthz", "/readyz"})
_SECURITY_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PATH_CHARACTERS_MAX = 200
_STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


class RequestEnvelope:
    """Wraps the whole application. The state of one request is in its scope under `state`."""

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, routes: frozenset[str], https: bool, below: str | None = None
    ) -> None:
        """Bind to the application; routes are the paths that may label metrics, below that of which no more is told."""
        self.app, self.metrics, self.routes = app, metrics, routes
        self._below = below
        added = _SECURITY_HEADERS | ({"Strict-Transport-Security": _STRICT_TRANSPORT} if https else {})
        self._headers = [(name.lower().encode(), value.encode()) for name, value in added.items()]
        self._names = frozenset(name for name, _ in self._headers) | {_REQUEST_ID_HEADER}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, and answer 500 where nothing else answered."""
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        given = next((value for name, value in scope["headers"] if name == _REQUEST_ID_HEADER), None)
        request_id = choose_request_id(None if given is None else given.decode("latin-1"))
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id
        state["log"] = {}
        bound = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            if scope["type"] == "http":
                await self._answer(scope, receive, send, is_own_id=given is None)
            else:
                await self._follow_socket(scope, receive, send)
        finally:
            structlog.contextvars.reset_contextvars(**bound)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, *, is_own_id: bool) -> None:
        state = scope["state"]
        started = time.perf_counter()
        status, answered = 0, started
        write_answer = (scope.get("extensions") or {}).get(ANSWER)
        held: Message | None = None

        async def send_enveloped(message: Message) -> None:
            nonlocal status, answered, held
            if message["type"] == "http.response.start":
                status, answered = message["status"], time.perf_counter()
                message["headers"] = self._add_headers(message.get("headers", ()), state["request_id"])
                held = message
                return
            # Nothing is sent of a head alone; with a whole body it is one write.
            start, held = held, None
            if start is not None:
                body, is_whole = message.get("body", b""), not message.get("more_body", False)
                if is_whole and write_answer and write_answer(scope, start["status"], start["headers"], body):
                    return
                await send(start)
            await send(message)

        try:
            await self.app(scope, receive, send_enveloped)
        except ClientDisconnect:
            # The client left before its request was whole: no fault of ours, and nobody reads an answer.
            state["log"]["end"] = "CLIENT_LEFT"
        except Exception as error:  # noqa: BLE001 - the outermost layer answers everything
            log_causes([error])
            if status == 0 or held is not None:
                await _send_internal_error(send_enveloped, state["request_id"])
        finally:
            seconds = time.perf_counter() - started
            # How long a stream was open says nothing about how quickly it was answered.
            answered_seconds = answered - started if "stream" in state else seconds
            self._record(scope, status, is_own_id=is_own_id, seconds=seconds, answered_seconds=answered_seconds)

    async def _follow_socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Log a socket's opening and end. Its messages aren't wrapped, since that would slow down each of them."""
        started = time.perf_counter()
        path = self._find_path(scope)
        client = scope.get("client")
        _log.info("socket opening", path=path, peer=client[0] if client else None)
        try:
            await self.app(scope, receive, send)
        finally:
            seconds = time.perf_counter() - started
            _log.info("socket ended", path=path, duration_ms=round(seconds * 1000, 2), **scope["state"]["log"])

    def _find_path(self, scope: Scope) -> str:
        """Return the path for the log, truncated unless it is one of ours."""
        path: str = self._shorten(scope["path"])
        return path if path in self.routes else path[:_PATH_CHARACTERS_MAX]

    def _shorten(self, path: str) -> str:
        """Return a path without what is a link, or names an upload."""
        return self._below if self._below is not None and path.startswith(f"{self._below}/") else path

    def _add_headers(self, given: Iterable[tuple[bytes, bytes]], request_id: str) -> list[tuple[bytes, bytes]]:
        """Return an answer's headers with ours; of its own, all but the request id take precedence."""
        headers, added = list(given), self._headers
        if not self._names.isdisjoint(name for name, _ in headers):
            headers = [pair for pair in headers if pair[0] != _REQUEST_ID_HEADER]
            present = {name for name, _ in headers}
            added = [pair for pair in added if pair[0] not in present]
        return [*headers, (_REQUEST_ID_HEADER, request_id.encode("latin-1")), *added]

    def _record(self, scope: Scope, status: int, *, is_own_id: bool, seconds: float, answered_seconds: float) -> None:
        path, state = self._shorten(scope["path"]), scope["state"]
        route = path if path in self.routes else "other"
        self.metrics.requests[route, str(status)].inc()
        self.metrics.duration[route,].observe(answered_seconds)
        if path in _QUIET and status < 400:  # noqa: PLR2004 - HTTP's own boundary
            return
        told = {
            "method": scope["method"],
            "path": self._find_path(scope),
            "status": status,
            "duration_ms": round(seconds * 1000, 2),
            **state["log"],
            **state.get("stream", {}),
        }
        log_access("request", told, request_id=state["request_id"], is_own_id=is_own_id)


class FirstServed:
    """Hands requests for some paths to one application at once, past the router and what surrounds it."""

    def __init__(self, app: ASGIApp, *, first: ASGIApp, paths: frozenset[str]) -> None:
        """Bind to the application, and to what answers at the paths, whatever the method."""
        self.app, self.first, self.paths = app, first, paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        is_first = scope["type"] == "http" and scope["path"] in self.paths
        await (self.first if is_first else self.app)(scope, receive, send)


def choose_request_id(given: str | None) -> str:
    """Return the client's request id if it is well-formed, else a new one."""
    return given if given is not None and _REQUEST_ID.match(given) else new_id()


async def _send_internal_error(send: Send, request_id: str) -> None:
    body = (
        f'{{"errors":[{{"message":"{INTERNAL_MESSAGE}","extensions":'
        f'{{"code":"{Code.INTERNAL_SERVER_ERROR}","requestId":"{request_id}"}}}}]}}'
    )
    headers = [(b"content-type", b"application/json; charset=utf-8")]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body.encode()})
