from datetime import datetime

import pytest

from ledger.storage.database import Database
from tests.integration.ledger.conftest import Parties, found_country
from tests.integration.ledger.feed.conftest import direct, sequenced, sequencer_settings  # noqa: F401 - fixtures
from tests.support.audited import audited  # noqa: F401 - a fixture
from tests.support.desk import Desk


@pytest.fixture
async def parties(database: Database, as_of: datetime) -> Parties:
    return await found_country(database, as_of)


@pytest.fixture
def desk(database: Database, parties: Parties, as_of: datetime) -> Desk:
    return Desk(database, parties, as_of)
