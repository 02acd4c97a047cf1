"""The embedded PostgreSQL: a real server from a wheel, for a first run, for tests and for small installations.

Only a parent command may start it, never a worker. Whoever comes while it runs shares it, also one that a killed
process left behind, and the last to end stops it (shared_use.py). The application never connects as the server's
superuser: `start` first creates an owner for the tables and a login for the application.
"""

import asyncio
import atexit
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg

from ledger.storage.postgres import SUPERUSER, PostgresFolder
from ledger.storage.roles import login_name, owner_name, render_role_statements
from ledger.storage.shared_use import SharedUse

_DATABASE = "jembatan"
_NAME = "postgresql"
_TURN_SECONDS_MAX = 120.0
"""How long to wait for another process that starts or stops the server; creating a cluster takes longest."""


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
        self._data_dir = data_dir
        self._role_prefix = role_prefix
        self._use = SharedUse(data_dir, _NAME, wait_seconds_max=_TURN_SECONDS_MAX)
        self._process_id = 0
        self.folder = PostgresFolder(data_dir / _NAME)

    @property
    def use_descriptor(self) -> int | None:
        """The open file by which this process counts as a user; a worker that inherits it counts as one as well."""
        return self._use.descriptor

    def start(self) -> EmbeddedUrls:
        """Start the server or join it, create what is missing, and return its URLs. Takes about half a second.

        Errors: PostgresError, TurnTimeoutError, OSError.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with self._use.turn():
            self._use.begin()
            self._process_id = os.getpid()
            atexit.register(self.stop)
            self.folder.create()
            socket_dir = str(self.folder.start().socket_folder)
            asyncio.run(_prepare(socket_dir, self._role_prefix))
        return EmbeddedUrls(
            application=_url(socket_dir, login_name(self._role_prefix), _DATABASE),
            owner=_url(socket_dir, owner_name(self._role_prefix), _DATABASE),
            superuser=_url(socket_dir, SUPERUSER, SUPERUSER),
        )

    def stop(self) -> None:
        """Stop the server if this process is its last user. Errors: as start."""
        if self._use.descriptor is None or self._process_id != os.getpid():
            return
        atexit.unregister(self.stop)
        with self._use.turn():
            if self._use.end():
                self.folder.stop()


def _url(socket_dir: str, user: str, database: str) -> str:
    return f"postgresql://{user}@/{database}?host={quote(socket_dir, safe='/')}"


async def _prepare(socket_dir: str, role_prefix: str) -> None:
    owner, login = owner_name(role_prefix), login_name(role_prefix)
    connection = await asyncpg.connect(host=socket_dir, user=SUPERUSER, database=SUPERUSER)
    try:
        for name, inherit in ((owner, "INHERIT"), (login, "NOINHERIT")):
            if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", name):
                await connection.execute(
                    f"CREATE ROLE {name} LOGIN {inherit} NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS"
                )
        await connection.execute("; ".join(render_role_statements(role_prefix, login=login)))
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE):
            await connection.execute(f"CREATE DATABASE {_DATABASE} OWNER {owner} TEMPLATE template0 ENCODING 'UTF8'")
            await connection.execute(f"REVOKE ALL ON DATABASE {_DATABASE} FROM PUBLIC")
            await connection.execute(f"GRANT CONNECT ON DATABASE {_DATABASE} TO {login}")
    finally:
        await connection.close()
