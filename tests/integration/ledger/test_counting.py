"""Counts of lists: from running counts where these have what is filtered by, and otherwise of rows, up to a bound."""

import random
from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from ledger import counting
from ledger.complaints.reading import COMPLAINTS, ComplaintFilter
from ledger.complaints.states import ComplaintState
from ledger.counting import Count
from ledger.errors import ForbiddenError
from ledger.orders.reading import BLOCK_ORDERS, OrderFilter
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import ImpossibleReason
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.records import declaration_of
from ledger.storage.roles import Role
from ledger.storage.sums import Compaction
from ledger.vocabulary import Category
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import FOUNDED_AT, Parties
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, issue_orders
from tests.support.ledgers import Filling

SEED = 23
QUESTIONS = 250
# Orders are due 24 hours after they were issued: at that moment, after it within the same hour, and in hours later.
MOMENTS = (
    FOUNDED_AT + timedelta(hours=12),
    FOUNDED_AT + timedelta(hours=24),
    FOUNDED_AT + timedelta(hours=24, microseconds=1),
    FOUNDED_AT + timedelta(hours=24, minutes=45),
    FOUNDED_AT + timedelta(hours=26),
    FOUNDED_AT + timedelta(days=30),
)


@pytest.fixture(scope="module")
async def filled(cluster, country, keyring) -> AsyncIterator[tuple[Database, Parties]]:
    name, parties = country
    copy = await cluster.clone(name)
    database = Database.connect(LedgerSettings(database_url=cluster.url_of(copy), role_prefix=ROLE_PREFIX), keyring)
    filling = Filling(database, parties, FOUNDED_AT)
    await filling.fill_orders()
    await filling.fill_drafts()
    async with database.system(Role.JOBS, as_of=FOUNDED_AT) as tx:
        await Compaction().run(tx)
    await filling.fill_complaints()
    yield database, parties
    await database.close()
    await cluster.drop(copy)


def viewers(parties):
    return {
        **parties.everyone,
        "byu": replace(parties.telkomsel, brand_id=parties.brands["byu"]),
        "axis": replace(parties.xlsmart, brand_id=parties.brands["axis"]),
        "smartfren": replace(parties.xlsmart, brand_id=parties.brands["smartfren"]),
    }


async def count_rows(tx, records, wanted):
    """How many rows the list itself has."""
    table = declaration_of(records.record).table
    statement = select(func.count()).select_from(table).where(*records.select(tx, wanted).conditions)
    return (await tx.execute(statement, {"as_of": tx.as_of})).scalar_one()


def draw_some(draw, kind):
    return tuple(draw.sample(list(kind), k=draw.choice([0, 0, 0, 1, 5])))


def draw_order_filter(draw, parties):
    carriers = [
        None,
        None,
        None,
        None,
        parties.telkomsel.member_id,
        parties.xlsmart.member_id,
        "nobody",
        parties.agency.member_id,
    ]
    return OrderFilter(
        states=draw_some(draw, OrderState),
        categories=draw_some(draw, Category) if draw.random() < 0.3 else (),
        impossible_reasons=draw_some(draw, ImpossibleReason) if draw.random() < 0.1 else (),
        carrier_id=draw.choice(carriers),
        is_overdue=draw.choice([None, None, True, False]),
        was_late=draw.choice([None, None, None, True, False]),
        office_id=parties.officer.office_id if draw.random() < 0.1 else None,
    )


def draw_complaint_filter(draw, parties):
    return ComplaintFilter(
        states=draw_some(draw, ComplaintState),
        categories=draw_some(draw, Category) if draw.random() < 0.3 else (),
        source_id=draw.choice([None, parties.agency.member_id, parties.other_agency.member_id]),
        is_verification_overdue=draw.choice([None, True, False]),
    )


