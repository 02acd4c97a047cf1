"""Processes of this version go on while the next one's schema comes over them: an upgrade replaces them one by one.

The next schema is made of everything that a revision may do to this one (tests/architecture/test_released_schema.py).
"""

import re

import pytest
from sqlalchemy.ext.asyncio import create_async_engine

from ledger.errors import SchemaOutdatedError
from ledger.feed.follower import Follower
from ledger.storage.engine import async_url
from migrations.locking import TablesBusyError, lock_tables
from migrations.state import check_rights, check_schema, check_served_schema, head_revision
from tests.support.audited import compare_now, count_rows, find_finding, verify_now
from tests.support.cluster import ROLE_PREFIX
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, issue_orders
from tests.support.running import running
from tests.support.waiting import until

LATER = ["+6281200000002", "+6281200000003"]
ADD_COLUMNS = """
DO $$ DECLARE found record; BEGIN
  FOR found IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' LOOP
    EXECUTE format(
      'ALTER TABLE %I ADD COLUMN a_next_note text, ADD COLUMN next_count integer NOT NULL DEFAULT 7
        CONSTRAINT next_count_small CHECK (next_count < 10)', found.tablename
    );
  END LOOP;
END $$
"""
NEXT = (
    ADD_COLUMNS,
    "ALTER TABLE block_orders DROP CONSTRAINT ck_block_orders_state_known",
    "ALTER TABLE block_orders ADD CONSTRAINT ck_block_orders_state_known CHECK (state <> '')",
    "CREATE TABLE next_table (order_id uuid PRIMARY KEY REFERENCES block_orders (id))",
    "ALTER TABLE next_table ENABLE ROW LEVEL SECURITY",
    f"GRANT SELECT ON next_table TO {ROLE_PREFIX}carrier",
    "CREATE INDEX ix_block_orders_a_next_note ON block_orders (a_next_note)",
)
MOVE_ON = (
    "UPDATE alembic_version SET version_num = 'next'",
    "UPDATE schema_rights SET declared = 'of the next version'",
)


async def bring_next(owner_url):
    """What the next version's `jembatan migrate` does: it locks every table for a moment in which none is in use."""
    engine = create_async_engine(async_url(owner_url))

    async def is_brought() -> bool:
        try:
            async with engine.begin() as connection:
                await connection.run_sync(lock_tables)
                for statement in (*NEXT, *MOVE_ON):
                    await connection.exec_driver_sql(statement)
        except TablesBusyError:
            return False
        return True

    await until(is_brought, "the tables were free for a moment")
    await engine.dispose()


@pytest.fixture
def owner_url(database_url):
    return database_url.replace("app@", "owner@")


class TestTheNextSchema:
    async def test_is_served_from_a_complaint_to_its_acknowledgement(
        self, audited, follower_settings, parties, as_of, database, owner_url
    ):
        follower = Follower(follower_settings, poll_seconds=0.1)
        async with running(follower):
            await follower.wait_ready()
            [before] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
            await bring_next(owner_url)
            after = await issue_orders(database, parties, as_of, LATER)
            for order in (before, *after):
                done = await acknowledge(database, parties.telkomsel, as_of, order)
                assert done.order.state == "EXECUTED"
            size = await audited.settle()
            await until(lambda: follower.head == size, "the follower has read what was written on the next schema")
        assert follower.status.resets == 0
        assert find_finding(await verify_now(audited)) is None
        assert await audited.owner.fetchval("SELECT count(*) FROM block_orders WHERE next_count = 7") == 3

    async def test_changes_nothing_of_what_entries_commit_to(self, audited, parties, as_of, database, owner_url):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await bring_next(owner_url)
        await acknowledge(database, parties.telkomsel, as_of, order)
        await audited.settle()
        account = await compare_now(audited)
        assert find_finding(account) is None
        assert account.compared == await count_rows(audited)
        assert await audited.owner.fetchval("SELECT count(*) FROM order_acknowledgements WHERE next_count = 7") == 1

    async def test_is_good_enough_to_serve_on_and_not_to_start_on(self, database, owner_url, as_of):
        await check_served_schema(database, as_of=as_of)
        await bring_next(owner_url)
        await check_served_schema(database, as_of=as_of)
        with pytest.raises(SchemaOutdatedError, match=re.escape(f"requires {head_revision()}")) as refusal:
            await check_schema(database, as_of=as_of)
        assert refusal.value.hint == "Start the later version that migrated it."
        with pytest.raises(SchemaOutdatedError):
            await check_rights(database, as_of=as_of)


class TestAnEarlierSchema:
    @pytest.mark.parametrize(
        "change", ["UPDATE alembic_version SET version_num = '0001'", "DELETE FROM alembic_version"]
    )
    async def test_is_not_served(self, database, owner_connection, as_of, change):
        await owner_connection.execute(change)
        with pytest.raises(SchemaOutdatedError):
            await check_served_schema(database, as_of=as_of)
