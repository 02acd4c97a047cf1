"""One embedded PostgreSQL for the whole run, and a freshly migrated database of its own for each test."""

import asyncio
import functools
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.embedded import EmbeddedServer, EmbeddedUrls
from ledger.storage.roles import login_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate

ROLE_PREFIX = "jembatan_"
MEMORY_BYTES_MIN = 4 * 1024**3


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


def make_data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In memory where there is room for it: cloning a database for each test is most of what the disk would do."""
    memory = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own inside it
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > MEMORY_BYTES_MIN:
        return Path(tempfile.mkdtemp(prefix="jembatan-tests-", dir=memory))
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A server that forgets on power loss (fsync off), since a test's data die with it anyway."""
    data_dir = make_data_dir(tmp_path_factory)
    server = EmbeddedServer(data_dir, role_prefix=ROLE_PREFIX)
    urls = server.start()

    async def prepare() -> None:
        connection = await asyncpg.connect(urls.superuser)
        settings = ("fsync = off", "synchronous_commit = off", "full_page_writes = off", "max_wal_size = '256MB'")
        for setting in settings:
            await connection.execute(f"ALTER SYSTEM SET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.close()
        await migrate(urls.owner, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))

    asyncio.run(prepare())
    yield Cluster(urls=urls, numbers=itertools.count(1))
    server.stop()
    shutil.rmtree(data_dir, ignore_errors=True)


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
    database = Database.connect(LedgerSettings(database_url=database_url, role_prefix=ROLE_PREFIX), keyring)
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
