"""The ASGI application at /graphql for WebSockets: which upgrades are accepted, and the running sessions.

A refused upgrade is answered over HTTP, like any other request; one that offers another subprotocol is accepted and
closed with 4406, since that is what clients of the protocol understand. Cookies are never read, so a page on another
site has no session to exploit; its Origin is refused all the same.
Source: RFC 6455 sections 4.2.2 and 10.2; the protocol's PROTOCOL.md; docs/adr/0057.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from auth.protocol.requests import group_address
from auth.tokens.open_tokens import OpenTokens
from gateway.operations.errors import CrossSiteRequestError
from gateway.operations.media_types import MediaType
from gateway.operations.progress import Answer, Called, Received, Transport
from gateway.operations.requests import parse_parameters
from gateway.operations.services import Services
from gateway.operations.stages.authenticate_caller import authenticate_caller
from gateway.operations.stages.encode_response import encode_failure
from gateway.process.connections import ABORT, SOCKET
from gateway.streams.ends import ServerShutdownError, TooManyStreamsError
from gateway.streams.hub import StreamHub
from gateway.streams.websocket.login import Login
from gateway.streams.websocket.messages import SUBPROTOCOL, WRONG_SUBPROTOCOL
from gateway.streams.websocket.session import Carrier, Session
from gateway.streams.websocket.writer import Turns

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class WebSocketEndpoint:
    """All WebSockets of a process. Owned by one event loop, as its services are."""

    def __init__(
        self, services: Services, hub: StreamHub, open_tokens: OpenTokens | None, *, now: Callable[[], datetime]
    ) -> None:
        """Bind to the services, the subscription hub, the open tokens, and the clock of operations.

        Without open_tokens a token's end goes unnoticed; only tests do that.
        """
        self._services, self._hub, self._open_tokens, self._now = services, hub, open_tokens, now
        self._is_draining = False
        self._sessions: set[Session] = set()
        self._opening: dict[str, set[Session]] = {}
        self._is_empty = asyncio.Event()
        self._turns: Turns | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one upgrade, until its socket is closed."""
        await receive()
        received = self._receive(scope)
        try:
            self._refuse(scope)
            called = await authenticate_caller(received, self._services)
            self._refuse_more(called.client)
        except Exception as failure:  # noqa: BLE001 - whatever failed, the upgrade is answered
            answer = await self._answer(received, failure, send)
            scope["state"]["log"].update(status=answer.status, codes=list(answer.codes))
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            close = {"code": int(WRONG_SUBPROTOCOL.code), "reason": WRONG_SUBPROTOCOL.reason}
            await send({"type": "websocket.accept"})
            scope["extensions"][SOCKET].finish(**close)
            scope["state"]["log"].update(close)
        else:
            await self._serve(scope, called, receive, send)

    async def drain(self) -> None:
        """Accept no more upgrades, end all sessions, and wait until they are gone."""
        self._is_draining = True
        for session in tuple(self._sessions):
            session.drain()
        while self._sessions:
            self._is_empty.clear()
            await self._is_empty.wait()

    async def _serve(self, scope: Scope, called: Called, receive: Receive, send: Send) -> None:
        headers = [(b"x-request-id", called.request_id.encode())]
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL, "headers": headers})
        login = Login(called.authorization[0], called.principal) if called.authorization else Login()
        self._turns = self._turns or Turns()
        ends = scope["extensions"]
        carrier = Carrier(receive, ends[SOCKET], self._turns, ends[ABORT], called.peer)
        session = Session(carrier, self._services, self._hub, self._open_tokens, login=login, now=self._now)
        client = called.client
        opening = self._opening.setdefault(client, set())
        opening.add(session)
        self._sessions.add(session)
        if self._is_draining:
            session.drain()
        metrics = self._services.metrics
        metrics.sockets.inc()
        try:
            await session.run()
        finally:
            metrics.sockets.dec()
            scope["state"]["log"].update(session.describe())
            self._leave(session, client)

    def _leave(self, session: Session, client: str) -> None:
        self._sessions.discard(session)
        if not self._sessions:
            self._is_empty.set()
        opening = self._opening.get(client)
        if opening is not None:
            opening.discard(session)
            if not opening:
                del self._opening[client]

    def _receive(self, scope: Scope) -> Received:
        headers = Headers(scope=scope)
        client = scope.get("client")
        return Received(
            request_id=scope["state"]["request_id"],
            as_of=self._now(),
            method="GET",
            path=scope["path"],
            media_type=MediaType.JSON,
            peer=group_address(client[0]) if client else "unknown",
            authorization=tuple(headers.getlist("authorization")),
            proofs=tuple(headers.getlist("dpop")),
            transport=Transport.WEBSOCKET,
        )

    def _refuse(self, scope: Scope) -> None:
        """Raise what is wrong with an upgrade, before its caller is identified."""
        settings = self._services.settings
        if self._is_draining:
            raise ServerShutdownError
        if _is_foreign(Headers(scope=scope), (settings.base_url, *settings.cors_origins)):
            raise CrossSiteRequestError
        parse_parameters(scope["query_string"])

    def _refuse_more(self, client: str) -> None:
        """Raise TooManyStreamsError where too many sockets of a client are still unacknowledged.

        Callers without credentials count by address, so they can't keep out authenticated clients at the same address.
        """
        opening = self._opening.get(client, set())
        opening.difference_update([session for session in opening if not session.is_opening])
        if len(opening) >= self._services.settings.stream_connections_per_client:
            raise TooManyStreamsError

    async def _answer(self, received: Received, failure: Exception, send: Send) -> Answer:
        """Refuse an upgrade over HTTP."""
        answer = encode_failure(received, failure, self._services)
        for code in answer.codes:
            self._services.metrics.errors.labels(code).inc()
        given: Mapping[str, str] = {**answer.headers, "X-Request-Id": received.request_id, "Cache-Control": "no-store"}
        headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in given.items()]
        await send({"type": "websocket.http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "websocket.http.response.body", "body": answer.body})
        return answer


def _is_foreign(headers: Headers, own: tuple[str, ...]) -> bool:
    """Whether a page on another site asks; only browsers send an Origin."""
    allowed = {_find_origin(url) for url in own}
    return any(_find_origin(origin) not in allowed for origin in headers.getlist("origin"))


def _find_origin(url: str) -> tuple[str, str]:
    """Return scheme and authority, without the port that a browser leaves out."""
    scheme, _, rest = url.lower().partition("://")
    return scheme, rest.partition("/")[0].removesuffix(_DEFAULT_PORTS.get(scheme, " "))
