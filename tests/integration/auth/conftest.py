import pytest

from ledger.storage.database import Database
from tests.integration.auth.world import World, auth_settings


@pytest.fixture
def world(database: Database) -> World:
    return World(database, auth_settings())
