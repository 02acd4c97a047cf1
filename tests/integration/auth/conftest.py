from collections.abc import AsyncIterator

import pytest

from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.sealing import Keyring
from tests.conftest import ROLE_PREFIX, Cluster
from tests.support.auth_world import World, auth_settings


@pytest.fixture
def world(database: Database) -> World:
    return World(database, auth_settings())


@pytest.fixture(scope="module")
async def shared_world(cluster: Cluster, keyring: Keyring) -> AsyncIterator[World]:
    """A world for tests that leave it as they found it."""
    name = await cluster.clone()
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(name), role_prefix=ROLE_PREFIX), keyring)
    yield World(database, auth_settings())
    await database.close()
    await cluster.drop(name)
