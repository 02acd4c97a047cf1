"""One serving process: uvicorn around the application, and /metrics on a port of its own.

On SIGTERM it reports itself as not ready, takes no new connection, lets running operations finish for
DRAIN_SECONDS, then ends. It starts no other process.
"""

import signal
import socket
from types import FrameType
from typing import Any

import structlog
import uvicorn
from prometheus_client import start_http_server
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway.metrics import Metrics
from gateway.settings import Settings

_log = structlog.get_logger("gateway.server")


class DrainingServer(uvicorn.Server):
    """uvicorn, which tells /readyz that it is about to stop."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Mark the process as draining and stop; a second Ctrl-C stops at once.

        uvicorn raises the signal again when it has stopped; ours ends with status 0, for it did what it was told.
        """
        readiness = getattr(getattr(self.config.app, "state", None), "readiness", None)
        if readiness is not None:
            readiness.is_draining = True
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def bound_protocol(*, header_bytes_max: int) -> type[HttpToolsProtocol]:
    """Uvicorn's HTTP protocol with a bound on a request's line and headers, which httptools lacks."""

    class BoundedProtocol(HttpToolsProtocol):  # type: ignore[misc, unused-ignore]
        """Closes a connection whose request line and headers are larger than is taken."""

        _head_bytes = 0

        def on_message_begin(self) -> None:
            self._head_bytes = 0
            super().on_message_begin()

        def on_url(self, url: bytes) -> None:
            self._count(len(url))
            super().on_url(url)

        def on_header(self, name: bytes, value: bytes) -> None:
            self._count(len(name) + len(value))
            super().on_header(name, value)

        def _count(self, size: int) -> None:
            self._head_bytes += size
            if self._head_bytes > header_bytes_max:
                raise ValueError("request head too large")

    return BoundedProtocol


def make_server(app: Starlette, settings: Settings) -> DrainingServer:
    """A server ready to run; `await server.serve()` or `server.run()`."""
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=bound_protocol(header_bytes_max=settings.header_bytes_max + settings.url_bytes_max),
        loop="uvloop",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=settings.listen_backlog,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=settings.drain_seconds,
        proxy_headers=True,
        forwarded_allow_ips=settings.trusted_proxies,
    )
    return DrainingServer(config)


def serve_metrics(metrics: Metrics, settings: Settings) -> Any | None:
    """Serve /metrics in a thread; the handle's shutdown() ends it. None where the port is 0."""
    if settings.metrics_port == 0:
        return None
    handle, _thread = start_http_server(settings.metrics_port, settings.metrics_host, registry=metrics.registry)
    return handle


def serve(app: Starlette, settings: Settings, *, sockets: list[socket.socket] | None = None) -> None:
    """Serve until told to stop."""
    metrics = serve_metrics(app.state.metrics, settings)
    try:
        make_server(app, settings).run(sockets=sockets)
    finally:
        if metrics is not None:
            metrics.shutdown()
            metrics.server_close()
