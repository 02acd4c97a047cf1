"""The GraphQL endpoint: turns an HTTP request into a run of the pipeline, and its answer into a response.

It takes POST with application/json, GET for queries and subscriptions, HEAD for queries, and shows browsers a page. A
client that accepts a stream gets a subscription as one; a refusal before the stream begins is an ordinary response with
its status. The endpoint neither sets nor reads cookies, so a page on another site has no session to exploit; requests
that a browser marks as cross-site are refused all the same.
Source: GraphQL over HTTP; docs/adr/0032, 0033.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from auth.protocol.requests import group_address
from gateway.operations.errors import (
    CrossSiteRequestError,
    MethodNotAllowedError,
    NotAcceptableError,
    RequestRefusedError,
    StreamNeedsHttp11Error,
    StreamRequiredError,
    UnsupportedMediaTypeError,
)
from gateway.operations.graphiql import render_page
from gateway.operations.http_requests import HttpRequest, Reply
from gateway.operations.media_types import (
    EVENT_STREAM,
    MULTIPART,
    Accepted,
    is_json_in_utf8,
    negotiate,
)
from gateway.operations.pipeline import Run
from gateway.operations.progress import Answer, Authorized, GraphQLRequest, Received, Transport, Weigh
from gateway.operations.requests import parse_body, parse_parameters, parse_query_string
from gateway.operations.services import Services
from gateway.streams.http_stream import HttpStream
from gateway.streams.hub import StreamHub
from gateway.streams.multipart import Multipart
from gateway.streams.multipart import render_single as render_part
from gateway.streams.sse import EventStream
from gateway.streams.sse import render_single as render_event
from ledger.bounds.recent import Recent

_METHODS = ("GET", "HEAD", "POST")
_PARSED_AT_ONCE_BYTES_MAX = 16_384
"""The largest body that is parsed on the event loop; others are parsed in a thread."""
_KEPT_BODY_BYTES_MAX = 4_096
_KEPT_BODIES_MAX = 1_000
"""How many requests are kept by their bodies: who polls sends the same one each time."""
_TRANSPORTS = {EVENT_STREAM: Transport.EVENT_STREAM, MULTIPART: Transport.MULTIPART}
_log = structlog.get_logger("gateway.access")


class GraphQLEndpoint:
    """The ASGI application at /graphql. Owned by one event loop, as its services are."""

    def __init__(self, services: Services, *, hub: StreamHub | None, now: Callable[[], datetime]) -> None:
        """Bind to the services, the subscription hub, and the clock, which is read once per operation."""
        self.services = services
        self.hub = hub
        self.now = now
        self._requests: Recent[bytes, GraphQLRequest] = Recent(_KEPT_BODIES_MAX)
        # One thread: several would take the interpreter from the event loop in turns.
        self._parser = ThreadPoolExecutor(max_workers=1, thread_name_prefix="bodies")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Errors: ClientDisconnect, where nobody is left to answer."""
        response = await self.answer(HttpRequest(scope, receive))
        await response(scope, receive, send)

    async def answer(self, request: HttpRequest) -> ASGIApp:
        """Return the response to a request. Errors: ClientDisconnect only."""
        accepted = negotiate(request.accept)
        if self._is_browser(request, accepted):
            return render_page()
        received = self._receive(request, accepted)
        run = Run(received, self.services)
        refusal = self._find_refusal(request, accepted, received.transport)
        answer = run.refuse(refusal) if refusal else await run.take(partial(self._open, request))
        state = request.scope["state"]
        log = state["log"]
        if isinstance(answer, HttpStream):
            log.update(run.record(()), stream=received.transport.value)
            state["stream"] = answer.told
            _log.info("stream opened", **log)
            return answer
        log.update(run.record(answer.codes))
        if received.transport.is_stream and run.is_executed and accepted.media_type is None:
            return _render_single(received.transport, answer)
        return Reply(answer.status, answer.headers, answer.body)

    async def _open(self, request: HttpRequest, authorized: Authorized) -> HttpStream:
        """Return the response that carries a subscription. Errors: refusals to open one."""
        hub = self.hub
        if hub is None:
            raise StreamRequiredError
        if request.scope["http_version"] == "1.0":
            raise StreamNeedsHttp11Error
        connection = hub.connect(authorized.client, transport=authorized.transport.value)
        try:
            subscription = await hub.open(authorized, request.find_value(b"last-event-id"), connection=connection)
        except BaseException:
            connection.close()
            raise
        form = EventStream() if authorized.transport is Transport.EVENT_STREAM else Multipart()
        headers = {"Vary": "Accept, Authorization", "X-Jembatan-Cost": str(authorized.cost)}
        return HttpStream(
            subscription, connection, form, self.services.settings, request_id=authorized.request_id, headers=headers
        )

    def _is_browser(self, request: HttpRequest, accepted: Accepted) -> bool:
        on = self.services.settings.graphiql and request.method in {"GET", "HEAD"}
        return on and accepted.is_browser and not request.query_string

    def _receive(self, request: HttpRequest, accepted: Accepted) -> Received:
        return Received(
            request_id=request.scope["state"]["request_id"],
            as_of=self.now(),
            method=request.method,
            path=request.path,
            media_type=accepted.refusal_type,
            transport=self._choose_transport(request, accepted),
            peer="unknown" if request.peer is None else group_address(request.peer),
            authorization=request.list_values(b"authorization"),
            proofs=request.list_values(b"dpop"),
            if_none_match=request.list_values(b"if-none-match"),
            read=partial(self._read, request),
        )

    def _choose_transport(self, request: HttpRequest, accepted: Accepted) -> Transport:
        # A stream has no end that HEAD could wait for.
        chosen = accepted.stream if self.hub is not None and request.method != "HEAD" else None
        return _TRANSPORTS[chosen] if chosen else Transport.RESPONSE

    def _find_refusal(
        self, request: HttpRequest, accepted: Accepted, transport: Transport
    ) -> RequestRefusedError | None:
        """Find what is wrong with a request before its body is read."""
        if request.method not in _METHODS:
            return MethodNotAllowedError(headers={"Allow": ", ".join(_METHODS)})
        if _is_cross_site(request, self.services.settings.cors_origins):
            return CrossSiteRequestError()
        if accepted.media_type is None and not transport.is_stream:
            return NotAcceptableError()
        return _find_body_refusal(request) if request.method == "POST" else None

    async def _read(self, request: HttpRequest, bytes_max: int, weigh: Weigh) -> GraphQLRequest:
        if request.method != "POST":
            return parse_query_string(request.query_string)
        body = await request.read_body(bytes_max=bytes_max, weigh=weigh)
        if request.query_string:
            # A POST's parameters are ignored, but a number or a token among them is exposed in a URL all the same.
            parse_parameters(request.query_string)
        known = self._requests.find(body)
        if known is not None:
            return known
        parse = partial(parse_body, body, values_max=self.services.settings.body_values_max)
        if len(body) <= _PARSED_AT_ONCE_BYTES_MAX:
            parsed = parse()
            if len(body) <= _KEPT_BODY_BYTES_MAX:
                self._requests.keep(body, parsed)
            return parsed
        return await asyncio.get_running_loop().run_in_executor(self._parser, parse)


def _find_body_refusal(request: HttpRequest) -> RequestRefusedError | None:
    if not is_json_in_utf8(request.find_value(b"content-type")):
        return UnsupportedMediaTypeError(headers={"Accept-Post": "application/json"})
    if request.find_value(b"content-encoding") not in {None, "identity"}:
        return UnsupportedMediaTypeError("A compressed body is not accepted.", headers={"Accept-Encoding": "identity"})
    return None


def _render_single(transport: Transport, answer: Answer) -> Reply:
    """Render the answer to a query or a mutation as a stream of one result."""
    form = EventStream if transport is Transport.EVENT_STREAM else Multipart
    render = render_event if transport is Transport.EVENT_STREAM else render_part
    headers = {name: value for name, value in answer.headers.items() if name != "Content-Type"}
    return Reply(answer.status, {**headers, **form.headers}, render(answer.body))


def _is_cross_site(request: HttpRequest, origins: tuple[str, ...]) -> bool:
    return request.find_value(b"sec-fetch-site") == "cross-site" and request.find_value(b"origin") not in origins
