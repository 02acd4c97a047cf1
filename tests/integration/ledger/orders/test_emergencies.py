"""Emergencies: off by default; one officer issues, another confirms in time, or the order ends by itself."""

import asyncio
from datetime import timedelta

import pytest
from asyncpg import CheckViolationError

from gateway.process.jobs import JOBS, run_job
from ledger.complaints.reading import get_complaint
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.errors import ForbiddenError, OfficerRequiredError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus
from ledger.orders.approval import OrderNote, approve_block_orders
from ledger.orders.closing import withdraw_block_orders
from ledger.orders.content import hash_content
from ledger.orders.emergencies import Confirmation, EmergencyIssue, confirm_block_orders, issue_in_emergency
from ledger.orders.lifts import LiftDraft, draft_lifts, lift_block_orders
from ledger.orders.proposals import load_pending_proposals
from ledger.orders.reading import OrderFilter, count_block_orders, get_block_order
from ledger.orders.revisions import Revision, reissue_block_orders, revise_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from ledger.policies import Policies
from tests.support.journeys import (
    TELKOMSEL_NUMBER,
    acknowledge,
    approval_of,
    approve_proposals,
    draft_orders,
    file_verified,
    issue_orders,
    lift_orders,
    override_number,
)
from tests.support.statements import count_statements

[LAPSE] = [job for job in JOBS if job.name == "lapse_unconfirmed_orders"]
IN_TIME, TOO_LATE = timedelta(hours=24), timedelta(hours=24, seconds=1)


@pytest.fixture(autouse=True)
def _allowed(database):
    database.policies = Policies(emergency_orders=True, emergency_lifts=True)


async def run(database, viewer, as_of, work, items):
    return await database.run(viewer, as_of=as_of, work=lambda tx: work(tx, items))


async def read(database, viewer, as_of, order):
    async with database.reading(viewer, as_of=as_of) as tx:
        return await get_block_order(tx, order_id=order.id)


def emergency_of(draft, **more):
    return EmergencyIssue(**({"order_id": draft.id, "content_hash": hash_content(draft), "note": "Now."} | more))


def confirmation_of(order):
    return Confirmation(order_id=order.id, content_hash=hash_content(order))


def lift_of(order):
    return LiftDraft(order_id=order.id, basis=LiftBasis.REGULATOR_ERROR, note="A hospital's line.")


async def draft_one(database, parties, as_of, number=TELKOMSEL_NUMBER):
    await file_verified(database, parties, as_of, [number])
    [draft] = await draft_orders(database, parties, as_of, [number])
    return draft


async def issue_alone(database, parties, as_of, number=TELKOMSEL_NUMBER):
    draft = await draft_one(database, parties, as_of, number)
    [issued] = await run(database, parties.officer, as_of, issue_in_emergency, [emergency_of(draft)])
    return issued


