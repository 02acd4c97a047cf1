"""Chronologies are read up to a bound in bytes; the others never leave the database."""

import tracemalloc
from datetime import datetime

import pytest

from ledger.answers import AnswerSize, AnswerTooLargeError
from ledger.complaints.reading import read_chronology
from ledger.storage.database import Database
from tests.support.country import Parties
from tests.support.long_chronologies import LENGTH, file_long


class TestReading:
    async def test_leaves_what_exceeds_the_bound_in_the_database(
        self, database: Database, parties: Parties, as_of: datetime
    ):
        ids = await file_long(database, parties, as_of, 30)
        async with database.reading(parties.agency, as_of=as_of) as tx:
            tx.answer = AnswerSize(5 * LENGTH)
            tracemalloc.start()
            with pytest.raises(AnswerTooLargeError):
                await read_chronology(tx, ids)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert tx.answer.read > 30 * LENGTH, "what was left out is counted"
        assert peak < 5 * LENGTH

    async def test_returns_what_is_within_it(self, database: Database, parties: Parties, as_of: datetime):
        ids = await file_long(database, parties, as_of, 3)
        async with database.reading(parties.agency, as_of=as_of) as tx:
            tx.answer = AnswerSize(4 * LENGTH)
            found = await read_chronology(tx, ids)
            assert [len(found[complaint_id]) for complaint_id in ids] == [LENGTH] * 3
            with pytest.raises(AnswerTooLargeError):
                await read_chronology(tx, ids)
