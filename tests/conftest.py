"""One embedded PostgreSQL for the whole run, and a freshly migrated database of its own for each test."""

import asyncio
import functools
import itertools
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import asyncpg
import pytest

from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.embedded import EmbeddedServer
from ledger.storage.roles import login_name
from ledger.storage.sealing import Keyring
from migrations.run import migrate
from tests.support.cluster import ROLE_PREFIX, Cluster, make_data_dir
from tests.support.country import FOUNDED_AT, Parties, found_country

pytest_plugins = ["tests.support.fixtures.auth", "tests.support.fixtures.feed", "tests.support.fixtures.nouns"]


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Ctrl-C as in a terminal, and temporary files in a folder of this run's own.

    As root the server runs as another user, for whom it opens the parent folders; pytest's usual parent
    folder is shared by all runs, and the next run that starts would close it again under a running server.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores it in what it runs in the background, and every process that a test starts would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if config.option.basetemp is None and not hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="jembatan-tests-")
        config.add_cleanup(functools.partial(shutil.rmtree, config.option.basetemp, ignore_errors=True))


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


@pytest.fixture(scope="session")
async def country(cluster: Cluster, keyring: Keyring) -> tuple[str, Parties]:
    """A database in which the country was founded once, to be copied, and the country's parties."""
    name = await cluster.clone()
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(name), role_prefix=ROLE_PREFIX), keyring)
    parties = await found_country(database, FOUNDED_AT)
    await database.close()
    return name, parties


@pytest.fixture
def parties(country: tuple[str, Parties]) -> Parties:
    return country[1]


@pytest.fixture
def template(request: pytest.FixtureRequest) -> str:
    """The database that the test's own is a copy of: with the country in it, for a test that asks for its parties."""
    return request.getfixturevalue("country")[0] if "parties" in request.fixturenames else "jembatan"


@pytest.fixture
async def database_url(cluster: Cluster, template: str) -> AsyncIterator[str]:
    name = await cluster.clone(template)
    yield cluster.url_of(name)
    await cluster.drop(name)


@pytest.fixture
async def database(database_url: str, keyring: Keyring) -> AsyncIterator[Database]:
    database = Database.connect(LedgerSettings(database_url=database_url, role_prefix=ROLE_PREFIX), keyring)
    yield database
    await database.close()


@pytest.fixture
def as_of() -> datetime:
    return FOUNDED_AT


@pytest.fixture
async def owner_connection(cluster: Cluster, database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """The test's database as the owner of its tables sees it: everything."""
    connection = await asyncpg.connect(database_url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@"))
    yield connection
    await connection.close()
