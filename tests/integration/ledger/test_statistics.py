"""Statistics: what the rows come to, for each viewer what it may see, in one statement."""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta
from math import ceil

import asyncpg
import pytest

from ledger.complaints.states import VERIFIED_STATES
from ledger.durations import ERROR_PERCENT_MAX, read_class, render_class
from ledger.errors import ForbiddenError
from ledger.facts import PERIOD_DAYS_MAX, Period, PeriodReversedError, PeriodTooLongError
from ledger.legal_time import LEGAL_ZONE
from ledger.orders.states import AWAITING_CARRIER
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.settings import LedgerSettings
from ledger.statistics import ComplaintFigures, OrderFigures, read_statistics
from ledger.storage.database import Database
from ledger.vocabulary import Category
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import FOUNDED_AT, Parties
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, file_verified, issue_orders
from tests.support.ledgers import Filling
from tests.support.statements import count_statements

LATER = FOUNDED_AT + timedelta(days=2)
WITHIN_AN_HOUR = FOUNDED_AT + timedelta(hours=24, minutes=30)
WHOLE = Period(date(2026, 3, 1), date(2026, 3, 31))
SECONDS = (0, 1, 2, 59, 60, 3_600, 86_399, 86_400, 86_401, 250_000, 10_000_000)


@pytest.fixture(scope="module")
async def filled(cluster, country, keyring) -> AsyncIterator[tuple[Database, Parties, asyncpg.Connection]]:
    name, parties = country
    copy = await cluster.clone(name)
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(copy), role_prefix=ROLE_PREFIX), keyring)
    filling = Filling(database, parties, FOUNDED_AT)
    await filling.fill_orders()
    await filling.fill_drafts()
    await filling.fill_complaints()
    for days in (1, 2):
        await issue_orders(database, parties, FOUNDED_AT + timedelta(days=days), [f"+62812000009{days}0"])
        await file_verified(database, parties, FOUNDED_AT + timedelta(days=days), ["+12025550123"])
    owner = await asyncpg.connect(cluster.url_of(copy, owner=True))
    yield database, parties, owner
    await owner.close()
    await database.close()
    await cluster.drop(copy)


def legal_day(moment):
    return moment.astimezone(LEGAL_ZONE).date()


def near(told, true):
    """A time that is told may be off by the declared share, and by a second that was rounded."""
    return told is None if true is None else abs(told - true) <= true * ERROR_PERCENT_MAX / 100 + 1


def nearest_rank(values, share):
    return sorted(values)[ceil(len(values) * share) - 1] if values else None


def check_orders(told: OrderFigures, rows, as_of):
    open_ = {state.value for state in AWAITING_CARRIER}
    took = [(row["executed_at"] - row["issued_at"]).total_seconds() for row in rows if row["executed_at"]]
    expected = {
        "issued": len(rows),
        "executed": len(took),
        "executed_on_time": sum(row["executed_at"] is not None and not row["was_late"] for row in rows),
        "late": sum(row["was_late"] for row in rows),
        "open": sum(row["state"] in open_ for row in rows),
        "overdue": sum(row["state"] in open_ and row["due_at"] < as_of for row in rows),
    }
    assert {name: getattr(told, name) for name in expected} == expected
    assert near(told.median_seconds, nearest_rank(took, 0.5))
    assert near(told.p95_seconds, nearest_rank(took, 0.95))


def check_complaints(told: ComplaintFigures, rows):
    states = Counter(row["state"] for row in rows)
    assert told == ComplaintFigures(
        received=len(rows),
        verified=sum(states[state.value] for state in VERIFIED_STATES),
        rejected=states["REJECTED"],
        forwarded=states["ESCALATED"] + states["RESOLVED"],
    )


async def read_rows(owner, viewer, period):
    orders = [
        row
        for row in await owner.fetch("SELECT *, brand_id::text AS brand FROM block_orders WHERE issued_at IS NOT NULL")
        if period.first <= legal_day(row["issued_at"]) <= period.last
        and (viewer.is_regulator or str(row["carrier_id"]) == viewer.member_id)
        and (viewer.brand_id is None or row["brand"] == viewer.brand_id)
    ]
    complaints = [
        row
        for row in await owner.fetch("SELECT c.*, region FROM complaints c LEFT JOIN phone_numbers USING (e164)")
        if period.first <= legal_day(row["filed_at"]) <= period.last
        and (viewer.is_regulator or str(row["source_id"]) == viewer.member_id)
    ]
    return orders, complaints


