"""Running counts: always what the rows come to, on every snapshot, and no writer waits for another because of them."""

import asyncio
import random
from datetime import timedelta

import asyncpg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.storage.recounts import count_differences, recount_all, recount_next
from ledger.storage.roles import ROLE_OF_VIEWER, Role, role_name
from ledger.storage.sums import Compaction, compact, list_sums
from ledger.storage.tallies import list_tallies
from tests.support.cluster import ROLE_PREFIX
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, acknowledge, file_verified, issue_orders
from tests.support.ledgers import Filling
from tests.support.tallies import count_rows_of_sums, find_miscounts

SEED = 17
NUMBERS = tuple(f"+62812000000{serial:02}" for serial in range(1, 9))


async def compact_all(database, as_of, **bounds):
    async with database.system(Role.JOBS, as_of=as_of) as tx:
        return await Compaction(**bounds).run(tx)


@pytest.fixture
async def orders(database, parties, as_of):
    return await issue_orders(database, parties, as_of, NUMBERS)


@pytest.fixture
async def other_connection(database_url):
    connection = await asyncpg.connect(database_url.replace("app@", "owner@"))
    yield connection
    await connection.close()


class TestTallies:
    async def test_of_everything_that_parties_do_are_what_the_rows_come_to(
        self, database, parties, as_of, owner_connection
    ):
        filling = Filling(database, parties, as_of)
        for step in (filling.fill_orders, filling.fill_drafts, filling.fill_complaints):
            await step()
            assert await find_miscounts(owner_connection) == {}
        assert all(rows for name, (rows, _) in (await count_rows_of_sums(owner_connection)).items()), "nothing to count"

    async def test_are_right_after_any_changes_of_rows_and_after_those_that_were_taken_back(
        self, database, parties, as_of, orders, owner_connection
    ):
        """Changes that no move makes: the triggers must not rely on any."""
        draw = random.Random(SEED)  # noqa: S311 - which rows are changed
        changes = [
            "UPDATE block_orders SET was_late = NOT was_late WHERE order_serial % {n} = 0",
            "UPDATE block_orders SET category = 'OTHER', brand_id = NULL WHERE order_serial % {n} = 1",
            "UPDATE block_orders SET due_at = due_at + interval '{n} h', executed_at = issued_at + interval '{n} h'",
            "UPDATE block_orders SET state = 'RECEIVED' WHERE order_serial % {n} = 0 AND issued_at IS NOT NULL",
            "UPDATE block_orders SET state = 'DRAFT', issued_at = NULL WHERE order_serial % {n} = 2",
            "UPDATE block_orders SET issued_at = drafted_at, state = 'ISSUED' WHERE issued_at IS NULL",
            "UPDATE block_orders SET issued_at = issued_at + interval '{n} days' WHERE order_serial % {n} = 2",
            "UPDATE block_orders SET complaint_count = complaint_count + {n}",
            "UPDATE complaints SET state = 'RESOLVED' WHERE ticket_serial % {n} = 0",
            "UPDATE complaints SET state = 'SUBMITTED', verification_due_at = filed_at + interval '{n} h'",
            "UPDATE complaints SET filed_at = filed_at - interval '{n} days' WHERE ticket_serial % {n} = 1",
            "DELETE FROM order_complaints WHERE order_id IN (SELECT id FROM block_orders WHERE order_serial % 9 = {n})",
        ]
        for place in range(60):
            transaction = owner_connection.transaction()
            await transaction.start()
            for change in draw.choices(changes, k=draw.randint(1, 3)):
                await owner_connection.execute(change.format(n=draw.randint(2, 7)))
            assert await find_miscounts(owner_connection) == {}
            await (transaction.rollback() if draw.random() < 0.4 else transaction.commit())
            if place % 7 == 0:
                await compact_all(database, as_of)
            assert await find_miscounts(owner_connection) == {}

    async def test_count_rows_that_are_deleted_no_more(self, database, parties, as_of, owner_connection):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await owner_connection.execute("DELETE FROM complaints")
        assert await find_miscounts(owner_connection) == {}
        counted = "SELECT coalesce(sum(n), 0) FROM complaint_counts"
        assert await owner_connection.fetchval(counted) == 0

    async def test_are_right_on_every_snapshot_while_writers_and_the_job_work(
        self, database, parties, as_of, orders, owner_connection, other_connection
    ):
        ended = asyncio.Event()

        async def write() -> None:
            for place, order in enumerate(orders * 2):
                at = as_of + timedelta(minutes=place)
                await acknowledge(database, parties.telkomsel, at, order, reference=f"TT-{place}")
                await file_verified(database, parties, at, [f"+6281200002{place:03}"])
            ended.set()

        async def put_together() -> int:
            done = 0
            while not ended.is_set():
                done += await compact_all(database, as_of, rows_max=3)
            return done

        async def look() -> int:
            looked = 0
            while not ended.is_set():
                assert await find_miscounts(other_connection) == {}
                looked += 1
            return looked

        _, done, looked = await asyncio.gather(write(), put_together(), look())
        assert done > len(orders)
        assert looked > 2
        assert await find_miscounts(owner_connection) == {}

    async def test_write_nothing_where_nothing_counted_changes(self, orders, owner_connection):
        before = await count_rows_of_sums(owner_connection)
        await owner_connection.execute("UPDATE block_orders SET complaint_count = complaint_count + 1")
        await owner_connection.execute("UPDATE complaints SET loss_rupiah = 1")
        assert await count_rows_of_sums(owner_connection) == before

    async def test_two_writers_of_the_same_counts_do_not_wait_for_each_other(
        self, orders, owner_connection, other_connection
    ):
        late = "UPDATE block_orders SET was_late = true WHERE id = $1"
        for connection in (owner_connection, other_connection):
            await connection.execute("SET lock_timeout = '1ms'")
        async with owner_connection.transaction():
            await owner_connection.execute(late, orders[0].id)
            async with other_connection.transaction():
                await other_connection.execute(late, orders[1].id)
            assert await find_miscounts(other_connection) == {}
        assert await find_miscounts(other_connection) == {}


