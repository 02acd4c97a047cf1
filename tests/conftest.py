"""One embedded PostgreSQL for the whole run, and a freshly migrated database of its own for each test."""

import asyncio
import functools
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from ledger.storage.database import Database, DatabaseSettings
from ledger.storage.embedded import EmbeddedServer, EmbeddedUrls
from ledger.storage.roles import login_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate

ROLE_PREFIX = "jembatan_"


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Temporary files in a folder of this run's own.

    As root the server runs as another user, for whom the wheel opens the parent folders; pytest's usual parent
    folder is shared by all runs, and the next run that starts would close it again under a running server.
    """
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="jembatan-tests-")
        config.add_cleanup(functools.partial(shutil.rmtree, config.option.basetemp, ignore_errors=True))


@dataclass(frozen=True)
class Cluster:
    """The running server, and how to make another database like the migrated one."""

    urls: EmbeddedUrls
    numbers: Iterator[int]

    def url_of(self, database_name: str, *, owner: bool = False) -> str:
        url = self.urls.owner if owner else self.urls.application
        return url.replace("/jembatan?", f"/{database_name}?")

    async def clone(self, template: str = "jembatan") -> str:
        name = f"test_{next(self.numbers)}"
        connection = await asyncpg.connect(self.urls.superuser)
        try:
            await connection.execute(f"CREATE DATABASE {name} OWNER {ROLE_PREFIX}owner TEMPLATE {template}")
        finally:
            await connection.close()
        return name

    async def drop(self, name: str) -> None:
        connection = await asyncpg.connect(self.urls.superuser)
        try:
            await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that forgets on power loss (fsync off), since a test's data die with it anyway."""
    data_dir: Path = tmp_path_factory.mktemp("server")
    server = EmbeddedServer(data_dir, role_prefix=ROLE_PREFIX)
    urls = server.start()

    async def prepare() -> None:
        connection = await asyncpg.connect(urls.superuser)
        for setting in ("fsync = off", "synchronous_commit = off", "full_page_writes = off"):
            await connection.execute(f"ALTER SYSTEM SET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        await migrate(urls.owner, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))

    asyncio.run(prepare())
    yield Cluster(urls=urls, numbers=itertools.count(1))
    server.stop()


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return Keyring.from_text(*Keyring.generate_text())


@pytest.fixture
async def database_url(cluster: Cluster) -> AsyncIterator[str]:
    name = await cluster.clone()
    yield cluster.url_of(name)
    await cluster.drop(name)


@pytest.fixture
async def database(database_url: str, keyring: Keyring) -> AsyncIterator[Database]:
    database = Database.connect(DatabaseSettings(url=database_url, role_prefix=ROLE_PREFIX), keyring)
    yield database
    await database.close()


@pytest.fixture
def as_of() -> datetime:
    return datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


@pytest.fixture
async def owner_connection(cluster: Cluster, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The test's database as the owner of its tables sees it: everything."""
    connection = await asyncpg.connect(database_url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@"))
    yield connection
    await connection.close()
