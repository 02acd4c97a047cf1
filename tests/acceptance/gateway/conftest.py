"""A real uvicorn on a loopback port over the sample graph, and a client that says exactly what goes over the wire."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.routing import BaseRoute

from gateway.app import create_app
from gateway.operations.services import VerifyToken
from gateway.settings import Settings
from tests.support.sample_gateway import Gateway, verify_sample
from tests.support.sample_graph import SampleContext, make_schema
from tests.support.server_thread import ServerThread, listen, port_of


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Gateway]]:
    """Starts a gateway; settings and other parts of create_app by keyword."""
    started: list[ServerThread] = []

    def start(
        *,
        ready_checks: Any = None,
        auth_routes: Sequence[BaseRoute] = (),
        verify_token: VerifyToken = verify_sample,
        **overrides: Any,
    ) -> Gateway:
        defaults = {
            "rate_burst": 100_000,
            "rate_anonymous_burst": 100_000,
            "metrics_port": 0,
            "drain_seconds": 1,
            "log_level": "ERROR",
        }
        settings = Settings(**(defaults | overrides))
        calls: list[str] = []
        app = create_app(
            settings,
            schema=make_schema(),
            verify_token=verify_token,
            make_context=lambda principal, as_of, request_id: SampleContext(principal, as_of, request_id, calls),
            auth_routes=auth_routes,
            ready_checks=ready_checks,
            now=lambda: datetime.now(UTC),
        )
        listener = listen()
        started.append(ServerThread(app, settings, listener))
        gateway = Gateway(port_of(listener), app, calls)
        gateway.server, gateway.thread = started[-1].server, started[-1].thread  # type: ignore[attr-defined]
        return gateway

    yield start
    for server in started:
        server.stop()
    for server in started:
        server.end()


@pytest.fixture(scope="session")
def shared_gateway(serve: Callable[..., Gateway]) -> Gateway:
    return serve()


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    shared_gateway.calls.clear()
    return shared_gateway
