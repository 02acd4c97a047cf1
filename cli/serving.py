"""`jembatan serve`: one process or several on one port, over a checked database.

The parent alone binds the port and starts the embedded server. Told to stop (Ctrl-C, SIGTERM) it drains and ends
with 0.
"""

import asyncio
import errno
import gc
import socket
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import PortTakenError
from cli.printing import note

if TYPE_CHECKING:
    from cli.session import Installation

WORKERS_MAX = 64
_COLLECTED_AFTER = (20_000, 10, 10)
"""Python's thresholds of garbage collection. One open stream is some 200 objects: with Python's own 700, what a
handshake needed would outlive it, and ten thousand streams would be looked through again and again, for seconds."""


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Unset: JEMBATAN_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one. Unset: JEMBATAN_PORT.")
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="First bring the database to this version's schema.")
    ] = False,
    workers: Annotated[
        int,
        typer.Option(min=1, max=WORKERS_MAX, help="Processes; /metrics of each has a port of its own, counting up."),
    ] = 1,
) -> None:
    """Serve the graph, the authorization server, health checks and metrics, until told to stop.

    Without JEMBATAN_DATABASE_URL an embedded PostgreSQL runs under JEMBATAN_DATA_DIR. A database of an older schema
    is refused unless --migrate is given.
    """
    from cli.session import open_installation, read_settings
    from cli.workers import supervise
    from gateway.process.server import LISTEN_BACKLOG

    settings = read_settings(host=host, port=port)
    with bind(settings.host, settings.port, backlog=LISTEN_BACKLOG) as listener:
        settings = read_settings(host=host, port=listener.getsockname()[1])
        with open_installation(settings) as installation:
            asyncio.run(_prepare(installation, is_migrated=migrate))
            note(f"Serving {settings.base_url}/graphql")
            if workers == 1:
                run_gateway(installation, listener)
            else:
                supervise(installation, listener, count=workers)


async def _prepare(installation: "Installation", *, is_migrated: bool) -> None:
    from cli.schemas import migrate_installation
    from cli.session import check_installation, open_database

    if is_migrated:
        before, after = await migrate_installation(installation)
        if before != after:
            note(f"Migrated from {before or 'an empty database'} to {after}.")
    async with open_database(installation) as database:
        await check_installation(database)


def run_gateway(installation: "Installation", listener: socket.socket) -> None:
    """Serve in this process until told to stop. Errors: PortTakenError for the metrics' port, IssuerInvalidError."""
    from gateway.process.logs import configure_logs
    from gateway.process.server import serve as run_server
    from gateway.wiring import create_gateway
    from ledger.storage.database import Database
    from schema.graph import schema

    settings = installation.settings
    configure_logs(level=settings.log_level, form=settings.log_format)
    database = Database.connect(settings, installation.keyring)
    app = create_gateway(settings, database=database, schema=schema)
    # The schema and all modules live as long as the process: a full collection need not look at them again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)
    try:
        run_server(app, settings, sockets=[listener])
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise PortTakenError(
            f"The port {settings.metrics_port} for /metrics is taken.",
            hint="Set JEMBATAN_METRICS_PORT to another, or to 0 for none.",
        ) from error


def bind(host: str, port: int, *, backlog: int) -> socket.socket:
    """A listening socket. Errors: PortTakenError, when the address can't be had either."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise PortTakenError(f"{host}:{port} can't be listened on: {error.strerror or error}.") from error