class TestCompacting:
    async def test_leaves_one_row_of_each_combination_and_every_count(
        self, database, parties, as_of, orders, owner_connection
    ):
        await acknowledge(database, parties.telkomsel, as_of, orders[0])
        before = await count_rows_of_sums(owner_connection)
        assert any(rows > groups for rows, groups in before.values())
        assert await compact_all(database, as_of) > 0
        after = await count_rows_of_sums(owner_connection)
        assert all(rows == groups for rows, groups in after.values())
        assert await find_miscounts(owner_connection) == {}
        assert await compact_all(database, as_of) == 0

    async def test_takes_up_a_bounded_number_of_rows_and_says_that_there_are_more(
        self, database, parties, as_of, orders, owner_connection
    ):
        appended = "SELECT count(*) FROM order_counts WHERE NOT is_sum"
        for place, order in enumerate(orders):
            await acknowledge(database, parties.telkomsel, as_of, order, reference=f"TT-{place}")
        there = await owner_connection.fetchval(appended)
        table = next(each for each in list_sums() if each.name == "order_counts")
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            assert await compact(tx, table, rows_max=2) == 2
        assert await owner_connection.fetchval(appended) == there - 2
        compaction = Compaction(rows_max=2)
        runs = 0
        while runs == 0 or compaction.has_more:
            async with database.system(Role.JOBS, as_of=as_of) as tx:
                await compaction.run(tx)
            runs += 1
        assert runs > there // 2
        assert await owner_connection.fetchval(appended) == 0
        assert await find_miscounts(owner_connection) == {}

    async def test_neither_waits_for_a_writer_nor_makes_one_wait(
        self, database, as_of, orders, owner_connection, other_connection
    ):
        await owner_connection.execute("SET lock_timeout = '1ms'")
        writing = owner_connection.transaction()
        await writing.start()
        await owner_connection.execute("UPDATE block_orders SET was_late = true WHERE id = $1", orders[0].id)
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            await tx.execute(text("SET LOCAL lock_timeout = '1ms'"))
            assert await Compaction().run(tx) > 0
            await owner_connection.execute("UPDATE block_orders SET was_late = true WHERE id = $1", orders[1].id)
        await writing.commit()
        assert await find_miscounts(other_connection) == {}

    async def test_changes_no_count_of_a_snapshot_that_was_taken_before(
        self, database, as_of, orders, owner_connection, other_connection
    ):
        counted = "SELECT sum(n) FROM order_counts"
        async with other_connection.transaction(isolation="repeatable_read"):
            before = await other_connection.fetchval(counted)
            await compact_all(database, as_of)
            await owner_connection.execute("UPDATE complaints SET state = 'RESOLVED'")
            assert await other_connection.fetchval(counted) == before == len(orders)
            assert await find_miscounts(other_connection) == {}

    async def test_twice_at_once_counts_nothing_twice(self, database, as_of, orders, owner_connection):
        await asyncio.gather(*(compact_all(database, as_of, rows_max=5) for _ in range(4)))
        assert await find_miscounts(owner_connection) == {}