class TestTheCount:
    @pytest.mark.parametrize(
        ("records", "draw_filter"),
        [(BLOCK_ORDERS, draw_order_filter), (COMPLAINTS, draw_complaint_filter)],
        ids=["of orders", "of complaints"],
    )
    async def test_is_that_of_the_rows_for_every_viewer_at_every_moment(self, filled, records, draw_filter):
        database, parties = filled
        draw = random.Random(SEED)  # noqa: S311 - which questions are asked
        nonzero = 0
        for _ in range(QUESTIONS):
            name, viewer = draw.choice(list(viewers(parties).items()))
            as_of, wanted = draw.choice(MOMENTS), draw_filter(draw, parties)
            async with database.reading(viewer, as_of=as_of) as tx:
                if viewer.kind not in records.kinds:
                    with pytest.raises(ForbiddenError):
                        await records.count(tx, wanted)
                    continue
                told, there = await records.count(tx, wanted), await count_rows(tx, records, wanted)
            assert told == Count(there, is_exact=True), (name, as_of, wanted)
            nonzero += there > 0
        assert nonzero > QUESTIONS // 8

    async def test_of_overdue_orders_is_exact_to_the_microsecond(self, database, parties, as_of):
        at = as_of + timedelta(minutes=17, microseconds=3)
        [order] = await issue_orders(database, parties, at, [TELKOMSEL_NUMBER])
        for shift, overdue in ((timedelta(), 0), (timedelta(microseconds=1), 1), (timedelta(days=3), 1)):
            for viewer in (parties.telkomsel, parties.officer):
                async with database.reading(viewer, as_of=order.due_at + shift) as tx:
                    for wanted, count in ((True, overdue), (False, 1 - overdue)):
                        assert (await BLOCK_ORDERS.count(tx, OrderFilter(is_overdue=wanted))).total == count
        await acknowledge(database, parties.telkomsel, order.due_at + timedelta(hours=2), order)
        async with database.reading(parties.telkomsel, as_of=order.due_at + timedelta(hours=3)) as tx:
            assert (await BLOCK_ORDERS.count(tx, OrderFilter(is_overdue=True))).total == 0

    @pytest.mark.parametrize(
        "wanted",
        [OrderFilter(), OrderFilter(states=(OrderState.EXECUTED,), was_late=False), OrderFilter(carrier_id="nobody")],
        ids=["of all", "of some", "of none"],
    )
    async def test_from_running_counts_reads_no_row(self, filled, wanted, monkeypatch):
        """With a bound of 0 rows, whatever read them would not be exact."""
        monkeypatch.setattr(counting, "COUNTED_MAX", -1)
        database, parties = filled
        async with database.reading(parties.officer, as_of=MOMENTS[0]) as tx:
            assert (await BLOCK_ORDERS.count(tx, wanted)).is_exact

    @pytest.mark.parametrize("bound", [1, 3])
    async def test_of_what_no_running_count_has_goes_up_to_a_bound_and_says_so(self, filled, bound, monkeypatch):
        database, parties = filled
        wanted = OrderFilter(due_before=FOUNDED_AT + timedelta(days=9), executed_after=FOUNDED_AT)
        async with database.reading(parties.officer, as_of=MOMENTS[0]) as tx:
            whole = await BLOCK_ORDERS.count(tx, wanted)
            there = await count_rows(tx, BLOCK_ORDERS, wanted)
            assert whole == Count(there, is_exact=True)
            assert there > bound
            monkeypatch.setattr(counting, "COUNTED_MAX", bound)
            assert await BLOCK_ORDERS.count(tx, wanted) == Count(bound, is_exact=False)
            monkeypatch.setattr(counting, "COUNTED_MAX", there)
            assert await BLOCK_ORDERS.count(tx, wanted) == Count(there, is_exact=True)

    async def test_of_another_members_rows_is_none(self, filled):
        """A tally has everybody's: only its rules of visibility, and the database's, keep them apart."""
        database, parties = filled
        for viewer, other in ((parties.telkomsel, parties.xlsmart), (parties.xlsmart, parties.indosat)):
            async with database.reading(viewer, as_of=MOMENTS[-1]) as tx:
                for wanted in (OrderFilter(carrier_id=other.member_id), OrderFilter(states=(OrderState.DRAFT,))):
                    assert await BLOCK_ORDERS.count(tx, wanted) == Count(0, is_exact=True)
        async with database.reading(parties.agency, as_of=MOMENTS[-1]) as tx:
            others = ComplaintFilter(source_id=parties.other_agency.member_id)
            assert await COMPLAINTS.count(tx, others) == Count(0, is_exact=True)


def test_every_tally_has_the_names_of_its_lists_record():
    for records in (BLOCK_ORDERS, COMPLAINTS):
        counted = records.counted_by
        names = declaration_of(records.record).members.keys()
        assert {field.name for field in fields(counted.record)} <= names
        assert {field.name for field in fields(counted.due.record)} - {counted.due.hour, "day"} <= names
        assert {counted.due.of, counted.due.at} <= names
