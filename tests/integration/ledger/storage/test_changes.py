"""The version of what a viewer may see: it is another one after every change, and the same until then."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text

from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.access import ME, Access
from ledger.storage.changes import find_dependencies, reads_own, table_changes
from ledger.storage.metadata import metadata
from ledger.storage.recounts import recount_all
from ledger.storage.roles import ROLE_OF_VIEWER, Role
from ledger.storage.sums import compact
from tests.support.cluster import ROLE_PREFIX
from tests.support.journeys import acknowledge, file_verified, issue_orders
from tests.support.watched import audience_of, list_watched

NUMBERS = ["+6281200000001", "+6285600000001"]
"""Telkomsel's and Indosat's."""
ORDERS = "SELECT id FROM block_orders"


@pytest.fixture
def read_version(database, as_of):
    async def read(viewer, sql=ORDERS):
        found = find_dependencies([sql], ROLE_OF_VIEWER[viewer.kind])
        assert found is not None
        async with database.reading(viewer, as_of=as_of) as tx:
            return (await tx.execute(text(found.render_version()))).scalar_one()

    return read


@pytest.fixture
async def orders(database, parties, as_of):
    return await issue_orders(database, parties, as_of, NUMBERS)


@asynccontextmanager
async def opened(owner: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is committed at the end."""
    transaction = owner.transaction()
    await transaction.start()
    yield
    await transaction.commit()


class TestVersion:
    async def test_is_another_one_for_who_may_see_what_was_changed_and_the_same_for_others(
        self, database, parties, as_of, orders, read_version
    ):
        viewers = (parties.telkomsel, parties.indosat, parties.regulator)
        before = [await read_version(viewer) for viewer in viewers]
        await acknowledge(database, parties.telkomsel, as_of, orders[0])
        after = [await read_version(viewer) for viewer in viewers]
        assert [one != other for one, other in zip(before, after, strict=True)] == [True, False, True]
        assert [await read_version(viewer) for viewer in viewers] == after

    async def test_is_of_the_tables_that_are_read(self, database, parties, as_of, orders, read_version):
        sql = "SELECT slug FROM members"
        before = await read_version(parties.regulator, sql)
        await acknowledge(database, parties.telkomsel, as_of, orders[0])
        assert await read_version(parties.regulator, sql) == before

    async def test_is_another_one_for_the_old_audience_and_for_the_new_one(
        self, parties, owner_connection, orders, read_version
    ):
        sql = "SELECT e164 FROM phone_numbers"
        viewers = (parties.telkomsel, parties.indosat, parties.xlsmart)
        before = [await read_version(viewer, sql) for viewer in viewers]
        await owner_connection.execute(
            "UPDATE phone_numbers SET holder_id = $1 WHERE e164 = $2", parties.indosat.member_id, NUMBERS[0]
        )
        after = [await read_version(viewer, sql) for viewer in viewers]
        assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, False]

    async def test_is_another_one_for_an_agency_that_sees_a_number_of_no_member_of_its_own(
        self, database, parties, as_of, read_version
    ):
        await file_verified(database, parties, as_of, NUMBERS)
        sql = "SELECT e164 FROM phone_numbers"
        before = await read_version(parties.agency, sql)
        await issue_orders(database, parties, as_of, NUMBERS)
        assert await read_version(parties.agency, sql) != before

    async def test_stays_after_a_statement_that_changes_no_row(self, parties, owner_connection, orders, read_version):
        before = await read_version(parties.regulator)
        await owner_connection.execute("UPDATE block_orders SET summary = 'x' WHERE false")
        await owner_connection.execute("DELETE FROM block_orders WHERE false")
        assert await read_version(parties.regulator) == before

    async def test_stays_after_a_change_that_was_rolled_back(self, parties, owner_connection, orders, read_version):
        before = await read_version(parties.regulator)
        transaction = owner_connection.transaction()
        await transaction.start()
        await owner_connection.execute("UPDATE block_orders SET summary = 'x'")
        await transaction.rollback()
        assert await read_version(parties.regulator) == before

    async def test_is_another_one_once_a_transaction_that_began_long_before_commits(
        self, database, parties, as_of, orders, owner_connection, read_version
    ):
        """A highest id of a transaction, or a time, would pass over it."""
        async with opened(owner_connection):
            await owner_connection.execute("UPDATE block_orders SET summary = 'late' WHERE id = $1", orders[0].id)
            await acknowledge(database, parties.indosat, as_of, orders[1])
            between = await read_version(parties.regulator)
        assert await read_version(parties.regulator) != between

    async def test_is_never_that_of_a_past_that_a_backup_undid(self, parties, owner_connection, orders, read_version):
        """After the backup is restored as many changes are made as were lost, but others."""
        seen = [await read_version(parties.telkomsel)]
        await owner_connection.execute("CREATE TABLE backup AS SELECT * FROM table_changes")
        await owner_connection.execute("UPDATE block_orders SET summary = 'lost'")
        seen.append(await read_version(parties.telkomsel))
        await owner_connection.execute("TRUNCATE table_changes")
        await owner_connection.execute("INSERT INTO table_changes SELECT * FROM backup")
        assert await read_version(parties.telkomsel) == seen[0]
        await owner_connection.execute("UPDATE block_orders SET summary = 'made instead'")
        assert await read_version(parties.telkomsel) not in seen

    async def test_is_another_one_once_a_count_was_mended(
        self, database, parties, as_of, orders, owner_connection, read_version
    ):
        """What it counts was not changed, only the count."""
        sql = "SELECT sum(n) FROM order_counts"
        viewers = (parties.telkomsel, parties.regulator)
        await owner_connection.execute("DELETE FROM order_counts")
        before = [await read_version(viewer, sql) for viewer in viewers]
        async with database.system(Role.VERIFIER, as_of=as_of) as tx:
            await recount_all(tx, mends=True)
        after = [await read_version(viewer, sql) for viewer in viewers]
        assert all(one != other for one, other in zip(before, after, strict=True))


