"""The GraphQL endpoint: from HTTP to an exchange, and from its answer back to HTTP.

POST with application/json, GET for queries and subscriptions, a page for browsers. Who accepts a stream gets a
subscription as one; whatever is refused before it begins is an ordinary answer with its status. It holds no cookies
and reads none, so another site's page has nothing to ride on; what a browser marks as coming from another site is
refused all the same.
Source: GraphQL over HTTP; docs/adr/0032, 0033.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

import structlog
from graphql import OperationType
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.operations.errors import (
    CrossSiteRequestError,
    MethodNotAllowedError,
    NotAcceptableError,
    RequestRefusedError,
    StreamRequiredError,
    UnsupportedMediaTypeError,
    UrlTooLongError,
)
from gateway.operations.exchange import Answer, Exchange, GraphQLRequest, Transport, filled
from gateway.operations.graphiql import render_page
from gateway.operations.media_types import (
    EVENT_STREAM,
    MULTIPART,
    MediaType,
    choose_media_type,
    choose_stream,
    is_json_in_utf8,
    wants_html,
)
from gateway.operations.pipeline import BEFORE_EXECUTION, STAGES, run_stages
from gateway.operations.requests import parse_body, parse_parameters, parse_query_string, read_body
from gateway.operations.services import Services
from gateway.operations.stages.encode_response import encode_response
from gateway.operations.stages.execute_operation import execute_operation
from gateway.streams.http_stream import HttpStream
from gateway.streams.hub import StreamHub
from gateway.streams.multipart import Multipart
from gateway.streams.multipart import render_single as render_part
from gateway.streams.sse import EventStream
from gateway.streams.sse import render_single as render_event

_METHODS = ("GET", "POST")
_TRANSPORTS = {EVENT_STREAM: Transport.EVENT_STREAM, MULTIPART: Transport.MULTIPART}
_log = structlog.get_logger("gateway.access")


class GraphQLEndpoint:
    """The ASGI application at /graphql. Owned by one event loop, as its services are."""

    def __init__(self, services: Services, *, hub: StreamHub | None, now: Callable[[], datetime]) -> None:
        """Bind to the services, to the hub of subscriptions, and to the clock, which is read once per operation."""
        self.services = services
        self.hub = hub
        self.now = now

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        try:
            response = await self.answer(request)
        except ClientDisconnect:
            return
        await response(scope, receive, send)

    async def answer(self, request: Request) -> ASGIApp:
        """The response to a request; it raises nothing but what a vanished client raises."""
        accept = ", ".join(request.headers.getlist("accept")) or None
        if self._is_browser(request, accept):
            return render_page()
        exchange = self._begin(request, accept)
        refusal = self._find_refusal(request, accept)
        if refusal is not None:
            exchange = replace(exchange, failure=refusal)
        elif exchange.transport.is_stream:
            exchange = await run_stages(exchange, self.services, BEFORE_EXECUTION)
            if exchange.failure is None and filled(exchange.operation).operation is OperationType.SUBSCRIPTION:
                try:
                    return await self._open(request, exchange)
                except Exception as failure:  # noqa: BLE001 - as in the pipeline: every failure is answered
                    exchange = replace(exchange, failure=failure)
            elif exchange.failure is None:
                exchange = await run_stages(exchange, self.services, (execute_operation,))
        else:
            exchange = await run_stages(exchange, self.services, STAGES[:-1])
        if isinstance(exchange.failure, ClientDisconnect):
            raise exchange.failure
        exchange = await encode_response(exchange, self.services)
        answer = filled(exchange.answer)
        self._record(request, exchange, answer)
        if exchange.transport.is_stream and exchange.failure is None and choose_media_type(accept) is None:
            return _render_single(exchange.transport, answer)
        return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))

    async def _open(self, request: Request, exchange: Exchange) -> HttpStream:
        """The response that carries a subscription. Errors: what opening one refuses."""
        hub = self.hub
        if hub is None:
            raise StreamRequiredError
        client = exchange.principal.client_id if exchange.principal else exchange.peer
        connection = hub.connect(client, transport=exchange.transport.value)
        try:
            subscription = await hub.open(exchange, request.headers.get("last-event-id"), connection=connection)
        except BaseException:
            connection.close()
            raise
        form = EventStream() if exchange.transport is Transport.EVENT_STREAM else Multipart()
        headers = {"Vary": "Accept, Authorization", "X-Jembatan-Cost": str(exchange.cost)}
        stream = HttpStream(
            subscription, connection, form, self.services.settings, request_id=exchange.request_id, headers=headers
        )
        self._describe(request, exchange, "done", ())
        request.state.log["stream"] = exchange.transport.value
        request.state.stream = stream.told
        _log.info("stream opened", **request.state.log)
        return stream

    def _is_browser(self, request: Request, accept: str | None) -> bool:
        on = self.services.settings.graphiql and request.method == "GET"
        return on and wants_html(accept) and not request.scope["query_string"]

    def _begin(self, request: Request, accept: str | None) -> Exchange:
        return Exchange(
            request_id=request.state.request_id,
            as_of=self.now(),
            method=request.method,
            media_type=choose_media_type(accept) or _choose_refusal_type(accept),
            transport=self._choose_transport(accept),
            peer=request.client.host if request.client else "unknown",
            authorization=tuple(request.headers.getlist("authorization")),
            proofs=tuple(request.headers.getlist("dpop")),
            read=partial(self._read, request),
        )

    def _choose_transport(self, accept: str | None) -> Transport:
        chosen = choose_stream(accept) if self.hub is not None else None
        return _TRANSPORTS[chosen] if chosen else Transport.RESPONSE

    def _find_refusal(self, request: Request, accept: str | None) -> RequestRefusedError | None:
        """What is wrong with a request before anything of it is read."""
        if request.method not in _METHODS:
            return MethodNotAllowedError(headers={"Allow": ", ".join(_METHODS)})
        if len(request.scope["path"]) + len(request.scope["query_string"]) > self.services.settings.url_bytes_max:
            return UrlTooLongError()
        if _is_cross_site(request.headers, self.services.settings.cors_origins):
            return CrossSiteRequestError()
        if choose_media_type(accept) is None and not self._choose_transport(accept).is_stream:
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
        outcome = "refused" if exchange.outcome is None else "partial" if answer.codes else "done"
        self._describe(request, exchange, outcome, answer.codes)

    def _describe(self, request: Request, exchange: Exchange, outcome: str, codes: Sequence[str]) -> None:
        operation = exchange.operation
        kind = operation.operation.value if operation else "none"
        self.services.metrics.operations.labels(kind, outcome).inc()
        for code in codes:
            self.services.metrics.errors.labels(code).inc()
        request.state.log.update(
            {
                "operation": kind,
                "operation_name": operation.name.value[:100] if operation and operation.name else None,
                "client_id": exchange.principal.client_id if exchange.principal else None,
                "cost": exchange.cost,
                "codes": list(codes) or None,
            }
        )


def _choose_refusal_type(accept: str | None) -> MediaType:
    """Who accepts a stream alone reads a refusal by its status, which only one of the types can be trusted with."""
    return MediaType.JSON if choose_stream(accept) is None else MediaType.GRAPHQL_RESPONSE


def _render_single(transport: Transport, answer: Answer) -> Response:
    """The answer of a query or a mutation as a stream of one result."""
    form = EventStream if transport is Transport.EVENT_STREAM else Multipart
    render = render_event if transport is Transport.EVENT_STREAM else render_part
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
    return Response(render(answer.body), status_code=answer.status, headers={**headers, **form.headers})


def _is_cross_site(headers: Headers, origins: tuple[str, ...]) -> bool:
    return headers.get("sec-fetch-site") == "cross-site" and headers.get("origin") not in origins


async def _stream(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.stream():
        yield chunk
