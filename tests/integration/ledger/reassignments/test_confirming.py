"""Confirming a recycled number: an officer's act, by which its new subscriber inherits no block, risk or complaint."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.complaints.filing import file_complaints
from ledger.errors import ForbiddenError, OfficerRequiredError, TooManyItemsError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus, RiskTier
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.reading import get_block_order
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import LiftBasis
from ledger.reassignments.confirming import ReportRefusal, confirm_reassignments, refuse_reassignments
from ledger.reassignments.states import ReportState
from ledger.signals.states import SignalState
from tests.support.journeys import (
    TELKOMSEL_NUMBER,
    acknowledge,
    approve_proposals,
    complaint_draft,
    draft_orders,
    file_verified,
    issue_orders,
    override_number,
    recycle,
    report_reassigned,
)
from tests.support.signal_journeys import read_signals
from tests.support.waiting import until


async def confirm(database, viewer, as_of, *report_ids):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return await confirm_reassignments(tx, report_ids)


async def refuse(database, viewer, as_of, report_id, reason="The subscriber is the same."):
    async with database.transaction(viewer, as_of=as_of) as tx:
        return (await refuse_reassignments(tx, [ReportRefusal(report_id=report_id, reason=reason)]))[0]


@pytest.fixture
async def order(database, parties, as_of):
    """An executed order of Telkomsel's number."""
    [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
    return (await acknowledge(database, parties.telkomsel, as_of, order)).order


@pytest.fixture
async def report(database, parties, as_of, order):
    [item] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
    return item.report


class TestConfirmation:
    async def test_ends_the_executed_order_and_clears_the_number(self, database, parties, as_of, order, report):
        [confirmed] = await confirm(database, parties.officer, as_of, report.id)
        assert (confirmed.state, confirmed.ended_order_count) == (ReportState.CONFIRMED, 1)
        assert confirmed.decided_by == parties.officer.officer_id
        async with database.reading(parties.officer, as_of=as_of) as tx:
            number = await get_number(tx, TELKOMSEL_NUMBER)
            ended = await get_block_order(tx, order_id=order.id)
        assert ended.state is OrderState.ENDED
        assert (number.epoch, number.status, number.risk) == (2, NumberStatus.CLEAR, RiskTier.NONE)
        assert number.verified_complaint_count == 0
        (signal,) = await read_signals(database, parties.officer, as_of)
        assert signal.state is SignalState.EXPIRED

    async def test_tells_the_log_who_and_the_carrier_what(self, database, parties, as_of, report, owner_connection):
        await confirm(database, parties.officer, as_of, report.id)
        row = await owner_connection.fetchrow("SELECT * FROM events WHERE kind = 'NUMBER_REASSIGNED'")
        assert (str(row["actor_officer_id"]), row["state"]) == (parties.officer.officer_id, "CONFIRMED")
        assert [str(member_id) for member_id in row["audience"]] == [parties.telkomsel.member_id]
        assert report.id in row["payload"]

    async def test_binds_later_complaints_to_the_epoch_of_their_incident(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await recycle(database, parties, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        later = as_of + timedelta(days=1)
        async with database.transaction(parties.agency, as_of=later) as tx:
            incidents = (as_of - timedelta(hours=1), as_of + timedelta(hours=1))
            filed = await file_complaints(
                tx, [complaint_draft(TELKOMSEL_NUMBER, incident_at=incident) for incident in incidents]
            )
        assert [item.complaint.epoch for item in filed] == [1, 2]

    async def test_lets_the_new_epoch_be_ordered_by_its_own_complaints_alone(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await recycle(database, parties, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [problem] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert problem.code == "NO_VERIFIED_COMPLAINT"
        await file_verified(
            database, parties, as_of + timedelta(hours=2), [TELKOMSEL_NUMBER], incident_at=as_of + timedelta(hours=1)
        )
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert (draft.epoch, draft.complaint_count) == (2, 1)

    async def test_leaves_an_order_that_is_not_executed_to_the_carriers_answer(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [confirmed] = await recycle(database, parties, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        assert confirmed.ended_order_count == 0
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.ISSUED

    async def test_leaves_an_order_that_is_being_lifted_and_begins_the_epoch(
        self, database, parties, as_of, order, report, owner_connection
    ):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            drafted = await draft_lifts(tx, [LiftDraft(order_id=order.id, basis=LiftBasis.APPEAL, note="An error.")])
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await approve_proposals(tx, drafted)
            confirming = asyncio.create_task(confirm(database, parties.other_officer, as_of, report.id))
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
            await until(lambda: owner_connection.fetchval(waiting), "the confirmation waits for the order")
        [confirmed] = await confirming
        assert (confirmed.epoch, confirmed.ended_order_count) == (2, 0)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).epoch == 2
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.LIFT_ISSUED

    async def test_happens_once_when_two_race(self, database, parties, as_of, report, owner_connection):
        officers = (parties.officer, parties.other_officer)
        results = await asyncio.gather(*(confirm(database, viewer, as_of, report.id) for viewer in officers))
        codes = sorted(getattr(result, "code", "done") for [result] in results)
        assert codes == ["INCOMPATIBLE_STATE", "done"]
        assert await owner_connection.fetchval("SELECT max(epoch) FROM number_epochs") == 2

    async def test_of_a_time_that_a_later_order_has_overtaken_is_refused(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [item] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        later = as_of + timedelta(days=1)
        [order] = await issue_orders(database, parties, later, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, later, order)
        [problem] = await confirm(database, parties.officer, later, item.report.id)
        assert (problem.code, problem.field) == ("REASSIGNMENT_BACKDATED", "reportId")
        async with database.reading(parties.officer, as_of=later) as tx:
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.EXECUTED
            assert (await get_number(tx, TELKOMSEL_NUMBER)).epoch == 1

    async def test_of_a_number_that_moved_to_another_carrier_is_refused(self, database, parties, as_of, report):
        await override_number(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id)
        [problem] = await confirm(database, parties.officer, as_of, report.id)
        assert problem.code == "REASSIGNMENT_OUTDATED"

    async def test_ends_no_block_of_the_carrier_that_the_number_came_from(self, database, parties, as_of, order):
        later = as_of + timedelta(days=1)
        await override_number(database, parties, later, TELKOMSEL_NUMBER, parties.indosat.member_id)
        [early] = await report_reassigned(
            database, parties.indosat, later, TELKOMSEL_NUMBER, at=as_of - timedelta(hours=1)
        )
        # It learns of no order of another carrier, but an officer can't confirm it either.
        [problem] = await confirm(database, parties.officer, later, early.report.id)
        assert problem.code == "REASSIGNMENT_BACKDATED"
        await refuse(database, parties.officer, later, early.report.id)
        [confirmed] = await recycle(database, parties, parties.indosat, later, TELKOMSEL_NUMBER)
        assert confirmed.ended_order_count == 0
        async with database.reading(parties.officer, as_of=later) as tx:
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.EXECUTED

    async def test_goes_item_by_item(self, database, parties, as_of, report):
        done, repeated, unknown, malformed = await confirm(
            database, parties.officer, as_of, report.id, report.id, parties.officer.member_id, "no id"
        )
        assert done.state is ReportState.CONFIRMED
        assert (repeated.code, unknown.code) == ("CONFLICT", "NOT_FOUND")
        assert unknown == malformed
        with pytest.raises(TooManyItemsError):
            await confirm(database, parties.officer, as_of, *[report.id] * 1001)


class TestRefusal:
    async def test_keeps_everything_and_tells_the_carrier_why(self, database, parties, as_of, order, report):
        refused = await refuse(database, parties.officer, as_of, report.id)
        assert (refused.state, refused.refusal_reason) == (ReportState.REFUSED, "The subscriber is the same.")
        [again] = await report_reassigned(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        assert (again.was_known, again.report.refusal_reason) == (True, "The subscriber is the same.")
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.EXECUTED
        [problem] = await confirm(database, parties.officer, as_of, report.id)
        assert problem.code == "INCOMPATIBLE_STATE"

    async def test_needs_a_reason_which_the_log_never_has(self, database, parties, as_of, report, owner_connection):
        problem = await refuse(database, parties.officer, as_of, report.id, reason=" ")
        assert (problem.code, problem.field) == ("INVALID_INPUT", "reason")
        await refuse(database, parties.officer, as_of, report.id, reason="Ibu Ani still holds it.")
        rows = await owner_connection.fetch("SELECT * FROM events")
        assert [row["state"] for row in rows if row["kind"] == "REASSIGNMENT_REFUSED"] == ["REFUSED"]
        assert "Ani" not in str([dict(row) for row in rows])

    async def test_lets_another_time_be_reported(self, database, parties, as_of, report):
        await refuse(database, parties.officer, as_of, report.id)
        later = as_of + timedelta(hours=1)
        [item] = await report_reassigned(database, parties.telkomsel, later, TELKOMSEL_NUMBER)
        assert (item.was_known, item.report.epoch) == (False, 2)


class TestWhoDecides:
    @pytest.mark.parametrize("name", ["regulator", "agency", "telkomsel", "indosat", "provider"])
    async def test_is_no_machine_and_no_other_member(self, database, parties, as_of, report, name):
        viewer = parties.everyone[name]
        refusal = OfficerRequiredError if name == "regulator" else ForbiddenError
        with pytest.raises(refusal):
            await confirm(database, viewer, as_of, report.id)
        with pytest.raises(refusal):
            await refuse(database, viewer, as_of, report.id)

    async def test_is_not_the_carrier_in_an_officers_name(self, database, parties, as_of, report):
        with pytest.raises(ForbiddenError):
            await confirm(database, replace(parties.telkomsel, officer_id=parties.officer.officer_id), as_of, report.id)