class TestStatistics:
    @pytest.mark.parametrize("name", ["officer", "regulator", "telkomsel", "xlsmart", "axis", "agency", "other_agency"])
    @pytest.mark.parametrize("period", [WHOLE, Period(date(2026, 3, 2), date(2026, 3, 2))], ids=["a month", "a day"])
    @pytest.mark.parametrize(
        "as_of", [LATER, FOUNDED_AT + timedelta(hours=24, minutes=30)], ids=["later", "in an hour"]
    )
    async def test_are_what_the_rows_come_to_as_a_whole_and_in_each_group(self, filled, name, period, as_of):
        database, parties, owner = filled
        viewer = {**parties.everyone, "axis": replace(parties.xlsmart, brand_id=parties.brands["axis"])}[name]
        orders, complaints = await read_rows(owner, viewer, period)
        async with database.reading(viewer, as_of=as_of) as tx:
            found = await read_statistics(tx, period)
        sees_orders, sees_complaints = (
            name not in {"agency", "other_agency"},
            name not in {"telkomsel", "xlsmart", "axis"},
        )
        groups = [(found.total, None, None)]
        groups += [(each, "day", each.day) for each in found.by_day]
        groups += [(each, "category", each.category) for each in found.by_category]
        groups += [(each, "carrier_id", each.carrier_id) for each in found.by_carrier]
        groups += [(each, "region", each.region) for each in found.by_region]
        keys = {
            "day": lambda row: legal_day(row.get("issued_at") or row["filed_at"]),
            "category": lambda row: row["category"],
            "carrier_id": lambda row: str(row["carrier_id"]),
            "region": lambda row: row.get("region", "ID"),
        }
        for group, dimension, key in groups:
            is_in = lambda row, dimension=dimension, key=key: dimension is None or keys[dimension](row) == key  # noqa: E731
            if sees_orders:
                check_orders(group.orders, [row for row in orders if is_in(row)], as_of)
            else:
                assert group.orders is None
            if sees_complaints and dimension != "carrier_id":
                check_complaints(group.complaints, [row for row in complaints if is_in(row)])
            else:
                assert group.complaints is None
        days = {
            keys["day"](row) for row in [*(orders if sees_orders else []), *(complaints if sees_complaints else [])]
        }
        assert [group.day for group in found.by_day] == sorted(days)
        carriers = {keys["carrier_id"](row) for row in orders}
        assert [group.carrier_id for group in found.by_carrier] == (sorted(carriers) if sees_orders else [])

    async def test_tell_of_numbers_abroad_and_of_accounts(self, filled):
        database, parties, _ = filled
        async with database.reading(parties.officer, as_of=LATER) as tx:
            found = await read_statistics(tx, WHOLE)
        regions = [group.region for group in found.by_region]
        assert {"ID", "US"} <= set(regions)
        assert {group.region: group.orders.issued for group in found.by_region}["US"] == 0

    async def test_of_a_period_without_anything_are_zero(self, filled):
        database, parties, _ = filled
        async with database.reading(parties.officer, as_of=LATER) as tx:
            found = await read_statistics(tx, Period(date(2020, 1, 1), date(2020, 12, 31)))
        assert found.total.complaints == ComplaintFigures(received=0, verified=0, rejected=0, forwarded=0)
        assert (found.total.orders.issued, found.total.orders.median_seconds) == (0, None)
        assert (found.by_day, found.by_category, found.by_carrier, found.by_region) == ([], [], [], [])

    async def test_tell_nothing_of_what_was_taken_back_since(self, database, parties, as_of):
        """An execution that was corrected, and a complaint that is of another category now, are rows of no group."""
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order, reference="TT-1")
        await acknowledge(
            database, parties.telkomsel, as_of, order, AcknowledgementKind.IMPOSSIBLE, reference="TT-2",
            reason="TECHNICAL", note="Sent too early.", corrects_reference="TT-1",
        )  # fmt: skip
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            total = (await read_statistics(tx, WHOLE)).total.orders
        assert (total.issued, total.executed, total.median_seconds, total.p95_seconds) == (1, 0, None, None)

    async def test_leave_out_groups_that_have_become_empty(self, database, parties, as_of, owner_connection):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for table in ("block_orders", "complaints"):
            await owner_connection.execute(f"UPDATE {table} SET category = 'EXTORTION'")
        async with database.reading(parties.officer, as_of=as_of) as tx:
            found = await read_statistics(tx, WHOLE)
        assert [group.category for group in found.by_category] == [Category.EXTORTION]

    async def test_take_one_statement(self, filled):
        database, parties, _ = filled
        async with database.reading(parties.officer, as_of=LATER) as tx:
            statements = []
            stop = count_statements(database, statements.append)
            await read_statistics(tx, WHOLE)
            stop()
        assert len(statements) == 1

    @pytest.mark.parametrize("name", ["provider"])
    async def test_are_refused_to_who_sees_neither_orders_nor_complaints(self, filled, name):
        database, parties, _ = filled
        with pytest.raises(ForbiddenError):
            async with database.reading(parties.everyone[name], as_of=LATER) as tx:
                await read_statistics(tx, WHOLE)


class TestAPeriod:
    def test_ends_no_earlier_than_it_begins(self):
        assert Period(date(2026, 3, 2), date(2026, 3, 2))
        with pytest.raises(PeriodReversedError) as refusal:
            Period(date(2026, 3, 2), date(2026, 3, 1))
        assert refusal.value.field == "to"

    def test_has_a_bounded_number_of_days(self):
        first = date(2024, 1, 1)
        assert Period(first, first + timedelta(days=PERIOD_DAYS_MAX - 1))
        with pytest.raises(PeriodTooLongError):
            Period(first, first + timedelta(days=PERIOD_DAYS_MAX))


class TestAClassOfDurations:
    @pytest.mark.parametrize("seconds", [*SECONDS, 0.4, 1.0999, 1.1, 123_456.789])
    async def test_stands_for_its_durations_within_the_declared_error(self, owner_connection, seconds):
        place = await owner_connection.fetchval(f"SELECT {render_class('($1::interval)')}", timedelta(seconds=seconds))
        told = read_class(place)
        assert abs(told - max(seconds, 1)) <= max(seconds, 1) * ERROR_PERCENT_MAX / 100 + 0.5

    async def test_of_nothing_is_none(self, owner_connection):
        assert await owner_connection.fetchval(f"SELECT {render_class('(NULL::interval)')}") is None
