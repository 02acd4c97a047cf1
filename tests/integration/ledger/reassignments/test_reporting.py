"""Reporting a recycled number: what a carrier may say, of which numbers and of which times; nothing moves by it."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.errors import ForbiddenError
from ledger.identifiers import new_id
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus, RiskTier
from ledger.orders.reading import get_block_order
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.pages import PageRequest
from ledger.reassignments.reading import ReportFilter, list_reassignment_reports
from ledger.reassignments.states import ReportState
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    file_verified,
    issue_orders,
    override_number,
    recycle,
    report_reassigned,
)

BYU_NUMBER = "+6285155000001"
HOUR = timedelta(hours=1)


async def issue_after_incident(database, parties, as_of, incident_at):
    """An order issued now for an incident in the past."""
    await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], incident_at=incident_at)
    return (await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER]))[0]


class TestReport:
    async def test_changes_nothing_before_an_officer_confirms_it(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        [item] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        assert (item.report.state, item.report.epoch, item.was_known) == (ReportState.REPORTED, 2, False)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            number = await get_number(tx, TELKOMSEL_NUMBER)
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.EXECUTED
        assert (number.epoch, number.status, number.risk) == (1, NumberStatus.BLOCKED, RiskTier.MEDIUM)

    async def test_again_answers_the_first_one_however_it_was_decided(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [first] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [again] = await report_reassigned(database, parties.telkomsel, as_of + HOUR, TELKOMSEL_NUMBER, at=as_of)
        assert (again.report, again.was_known) == (first.report, True)
        await recycle(database, parties, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [confirmed] = await report_reassigned(database, parties.telkomsel, as_of + HOUR, TELKOMSEL_NUMBER, at=as_of)
        assert (confirmed.report.id, confirmed.report.state) == (first.report.id, ReportState.CONFIRMED)
        assert confirmed.report.decided_by is None

    async def test_twice_in_one_call_or_at_once_is_recorded_once(self, database, parties, as_of, owner_connection):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        both = [
            report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, "0812 0000 0001") for _ in range(2)
        ]
        answers = [item for answer in await asyncio.gather(*both) for item in answer]
        assert len({item.report.id for item in answers}) == 1
        assert sorted(item.was_known for item in answers) == [False, True, True, True]
        assert await owner_connection.fetchval("SELECT count(*) FROM reassignment_reports") == 1

    async def test_of_another_time_waits_for_the_decision_about_the_first(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [problem] = await report_reassigned(database, parties.telkomsel, as_of + HOUR, TELKOMSEL_NUMBER)
        assert problem.code == "REASSIGNMENT_ALREADY_REPORTED"

    async def test_is_neither_in_the_future_nor_before_the_last_one(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await recycle(database, parties, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        for at in (as_of + timedelta(seconds=1), as_of - timedelta(days=1), as_of.replace(tzinfo=None)):
            [problem] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, at=at)
            assert (problem.code, problem.field) == ("REASSIGNMENT_TIME_INVALID", "reassignedAt")

    async def test_is_an_event_for_the_carrier(self, database, parties, as_of, owner_connection):
        await issue_orders(database, parties, as_of, [BYU_NUMBER])
        await report_reassigned(database, parties.telkomsel, as_of, BYU_NUMBER)
        row = await owner_connection.fetchrow("SELECT * FROM events WHERE kind = 'REASSIGNMENT_REPORTED'")
        assert (row["subject_id"], row["state"]) == (BYU_NUMBER, "REPORTED")
        assert [str(member_id) for member_id in row["audience"]] == [parties.telkomsel.member_id]
        assert str(row["brand_id"]) == parties.brands["byu"]


class TestBackdated:
    """A carrier can't date a reassignment so that a block ends that was meant for the present subscriber."""

    async def test_to_2015_ends_no_order(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        [problem] = await report_reassigned(
            database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, at=datetime(2015, 1, 1, tzinfo=UTC)
        )
        assert (problem.code, problem.field) == ("REASSIGNMENT_BACKDATED", "reassignedAt")
        assert problem.hint.startswith(f"Bound by the issue: {order.order_no} was issued at {as_of.isoformat()}")
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert not (await list_reassignment_reports(tx, PageRequest())).items

    async def test_before_an_executed_order_was_issued_is_refused_to_the_second(self, database, parties, as_of):
        later = as_of + HOUR
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, later, order, kind=AcknowledgementKind.PARTIAL)
        at = as_of - timedelta(seconds=1)
        [problem] = await report_reassigned(database, parties.telkomsel, later, TELKOMSEL_NUMBER, at=at)
        assert problem.code == "REASSIGNMENT_BACKDATED"
        [item] = await report_reassigned(database, parties.telkomsel, later, TELKOMSEL_NUMBER, at=as_of)
        assert item.report.starts_at == as_of

    async def test_before_the_incident_behind_an_order_is_refused(self, database, parties, as_of):
        incident = datetime(2026, 3, 1, 9, 20, tzinfo=UTC)
        order = await issue_after_incident(database, parties, as_of, incident)
        for at in (incident - HOUR, incident - timedelta(seconds=1), incident + timedelta(minutes=39)):
            [problem] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, at=at)
            assert problem.code == "REASSIGNMENT_BACKDATED"
            assert problem.hint.startswith("Bound by the incident: it was in the hour before 2026-03-01T10:00:00+00:00")
            assert order.order_no in problem.message
        hour_after = datetime(2026, 3, 1, 10, tzinfo=UTC)
        [item] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, at=hour_after)
        assert item.report.state is ReportState.REPORTED

    async def test_between_incident_and_issue_is_taken_while_nothing_is_executed(self, database, parties, as_of):
        order = await issue_after_incident(database, parties, as_of, as_of - timedelta(days=3))
        at = as_of - timedelta(days=1)
        [item] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, at=at)
        assert item.report.starts_at == at
        said = {"kind": AcknowledgementKind.IMPOSSIBLE, "reason": "RECYCLED_SINCE_INCIDENT"}
        assert (await acknowledge(database, parties.telkomsel, as_of, order, **said)).order.state == "IMPOSSIBLE"


