from datetime import datetime

import pytest

from ledger.storage.database import Database
from tests.integration.graph.desk import Desk
from tests.integration.ledger.conftest import Parties, found_country


@pytest.fixture
async def parties(database: Database, as_of: datetime) -> Parties:
    return await found_country(database, as_of)


@pytest.fixture
def desk(database: Database, parties: Parties, as_of: datetime) -> Desk:
    return Desk(database, parties, as_of)