async def lifted_alone(database, parties, as_of):
    [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
    await acknowledge(database, parties.telkomsel, as_of, order)
    [lifted] = await run(database, parties.officer, as_of, lift_block_orders, [lift_of(order)])
    return lifted


class TestOrder:
    async def test_of_one_officer_is_refused_unless_the_policy_allows_it(self, database, parties, as_of):
        database.policies = Policies()
        draft = await draft_one(database, parties, as_of)
        with pytest.raises(ForbiddenError) as refused:
            await run(database, parties.officer, as_of, issue_in_emergency, [emergency_of(draft)])
        assert refused.value.code == "EMERGENCY_OFF"
        assert (await read(database, parties.officer, as_of, draft)).state is OrderState.DRAFT

    async def test_is_issued_at_once_and_stays_visibly_unconfirmed(self, database, parties, as_of, owner_connection):
        order = await issue_alone(database, parties, as_of)
        assert (order.state, order.is_emergency, order.approved_by) == (OrderState.ISSUED, True, None)
        assert order.confirmation_due_at == as_of + timedelta(hours=24)
        assert order.due_at == as_of + timedelta(hours=24)
        for at, is_overdue in ((as_of + IN_TIME, False), (as_of + TOO_LATE, True)):
            seen = await read(database, parties.officer, at, order)
            assert (seen.is_unconfirmed, seen.is_confirmation_overdue) == (True, is_overdue)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await count_block_orders(tx, OrderFilter(is_unconfirmed=True))).total == 1
            assert (await count_block_orders(tx, OrderFilter(is_unconfirmed=False))).total == 0
        carriers = await read(database, parties.telkomsel, as_of, order)
        assert (carriers.is_emergency, carriers.emergency_note, carriers.is_unconfirmed) == (True, None, None)
        [said] = await owner_connection.fetch("SELECT payload FROM events WHERE kind = 'ORDER_ISSUED'")
        assert '"emergency": true' in said["payload"]

    async def test_is_confirmed_by_another_officer_who_names_its_content(
        self, database, parties, as_of, owner_connection
    ):
        order = await issue_alone(database, parties, as_of)
        await acknowledge(database, parties.telkomsel, as_of, order)
        present = await read(database, parties.officer, as_of, order)
        [confirmed] = await run(
            database, parties.other_officer, as_of + IN_TIME, confirm_block_orders, [confirmation_of(present)]
        )
        assert (confirmed.state, confirmed.approved_by) == (OrderState.EXECUTED, parties.other_officer.officer_id)
        assert not confirmed.is_unconfirmed
        assert await run_job(LAPSE, database, as_of=as_of + timedelta(days=9)) == 0
        assert await owner_connection.fetchval("SELECT count(*) FROM events WHERE kind = 'ORDER_CONFIRMED'") == 1
        [twice] = await run(database, parties.other_officer, as_of, confirm_block_orders, [confirmation_of(confirmed)])
        assert twice.code == "INCOMPATIBLE_STATE"

    async def test_officer_who_issued_it_can_not_confirm_approve_or_reissue_it(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        [own] = await run(database, parties.officer, as_of, confirm_block_orders, [confirmation_of(order)])
        assert own.code == "FOUR_EYES"
        [approved] = await run(database, parties.officer, as_of, approve_block_orders, [approval_of(order)])
        assert approved.code == "INCOMPATIBLE_STATE"
        kind = AcknowledgementKind.IMPOSSIBLE
        await acknowledge(database, parties.telkomsel, as_of, order, kind=kind, reason="TECHNICAL")
        [reissued] = await run(database, parties.officer, as_of, reissue_block_orders, [Revision(order_id=order.id)])
        assert reissued.code == "FOUR_EYES"

    async def test_database_itself_refuses_a_confirmation_by_its_drafter(
        self, database, parties, as_of, owner_connection
    ):
        await issue_alone(database, parties, as_of)
        for statement in (
            "UPDATE block_orders SET approved_by = drafted_by",
            "UPDATE block_orders SET is_emergency = false",
        ):
            with pytest.raises(CheckViolationError):
                await owner_connection.execute(statement)

    async def test_hash_of_other_content_neither_issues_nor_confirms(self, database, parties, as_of):
        draft = await draft_one(database, parties, as_of)
        [revised] = await run(
            database, parties.officer, as_of, revise_block_orders, [Revision(order_id=draft.id, summary="Other.")]
        )
        [problem] = await run(database, parties.officer, as_of, issue_in_emergency, [emergency_of(draft)])
        assert problem.code == "CONTENT_CHANGED"
        await run(database, parties.officer, as_of, issue_in_emergency, [emergency_of(revised)])
        [problem] = await run(database, parties.other_officer, as_of, confirm_block_orders, [confirmation_of(draft)])
        assert problem.code == "CONTENT_CHANGED"

    async def test_never_overrides_the_guard_nor_takes_another_officers_draft(self, database, parties, as_of):
        number = "+622150001234"
        await override_number(database, parties, as_of, number, parties.telkomsel.member_id)
        held = await draft_one(database, parties, as_of, number)
        [problem] = await run(database, parties.officer, as_of, issue_in_emergency, [emergency_of(held)])
        assert problem.code == "ORDER_HELD"
        draft = await draft_one(database, parties, as_of)
        [problem] = await run(database, parties.other_officer, as_of, issue_in_emergency, [emergency_of(draft)])
        assert problem.code == "APPROVE_INSTEAD"

    async def test_tokens_of_machines_carriers_and_agencies_are_refused(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        for work, items in (
            (issue_in_emergency, [emergency_of(order)]),
            (confirm_block_orders, [confirmation_of(order)]),
            (lift_block_orders, [lift_of(order)]),
        ):
            for viewer in (parties.telkomsel, parties.agency, parties.provider):
                with pytest.raises(ForbiddenError):
                    await run(database, viewer, as_of, work, items)
            with pytest.raises(OfficerRequiredError):
                await run(database, parties.regulator, as_of, work, items)


class TestLapse:
    async def test_lifts_what_was_executed_and_withdraws_what_was_not_once_the_time_is_over(
        self, database, parties, as_of, owner_connection
    ):
        executed = await issue_alone(database, parties, as_of, TELKOMSEL_NUMBER)
        await acknowledge(database, parties.telkomsel, as_of, executed)
        pending = await issue_alone(database, parties, as_of, "+6281200000002")
        assert await run_job(LAPSE, database, as_of=as_of + IN_TIME) == 0
        late = as_of + TOO_LATE
        assert await run_job(LAPSE, database, as_of=late) == 2
        assert await run_job(LAPSE, database, as_of=late) == 0
        lifted = await read(database, parties.telkomsel, late, executed)
        assert (lifted.state, lifted.version, lifted.lift_basis) == (OrderState.LIFT_ISSUED, 2, LiftBasis.UNCONFIRMED)
        assert lifted.due_at == late + timedelta(hours=24)
        withdrawn = await read(database, parties.officer, late, pending)
        assert (withdrawn.state, withdrawn.ended_by) == (OrderState.WITHDRAWN, None)
        async with database.reading(parties.officer, as_of=late) as tx:
            assert (await get_number(tx, "+6281200000002")).status is NumberStatus.CLEAR
            assert (await count_block_orders(tx, OrderFilter(is_unconfirmed=True))).total == 0
        told = await owner_connection.fetch(
            "SELECT kind, payload::jsonb ->> 'basis' AS basis, payload::jsonb ->> 'reason' AS reason, actor_officer_id,"
            " audience FROM events WHERE recorded_at = $1 AND subject = 'BLOCK_ORDER' ORDER BY kind",
            late,
        )
        assert [(each["kind"], each["basis"], each["reason"], each["actor_officer_id"]) for each in told] == [
            ("ORDER_LIFT_ISSUED", "UNCONFIRMED", None, None),
            ("ORDER_WITHDRAWN", None, "UNCONFIRMED", None),
        ]
        versions = await owner_connection.fetch("SELECT is_lift, issued_by FROM block_order_versions WHERE version = 2")
        assert [(row["is_lift"], row["issued_by"]) for row in versions] == [(True, None)]
        done = await acknowledge(
            database, parties.telkomsel, late, executed, kind=AcknowledgementKind.LIFTED, reference="L"
        )
        assert done.order.state is OrderState.LIFTED

    async def test_lifts_what_a_carrier_executes_after_its_order_was_withdrawn(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        note = [OrderNote(order_id=order.id, note="Mine after all.")]
        await run(database, parties.officer, as_of, withdraw_block_orders, note)
        late = as_of + TOO_LATE
        assert await run_job(LAPSE, database, as_of=late) == 0
        await acknowledge(database, parties.telkomsel, late, order)
        assert await run_job(LAPSE, database, as_of=late) == 1
        assert (await read(database, parties.officer, late, order)).state is OrderState.LIFT_ISSUED

    async def test_closes_what_the_carrier_can_not_execute_and_ends_its_proposal(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        kind = AcknowledgementKind.IMPOSSIBLE
        await acknowledge(database, parties.telkomsel, as_of, order, kind=kind, reason="TECHNICAL")
        change = [Revision(order_id=order.id, summary="Other.")]
        await run(database, parties.officer, as_of, revise_block_orders, change)
        late = as_of + TOO_LATE
        assert await run_job(LAPSE, database, as_of=late) == 1
        assert (await read(database, parties.officer, late, order)).state is OrderState.CLOSED
        async with database.reading(parties.officer, as_of=late) as tx:
            assert await load_pending_proposals(tx, [order.id]) == {}

    async def test_resolves_the_complaint_by_what_became_of_the_order(self, database, parties, as_of):
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await run(database, parties.officer, as_of, issue_in_emergency, [emergency_of(draft)])
        await run_job(LAPSE, database, as_of=as_of + TOO_LATE)
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert (await get_complaint(tx, complaint.id)).outcome is ComplaintOutcome.WITHDRAWN

    async def test_can_not_be_stopped_by_a_confirmation_that_comes_too_late(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        [problem] = await run(
            database, parties.other_officer, as_of + TOO_LATE, confirm_block_orders, [confirmation_of(order)]
        )
        assert problem.code == "CONFIRMATION_OVERDUE"

    async def test_and_a_confirmation_at_once_leave_one_outcome(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        lapse = run_job(LAPSE, database, as_of=as_of + TOO_LATE)
        confirm = run(database, parties.other_officer, as_of + IN_TIME, confirm_block_orders, [confirmation_of(order)])
        count, [result] = await asyncio.gather(lapse, confirm)
        after = await read(database, parties.officer, as_of, order)
        confirmed = getattr(result, "code", None) is None
        assert (count, after.state) == ((0, OrderState.ISSUED) if confirmed else (1, OrderState.WITHDRAWN))

    async def test_takes_the_same_statements_for_one_order_and_for_many(self, database, parties, as_of):
        costs = []
        for first, count in ((0, 1), (100, 20)):
            numbers = [f"+628120002{first + place:04}" for place in range(count)]
            await file_verified(database, parties, as_of, numbers)
            drafts = await draft_orders(database, parties, as_of, numbers)
            issues = [emergency_of(draft) for draft in drafts]
            issued = await run(database, parties.officer, as_of, issue_in_emergency, issues)
            for order in issued:
                await acknowledge(database, parties.telkomsel, as_of, order)
            statements = []
            stop = count_statements(database, statements.append)
            assert await run_job(LAPSE, database, as_of=as_of + TOO_LATE) == count
            stop()
            costs.append(len(statements))
        assert costs[0] == costs[1]


class TestLift:
    async def test_of_one_officer_is_issued_at_once_and_waits_for_another(self, database, parties, as_of):
        lifted = await lifted_alone(database, parties, as_of)
        assert (lifted.state, lifted.lift_drafted_by) == (OrderState.LIFT_ISSUED, None)
        assert lifted.lift_issued_by == parties.officer.officer_id
        assert lifted.is_unconfirmed
        [own] = await run(database, parties.officer, as_of, confirm_block_orders, [confirmation_of(lifted)])
        assert own.code == "FOUR_EYES"
        [confirmed] = await run(database, parties.other_officer, as_of, confirm_block_orders, [confirmation_of(lifted)])
        assert (confirmed.lift_confirmed_by, confirmed.is_unconfirmed) == (parties.other_officer.officer_id, False)

    async def test_is_not_undone_by_itself_but_stays_overdue_until_somebody_confirms_it(self, database, parties, as_of):
        lifted = await lifted_alone(database, parties, as_of)
        late = as_of + TOO_LATE
        assert await run_job(LAPSE, database, as_of=late) == 0
        done = AcknowledgementKind.LIFTED
        await acknowledge(database, parties.telkomsel, late, lifted, kind=done, reference="L")
        seen = await read(database, parties.other_officer, late, lifted)
        assert (seen.state, seen.is_unconfirmed, seen.is_confirmation_overdue) == (OrderState.LIFTED, True, True)
        [confirmed] = await run(database, parties.other_officer, late, confirm_block_orders, [confirmation_of(seen)])
        assert not confirmed.is_confirmation_overdue

    async def test_takes_the_place_of_a_lift_that_was_drafted(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        await run(database, parties.officer, as_of, lift_block_orders, [lift_of(order)])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert await load_pending_proposals(tx, [order.id]) == {}

    async def test_of_two_officers_settles_an_order_that_nobody_had_confirmed(self, database, parties, as_of):
        order = await issue_alone(database, parties, as_of)
        await acknowledge(database, parties.telkomsel, as_of, order)
        [lifted] = await lift_orders(database, parties, as_of, [lift_of(order)])
        assert (lifted.confirmation_due_at, lifted.is_unconfirmed) == (None, False)
        assert await run_job(LAPSE, database, as_of=as_of + TOO_LATE) == 0
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            with pytest.raises(Exception, match="awaits approval"):
                await approve_proposals(tx, [order])
