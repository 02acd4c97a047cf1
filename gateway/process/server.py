"""One serving process: uvicorn around the application, and /metrics on a separate port.

On SIGTERM it reports itself as not ready, accepts no new connection, ends its streams with their last cursor and lets
running operations finish, all within DRAIN_SECONDS, then exits. It starts no other process.
"""

import asyncio
import signal
import socket
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

import structlog
import uvicorn
from prometheus_client import start_http_server
from starlette.applications import Starlette

from gateway.process.connections import bound_websocket
from gateway.process.garbage import ShortSearches
from gateway.process.http_connections import bound_http
from gateway.process.memory import return_large_buffers
from gateway.process.metrics import Metrics
from gateway.process.refusals import Refusals
from gateway.process.room import Room
from gateway.settings import Settings

_log = structlog.get_logger("gateway.server")


Drain = Callable[[], Awaitable[None]]
"""Ends what would otherwise never end; the application lists them in app.state.drains."""

LISTEN_BACKLOG = 2_048
"""Connections that may wait to be accepted."""
_TICK_SECONDS = 0.1


class StartFailedError(Exception):
    """The application did not start; its log says why."""


class DrainingServer(uvicorn.Server):
    """uvicorn, but it makes /readyz report that it is about to stop, and ends streams before it closes connections."""

    searches: ShortSearches | None = None
    tell_serving: Callable[[], None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then accept connections, and tell of it. Errors: StartFailedError."""
        try:
            await super().startup(sockets)
        except SystemExit as error:  # uvicorn's own, after it has logged what the application raised
            raise StartFailedError from error
        if self.started and self.tell_serving is not None:
            self.tell_serving()

    async def on_tick(self, counter: int) -> bool:
        """Do what is due several times a second."""
        if self.searches is not None:
            self.searches.tend()
        return await super().on_tick(counter)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:  # noqa: ARG002 - uvicorn's signature
        """Mark the process as draining and stop; a second Ctrl-C stops immediately.

        uvicorn raises the signal again once it has stopped; this server exits with status 0, having done as asked.
        """
        readiness = getattr(getattr(self.config.app, "state", None), "readiness", None)
        if readiness is not None:
            readiness.is_draining = True
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing new, drain, then stop as uvicorn does, all within the graceful shutdown timeout."""
        for listener in (*self.servers, *(sockets or ())):
            listener.close()
        loop = asyncio.get_running_loop()
        began = loop.time()
        seconds = self.config.timeout_graceful_shutdown or 0
        drains: list[Drain] = getattr(getattr(self.config.app, "state", None), "drains", [])
        await self._drain(drains, until=began + seconds)
        left = seconds - (loop.time() - began)
        self.config.timeout_graceful_shutdown = max(min(seconds, 1), round(left))
        await super().shutdown(sockets)

    async def _drain(self, drains: list[Drain], *, until: float) -> None:
        loop = asyncio.get_running_loop()
        running = {asyncio.ensure_future(drain()) for drain in drains}
        while running and loop.time() < until and not self.force_exit:
            done, running = await asyncio.wait(running, timeout=_TICK_SECONDS)
            for task in done:
                if task.exception() is not None:
                    _log.error("draining failed", exc_info=task.exception())
        for task in running:
            task.cancel()


def make_server(app: Starlette, settings: Settings) -> DrainingServer:
    """Return a server that is ready to run, by `await server.serve()` or `server.run()`."""
    room = Room(settings)
    metrics: Metrics = getattr(getattr(app, "state", None), "metrics", None) or Metrics()
    refusals = Refusals(metrics)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        http=bound_http(settings, room, refusals),
        loop="uvloop",
        ws=bound_websocket(settings, room, refusals),
        # The streams send their own pings, which every client can see, even in a browser; docs/adr/0057.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        access_log=False,
        log_config=None,
        server_header=False,
        backlog=LISTEN_BACKLOG,
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


def serve(
    app: Starlette,
    settings: Settings,
    *,
    sockets: list[socket.socket] | None = None,
    tell_serving: Callable[[], None] | None = None,
) -> None:
    """Serve until the process is asked to stop, with all of the process's memory tended for that.

    tell_serving is called once connections are accepted. Errors: StartFailedError; OSError for the metrics port.
    """
    return_large_buffers()
    server = make_server(app, settings)
    server.tell_serving = tell_serving
    server.searches = searches = ShortSearches()
    app.state.metrics.registry.register(searches)
    metrics = serve_metrics(app.state.metrics, settings)
    searches.begin()
    try:
        server.run(sockets=sockets)
    finally:
        searches.end()
        if metrics is not None:
            metrics.shutdown()
            metrics.server_close()