class TestMarks:
    async def test_are_put_together_without_another_version(
        self, database, parties, as_of, orders, owner_connection, read_version
    ):
        viewers = (parties.telkomsel, parties.indosat, parties.regulator, parties.agency)
        for _ in range(300):
            await owner_connection.execute("UPDATE block_orders SET summary = summary || '.'")
        before = [await read_version(viewer) for viewer in viewers]
        rows = await owner_connection.fetchval("SELECT count(*) FROM table_changes")
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            assert await compact(tx, table_changes) == rows
        assert await owner_connection.fetchval("SELECT count(*) FROM table_changes") < rows / 10
        assert [await read_version(viewer) for viewer in viewers] == before

    async def test_keep_no_writer_waiting_for_another(self, database_url, orders, owner_connection):
        """Each changes another order; neither has committed when the other one changes the same tables."""
        other = await asyncpg.connect(database_url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@"))
        change = "UPDATE block_orders SET summary = 'x' WHERE id = $1"
        try:
            await other.execute("SET lock_timeout = '1ms'")
            async with opened(owner_connection):
                await owner_connection.execute(change, orders[0].id)
                async with opened(other):
                    await other.execute(change, orders[1].id)
        finally:
            await other.close()

    async def test_of_other_members_are_seen_by_none(self, database, parties, as_of, orders):
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            found = {row.audience for row in await tx.execute(text("SELECT DISTINCT audience FROM table_changes"))}
        assert found == {None, parties.telkomsel.member_id}

    @pytest.mark.parametrize("role", [Role.CARRIER, Role.REGULATOR, Role.TRANSITION, Role.AUTH])
    async def test_are_written_by_nobody_but_the_triggers(self, database, as_of, role):
        statement = text("INSERT INTO table_changes (source, n) VALUES ('block_orders', 1)")
        with pytest.raises(Exception, match="permission denied"):
            async with database.system(role, as_of=as_of) as tx:
                await tx.execute(statement)

    async def test_cannot_be_led_into_a_temporary_table(self, parties, orders, owner_connection, read_version):
        before = await read_version(parties.regulator)
        await owner_connection.execute("CREATE TEMP TABLE table_changes (source text, audience uuid, n numeric)")
        await owner_connection.execute("UPDATE block_orders SET summary = 'x'")
        assert await read_version(parties.regulator) != before


_TRIGGERS = """
SELECT c.relname AS table, p.proname AS function, array_agg(t.tgtype::integer ORDER BY t.tgtype) AS kinds
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE p.proname LIKE 'mark_changes%' AND t.tgenabled = 'O' GROUP BY 1, 2
"""
_AFTER_EACH_STATEMENT = [4, 8, 16]
"""An INSERT, a DELETE, an UPDATE: no bit for each row, none for before."""


class TestWatchedTables:
    async def test_have_the_triggers_that_their_declarations_ask_for(self, owner_connection):
        found = {(row["table"], row["function"]): row["kinds"] for row in await owner_connection.fetch(_TRIGGERS)}
        audiences = {table.name: audience_of(table) for table in list_watched()}
        wanted = {
            (name, "mark_changes" if audience is None else f"mark_changes_by_{audience}")
            for name, audience in audiences.items()
        }
        assert found == dict.fromkeys(wanted, _AFTER_EACH_STATEMENT)

    def test_have_an_audience_where_a_role_reads_its_own_rows(self):
        roles = {
            table.name: {role for role in ROLE_OF_VIEWER.values() if reads_own(table, role)} for table in list_watched()
        }
        assert roles["block_orders"] == roles["order_acknowledgements"] == {Role.CARRIER}
        assert roles["complaints"] == {Role.AGENCY}
        assert roles["phone_numbers"] == {Role.CARRIER}
        assert roles["members"] == roles["participation_terms"] == set()
        assert roles["officers"] == roles["offices"] == {Role.AGENCY, Role.CARRIER, Role.PROVIDER}
        assert roles["participation_proposals"] == {Role.PROVIDER}

    @pytest.mark.parametrize(
        ("rows", "is_own"),
        [
            (f"carrier_id = {ME}", True),
            (f"carrier_id = {ME} AND (a OR b)", True),
            (f"carrier_id = {ME} OR kind = 'REGULATOR'", False),
            (f"carrier_id = {ME} AND a OR b", False),
            (f"carrier_id = {ME} AND CASE WHEN a OR b THEN c END", False),
            (f"a AND carrier_id = {ME}", False),
            ("true", False),
        ],
    )
    def test_are_read_whole_unless_the_rule_surely_excludes_the_rows_of_others(self, monkeypatch, rows, is_own):
        table = metadata.tables["block_orders"]
        rule = Access(role=Role.CARRIER, rows=rows, select=())
        monkeypatch.setitem(table.info, "access", (rule,))
        assert reads_own(table, Role.CARRIER) is is_own


class TestDependencies:
    def test_are_the_tables_that_a_statement_names_and_those_of_their_rules(self):
        found = find_dependencies(["SELECT 1 FROM phone_numbers p WHERE p.e164 = $1"], Role.AGENCY)
        assert found is not None
        assert (found.own, found.others) == (("complaints",), ("phone_numbers",))
        assert [rule.split(":")[0] for rule in found.rules] == ["complaints", "phone_numbers"]

    def test_of_a_count_are_the_rows_that_it_counts(self):
        found = find_dependencies(["SELECT sum(n) FROM order_counts"], Role.CARRIER)
        assert found is not None
        assert (found.own, found.others) == (("block_orders",), ("order_counts",))

    @pytest.mark.parametrize("name", ["events", "signal_keys", "table_changes"])
    def test_are_unknown_where_a_table_is_not_watched(self, name):
        assert find_dependencies([f"SELECT 1 FROM block_orders, {name}"], Role.REGULATOR) is None


async def test_writers_that_change_everything_at_once_all_succeed(database, parties, as_of, orders):
    """Triggers that wrote shared rows would deadlock or wait here."""
    pairs = [(parties.telkomsel, orders[0]), (parties.indosat, orders[1])]
    await asyncio.gather(
        *(
            acknowledge(database, viewer, as_of, order, AcknowledgementKind.RECEIVED, reference=f"TT-{place}")
            for place in range(4)
            for viewer, order in pairs
        )
    )