class TestOthersNumbers:
    async def test_look_like_unknown_ones(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        theirs, unknown, nonsense = await report_reassigned(
            database, parties.indosat, as_of, TELKOMSEL_NUMBER, INDOSAT_NUMBER, "nonsense"
        )
        assert theirs == unknown
        assert (theirs.code, nonsense.code) == ("NOT_FOUND", "NUMBER_INVALID")

    async def test_of_another_brand_look_like_unknown_ones(self, database, parties, as_of, owner_connection):
        [plain, own] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, BYU_NUMBER])
        for order in (plain, own):
            await acknowledge(database, parties.telkomsel, as_of, order)
        byu = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        others, unknown, taken = await report_reassigned(
            database, byu, as_of, TELKOMSEL_NUMBER, "+6281200000099", BYU_NUMBER
        )
        assert others == unknown
        assert (others.code, taken.report.e164) == ("NOT_FOUND", BYU_NUMBER)
        assert await owner_connection.fetchval("SELECT count(*) FROM reassignment_reports") == 1

    async def test_that_an_override_took_away_are_reported_no_more(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await override_number(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id)
        [problem] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        assert problem.code == "NOT_FOUND"

    async def test_and_made_up_reports_fail_in_the_database_too(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        forged = text(
            "INSERT INTO reassignment_reports (id, e164, epoch, starts_at, carrier_id, brand_id, reported_at, state, "
            "decided_by, decided_at) VALUES (CAST(:id AS uuid), :e164, 2, :at, CAST(:carrier_id AS uuid), "
            "CAST(:brand_id AS uuid), :at, :state, CAST(:decided_by AS uuid), CAST(:decided_at AS timestamptz))"
        )
        made_up = {
            "id": new_id(), "e164": TELKOMSEL_NUMBER, "at": as_of, "carrier_id": parties.telkomsel.member_id,
            "brand_id": None, "state": "REPORTED", "decided_by": None, "decided_at": None,
        }  # fmt: skip
        byu = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        decided = {"state": "CONFIRMED", "decided_by": parties.officer.officer_id, "decided_at": as_of}
        for viewer, change in (
            (parties.indosat, {}),
            (parties.indosat, {"carrier_id": parties.indosat.member_id}),
            (byu, {}),
            (byu, {"brand_id": byu.brand_id}),
            (parties.telkomsel, decided),
        ):
            with pytest.raises(DBAPIError, match="row-level security"):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await tx.execute(forged, made_up | change)
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            await tx.execute(forged, made_up)
        assert order.e164 == TELKOMSEL_NUMBER

    async def test_are_reported_by_carriers_alone(self, database, parties, as_of):
        for viewer in (parties.officer, parties.regulator, parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                await report_reassigned(database, viewer, as_of, TELKOMSEL_NUMBER)


class TestReading:
    async def test_shows_a_carrier_its_own_and_a_brands_client_its_brands(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, BYU_NUMBER, INDOSAT_NUMBER])
        await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, BYU_NUMBER)
        await report_reassigned(database, parties.indosat, as_of, INDOSAT_NUMBER)
        byu = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        seen = {}
        for viewer in (parties.officer, parties.telkomsel, byu, parties.indosat):
            async with database.reading(viewer, as_of=as_of) as tx:
                page = await list_reassignment_reports(tx, PageRequest())
                sql = (await tx.execute(text("SELECT e164 FROM reassignment_reports ORDER BY id DESC"))).scalars().all()
            seen[viewer] = [report.e164 for report in page.items]
            assert seen[viewer] == sql
        assert seen[parties.officer] == [INDOSAT_NUMBER, BYU_NUMBER, TELKOMSEL_NUMBER]
        assert seen[parties.telkomsel] == [BYU_NUMBER, TELKOMSEL_NUMBER]
        assert (seen[byu], seen[parties.indosat]) == ([BYU_NUMBER], [INDOSAT_NUMBER])
        for viewer in (parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await list_reassignment_reports(tx, PageRequest())

    async def test_takes_filters_and_pages(self, database, parties, as_of):
        numbers = [f"+628120000000{place}" for place in range(1, 4)]
        await issue_orders(database, parties, as_of, numbers)
        await report_reassigned(database, parties.telkomsel, as_of, *numbers[1:])
        await recycle(database, parties, parties.telkomsel, as_of, numbers[0])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            waiting = ReportFilter(states=(ReportState.REPORTED,))
            first = await list_reassignment_reports(tx, PageRequest(first=1), waiting)
            rest = await list_reassignment_reports(tx, PageRequest(first=1, after=first.cursors[-1]), waiting)
            of_one = await list_reassignment_reports(tx, PageRequest(), ReportFilter(number=numbers[0]))
            of_none = ReportFilter(carrier_id=parties.indosat.member_id)
            assert not (await list_reassignment_reports(tx, PageRequest(), of_none)).items
        assert {item.e164 for item in (*first.items, *rest.items)} == set(numbers[1:])
        assert [item.state for item in of_one.items] == [ReportState.CONFIRMED]
