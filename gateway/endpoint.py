"""The GraphQL endpoint: from HTTP to an exchange, and from its answer back to HTTP.

POST with application/json, GET for queries, a page for browsers. It holds no cookies and reads none, so another
site's page has nothing to ride on; what a browser marks as coming from another site is refused all the same.
Source: GraphQL over HTTP; docs/adr/0032, 0033.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import datetime
from functools import partial

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from gateway.errors import (
    CrossSiteRequestError,
    MethodNotAllowedError,
    NotAcceptableError,
    RequestRefusedError,
    UnsupportedMediaTypeError,
    UrlTooLongError,
)
from gateway.exchange import Answer, Exchange, GraphQLRequest
from gateway.graphiql import render_page
from gateway.media_types import MediaType, choose_media_type, is_json_in_utf8, wants_html
from gateway.pipeline import run_pipeline
from gateway.requests import parse_body, parse_parameters, parse_query_string, read_body
from gateway.services import Services
from gateway.stages.encode_response import encode_response

_METHODS = ("GET", "POST")


class GraphQLEndpoint:
    """The ASGI application at /graphql. Owned by one event loop, as its services are."""

    def __init__(self, services: Services, *, now: Callable[[], datetime]) -> None:
        """Bind to the services and to the clock, which is read once per operation."""
        self.services = services
        self.now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self.answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def answer(self, request: Request) -> Response:
        """The response to a request; it raises nothing but what a vanished client raises."""
        accept = ", ".join(request.headers.getlist("accept")) or None
        if self._is_browser(request, accept):
            return render_page()
        exchange = self._begin(request, accept)
        refusal = self._find_refusal(request, accept)
        if refusal is not None:
            exchange = await encode_response(replace(exchange, failure=refusal), self.services)
            answer = exchange.answer or Answer(500, {}, b"")
        else:
            exchange, answer = await run_pipeline(exchange, self.services)
        self._record(request, exchange, answer)
        return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))

    def _is_browser(self, request: Request, accept: str | None) -> bool:
        on = self.services.settings.graphiql and request.method == "GET"
        return on and wants_html(accept) and not request.scope["query_string"]

    def _begin(self, request: Request, accept: str | None) -> Exchange:
        return Exchange(
            request_id=request.state.request_id,
            as_of=self.now(),
            method=request.method,
            media_type=choose_media_type(accept) or MediaType.JSON,
            peer=request.client.host if request.client else "unknown",
            authorization=tuple(request.headers.getlist("authorization")),
            proofs=tuple(request.headers.getlist("dpop")),
            read=partial(self._read, request),
        )

    def _find_refusal(self, request: Request, accept: str | None) -> RequestRefusedError | None:
        """What is wrong with a request before anything of it is read."""
        if request.method not in _METHODS:
            return MethodNotAllowedError(headers={"Allow": ", ".join(_METHODS)})
        if len(request.scope["path"]) + len(request.scope["query_string"]) > self.services.settings.url_bytes_max:
            return UrlTooLongError()
        if _is_cross_site(request.headers, self.services.settings.cors_origins):
            return CrossSiteRequestError()
        if choose_media_type(accept) is None:
            return NotAcceptableError()
        return self._find_body_refusal(request.headers) if request.method == "POST" else None

    def _find_body_refusal(self, headers: Headers) -> RequestRefusedError | None:
        if not is_json_in_utf8(headers.get("content-type")):
            return UnsupportedMediaTypeError(headers={"Accept-Post": "application/json"})
        if headers.get("content-encoding", "identity") != "identity":
            return UnsupportedMediaTypeError("A compressed body is not taken.", headers={"Accept-Encoding": "identity"})
        return None

    async def _read(self, request: Request) -> GraphQLRequest:
        settings = self.services.settings
        if request.method == "GET":
            return parse_query_string(request.scope["query_string"], depth_max=settings.variables_depth_max)
        body = await read_body(
            _stream(request),
            declared_length=request.headers.get("content-length"),
            bytes_max=settings.body_bytes_max,
        )
        # Parameters beside a body mean nothing here, but a number or a token in them is as much in a URL.
        parse_parameters(request.scope["query_string"])
        return parse_body(body, depth_max=settings.variables_depth_max)

    def _record(self, request: Request, exchange: Exchange, answer: Answer) -> None:
        operation = exchange.operation
        kind = operation.operation.value if operation else "none"
        outcome = "refused" if exchange.outcome is None else "partial" if answer.codes else "done"
        self.services.metrics.operations.labels(kind, outcome).inc()
        for code in answer.codes:
            self.services.metrics.errors.labels(code).inc()
        request.state.log.update(
            {
                "operation": kind,
                "operation_name": operation.name.value[:100] if operation and operation.name else None,
                "client_id": exchange.principal.client_id if exchange.principal else None,
                "cost": exchange.cost,
                "codes": list(answer.codes) or None,
            }
        )


def _is_cross_site(headers: Headers, origins: tuple[str, ...]) -> bool:
    return headers.get("sec-fetch-site") == "cross-site" and headers.get("origin") not in origins


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk
