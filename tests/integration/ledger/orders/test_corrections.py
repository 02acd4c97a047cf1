"""Corrections: a carrier replaces a wrong statement, both are kept, and the duty stands as the correction says."""

import asyncio
import random
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.decisions import record_complainant_informed
from ledger.complaints.reading import get_complaint
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.errors import Problem
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder, acknowledge_block_orders, load_acknowledgements
from ledger.orders.approval import OrderNote, approve_block_orders
from ledger.orders.closing import close_block_orders, withdraw_block_orders
from ledger.orders.content import hash_content
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.reading import get_block_order
from ledger.orders.revisions import Revision, reissue_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind as Kind
from ledger.orders.vocabulary import ImpossibleReason, LiftBasis
from ledger.vocabulary import BlockRequestStatus
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    issue_orders,
    lift_orders,
    read_approvals,
)

WHY = "The batch was sent before the job had run."


@pytest.fixture
def correct(database, parties, as_of):
    """Correct one statement about an order, by the carrier unless another viewer is given."""

    async def call(order, corrected, kind=Kind.IMPOSSIBLE, *, viewer=parties.telkomsel, at=as_of, **more):
        said = {"reason": "TECHNICAL"} if kind is Kind.IMPOSSIBLE else {}
        if not {"corrects_id", "corrects_reference"} & more.keys():
            said["corrects_id"] = corrected.acknowledgement.id
        return await acknowledge(database, viewer, at, order, kind, **({"reference": "C-1", "note": WHY} | said | more))

    return call


async def read_complaint(database, parties, as_of):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        complaint_id = (await tx.execute(text("SELECT id FROM complaints"))).scalar_one()
        return await get_complaint(tx, str(complaint_id))


