from datetime import datetime

import pytest

from ledger.storage.database import Database
from tests.support.country import Parties
from tests.support.desk import Desk


@pytest.fixture
def desk(database: Database, parties: Parties, as_of: datetime) -> Desk:
    return Desk(database, parties, as_of)
