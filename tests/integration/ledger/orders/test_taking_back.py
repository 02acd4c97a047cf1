"""Taking back a mistaken verification: nothing that was issued is touched, and everything that rested on it follows."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.reading import get_complaint, load_complaints
from ledger.complaints.states import COMPLAINT_MOVES, ComplaintMove, ComplaintState
from ledger.errors import ForbiddenError, NoItemsError, OfficerRequiredError, Problem, TooManyItemsError
from ledger.forwarding.proposals import ForwardingApproval, approve_forwarding
from ledger.forwarding.taking_back import TakeBack, take_back_complaints
from ledger.identifiers import new_id
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus, RiskTier
from ledger.orders.approval import approve_block_orders
from ledger.orders.reading import get_block_order
from ledger.orders.states import OrderState
from ledger.policies import Policies
from ledger.storage.roles import Role
from tests.support.journeys import (
    TELKOMSEL_NUMBER,
    acknowledge,
    approval_of,
    draft_orders,
    file_verified,
    forward,
    issue_orders,
)
from tests.support.statements import count_statements

WHY = "Verified under the wrong number."
ANI = ComplainantDraft(name="Ani", identity_number="3171010101010001")
BUDI = ComplainantDraft(name="Budi", identity_number="3171010101010002")


@pytest.fixture
def take_back(database, parties, as_of):
    async def call(*complaint_ids, viewer=parties.officer, note=WHY, at=as_of):
        items = [TakeBack(complaint_id=complaint_id, note=note) for complaint_id in complaint_ids]
        return await database.run(viewer, as_of=at, work=lambda tx: take_back_complaints(tx, items))

    return call


@pytest.fixture
def verified(database, parties, as_of):
    """One verified complaint about the number by each of these people."""

    async def call(*people, number=TELKOMSEL_NUMBER):
        return [
            (await file_verified(database, parties, as_of, [number], complainant=person))[0].id for person in people
        ]

    return call


async def read(database, parties, as_of, function, *arguments, **named):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return await function(tx, *arguments, **named)


async def states_of(database, parties, as_of, ids):
    found = await read(database, parties, as_of, load_complaints, ids)
    return [found[complaint_id].state for complaint_id in ids]


async def read_events(owner_connection, subject_id):
    rows = await owner_connection.fetch("SELECT kind, state FROM events WHERE subject_id = $1 ORDER BY id", subject_id)
    return [(row["kind"], row["state"]) for row in rows]


class TestTakeBack:
    async def test_a_verified_complaint_awaits_an_officer_with_a_new_time(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        (complaint_id,) = await verified(ANI)
        later = as_of + timedelta(days=3)
        (taken,) = await take_back(complaint_id, at=later)
        assert (taken.state, taken.decision_note) == (ComplaintState.SUBMITTED, WHY)
        assert (taken.decided_by, taken.decided_at) == (None, None)
        assert (taken.complete_at, taken.verification_due_at) == (later, later + timedelta(hours=24))
        overdue = await read(database, parties, later + timedelta(hours=25), get_complaint, complaint_id)
        assert overdue.is_verification_overdue
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert (await get_complaint(tx, complaint_id)).decision_note is None
        assert (await read_events(owner_connection, complaint_id))[-1] == ("COMPLAINT_TAKEN_BACK", "SUBMITTED")
        row = await owner_connection.fetchrow(
            "SELECT actor_officer_id::text AS officer, payload::text FROM events WHERE kind = 'COMPLAINT_TAKEN_BACK'"
        )
        assert (row["officer"], row["payload"]) == (parties.officer.officer_id, "{}")

    async def test_takes_the_count_the_risk_and_the_signal_with_it(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        database.policies = Policies(risk_medium_complainants=1, risk_high_complainants=2, signal_score_medium=100)
        first, second = await verified(ANI, BUDI)
        number = await read(database, parties, as_of, get_number, TELKOMSEL_NUMBER)
        assert (number.verified_complaint_count, number.risk) == (2, RiskTier.HIGH)
        await take_back(first)
        number = await read(database, parties, as_of, get_number, TELKOMSEL_NUMBER)
        assert (number.verified_complaint_count, number.risk) == (1, RiskTier.MEDIUM)
        await take_back(second)
        number = await read(database, parties, as_of, get_number, TELKOMSEL_NUMBER)
        assert (number.verified_complaint_count, number.risk) == (0, RiskTier.NONE)
        signal = await owner_connection.fetchrow("SELECT state, revoked_reason, revoked_by FROM fraud_signals")
        assert tuple(signal) == ("REVOKED", "COMPLAINTS_REJECTED", None)
        revoked = await owner_connection.fetchval("SELECT count(*) FROM events WHERE kind = 'SIGNAL_REVOKED'")
        assert revoked == 1

    async def test_it_can_be_rejected_or_verified_again_and_raises_the_signal_anew(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        (complaint_id,) = await verified(ANI)
        await take_back(complaint_id)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            again = ComplaintDecision(complaint_id=complaint_id, decision=Decision.VERIFY)
            (decided,) = await decide_complaints(tx, [again])
        assert decided.state is ComplaintState.VERIFIED
        states = await owner_connection.fetch("SELECT state FROM fraud_signals ORDER BY id")
        assert [row["state"] for row in states] == ["REVOKED", "ACTIVE"]

    @pytest.mark.parametrize("state", list(ComplaintState))
    async def test_every_state_moves_as_the_table_says(self, database, parties, as_of, take_back, verified, state):
        (complaint_id,) = await verified(ANI)
        if state is ComplaintState.ESCALATED:
            await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            put = "UPDATE complaints SET state = :state, rejection_reason = 'NOT_MISUSE', duplicate_of = id"
            await tx.execute(text(put), {"state": state})
        (result,) = await take_back(complaint_id)
        wanted = COMPLAINT_MOVES.get((state, ComplaintMove.TAKE_BACK))
        assert (result.code if isinstance(result, Problem) else result.state) == (wanted or "INCOMPATIBLE_STATE")

    async def test_answers_each_in_its_place(self, take_back, verified):
        first, second = await verified(ANI, BUDI)
        results = await take_back(first, new_id(), "no id", "\ud800", first)
        assert [result.code if isinstance(result, Problem) else result.state for result in results] == [
            "SUBMITTED", "NOT_FOUND", "NOT_FOUND", "NOT_FOUND", "ITEM_REPEATED",
        ]  # fmt: skip
        for note, code in (("", "INVALID_INPUT"), (" \n", "INVALID_INPUT"), ("\x0bx", "TEXT_INVALID")):
            (refused,) = await take_back(second, note=note)
            assert (refused.code, refused.field) == (code, "note")
        with pytest.raises(NoItemsError):
            await take_back()
        with pytest.raises(TooManyItemsError):
            await take_back(*[first] * 1001)

    async def test_is_an_officers(self, parties, take_back, verified):
        (complaint_id,) = await verified(ANI)
        with pytest.raises(OfficerRequiredError):
            await take_back(complaint_id, viewer=parties.regulator)
        for viewer in (parties.agency, parties.telkomsel, parties.provider):
            with pytest.raises(ForbiddenError):
                await take_back(complaint_id, viewer=viewer)


class TestDrafts:
    async def test_a_draft_about_it_is_discarded_and_its_other_complaints_wait_again(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        mistaken, sound = await verified(ANI, BUDI)
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        (taken,) = await take_back(mistaken)
        assert taken.state is ComplaintState.SUBMITTED
        order = await read(database, parties, as_of, get_block_order, order_id=draft.id)
        assert (order.state, order.ended_at) == (OrderState.DISCARDED, as_of)
        assert order.end_note is not None
        assert await states_of(database, parties, as_of, [sound]) == [ComplaintState.VERIFIED]
        assert (await read_events(owner_connection, draft.id))[-1] == ("ORDER_DISCARDED", "DISCARDED")
        assert (await read_events(owner_connection, sound))[-1] == ("COMPLAINT_RELEASED", "VERIFIED")
        number = await read(database, parties, as_of, get_number, TELKOMSEL_NUMBER)
        assert (number.verified_complaint_count, number.status) == (1, NumberStatus.CLEAR)
        await forward(database, parties, as_of)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            links = text("SELECT complaint_id::text FROM order_complaints WHERE order_id <> CAST(:id AS uuid)")
            assert (await tx.execute(links, {"id": draft.id})).scalars().all() == [sound]

    async def test_all_complaints_behind_a_draft_can_be_taken_back_at_once(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        ids = await verified(ANI, BUDI)
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await take_back(*ids)
        assert await states_of(database, parties, as_of, ids) == [ComplaintState.SUBMITTED] * 2
        discarded = [event for event in await read_events(owner_connection, draft.id) if event[0] == "ORDER_DISCARDED"]
        assert len(discarded) == 1

    async def test_nothing_is_taken_back_once_an_order_about_it_was_issued(self, database, parties, as_of, take_back):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            complaint_id = str((await tx.execute(text("SELECT id FROM complaints"))).scalar_one())
        for act in (None, {"kind": "RECEIVED"}, {"kind": "IMPOSSIBLE", "reason": "TECHNICAL"}):
            if act is not None:
                await acknowledge(database, parties.telkomsel, as_of, order, **act)
            (refused,) = await take_back(complaint_id)
            assert refused.code == "INCOMPATIBLE_STATE"
            assert await states_of(database, parties, as_of, [complaint_id]) == [ComplaintState.ESCALATED]

    async def test_a_manifest_read_before_issues_nothing_that_was_taken_back(
        self, database, parties, as_of, take_back, verified
    ):
        (complaint_id,) = await verified(ANI)
        run = await forward(database, parties, as_of)
        await take_back(complaint_id)
        approval = ForwardingApproval(run_id=run.id, manifest_hash=run.manifest_hash)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            _, results, _ = await approve_forwarding(tx, approval)
        assert [result.code for result in results] == ["INCOMPATIBLE_STATE"]
        assert await states_of(database, parties, as_of, [complaint_id]) == [ComplaintState.SUBMITTED]


class TestRaces:
    async def test_of_two_officers_at_once_one_prevails(self, parties, take_back, verified, owner_connection):
        (complaint_id,) = await verified(ANI)
        viewers = (parties.officer, parties.other_officer) * 3
        results = [result for (result,) in await asyncio.gather(*(take_back(complaint_id, viewer=v) for v in viewers))]
        refused = [result.code for result in results if isinstance(result, Problem)]
        assert refused == ["INCOMPATIBLE_STATE"] * 5
        told = await owner_connection.fetchval("SELECT count(*) FROM events WHERE kind = 'COMPLAINT_TAKEN_BACK'")
        assert told == 1

    async def test_with_an_approval_one_waits_and_then_is_refused(self, database, parties, as_of, take_back, verified):
        for turn in range(6):
            number = f"+62812000070{turn:02}"
            (complaint_id,) = await verified(ANI, number=number)
            [draft] = await draft_orders(database, parties, as_of, [number])

            def approve(tx, draft=draft):
                return approve_block_orders(tx, [approval_of(draft)])

            (taken,), (issued,) = await asyncio.gather(
                take_back(complaint_id), database.run(parties.other_officer, as_of=as_of, work=approve)
            )
            refused = [result for result in (taken, issued) if isinstance(result, Problem)]
            assert [problem.code for problem in refused] == ["INCOMPATIBLE_STATE"]
            order = await read(database, parties, as_of, get_block_order, order_id=draft.id)
            assert order.state is (OrderState.ISSUED if taken in refused else OrderState.DISCARDED)
            (state,) = await states_of(database, parties, as_of, [complaint_id])
            assert state is (ComplaintState.ESCALATED if taken in refused else ComplaintState.SUBMITTED)

    async def test_with_drafting_leaves_no_draft_about_a_complaint_that_was_taken_back(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        for turn in range(6):
            number = f"+62812000071{turn:02}"
            ids = await verified(ANI, BUDI, number=number)
            taken, _ = await asyncio.gather(
                take_back(ids[0]), draft_orders(database, parties, as_of, [number]), return_exceptions=True
            )
            (state,) = await states_of(database, parties, as_of, ids[:1])
            is_taken = not isinstance(taken[0], Problem)
            assert state is (ComplaintState.SUBMITTED if is_taken else ComplaintState.ESCALATED)
            standing = await owner_connection.fetchval(
                "SELECT count(*) FROM order_complaints oc JOIN block_orders o ON o.id = oc.order_id "
                "WHERE oc.complaint_id = $1 AND o.state = 'DRAFT'",
                ids[0],
            )
            assert standing == (0 if is_taken else 1)

    async def test_with_forwarding_joins_no_complaint_to_a_discarded_draft(
        self, database, parties, as_of, take_back, verified, owner_connection
    ):
        for turn in range(4):
            number = f"+62812000072{turn:02}"
            (mistaken,) = await verified(ANI, number=number)
            await draft_orders(database, parties, as_of, [number])
            (joining,) = await verified(BUDI, number=number)
            await asyncio.gather(take_back(mistaken), forward(database, parties, as_of), return_exceptions=True)
            (state,) = await states_of(database, parties, as_of, [joining])
            standing = await owner_connection.fetchval(
                "SELECT count(*) FROM order_complaints oc JOIN block_orders o ON o.id = oc.order_id "
                "WHERE oc.complaint_id = $1 AND o.state = 'DRAFT'",
                joining,
            )
            assert (state, standing) in {(ComplaintState.VERIFIED, 0), (ComplaintState.ESCALATED, 1)}


class TestCost:
    async def test_a_thousand_take_as_many_statements_as_one(self, database, parties, as_of, take_back):
        costs = []
        for size, prefix in ((1, "+6281201"), (1000, "+6281202")):
            numbers = [f"{prefix}{place:06}" for place in range(size)]
            ids = [complaint.id for complaint in await file_verified(database, parties, as_of, numbers)]
            await draft_orders(database, parties, as_of, numbers)
            statements: list[str] = []
            stop = count_statements(database, statements.append)
            results = await take_back(*ids)
            stop()
            assert not any(isinstance(result, Problem) for result in results)
            costs.append(len([line for line in statements if "set_config" not in line]))
        assert costs[0] == costs[1] <= 20, costs