class TestRecounting:
    async def spoil(self, connection):
        """What a superuser may do who loads a table."""
        await connection.execute("ALTER TABLE block_orders DISABLE TRIGGER tally_block_orders_update")
        await connection.execute("UPDATE block_orders SET was_late = true, state = 'RECEIVED'")
        await connection.execute("ALTER TABLE block_orders ENABLE TRIGGER tally_block_orders_update")

    async def test_finds_nothing_where_all_is_right(self, database, as_of, orders):
        async with database.system(Role.VERIFIER, as_of=as_of) as tx:
            found = await recount_all(tx)
        assert {each.name: each.differences for each in found} == {each.table.name: [] for each in list_tallies()}

    async def test_tells_and_mends_what_differs_only_if_it_is_told_to(
        self, database, parties, as_of, orders, owner_connection
    ):
        await self.spoil(owner_connection)
        for mends in (False, True):
            async with database.system(Role.VERIFIER, as_of=as_of) as tx:
                found = {each.name: each.differences for each in await recount_all(tx, mends=mends)}
            assert [name for name, differences in found.items() if differences] == [
                "order_counts",
                "order_days",
                "order_dues",
            ]
            assert sorted(each["n"] for each in found["order_counts"]) == [-len(orders), len(orders)]
            async with database.system(Role.REGULATOR, as_of=as_of) as tx:
                assert (await count_differences(tx))["order_counts"] == 2
        assert await find_miscounts(owner_connection) == {}
        async with database.system(Role.VERIFIER, as_of=as_of) as tx:
            assert not any(each.differences for each in await recount_all(tx))

    async def test_mends_what_was_wrong_while_others_write(self, database, parties, as_of, orders, owner_connection):
        await self.spoil(owner_connection)
        async with database.system(Role.VERIFIER, as_of=as_of) as tx:
            await recount_all(tx, mends=True)
            await owner_connection.execute("UPDATE block_orders SET category = 'OTHER'")
            await compact_all(database, as_of)
        assert await find_miscounts(owner_connection) == {}

    async def test_by_the_job_takes_each_tally_once_a_day(self, database, as_of, orders, owner_connection):
        async def run(at):
            async with database.system(Role.VERIFIER, as_of=at) as tx:
                return await recount_next(tx)

        tallies = len(list_tallies())
        assert [await run(as_of) for _ in range(tallies + 1)] == [1] * tallies + [0]
        assert await run(as_of + timedelta(hours=23)) == 0
        assert await run(as_of + timedelta(hours=24)) == 1
        names = await owner_connection.fetch("SELECT name FROM tally_recounts ORDER BY name")
        assert [row["name"] for row in names] == [each.table.name for each in list_tallies()]


class TestForgingACount:
    @pytest.mark.parametrize("name", ["officer", "telkomsel", "agency", "provider"])
    async def test_is_refused_to_every_viewer(self, database, parties, as_of, orders, name):
        viewer = parties.everyone[name]
        for statement in (
            "INSERT INTO complaint_counts SELECT * FROM complaint_counts",
            "UPDATE order_counts SET n = 0",
            "DELETE FROM order_counts",
        ):
            with pytest.raises(DBAPIError, match="permission denied"):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await tx.execute(text(statement))

    @pytest.mark.parametrize("role", [*ROLE_OF_VIEWER.values(), Role.TRANSITION, Role.JOBS, Role.VERIFIER])
    async def test_by_a_trigger_of_ones_own_is_refused(self, cluster, owner_connection, role):
        """The function runs as the owner of the tables: on a table of the attacker's it would count what he writes."""
        name = await owner_connection.fetchval("SELECT current_database()")
        superuser = await asyncpg.connect(cluster.urls.superuser.replace("/postgres?", f"/{name}?"))
        try:
            await superuser.execute(f"GRANT TEMPORARY ON DATABASE {name} TO {role_name(ROLE_PREFIX, role)}")
            await superuser.execute(f"SET ROLE {role_name(ROLE_PREFIX, role)}")
            await superuser.execute("CREATE TEMPORARY TABLE forged (source_id uuid, state text, category text)")
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="function tally_complaints"):
                await superuser.execute(
                    "CREATE TRIGGER forged AFTER INSERT ON forged REFERENCING NEW TABLE AS added "
                    "FOR EACH STATEMENT EXECUTE FUNCTION tally_complaints()"
                )
        finally:
            await superuser.close()


async def test_the_owner_of_the_tables_keeps_the_counts_of_who_may_not_write_them(
    database, parties, as_of, owner_connection
):
    await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
    counted = "SELECT state, sum(n)::int AS n FROM complaint_counts GROUP BY state HAVING sum(n) <> 0"
    assert {row["state"]: row["n"] for row in await owner_connection.fetch(counted)} == {"VERIFIED": 2}
