"""`jembatan serve`: one process or several on one port, over a checked database.

Only the parent binds the port and starts the embedded server. When stopped (Ctrl-C, SIGTERM) it drains and exits with
0.
"""

import socket
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from cli.failures import PortTakenError
from cli.printing import note
from cli.stopping import run_until_stopped

if TYPE_CHECKING:
    from cli.session import Installation

WORKERS_MAX = 64


def serve(
    *,
    host: Annotated[str | None, typer.Option(help="Address to listen on. Unset: JEMBATAN_HOST.")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Port; 0 chooses a free one. Unset: JEMBATAN_PORT.")
    ] = None,
    migrate: Annotated[
        bool, typer.Option("--migrate", help="First bring the database to this version's schema.")
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1, max=WORKERS_MAX, help="Number of processes; each serves /metrics on its own port, counting up."
        ),
    ] = 1,
) -> None:
    """Serve the graph, the authorization server, health checks and metrics until stopped.

    Without JEMBATAN_DATABASE_URL an embedded PostgreSQL runs under JEMBATAN_DATA_DIR. A database with an older schema
    is refused unless --migrate is given.
    """
    from cli.session import open_installation, read_settings
    from cli.worker import run_gateway
    from cli.workers import supervise
    from gateway.process.server import LISTEN_BACKLOG
    from gateway.settings import load_settings

    settings = read_settings(host=host, port=port)
    with bind(settings.host, settings.port, backlog=LISTEN_BACKLOG) as listener:
        if settings.port == 0:
            settings = load_settings(host=settings.host, port=listener.getsockname()[1])
        with open_installation(settings) as installation:
            run_until_stopped(_prepare(installation, is_migrated=migrate))

            def tell_serving() -> None:
                note(f"Serving {settings.base_url}/graphql")

            if workers == 1:
                run_gateway(installation, listener, tell_serving=tell_serving)
            else:
                supervise(installation, listener, count=workers, tell_serving=tell_serving)


async def _prepare(installation: "Installation", *, is_migrated: bool) -> None:
    from cli.schemas import migrate_installation
    from cli.session import check_installation, open_database, wait_while_away
    from ledger.storage.pooler import check_poolers

    settings = installation.settings
    await wait_while_away(partial(check_poolers, settings), seconds_max=settings.database_wait_seconds)
    if is_migrated:
        before, after = await migrate_installation(installation)
        if before != after:
            note(f"Migrated from {before or 'an empty database'} to {after}.")
    async with open_database(installation) as database:
        await check_installation(database)


def bind(host: str, port: int, *, backlog: int) -> socket.socket:
    """Return a listening socket. Errors: PortTakenError, also when the address can't be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise PortTakenError(f"{host}:{port} can't be listened on: {error.strerror or error}.") from error
