"""The count of look-ups: shared by all processes, exact under concurrency, one row a client, new each legal day."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from ledger.identifiers import ClientId
from ledger.numbers.lookups import CountedLookups, LookupCount, count_lookups, find_lookups
from ledger.settings import LedgerSettings
from ledger.storage.database import Database, Transaction
from tests.support.cluster import ROLE_PREFIX
from tests.support.statements import count_statements

LIMIT = 100
CLIENT = ClientId("a-client")
DAY = datetime(2026, 11, 3, 5, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 3, 17, 0, tzinfo=UTC)
"""In Jakarta."""


@pytest.fixture
async def processes(database_url, keyring):
    """Two pools on one database, as two processes have."""
    settings = LedgerSettings(database_url=database_url, role_prefix=ROLE_PREFIX, lookups_per_client_daily=LIMIT)
    opened = [Database.connect(settings, keyring) for _ in range(2)]
    yield opened
    for database in opened:
        await database.close()


def make_count(tx: Transaction, client: ClientId, e164s: list[str]) -> LookupCount:
    return LookupCount.of(tx.viewer, tx.policies, client, e164s=e164s, hashes=(), as_of=tx.as_of)


@pytest.fixture
def count(parties):
    async def count_of(database, number, *, first=0, at=DAY, client=CLIENT) -> CountedLookups:
        e164s = [f"+62856{serial:08d}" for serial in range(first, first + number)]
        async with database.transaction(parties.telkomsel, as_of=at) as tx:
            return await count_lookups(tx, make_count(tx, client, e164s))

    return count_of


class TestCount:
    async def test_holds_over_processes_and_concurrent_operations(self, processes, count):
        counted = await asyncio.gather(*(count(processes[turn % 2], 15) for turn in range(12)))
        assert sum(each.is_granted for each in counted) == LIMIT // 15
        assert max(each.today.used for each in counted if each.is_granted) == 90

    async def test_is_all_or_nothing_and_exact_at_the_limit(self, processes, count):
        assert (await count(processes[0], LIMIT - 1)).today.left == 1
        refused = await count(processes[1], 2)
        assert (refused.is_granted, refused.asked, refused.today.used) == (False, 2, LIMIT - 1)
        assert (await count(processes[1], 1)).is_granted
        assert not (await count(processes[1], 1)).is_granted

    async def test_begins_again_with_each_legal_day(self, processes, count):
        await count(processes[0], LIMIT)
        refused = await count(processes[0], 1, at=MIDNIGHT - timedelta(seconds=1))
        assert (refused.is_granted, refused.today.resets_at) == (False, MIDNIGHT)
        assert (await count(processes[0], 5, at=MIDNIGHT)).today.used == 5

    async def test_is_not_begun_again_by_a_process_whose_clock_is_behind(self, processes, count):
        await count(processes[0], 60, at=MIDNIGHT)
        behind = await count(processes[1], 60, at=MIDNIGHT - timedelta(seconds=1))
        assert (behind.is_granted, behind.today.used) == (False, 60)
        assert (await count(processes[0], 40, at=MIDNIGHT)).today.left == 0

    async def test_leaves_one_row_for_a_client_however_many_days_it_asks(self, processes, count, owner_connection):
        for day in range(5):
            await count(processes[0], 10, at=DAY + timedelta(days=day))
        rows = await owner_connection.fetch("SELECT client_id, used FROM number_lookups")
        assert [tuple(row) for row in rows] == [(CLIENT, 10)]

    async def test_takes_one_statement_for_thousands(self, processes, parties):
        e164s = [f"+62856{serial:08d}" for serial in range(5_000)]
        statements: list[str] = []
        stop = count_statements(processes[0], statements.append)
        async with processes[0].transaction(parties.telkomsel, as_of=DAY) as tx:
            counted = await count_lookups(tx, make_count(tx, CLIENT, e164s))
        stop()
        assert (counted.asked, counted.is_granted) == (5_000, False)
        assert len([statement for statement in statements if "set_config" not in statement]) == 1

    async def test_follows_overrides_of_the_plan(self, processes, parties, owner_connection, count):
        await owner_connection.execute(
            "INSERT INTO number_overrides (id, e164, holder_id, valid_from, reason) "
            f"VALUES (gen_random_uuid(), '+6285600000000', '{parties.telkomsel.member_id}', '2020-01-01', 'ported')"
        )
        assert (await count(processes[0], 2)).asked == 1


class TestShowing:
    async def test_tells_what_is_used_and_nothing_to_the_regulator(self, processes, count, parties):
        await count(processes[0], 7)
        async with processes[1].reading(parties.telkomsel, as_of=DAY) as tx:
            found = await find_lookups(tx, CLIENT)
            assert (found.used, found.left, found.resets_at) == (7, LIMIT - 7, MIDNIGHT)
            assert (await find_lookups(tx, ClientId("another"))).used == 0
        async with processes[1].reading(parties.officer, as_of=DAY) as tx:
            assert await find_lookups(tx, CLIENT) is None
