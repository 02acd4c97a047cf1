"""PgBouncer of a test's own, before a PostgreSQL server of its own: started, stopped, and started again."""

import asyncio
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import asyncpg
import pytest

from ledger.storage.embedded import EmbeddedUrls
from ledger.storage.roles import login_name, owner_name
from tests.support.cluster import ROLE_PREFIX
from tests.support.faults.processes import find_free_port
from tests.support.waiting import until

_CONFIGURATION = """
[databases]
* = host={host}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
default_pool_size = {pool_size}
max_client_conn = 200
server_login_retry = 1
"""


def list_binaries() -> list[Path]:
    """Those that JEMBATAN_TEST_PGBOUNCER names, separated by colons, or else the one that is installed."""
    named = os.environ.get("JEMBATAN_TEST_PGBOUNCER")
    if named:
        return [Path(path) for path in named.split(":")]
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    return [Path(found)] if found else []


def read_version(binary: Path) -> str:
    return subprocess.check_output([binary, "--version"], text=True).split()[1]


NEEDS_PGBOUNCER = pytest.mark.skipif(not list_binaries(), reason="PgBouncer is not installed")
VERSIONS = pytest.mark.parametrize(
    "binary", [pytest.param(binary, id=read_version(binary)) for binary in list_binaries()], scope="module"
)


class PgBouncer:
    """One process at a port of its own, which it keeps over restarts."""

    def __init__(self, binary: Path, urls: EmbeddedUrls, *, mode: str = "transaction", pool_size: int = 3) -> None:
        self.port = find_free_port()
        self._binary = binary
        self._urls = urls
        self._process: subprocess.Popen[bytes] | None = None
        # Not in pytest's folder, which only its owner may enter: as root, PgBouncer runs as the server's user.
        self._folder = Path(tempfile.mkdtemp(prefix="pgbouncer-"))
        self._folder.chmod(0o755)
        users = self._folder / "users.txt"
        users.write_text("".join(f'"{name}" ""\n' for name in (login_name(ROLE_PREFIX), owner_name(ROLE_PREFIX))))
        [host] = parse_qs(urlsplit(urls.application).query)["host"]
        self._server_folder = Path(host)
        written = _CONFIGURATION.format(host=host, port=self.port, users=users, mode=mode, pool_size=pool_size)
        self._configuration = self._folder / "pgbouncer.ini"
        self._configuration.write_text(written)

    @property
    def application_url(self) -> str:
        return self.lead_through(self._urls.application)

    @property
    def owner_url(self) -> str:
        return self.lead_through(self._urls.owner)

    def lead_through(self, url: str, *, database: str | None = None) -> str:
        """The same login and database, or another one, through this pooler."""
        parts = urlsplit(url)
        return f"postgresql://{parts.username}@127.0.0.1:{self.port}/{database or parts.path[1:]}"

    async def start(self) -> None:
        self._spawn()
        try:
            await until(self._answers, "PgBouncer answers", seconds_max=20)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """At once, whatever it is doing: its clients' connections break, in mid-transaction, too."""
        if self._process is not None:
            self._process.kill()
            await asyncio.to_thread(self._process.wait)

    async def close(self) -> None:
        await self.stop()
        shutil.rmtree(self._folder)

    def _spawn(self) -> None:
        command = [str(self._binary), str(self._configuration)]
        if os.geteuid() == 0:
            command[1:1] = ["-u", self._server_folder.owner()]
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)

    async def _answers(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "log").read_text()
        try:
            connection = await asyncpg.connect(self.application_url, statement_cache_size=0, timeout=5)
        except (OSError, asyncpg.PostgresError):
            return False
        await connection.close()
        return True


async def connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url, statement_cache_size=0)
