"""The ASGI application: the only place that assembles the parts.

`create_app` takes the parts as arguments, so that tests can pass others; gateway/wiring.py passes the real ones.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import BaseRoute, Route, WebSocketRoute
from strawberry.federation import Schema

from auth.tokens.bound_tokens import BoundTokenVerifier
from auth.tokens.open_tokens import OpenTokens
from gateway.evidence.endpoint import CONTENT_PATH, EVIDENCE_PATH, UPLOAD_PATH, EvidenceEndpoint
from gateway.operations.endpoint import GraphQLEndpoint
from gateway.operations.executor import prepare_schema
from gateway.operations.graphiql import ASSETS_PATH, serve_asset
from gateway.operations.lookups import LOOKUPS_LEFT
from gateway.operations.protection import check_declarations
from gateway.operations.services import MakeContext, VerifyToken, make_services
from gateway.process.health import Check, Readiness, answer_healthz
from gateway.process.metrics import Metrics
from gateway.process.middleware import FirstServed, RequestEnvelope
from gateway.process.server import Drain
from gateway.settings import Settings
from gateway.start_page import make_start_page
from gateway.streams.hub import StreamHub
from gateway.streams.websocket.upgrades import WebSocketEndpoint
from ledger.feed.follower import Follower

GRAPH_PATHS = ("/graphql", "/graphql/")
"""Where the graph is served: many clients and proxies add the slash, and a redirect would cost them their body."""

UPLOAD_HEADERS = ("Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata")

Lifespan = Callable[[Starlette], AbstractAsyncContextManager[Any]]


class SchemaUnsafeError(Exception):
    """The schema's declarations can't be enforced as written; each line says what to change."""


def read_clock() -> datetime:
    """Return the current time, timezone-aware, in UTC."""
    return datetime.now(UTC)


def create_app(
    settings: Settings,
    *,
    schema: Schema,
    verify_token: VerifyToken,
    make_context: MakeContext,
    bound_tokens: BoundTokenVerifier | None = None,
    auth_routes: Sequence[BaseRoute] = (),
    ready_checks: Mapping[str, Check] | None = None,
    read_pools: Callable[[], Mapping[str, Mapping[str, int]]] | None = None,
    lifespan: Lifespan | None = None,
    follower: Follower | None = None,
    open_tokens: OpenTokens | None = None,
    now: Callable[[], datetime] = read_clock,
) -> Starlette:
    """Build the application from its parts.

    Shapes: verify_token(bearer, as_of) returns auth's verdict on a token and is required. bound_tokens verifies tokens
    of the DPoP scheme; without it, all of them are refused. make_context(principal | None, as_of, request_id) returns
    an operation's context, an async context manager that is exited when the operation ends. Without a follower no
    subscription is served; without open_tokens a stream outlives its token. app.state has .metrics, .readiness,
    .streams and .drains, which a server calls and awaits before it closes connections.
    Errors: SchemaUnsafeError and SettingsError, before anything is served.
    """
    prepared = prepare_schema(schema)
    faults = check_declarations(prepared._schema)  # noqa: SLF001 - Strawberry has no public name for it
    if faults:
        raise SchemaUnsafeError("\n".join(faults))
    metrics = Metrics()
    if read_pools is not None:
        metrics.watch_pools(read_pools)
    readiness = Readiness(ready_checks or {})
    services = make_services(
        settings,
        prepared,
        verify_token=verify_token,
        bound_tokens=bound_tokens,
        make_context=make_context,
        metrics=metrics,
    )
    metrics.watch_operations(lambda: services.in_flight.running)
    hub = StreamHub(services, follower, open_tokens, now=now) if follower is not None else None
    graph = GraphQLEndpoint(services, hub=hub, now=now)
    evidence = EvidenceEndpoint(services, open_tokens, now=now)
    routes: list[BaseRoute] = [
        Route("/", endpoint=make_start_page(settings), methods=["GET"]),
        Route("/healthz", endpoint=answer_healthz),
        Route("/readyz", endpoint=readiness.answer),
        *(Route(path, endpoint=evidence) for path in (EVIDENCE_PATH, CONTENT_PATH, UPLOAD_PATH)),
        *auth_routes,
    ]
    drains: list[Drain] = []
    if hub is not None:
        sockets = WebSocketEndpoint(services, hub, open_tokens, now=now)
        routes += [WebSocketRoute(path, endpoint=sockets) for path in GRAPH_PATHS]
        drains += [hub.drain, sockets.drain]
    if settings.graphiql:
        routes.append(Route(f"{ASSETS_PATH}/{{name}}", endpoint=serve_asset))
    app = Starlette(routes=routes, middleware=_list_middleware(settings, metrics, routes, graph), lifespan=lifespan)
    # Starlette would send whoever adds a slash to a URL that it makes of the Host header.
    app.router.redirect_slashes = False
    app.state.metrics = metrics
    app.state.readiness = readiness
    app.state.services = services
    app.state.streams = hub
    app.state.drains = drains
    return app


def _list_middleware(
    settings: Settings, metrics: Metrics, routes: Sequence[BaseRoute], graph: GraphQLEndpoint
) -> list[Middleware]:
    """The middleware, outermost first."""
    paths = frozenset((*GRAPH_PATHS, *(route.path for route in routes if isinstance(route, Route))))
    https = settings.base_url.startswith("https://")
    middleware = [Middleware(RequestEnvelope, metrics=metrics, routes=paths, below=EVIDENCE_PATH, https=https)]
    if settings.cors_origins:
        middleware.append(
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_methods=("GET", "HEAD", "POST", "PATCH", "DELETE"),
                allow_headers=(
                    "Authorization",
                    "Content-Type",
                    "DPoP",
                    "If-None-Match",
                    "Last-Event-ID",
                    "X-Request-Id",
                    *UPLOAD_HEADERS,
                    "Idempotency-Key",
                    "Range",
                    "If-Range",
                ),
                expose_headers=(
                    "DPoP-Nonce",
                    "ETag",
                    "WWW-Authenticate",
                    "X-Request-Id",
                    "X-Jembatan-Cost",
                    LOOKUPS_LEFT,
                    "Retry-After",
                    *UPLOAD_HEADERS,
                    "Upload-Expires",
                    "Repr-Digest",
                    "Location",
                    "Content-Range",
                    "Content-Disposition",
                    "ETag",
                ),
                max_age=600,
            )
        )
    return [*middleware, Middleware(FirstServed, first=graph, paths=frozenset(GRAPH_PATHS))]
