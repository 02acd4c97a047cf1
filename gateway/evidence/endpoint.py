"""The endpoint at /evidence: who calls, whether there is room, and what the request is; the rest is elsewhere.

It takes a bearer token like the graph, and refuses whatever the graph would refuse of a request's head.
Source: docs/adr/0156, 0158.
"""

from collections.abc import Callable
from datetime import datetime

import orjson
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auth import scopes
from auth.protocol.requests import group_address
from auth.tokens.open_tokens import OpenTokens
from auth.tokens.verification import Refusal
from gateway.evidence import showing, uploading
from gateway.evidence.errors import find_status
from gateway.operations.errors import (
    CrossSiteRequestError,
    MethodNotAllowedError,
    OverloadedError,
    ScopesMissingError,
    TokenInvalidError,
    UnauthenticatedError,
)
from gateway.operations.failures import tell_failure
from gateway.operations.http_requests import Reply
from gateway.operations.media_types import MediaType
from gateway.operations.progress import Called, Received, Transport
from gateway.operations.services import Services
from gateway.operations.stages.authenticate_caller import authenticate_caller
from gateway.operations.stages.limit_rate import limit_rate
from gateway.operations.turns import Turns

EVIDENCE_PATH = "/evidence"
UPLOAD_PATH = f"{EVIDENCE_PATH}/{{upload_id}}"
CONTENT_PATH = f"{EVIDENCE_PATH}/content/{{link}}"
_UPLOADERS = frozenset({scopes.COMPLAINTS_FILE})
_VIEWERS = frozenset({scopes.COMPLAINTS_READ, scopes.EVIDENCE_READ})


class EvidenceEndpoint:
    """The ASGI application at the three paths. Owned by one event loop, as its services are."""

    def __init__(
        self, services: Services, open_tokens: OpenTokens | None = None, *, now: Callable[[], datetime]
    ) -> None:
        """Bind to the services, and to the clock, which is read once per request.

        Without open_tokens the end of a token during a transfer goes unnoticed; only tests do that.
        """
        self._open_tokens = open_tokens
        self._services = services
        self._now = now
        self._turns = Turns(services.settings.transfers_per_caller_max)
        self._transfers = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Errors: ClientDisconnect; whatever fails once an answer has begun."""
        request = Request(scope, receive)
        is_begun = False

        async def send_noted(message: Message) -> None:
            nonlocal is_begun
            is_begun = True
            await send(message)

        try:
            await self._serve(request, send_noted)
        except ClientDisconnect:
            raise
        except Exception as failure:
            if is_begun:
                raise
            answer = _render_failure(failure, scope["state"]["request_id"])
            self._note(request, failure=failure)
            await answer(scope, receive, send)

    async def _serve(self, request: Request, send: Send) -> None:
        services, settings = self._services, self._services.settings
        if request.method == "OPTIONS":
            await uploading.tell_abilities(settings)(request.scope, request.receive, send)
            return
        is_cross_site = request.headers.get("sec-fetch-site") == "cross-site"
        if is_cross_site and request.headers.get("origin") not in settings.cors_origins:
            raise CrossSiteRequestError
        called = await authenticate_caller(self._receive(request), services)
        request.scope["state"]["log"].update(client_id=called.client if called.principal else None)
        if called.principal is None:
            raise UnauthenticatedError(headers={"WWW-Authenticate": 'Bearer realm="jembatan"'})
        limit_rate(called, services)
        if self._transfers >= settings.transfers_max:
            raise OverloadedError(headers={"Retry-After": "1"})
        caller = called.principal.officer_id or called.principal.client_id
        ended: list[Refusal] = []
        hold = self._open_tokens.watch(called.principal, ended.append) if self._open_tokens is not None else None

        def require_token() -> None:
            if ended:
                raise TokenInvalidError(headers={"WWW-Authenticate": 'Bearer realm="jembatan", error="invalid_token"'})

        self._transfers += 1
        try:
            async with self._turns.take(caller, seconds_max=settings.operation_timeout_seconds):
                answer = await self._answer(request, called, require_token)
                await answer(request.scope, request.receive, send)
        finally:
            self._transfers -= 1
            if hold is not None:
                hold.close()

    async def _answer(self, request: Request, called: Called, require_token: Callable[[], None]) -> ASGIApp:
        """Return the answer. Errors: refusals of all kinds."""
        settings = self._services.settings
        known = request.path_params
        if called.principal is None:
            raise UnauthenticatedError
        async with self._services.make_context(called.principal, called.as_of, called.request_id) as context:
            if "link" in known:
                _require(called, _VIEWERS)
                if request.method not in {"GET", "HEAD"}:
                    raise MethodNotAllowedError("This takes only GET and HEAD.", headers={"Allow": "GET, HEAD"})
                return await showing.show(request, context, known["link"], settings, require_token=require_token)
            _require(called, _UPLOADERS)
            return await uploading.take(request, context, known.get("upload_id"), settings, require_token=require_token)

    def _receive(self, request: Request) -> Received:
        scope = request.scope
        return Received(
            request_id=scope["state"]["request_id"],
            as_of=self._now(),
            method=request.method,
            path=scope["path"],
            media_type=MediaType.JSON,
            transport=Transport.RESPONSE,
            peer=group_address(request.client.host) if request.client else "unknown",
            authorization=tuple(request.headers.getlist("authorization")),
            proofs=tuple(request.headers.getlist("dpop")),
        )

    def _note(self, request: Request, *, failure: Exception) -> None:
        code = getattr(failure, "code", "INTERNAL")
        request.scope["state"]["log"].update(codes=[code])


def _require(called: Called, wanted: frozenset[str]) -> None:
    """Errors: ScopesMissingError without any of the scopes."""
    if wanted.isdisjoint(called.scopes or ()):
        missing = sorted(wanted)
        raise ScopesMissingError(
            headers={"WWW-Authenticate": f'Bearer realm="jembatan", error="insufficient_scope", scope="{missing[0]}"'},
            extensions={"missingScopes": missing},
        )


def _render_failure(failure: Exception, request_id: str) -> Reply:
    status, headers = find_status(failure)
    body = orjson.dumps({"errors": [told.body for told in tell_failure(failure, request_id)]})
    # What the client has not sent yet is not read.
    return Reply(status, {"Content-Type": MediaType.JSON.header, **uploading.VERSION, **headers}, body)
