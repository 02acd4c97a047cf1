"""Deadlocks: PostgreSQL ends one of the two, and what it was doing is done again or refused as unavailable."""

import asyncio
from datetime import datetime

import asyncpg
import pytest
from sqlalchemy import text

from ledger.errors import Category
from ledger.storage.database import Database, Transaction
from ledger.storage.failures import ContentionError
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR

RAISE = """
CREATE SEQUENCE deadlocks;
CREATE FUNCTION fail_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  IF nextval('deadlocks') <= {times} THEN RAISE 'deadlock detected' USING ERRCODE = '40P01'; END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER fail_first BEFORE INSERT ON keyring_checks FOR EACH ROW EXECUTE FUNCTION fail_first();
"""
WRITE = text("INSERT INTO keyring_checks (key_id, sealed, recorded_at) VALUES ('x', '', :as_of)")


async def write(tx: Transaction) -> str:
    async with tx.role(Role.JOBS):
        await tx.execute(WRITE, {"as_of": tx.as_of})
    return "written"


async def lock(tx: Transaction, key: int) -> None:
    await tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


class TestADeadlock:
    async def test_between_two_calls_lets_both_end_well(self, database: Database, as_of: datetime) -> None:
        met = asyncio.Barrier(2)
        runs = {1: 0, 2: 0}

        async def take(tx: Transaction, first: int, second: int) -> str:
            runs[first] += 1
            await lock(tx, first)
            if runs[first] == 1:
                await met.wait()
            await lock(tx, second)
            return f"{first} then {second}"

        ended = await asyncio.gather(
            database.run(OPERATOR, as_of=as_of, work=lambda tx: take(tx, 1, 2)),
            database.run(OPERATOR, as_of=as_of, work=lambda tx: take(tx, 2, 1)),
        )
        assert ended == ["1 then 2", "2 then 1"]
        assert sorted(runs.values()) == [1, 2]

    async def test_that_does_not_end_is_unavailable_and_not_a_fault_of_ours(
        self, database: Database, owner_connection: asyncpg.Connection, as_of: datetime
    ) -> None:
        await owner_connection.execute(RAISE.format(times=100))
        with pytest.raises(ContentionError) as refusal:
            await database.run(OPERATOR, as_of=as_of, work=write)
        assert refusal.value.category is Category.UNAVAILABLE
        assert await owner_connection.fetchval("SELECT last_value FROM deadlocks") == 6

    async def test_is_retried_with_the_whole_work(
        self, database: Database, owner_connection: asyncpg.Connection, as_of: datetime
    ) -> None:
        await owner_connection.execute(RAISE.format(times=2))
        assert await database.run(OPERATOR, as_of=as_of, work=write) == "written"
        assert await owner_connection.fetchval("SELECT count(*) FROM keyring_checks WHERE key_id = 'x'") == 1

    async def test_in_a_transaction_of_the_system_is_unavailable_too(
        self, database: Database, owner_connection: asyncpg.Connection, as_of: datetime
    ) -> None:
        await owner_connection.execute(RAISE.format(times=1))
        with pytest.raises(ContentionError):
            async with database.system(Role.JOBS, as_of=as_of) as tx:
                await tx.execute(WRITE, {"as_of": as_of})
