"""A recycled number: its new subscriber inherits no block, no risk and no complaint."""

import asyncio
from datetime import timedelta

import pytest

from ledger.complaints.filing import file_complaints
from ledger.errors import ForbiddenError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus, RiskTier
from ledger.orders.closing import LiftDraft, lift_block_orders
from ledger.orders.reading import get_block_order
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import LiftBasis
from ledger.reassignments.reporting import ReassignmentDraft, report_reassignments
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    complaint_draft,
    draft_orders,
    file_verified,
    issue_orders,
)
from tests.support.waiting import until


async def report(database, viewer, as_of, *numbers, at=None):
    async with database.transaction(viewer, as_of=as_of) as tx:
        drafts = [ReassignmentDraft(number=number, reassigned_at=at or as_of) for number in numbers]
        return await report_reassignments(tx, drafts)


class TestReassignment:
    async def test_ends_the_executed_order_and_clears_the_number(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        [begun] = await report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        assert (begun.epoch, begun.ended_orders, begun.was_known) == (2, 1, False)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            number = await get_number(tx, TELKOMSEL_NUMBER)
            ended = await get_block_order(tx, order_id=order.id)
        assert ended.state is OrderState.ENDED
        assert (number.epoch, number.status, number.risk) == (2, NumberStatus.CLEAR, RiskTier.NONE)
        assert number.verified_complaint_count == 0

    async def test_again_answers_the_first_report(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [again] = await report(database, parties.telkomsel, as_of + timedelta(hours=1), TELKOMSEL_NUMBER, at=as_of)
        assert (again.epoch, again.was_known) == (2, True)

    async def test_binds_later_complaints_to_the_epoch_of_their_incident(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        later = as_of + timedelta(days=1)
        async with database.transaction(parties.agency, as_of=later) as tx:
            incidents = (as_of - timedelta(hours=1), as_of + timedelta(hours=1))
            filed = await file_complaints(
                tx, [complaint_draft(TELKOMSEL_NUMBER, incident_at=incident) for incident in incidents]
            )
        assert [item.complaint.epoch for item in filed] == [1, 2]

    async def test_lets_the_new_epoch_be_ordered_by_its_own_complaints_alone(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        [problem] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert problem.code == "NO_VERIFIED_COMPLAINT"
        await file_verified(
            database, parties, as_of + timedelta(hours=2), [TELKOMSEL_NUMBER], incident_at=as_of + timedelta(hours=1)
        )
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert (draft.epoch, draft.complaint_count) == (2, 1)

    async def test_of_another_carriers_number_looks_like_an_unknown_one(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        theirs, unknown, nonsense = await report(
            database, parties.indosat, as_of, TELKOMSEL_NUMBER, INDOSAT_NUMBER, "nonsense"
        )
        assert theirs == unknown
        assert (theirs.code, nonsense.code) == ("NOT_FOUND", "NUMBER_INVALID")

    async def test_is_neither_in_the_future_nor_before_the_last_one(self, database, parties, as_of):
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        for at in (as_of + timedelta(seconds=1), as_of - timedelta(days=1)):
            [problem] = await report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER, at=at)
            assert problem.code == "REASSIGNMENT_TIME_INVALID"

    async def test_leaves_an_order_that_is_being_lifted_and_begins_the_epoch(
        self, database, parties, as_of, owner_connection
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await lift_block_orders(tx, [LiftDraft(order_id=order.id, basis=LiftBasis.APPEAL, note="An error.")])
            reporting = asyncio.create_task(report(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER))
            waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted"
            await until(lambda: owner_connection.fetchval(waiting), "the report waits for the order")
        [begun] = await reporting
        assert (begun.epoch, begun.ended_orders) == (2, 0)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).epoch == 2
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.LIFT_ISSUED
        [next_one] = await report(database, parties.telkomsel, as_of + timedelta(hours=1), TELKOMSEL_NUMBER)
        assert (next_one.epoch, next_one.was_known) == (3, False)

    async def test_is_a_carriers_alone(self, database, parties, as_of):
        for viewer in (parties.officer, parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                await report(database, viewer, as_of, TELKOMSEL_NUMBER)
