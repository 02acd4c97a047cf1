"""Rights: written once, seen to hold at each start, and changed without ever ending somebody else's transaction."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime

import asyncpg
import pytest

from ledger.storage.database import Database
from ledger.storage.roles import login_name
from migrations import run as migrations
from migrations.run import MigrationBlockedError, NotOwnerError, migrate
from migrations.state import RightsDifferError, check_rights, head_revision
from tests.support.cluster import ROLE_PREFIX
from tests.support.waiting import until

CHANGE = f"GRANT DELETE ON complaints TO {ROLE_PREFIX}carrier"
WAITS_FOR_TABLES = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LOCK TABLE%' AND wait_event_type = 'Lock'"


@pytest.fixture
def owner_url(database_url: str) -> str:
    return database_url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@")


@pytest.fixture
async def other(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A second session, which may lock every table."""
    connection = await asyncpg.connect(owner_url)
    yield connection
    await connection.close()


async def bring_up(owner_url: str, notes: list[str] | None = None) -> tuple[str | None, str]:
    note = (notes if notes is not None else []).append
    return await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX), note=note)


class TestMigratingAnUpToDateSchema:
    async def test_takes_no_lock_and_writes_nothing(
        self, owner_url: str, other: asyncpg.Connection, owner_connection: asyncpg.Connection
    ) -> None:
        before = await owner_connection.fetch("SELECT xmin, * FROM schema_rights")
        tables = await other.fetchval(
            "SELECT string_agg(tablename, ', ') FROM pg_tables WHERE schemaname = 'public' "
            "AND tablename NOT IN ('schema_rights', 'alembic_version')"
        )
        async with other.transaction():
            await other.execute(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
            await other.execute("LOCK TABLE schema_rights, alembic_version IN EXCLUSIVE MODE")
            await other.execute("SELECT pg_advisory_xact_lock($1)", migrations._LOCK_KEY)
            assert await bring_up(owner_url) == (head_revision(), head_revision())
        assert await owner_connection.fetch("SELECT xmin, * FROM schema_rights") == before


class TestMigratingAsTheApplication:
    async def test_is_refused_with_the_setting_that_is_missing(self, database_url: str) -> None:
        with pytest.raises(NotOwnerError) as refusal:
            await bring_up(database_url)
        assert "JEMBATAN_MIGRATION_DATABASE_URL" in (refusal.value.hint or "")


class TestRights:
    async def test_of_this_version_are_accepted(self, database: Database, as_of: datetime) -> None:
        await check_rights(database, as_of=as_of)

    @pytest.mark.parametrize(
        "change",
        [
            CHANGE,
            f"REVOKE SELECT ON block_orders FROM {ROLE_PREFIX}carrier",
            f"GRANT SELECT (chronology_digest) ON complaints TO {ROLE_PREFIX}carrier",
            "ALTER TABLE block_orders DISABLE ROW LEVEL SECURITY",
            f"DROP POLICY {ROLE_PREFIX}carrier_on_block_orders ON block_orders",
            f"ALTER POLICY {ROLE_PREFIX}carrier_on_block_orders ON block_orders USING (true)",
            "UPDATE schema_rights SET declared = 'of another version'",
            "DELETE FROM schema_rights",
        ],
    )
    async def test_changed_by_hand_or_of_another_version_stop_a_start_until_migrated(
        self, database: Database, owner_url: str, owner_connection: asyncpg.Connection, as_of: datetime, change: str
    ) -> None:
        await owner_connection.execute(change)
        with pytest.raises(RightsDifferError) as refusal:
            await check_rights(database, as_of=as_of)
        assert "jembatan migrate" in (refusal.value.hint or "")
        await bring_up(owner_url)
        await check_rights(database, as_of=as_of)


class TestChangingRights:
    async def test_gives_way_to_an_operation_that_needs_a_table_it_holds(
        self, owner_url: str, other: asyncpg.Connection, owner_connection: asyncpg.Connection
    ) -> None:
        """The operation holds a late table and then wants an early one: whoever holds out is a deadlock's victim."""
        await owner_connection.execute(CHANGE)
        notes: list[str] = []
        operation = other.transaction()
        await operation.start()
        await other.execute("LOCK TABLE phone_numbers IN ROW EXCLUSIVE MODE")
        migrating = asyncio.create_task(bring_up(owner_url, notes))

        async def is_waiting() -> bool:
            return bool(await owner_connection.fetchval(WAITS_FOR_TABLES))

        await until(is_waiting)
        await other.execute("LOCK TABLE block_orders IN ROW EXCLUSIVE MODE")
        await until(lambda: bool(notes))
        await operation.commit()
        assert await migrating == (head_revision(), head_revision())
        assert notes == ["The tables are in use; trying again until they are free for a moment."]

    async def test_gives_up_in_the_end_and_has_changed_nothing(
        self,
        owner_url: str,
        other: asyncpg.Connection,
        owner_connection: asyncpg.Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(migrations, "_ATTEMPTS_MAX", 2)
        await owner_connection.execute(CHANGE)
        before = await owner_connection.fetch("SELECT xmin, * FROM schema_rights")
        async with other.transaction():
            await other.execute("LOCK TABLE phone_numbers IN ROW EXCLUSIVE MODE")
            with pytest.raises(MigrationBlockedError):
                await bring_up(owner_url)
        assert await owner_connection.fetch("SELECT xmin, * FROM schema_rights") == before
