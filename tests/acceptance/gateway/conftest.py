"""A real uvicorn on a loopback port over the sample graph, and a client that says exactly what goes over the wire."""

import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from gateway.app import create_app
from gateway.process.server import make_server
from gateway.settings import Settings
from tests.support.sample_gateway import Gateway, verify_sample
from tests.support.sample_graph import SampleContext, make_schema


@pytest.fixture(scope="session")
def serve() -> Iterator[Callable[..., Gateway]]:
    """Starts a gateway; settings and other parts of create_app by keyword."""
    running: list[tuple[Any, threading.Thread]] = []

    def start(*, ready_checks: Any = None, **overrides: Any) -> Gateway:
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
            verify_token=verify_sample,
            make_context=lambda principal, as_of, request_id: SampleContext(principal, as_of, request_id, calls),
            ready_checks=ready_checks,
            now=lambda: datetime.now(UTC),
        )
        listener = socket.create_server(("127.0.0.1", 0))
        server = make_server(app, settings)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        running.append((server, thread))
        gateway = Gateway(listener.getsockname()[1], app, calls)
        gateway.server, gateway.thread = server, thread  # type: ignore[attr-defined]
        return gateway

    yield start
    for server, _ in running:
        server.should_exit = True
    for _, thread in running:
        thread.join(timeout=10)


@pytest.fixture(scope="session")
def shared_gateway(serve: Callable[..., Gateway]) -> Gateway:
    return serve()


@pytest.fixture
def gateway(shared_gateway: Gateway) -> Gateway:
    shared_gateway.calls.clear()
    return shared_gateway