class TestCorrect:
    async def test_executed_to_impossible_reopens_the_duty_and_all_that_rested_on_it(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        complaint = await read_complaint(database, parties, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await record_complainant_informed(tx, [complaint.id])
        done = await correct(order, first)
        assert isinstance(done, AcknowledgedOrder), done
        assert (done.order.state, done.order.status) == (OrderState.IMPOSSIBLE, BlockRequestStatus.NOT_DONE)
        assert (done.order.executed_at, done.order.effective_at) == (None, None)
        assert done.order.impossible_reason is ImpossibleReason.TECHNICAL
        assert done.order.due_at == order.due_at
        complaint = await read_complaint(database, parties, as_of)
        assert complaint.state is ComplaintState.ESCALATED
        assert (complaint.outcome, complaint.resolved_at, complaint.complainant_informed_at) == (None, None, None)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.CLEAR

    async def test_keeps_and_shows_both_statements_to_the_carrier_and_the_regulator(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        later = await correct(order, first)
        for viewer in (parties.telkomsel, parties.officer):
            async with database.reading(viewer, as_of=as_of) as tx:
                wrong, right = (await load_acknowledgements(tx, [order.id]))[order.id]
            assert wrong == replace(first.acknowledgement, corrected_by=later.acknowledgement.id)
            assert (right.corrects, right.corrected_by, right.note) == (wrong.id, None, WHY)
            assert right.moved_state

    async def test_executed_to_received_is_owed_again_by_the_first_due_time(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        late = as_of + timedelta(hours=25)
        done = await correct(order, first, Kind.RECEIVED, at=late)
        assert (done.order.state, done.order.due_at, done.order.is_overdue) == (OrderState.RECEIVED, order.due_at, True)
        assert (done.acknowledgement.is_late, done.order.was_late) == (True, False)
        async with database.reading(parties.officer, as_of=late) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.BLOCK_ORDERED
        again = await acknowledge(database, parties.telkomsel, late, order, reference="TT-2")
        assert (again.order.state, again.order.executed_at, again.order.was_late) == (OrderState.EXECUTED, late, True)
        complaint = await read_complaint(database, parties, late)
        assert (complaint.state, complaint.outcome, complaint.resolved_at) == (
            ComplaintState.RESOLVED, ComplaintOutcome.BLOCKED, late,
        )  # fmt: skip

    async def test_impossible_to_executed_blocks_the_number_and_resolves_its_complaints(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        said = {"kind": Kind.IMPOSSIBLE, "reason": "NOT_ASSIGNED"}
        first = await acknowledge(database, parties.telkomsel, as_of, order, **said)
        late = as_of + timedelta(hours=25)
        done = await correct(order, first, Kind.EXECUTED, at=late)
        assert (done.order.state, done.order.impossible_reason) == (OrderState.EXECUTED, None)
        assert (done.order.executed_at, done.order.was_late) == (late, True)
        assert (await read_complaint(database, parties, late)).outcome is ComplaintOutcome.BLOCKED
        async with database.reading(parties.officer, as_of=late) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.BLOCKED

    async def test_of_details_alone_leaves_when_it_was_executed_and_that_it_was_in_time(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        late = as_of + timedelta(hours=25)
        effective_at = as_of + timedelta(minutes=4)
        done = await correct(order, first, Kind.EXECUTED, at=late, effective_at=effective_at)
        assert (done.order.executed_at, done.order.effective_at) == (as_of, effective_at)
        assert (done.acknowledgement.is_late, done.order.was_late) == (True, False)
        assert (await read_complaint(database, parties, late)).resolved_at == as_of

    async def test_again_answers_the_first_recording_by_id_and_by_reference(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        done = await correct(order, first, reference="TT-1")
        for named in ({"corrects_id": first.acknowledgement.id.upper()}, {"corrects_reference": " TT-1 "}):
            again = await correct(order, first, reference="TT-1", at=as_of + timedelta(hours=1), **named)
            assert again.was_known
            assert again.acknowledgement == done.acknowledgement

    async def test_with_other_content_under_the_same_reference_is_a_conflict(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order, Kind.IMPOSSIBLE, reason="TECHNICAL")
        done = await correct(order, first, Kind.IMPOSSIBLE, reason="LEGAL_HOLD")
        assert done.order.impossible_reason is ImpossibleReason.LEGAL_HOLD
        for changed in ({"reason": "TECHNICAL"}, {"note": "Other words."}, {"corrects_id": done.acknowledgement.id}):
            problem = await correct(order, first, Kind.IMPOSSIBLE, **({"reason": "LEGAL_HOLD"} | changed))
            assert problem.code == "ACKNOWLEDGEMENT_CONFLICT"
        plain = {"reason": "LEGAL_HOLD", "reference": "C-1", "note": WHY}
        problem = await acknowledge(database, parties.telkomsel, as_of, order, Kind.IMPOSSIBLE, **plain)
        assert problem.code == "ACKNOWLEDGEMENT_CONFLICT"

    async def test_by_a_reference_that_recurs_means_the_statement_that_stands(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for kind in (Kind.RECEIVED, Kind.PARTIAL, Kind.EXECUTED):
            last = await acknowledge(database, parties.telkomsel, as_of, order, kind)
        done = await correct(order, None, Kind.PARTIAL, corrects_reference="TT-1")
        assert done.acknowledgement.corrects == last.acknowledgement.id
        assert done.order.state is OrderState.PARTIAL

    async def test_in_the_same_call_sees_what_it_corrects(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        more = {"order_id": order.id, "note": WHY}
        drafts = [
            AcknowledgementDraft(kind=Kind.EXECUTED, reference="a", **more),
            AcknowledgementDraft(kind=Kind.PARTIAL, reference="b", corrects_reference="a", **more),
            AcknowledgementDraft(kind=Kind.RECEIVED, reference="c", corrects_reference="a", **more),
            AcknowledgementDraft(kind=Kind.RECEIVED, reference="c", corrects_reference="b", **more),
        ]
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            results = await acknowledge_block_orders(tx, drafts)
        assert [getattr(result, "code", None) for result in results] == [None, None, "ALREADY_CORRECTED", None]
        assert results[-1].order.state is OrderState.RECEIVED

    @pytest.mark.parametrize(
        ("said", "code", "field"),
        [
            ({"note": None}, "CORRECTION_REASON_MISSING", "note"),
            ({"note": "  "}, "CORRECTION_REASON_MISSING", "note"),
            ({"kind": Kind.LIFTED}, "CORRECTION_INVALID", "kind"),
            ({"kind": Kind.LIFT_IMPOSSIBLE, "reason": "TECHNICAL"}, "CORRECTION_INVALID", "kind"),
            ({"kind": Kind.IMPOSSIBLE, "reason": None}, "REASON_MISSING", "reason"),
            ({"corrects_id": "x", "corrects_reference": "TT-1"}, "CORRECTION_INVALID", "correctsReference"),
            ({"corrects_id": "no id"}, "NOT_FOUND", "correctsId"),
            ({"corrects_id": ""}, "NOT_FOUND", "correctsId"),
            ({"corrects_id": "\ud800"}, "NOT_FOUND", "correctsId"),
            ({"corrects_reference": "TT-9"}, "NOT_FOUND", "correctsReference"),
            ({"corrects_reference": ""}, "NOT_FOUND", "correctsReference"),
            ({"corrects_reference": "a\x00b"}, "NOT_FOUND", "correctsReference"),
            ({"version": 2}, "VERSION_UNKNOWN", "version"),
        ],
    )
    async def test_refuses_what_it_can_not_mean(self, database, parties, as_of, correct, said, code, field):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        problem = await correct(order, first, **said)
        assert isinstance(problem, Problem), problem
        assert (problem.code, problem.field) == (code, field)
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await load_acknowledgements(tx, [order.id]))[order.id] == [first.acknowledgement]
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.EXECUTED

    async def test_tells_the_carrier_the_regulator_and_the_complaints_source(
        self, database, parties, as_of, correct, owner_connection
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        done = await correct(order, first)
        rows = await owner_connection.fetch(
            "SELECT kind, state, audience::text[], payload::jsonb->>'corrects' AS corrects FROM events "
            "WHERE kind IN ('ORDER_ACKNOWLEDGED', 'COMPLAINT_RESOLVED', 'COMPLAINT_RESUMED') ORDER BY id"
        )
        told = [(row["kind"], row["state"], row["audience"], row["corrects"]) for row in rows]
        carrier, source = [parties.telkomsel.member_id], [parties.agency.member_id]
        assert told == [
            ("ORDER_ACKNOWLEDGED", "EXECUTED", carrier, None),
            ("COMPLAINT_RESOLVED", "RESOLVED", source, None),
            ("ORDER_ACKNOWLEDGED", "IMPOSSIBLE", carrier, first.acknowledgement.id),
            ("COMPLAINT_RESUMED", "ESCALATED", source, None),
        ]
        assert done.acknowledgement.corrects == first.acknowledgement.id


class TestAttacks:
    async def test_another_carrier_that_corrects_learns_and_changes_nothing(self, database, parties, as_of, correct):
        order, other = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        mine = await acknowledge(database, parties.indosat, as_of, other)
        # Under the other's order; and a foreign statement under one's own.
        assert (await correct(order, first, viewer=parties.indosat)).code == "NOT_FOUND"
        foreign = await correct(other, first, viewer=parties.indosat)
        unknown = await correct(other, None, viewer=parties.indosat, corrects_id="01900000-0000-7000-8000-000000000000")
        assert foreign == unknown
        assert (foreign.code, foreign.field) == ("NOT_FOUND", "correctsId")
        async with database.reading(parties.officer, as_of=as_of) as tx:
            said = await load_acknowledgements(tx, [order.id, other.id])
        assert said == {order.id: [first.acknowledgement], other.id: [mine.acknowledgement]}

    async def test_a_client_narrowed_to_another_brand_corrects_nothing(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        narrowed = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        assert (await correct(order, first, viewer=narrowed)).code == "NOT_FOUND"

    async def test_correcting_twice_is_refused_and_the_correction_itself_can_be_corrected(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        second = await correct(order, first)
        assert (await correct(order, first, Kind.PARTIAL, reference="C-2")).code == "ALREADY_CORRECTED"
        third = await correct(order, second, Kind.EXECUTED, reference="C-3")
        assert third.order.state is OrderState.EXECUTED
        assert (await read_complaint(database, parties, as_of)).state is ComplaintState.RESOLVED

    async def test_a_statement_that_a_later_one_overtook_moves_nothing_any_more(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        received = await acknowledge(database, parties.telkomsel, as_of, order, Kind.RECEIVED)
        assert (await correct(order, received)).code == "INCOMPATIBLE_STATE"
        partial = await acknowledge(database, parties.telkomsel, as_of, order, Kind.PARTIAL)
        await acknowledge(database, parties.telkomsel, as_of, order)
        unmoved = await acknowledge(database, parties.telkomsel, as_of, order, reference="TT-2")
        for overtaken in (received, partial, unmoved):
            assert (await correct(order, overtaken)).code == "STATEMENT_NOT_STANDING"

    async def test_correcting_after_the_lift_does_not_block_or_free_the_number(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        lift = LiftDraft(order_id=order.id, basis=LiftBasis.APPEAL, note="Granted.")
        await lift_orders(database, parties, as_of, [lift])
        assert (await correct(order, first)).code == "STATEMENT_OUTDATED"
        lifted = await acknowledge(database, parties.telkomsel, as_of, order, Kind.LIFTED)
        assert lifted.order.state is OrderState.LIFTED
        assert (await correct(order, first, Kind.EXECUTED)).code == "STATEMENT_OUTDATED"
        assert (await correct(order, lifted, Kind.EXECUTED)).code == "INCOMPATIBLE_STATE"
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.CLEAR

    async def test_a_withdrawn_orders_statement_stays_as_it_was_said(self, database, parties, as_of, correct):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await withdraw_block_orders(tx, [OrderNote(order_id=order.id, note="Wrong number.")])
        marked = await acknowledge(database, parties.telkomsel, as_of, order)
        assert (await correct(order, marked)).code == "INCOMPATIBLE_STATE"

    async def test_a_closed_or_reissued_orders_statement_stays_as_it_was_said(self, database, parties, as_of, correct):
        closed, reissued = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, "+6281200000002"])
        said = {"kind": Kind.IMPOSSIBLE, "reason": "TECHNICAL"}
        firsts = [await acknowledge(database, parties.telkomsel, as_of, order, **said) for order in (closed, reissued)]
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await close_block_orders(tx, [OrderNote(order_id=closed.id, note="It can't be done.")])
            await reissue_block_orders(tx, [Revision(order_id=reissued.id, content_hash=hash_content(reissued))])
        assert (await correct(closed, firsts[0], Kind.EXECUTED)).code == "INCOMPATIBLE_STATE"
        assert (await correct(reissued, firsts[1], Kind.EXECUTED)).code == "STATEMENT_OUTDATED"
        again = await acknowledge(database, parties.telkomsel, as_of, reissued, reference="TT-2")
        assert (await correct(reissued, firsts[1], Kind.EXECUTED)).code == "STATEMENT_OUTDATED"
        assert (await correct(reissued, again, version=1)).code == "CORRECTION_INVALID"
        assert (await correct(reissued, again)).order.state is OrderState.IMPOSSIBLE

    async def test_eight_corrections_at_once_of_one_statement_record_one(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)

        def correction(place):
            draft = AcknowledgementDraft(
                order_id=order.id,
                kind=Kind.PARTIAL,
                reference=f"C-{place}",
                note=WHY,
                corrects_id=first.acknowledgement.id,
            )
            return database.run(parties.telkomsel, as_of=as_of, work=lambda tx: acknowledge_block_orders(tx, [draft]))

        results = [result for (result,) in await asyncio.gather(*map(correction, range(8)))]
        refused = [result.code for result in results if isinstance(result, Problem)]
        assert refused == ["ALREADY_CORRECTED"] * 7

    @pytest.mark.parametrize("act", ["lift", "reissue", "withdraw"])
    async def test_a_correction_that_races_with_an_officer_waits_and_one_of_them_is_refused(
        self, database, parties, as_of, act
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        kind = Kind.IMPOSSIBLE if act == "reissue" else Kind.EXECUTED
        reason = "TECHNICAL" if act == "reissue" else None
        first = await acknowledge(database, parties.telkomsel, as_of, order, kind, reason=reason)
        # Away from what the officer's act needs; withdrawing needs the correction to come first.
        to = Kind.EXECUTED if act == "reissue" else Kind.RECEIVED
        draft = AcknowledgementDraft(
            order_id=order.id, kind=to, reference="C-1", note=WHY, corrects_id=first.acknowledgement.id
        )

        approvals = []
        if act == "lift":
            lift = LiftDraft(order_id=order.id, basis=LiftBasis.COURT, note="So decided.")
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await draft_lifts(tx, [lift])
                approvals = await read_approvals(tx, [order])

        async def decide(tx):
            if act == "lift":
                return (await approve_block_orders(tx, approvals))[0]
            if act == "reissue":
                again = Revision(order_id=order.id, content_hash=hash_content(order))
                return (await reissue_block_orders(tx, [again]))[0]
            return (await withdraw_block_orders(tx, [OrderNote(order_id=order.id, note="Wrong.")]))[0]

        async def correct(tx):
            return (await acknowledge_block_orders(tx, [draft]))[0]

        decided, corrected = await asyncio.gather(
            database.run(parties.other_officer, as_of=as_of, work=decide),
            database.run(parties.telkomsel, as_of=as_of, work=correct),
        )
        async with database.reading(parties.officer, as_of=as_of) as tx:
            state = (await get_block_order(tx, order_id=order.id)).state
        if isinstance(corrected, Problem):
            assert corrected.code == "STATEMENT_OUTDATED"
            assert state is {"lift": OrderState.LIFT_ISSUED, "reissue": OrderState.ISSUED}[act]
        elif act == "withdraw" and not isinstance(decided, Problem):
            assert state is OrderState.WITHDRAWN
        else:
            assert decided.code == "INCOMPATIBLE_STATE"
            assert state is (OrderState.EXECUTED if act == "reissue" else OrderState.RECEIVED)

    async def test_the_database_itself_refuses_a_second_correction_and_one_without_a_note(
        self, database, parties, as_of, correct
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        await correct(order, first)
        insertion = text(
            "INSERT INTO order_acknowledgements (id, order_id, carrier_id, version, kind, reference, effective_at, "
            "recorded_at, moved_state, corrects, note) SELECT gen_random_uuid(), order_id, carrier_id, version, kind, "
            "'forged', effective_at, recorded_at, true, CAST(:corrects AS uuid), :note FROM order_acknowledgements "
            "WHERE id = CAST(:id AS uuid)"
        )
        corrected, last = first.acknowledgement.id, (await correct(order, first)).acknowledgement.id
        for target, note, constraint in (
            (corrected, WHY, "uq_order_acknowledgements_corrects"),
            (last, None, "ck_order_acknowledgements_correction_with_note"),
        ):
            with pytest.raises(DBAPIError, match=constraint):
                async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
                    await tx.execute(insertion, {"id": corrected, "corrects": target, "note": note})


class TestWhateverIsSaid:
    """Random statements and corrections, against a model that only replaces what is corrected."""

    @pytest.mark.parametrize("seed", range(3))
    async def test_the_order_is_what_its_last_uncorrected_statement_says(self, database, parties, as_of, correct, seed):
        chance = random.Random(seed)  # noqa: S311 - repeatable on purpose
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        standing = []
        everything = []
        for step in range(25):
            kind = chance.choice((Kind.RECEIVED, Kind.EXECUTED, Kind.PARTIAL, Kind.IMPOSSIBLE))
            more = {"reason": "TECHNICAL"} if kind is Kind.IMPOSSIBLE else {}
            corrected = chance.choice(everything) if everything and chance.random() < 0.7 else None
            if corrected is None:
                result = await acknowledge(
                    database, parties.telkomsel, as_of, order, kind, reference=f"S-{step}", **more
                )
            else:
                result = await correct(order, corrected, kind, reference=f"S-{step}", **more)
            if isinstance(result, Problem):
                continue
            everything.append(result)
            if corrected is not None:
                assert standing[-1] is corrected
                standing[-1] = result
            elif result.acknowledgement.moved_state:
                standing.append(result)
            assert result.order.state == standing[-1].acknowledgement.kind
            assert result.order.standing_acknowledgement_id == standing[-1].acknowledgement.id
            if result.order.state in {OrderState.EXECUTED, OrderState.PARTIAL}:
                assert result.order.executed_at is not None
            elif corrected is not None and kind is not corrected.acknowledgement.kind:
                assert result.order.executed_at is None
            complaint = await read_complaint(database, parties, as_of)
            assert (complaint.state is ComplaintState.RESOLVED) == (result.order.state is OrderState.EXECUTED)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            said = (await load_acknowledgements(tx, [order.id]))[order.id]
        assert len(said) == len(everything)
