"""Four eyes see what is issued: a block, its next version and its lift are approved by the hash of their content."""

import asyncio
import hashlib
import json
from datetime import timedelta

import pytest
from asyncpg import CheckViolationError

from ledger.errors import ForbiddenError, OfficerRequiredError
from ledger.forwarding.proposals import ForwardingApproval, approve_forwarding
from ledger.forwarding.reading import read_manifest
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus
from ledger.orders.approval import Approval, OrderNote, approve_block_orders, return_block_orders
from ledger.orders.closing import close_block_orders, discard_block_orders, withdraw_block_orders
from ledger.orders.content import hash_content, render_content
from ledger.orders.lifts import LiftDraft, draft_lifts, lift_block_orders
from ledger.orders.proposals import load_pending_proposals
from ledger.orders.reading import OrderFilter, get_block_order, list_block_orders
from ledger.orders.revisions import Revision, reissue_block_orders, revise_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope, LiftBasis
from ledger.orders.waiting import get_waiting
from ledger.pages import PageRequest
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    WORDS,
    acknowledge,
    approval_of,
    approve_proposals,
    draft_orders,
    file_verified,
    forward,
    issue_orders,
    lift_orders,
)


async def draft_one(database, parties, as_of, number=TELKOMSEL_NUMBER):
    await file_verified(database, parties, as_of, [number])
    [draft] = await draft_orders(database, parties, as_of, [number])
    return draft


async def read(database, viewer, as_of, order):
    async with database.reading(viewer, as_of=as_of) as tx:
        return await get_block_order(tx, order_id=order.id)


async def run(database, viewer, as_of, work, items):
    return await database.run(viewer, as_of=as_of, work=lambda tx: work(tx, items))


async def impossible(database, parties, as_of, reason="TECHNICAL"):
    [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
    await acknowledge(database, parties.telkomsel, as_of, order, kind=AcknowledgementKind.IMPOSSIBLE, reason=reason)
    return await read(database, parties.officer, as_of, order)


async def executed(database, parties, as_of, number=TELKOMSEL_NUMBER):
    [order] = await issue_orders(database, parties, as_of, [number])
    await acknowledge(database, parties.telkomsel, as_of, order)
    return await read(database, parties.officer, as_of, order)


def lift_of(order, **more):
    return LiftDraft(**({"order_id": order.id, "basis": LiftBasis.APPEAL, "note": "The appeal was granted."} | more))


class TestContent:
    async def test_says_all_that_is_ordered_and_nothing_that_anyone_else_may_add(self, database, parties, as_of):
        draft = await draft_one(database, parties, as_of)
        said = json.loads(render_content(draft))
        assert said == {
            "kind": "BLOCK", "orderId": draft.id, "orderNo": draft.order_no, "version": 1,
            "directiveId": draft.id, "supersedesId": None, "number": TELKOMSEL_NUMBER, "epoch": 1,
            "carrierId": parties.telkomsel.member_id, "brandId": None, "category": "FRAUD",
            "scope": "OUTGOING_VOICE_SMS", "legalBasis": WORDS["legal_basis"], "summary": WORDS["summary"],
            "subscriberNotice": WORDS["subscriber_notice"], "holdReasons": [], "complaintCount": 1,
            "complainantCount": 1,
        }  # fmt: skip
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await forward(database, parties, as_of)
        joined = await read(database, parties.officer, as_of, draft)
        assert joined.complaint_count == 2
        assert hash_content(joined) == hash_content(draft) == hashlib.sha256(render_content(draft).encode()).hexdigest()


class TestApproval:
    async def test_drafter_who_changes_the_content_after_it_was_read_gets_nothing_issued(
        self, database, parties, as_of
    ):
        draft = await draft_one(database, parties, as_of)
        change = Revision(order_id=draft.id, scope=BlockScope.DEACTIVATE, legal_basis="Another law")
        [revised] = await run(database, parties.officer, as_of, revise_block_orders, [change])
        [problem] = await run(database, parties.other_officer, as_of, approve_block_orders, [approval_of(draft)])
        assert (problem.code, problem.field) == ("CONTENT_CHANGED", "contentHash")
        assert problem.hint
        assert (await read(database, parties.officer, as_of, draft)).state is OrderState.DRAFT
        [issued] = await run(database, parties.other_officer, as_of, approve_block_orders, [approval_of(revised)])
        assert (issued.state, issued.scope, issued.legal_basis) == ("ISSUED", "DEACTIVATE", "Another law")

    @pytest.mark.parametrize(
        "change",
        [{"scope": BlockScope.ALL_SERVICES}, {"summary": "x"}, {"subscriber_notice": "x"}, {"legal_basis": "x"}],
    )
    async def test_old_hash_is_never_good_for_a_later_content(self, database, parties, as_of, change):
        draft = await draft_one(database, parties, as_of)
        await run(database, parties.officer, as_of, revise_block_orders, [Revision(order_id=draft.id, **change)])
        [problem] = await run(database, parties.other_officer, as_of, approve_block_orders, [approval_of(draft)])
        assert problem.code == "CONTENT_CHANGED"

    async def test_hash_of_another_order_or_of_nothing_issues_nothing(self, database, parties, as_of):
        draft = await draft_one(database, parties, as_of)
        other = await draft_one(database, parties, as_of, number="+6281200000002")
        for content_hash in (hash_content(other), "", "0" * 64, "\u0130"):
            forged = Approval(order_id=draft.id, content_hash=content_hash)
            [problem] = await run(database, parties.other_officer, as_of, approve_block_orders, [forged])
            assert problem.code == "CONTENT_CHANGED"

    async def test_tokens_of_machines_carriers_and_agencies_approve_draft_and_lift_nothing(
        self, database, parties, as_of
    ):
        draft = await draft_one(database, parties, as_of)
        order = await executed(database, parties, as_of, number="+6281200000002")
        attempts = (
            (approve_block_orders, [approval_of(draft)]),
            (draft_lifts, [lift_of(order)]),
            (lift_block_orders, [lift_of(order)]),
            (revise_block_orders, [Revision(order_id=draft.id, summary="x")]),
            (reissue_block_orders, [Revision(order_id=order.id)]),
        )
        for work, items in attempts:
            for viewer in (parties.telkomsel, parties.agency, parties.provider):
                with pytest.raises(ForbiddenError):
                    await run(database, viewer, as_of, work, items)
            with pytest.raises(OfficerRequiredError):
                await run(database, parties.regulator, as_of, work, items)


class TestManifest:
    async def test_gives_the_text_that_its_hash_is_of_with_each_drafts_hash_and_distinct_complainants(
        self, database, parties, as_of
    ):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, TELKOMSEL_NUMBER, "+12025550123"])
        run_ = await forward(database, parties, as_of)
        async with database.reading(parties.other_officer, as_of=as_of) as tx:
            text = await read_manifest(tx, run_.id)
            [order] = (await list_block_orders(tx, PageRequest())).items
        assert hashlib.sha256(text.encode()).hexdigest() == run_.manifest_hash
        drafted, foreign = json.loads(text)["items"]
        # Both complaints are of one source and name nobody.
        assert (drafted["complaint_count"], drafted["complainant_count"]) == (2, 1)
        assert (drafted["order_id"], drafted["content_hash"]) == (order.id, hash_content(order))
        assert (foreign["result"], foreign["complainant_count"], foreign["content_hash"]) == ("NOT_DOMESTIC", 1, None)
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            with pytest.raises(ForbiddenError):
                await read_manifest(tx, run_.id)

    async def test_drafter_who_changes_scope_and_texts_behind_it_gets_that_draft_refused_and_no_other(
        self, database, parties, as_of
    ):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        run_ = await forward(database, parties, as_of)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            drafts = {order.e164: order for order in (await list_block_orders(tx, PageRequest())).items}
        change = Revision(order_id=drafts[TELKOMSEL_NUMBER].id, scope=BlockScope.DEACTIVATE, summary="Something else.")
        await run(database, parties.officer, as_of, revise_block_orders, [change])
        approval = ForwardingApproval(run_id=run_.id, manifest_hash=run_.manifest_hash)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            concluded, results, _ = await approve_forwarding(tx, approval)
        assert [getattr(result, "code", None) for result in results] == ["CONTENT_CHANGED", None]
        assert concluded.approved_count == 1
        assert (await read(database, parties.officer, as_of, drafts[TELKOMSEL_NUMBER])).state is OrderState.DRAFT

    async def test_from_before_hashes_were_kept_issues_nothing(self, database, parties, as_of, owner_connection):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        run_ = await forward(database, parties, as_of)
        await owner_connection.execute("UPDATE forwarding_items SET content_hash = NULL")
        approval = ForwardingApproval(run_id=run_.id, manifest_hash=run_.manifest_hash)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            _, [problem], _ = await approve_forwarding(tx, approval)
        assert problem.code == "CONTENT_CHANGED"


class TestReissue:
    async def test_unchanged_takes_an_officer_other_than_the_drafter(self, database, parties, as_of):
        order = await impossible(database, parties, as_of)
        again = [Revision(order_id=order.id, summary=order.summary, content_hash=hash_content(order))]
        [own] = await run(database, parties.officer, as_of, reissue_block_orders, again)
        assert own.code == "FOUR_EYES"
        [issued] = await run(database, parties.other_officer, as_of, reissue_block_orders, again)
        assert (issued.state, issued.version, issued.summary) == (OrderState.ISSUED, 2, order.summary)

    async def test_of_content_that_was_not_read_is_refused(self, database, parties, as_of):
        order = await impossible(database, parties, as_of)
        for content_hash in (None, "0" * 64):
            blind = [Revision(order_id=order.id, content_hash=content_hash)]
            [problem] = await run(database, parties.other_officer, as_of, reissue_block_orders, blind)
            assert problem.code == "CONTENT_CHANGED"
        stale = [Revision(order_id=order.id, content_hash="0" * 64, summary="x")]
        [problem] = await run(database, parties.officer, as_of, revise_block_orders, stale)
        assert problem.code == "CONTENT_CHANGED"

    async def test_officer_who_changes_anything_in_it_can_not_issue_it(self, database, parties, as_of):
        order = await impossible(database, parties, as_of)
        change = Revision(order_id=order.id, scope=BlockScope.DEACTIVATE)
        later = as_of + timedelta(hours=1)
        [kept] = await run(database, parties.other_officer, later, reissue_block_orders, [change])
        assert (kept.state, kept.version, kept.scope) == (OrderState.IMPOSSIBLE, 1, order.scope)
        async with database.transaction(parties.other_officer, as_of=later) as tx:
            [own] = await approve_proposals(tx, [kept])
        assert own.code == "FOUR_EYES"
        async with database.transaction(parties.officer, as_of=later) as tx:
            [issued] = await approve_proposals(tx, [kept])
        assert (issued.state, issued.version, issued.scope) == (OrderState.ISSUED, 2, BlockScope.DEACTIVATE)
        assert (issued.drafted_by, issued.approved_by) == (
            parties.other_officer.officer_id, parties.officer.officer_id,
        )  # fmt: skip
        assert issued.due_at == later + timedelta(hours=24)

    async def test_carrier_sees_the_last_issued_version_and_no_event_until_the_next_is_approved(
        self, database, parties, as_of, owner_connection
    ):
        order = await impossible(database, parties, as_of)
        before = await read(database, parties.telkomsel, as_of, order)
        change = Revision(order_id=order.id, scope=BlockScope.ALL_SERVICES, summary="Secret as yet.")
        await run(database, parties.officer, as_of, revise_block_orders, [change])
        assert await read(database, parties.telkomsel, as_of, order) == before
        [event] = await owner_connection.fetch("SELECT audience, payload FROM events WHERE kind = 'ORDER_PROPOSED'")
        assert event["audience"] == []
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await approve_proposals(tx, [order])
        assert (await read(database, parties.telkomsel, as_of, order)).summary == "Secret as yet."

    async def test_revision_of_a_proposal_makes_its_reader_read_again(self, database, parties, as_of):
        order = await impossible(database, parties, as_of)
        await run(database, parties.officer, as_of, revise_block_orders, [Revision(order_id=order.id, summary="One.")])
        async with database.reading(parties.other_officer, as_of=as_of) as tx:
            pending = (await load_pending_proposals(tx, [order.id]))[order.id]
        read_by_approver = approval_of(get_waiting(order, pending).order)
        change = Revision(order_id=order.id, scope=BlockScope.DEACTIVATE)
        await run(database, parties.officer, as_of, revise_block_orders, [change])
        [problem] = await run(database, parties.other_officer, as_of, approve_block_orders, [read_by_approver])
        assert problem.code == "CONTENT_CHANGED"
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [issued] = await approve_proposals(tx, [order])
        assert (issued.summary, issued.scope) == ("One.", BlockScope.DEACTIVATE)

    async def test_of_what_is_for_another_carrier_or_changes_nothing_is_refused(self, database, parties, as_of):
        order = await impossible(database, parties, as_of, reason="WRONG_RANGE_HOLDER")
        change = [Revision(order_id=order.id, summary="Other.")]
        for work in (revise_block_orders, reissue_block_orders):
            [problem] = await run(database, parties.other_officer, as_of, work, change)
            assert problem.code == "SUPERSEDE_INSTEAD"
        [other] = await issue_orders(database, parties, as_of, ["+6281200000002"])
        await acknowledge(
            database, parties.telkomsel, as_of, other, kind=AcknowledgementKind.IMPOSSIBLE, reason="TECHNICAL"
        )
        [nothing] = await run(
            database, parties.officer, as_of, revise_block_orders, [Revision(order_id=other.id, summary=other.summary)]
        )
        assert nothing.code == "NOTHING_CHANGED"

    async def test_closing_the_order_ends_its_proposal(self, database, parties, as_of):
        order = await impossible(database, parties, as_of)
        await run(database, parties.officer, as_of, revise_block_orders, [Revision(order_id=order.id, summary="One.")])
        await run(database, parties.officer, as_of, close_block_orders, [OrderNote(order_id=order.id, note="No use.")])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert await load_pending_proposals(tx, [order.id]) == {}


class TestLift:
    async def test_one_officer_drafts_it_and_the_block_stands_until_another_approves(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        [kept] = await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        assert (kept.state, kept.version, kept.lift_basis) == (OrderState.EXECUTED, 1, None)
        seen = await read(database, parties.telkomsel, as_of, order)
        assert (seen.lift_basis, seen.lift_no, seen.state) == (None, None, OrderState.EXECUTED)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.BLOCKED
            [lifted] = await approve_proposals(tx, [kept])
        assert (lifted.state, lifted.version, lifted.lift_basis) == (OrderState.LIFT_ISSUED, 2, LiftBasis.APPEAL)
        assert (lifted.lift_drafted_by, lifted.lift_issued_by) == (
            parties.officer.officer_id, parties.other_officer.officer_id,
        )  # fmt: skip

    async def test_same_officer_who_drafted_it_can_not_approve_it_nor_lift_alone(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [problem] = await approve_proposals(tx, [order])
        assert problem.code == "FOUR_EYES"
        with pytest.raises(ForbiddenError) as refused:
            await run(database, parties.officer, as_of, lift_block_orders, [lift_of(order)])
        assert refused.value.code == "EMERGENCY_OFF"
        assert (await read(database, parties.officer, as_of, order)).state is OrderState.EXECUTED

    async def test_database_itself_refuses_a_lift_and_a_proposal_of_one_officer(
        self, database, parties, as_of, owner_connection
    ):
        order = await executed(database, parties, as_of)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        one = parties.officer.officer_id
        for statement in (
            "UPDATE block_orders SET lift_drafted_by = $1, lift_issued_by = $1",
            "UPDATE block_orders SET lift_issued_by = $1, lift_confirmed_by = $1",
            "UPDATE order_proposals SET state = 'APPROVED', decided_by = $1",
        ):
            with pytest.raises(CheckViolationError):
                await owner_connection.execute(statement, one)

    async def test_of_two_approvals_at_once_one_wins(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        async with database.reading(parties.other_officer, as_of=as_of) as tx:
            pending = (await load_pending_proposals(tx, [order.id]))[order.id]
        approval = approval_of(get_waiting(order, pending).order)
        results = await asyncio.gather(
            *(run(database, parties.other_officer, as_of, approve_block_orders, [approval]) for _ in range(4))
        )
        codes = sorted(getattr(result, "code", "issued") for [result] in results)
        assert codes == ["INCOMPATIBLE_STATE"] * 3 + ["issued"]

    async def test_redrafted_behind_the_approver_is_refused(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        async with database.reading(parties.other_officer, as_of=as_of) as tx:
            pending = (await load_pending_proposals(tx, [order.id]))[order.id]
        approval = approval_of(get_waiting(order, pending).order)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order, basis=LiftBasis.POLICE)])
        [problem] = await run(database, parties.other_officer, as_of, approve_block_orders, [approval])
        assert problem.code == "CONTENT_CHANGED"

    async def test_drafts_approval_is_not_good_for_the_lift(self, database, parties, as_of):
        draft = await draft_one(database, parties, as_of)
        await run(database, parties.other_officer, as_of, approve_block_orders, [approval_of(draft)])
        await acknowledge(database, parties.telkomsel, as_of, draft)
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(draft)])
        [problem] = await run(database, parties.other_officer, as_of, approve_block_orders, [approval_of(draft)])
        assert problem.code == "CONTENT_CHANGED"

    async def test_is_returned_redrafted_or_discarded_and_the_block_stands(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        note = [OrderNote(order_id=order.id, note="Which appeal?")]
        await run(database, parties.officer, as_of, draft_lifts, [lift_of(order)])
        [own] = await run(database, parties.officer, as_of, return_block_orders, note)
        assert own.code == "FOUR_EYES"
        [returned] = await run(database, parties.other_officer, as_of, return_block_orders, note)
        assert returned.state is OrderState.EXECUTED
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await load_pending_proposals(tx, [order.id]))[order.id].return_reason == "Which appeal?"
            waiting = await list_block_orders(tx, PageRequest(), OrderFilter(has_proposal=True))
            assert [each.id for each in waiting.items] == [order.id]
        [discarded] = await run(database, parties.officer, as_of, discard_block_orders, note)
        assert discarded.state is OrderState.EXECUTED
        [nothing] = await run(database, parties.other_officer, as_of, approve_block_orders, [approval_of(order)])
        assert nothing.code == "INCOMPATIBLE_STATE"
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert not (await list_block_orders(tx, PageRequest(), OrderFilter(has_proposal=True))).items
        assert len(await lift_orders(database, parties, as_of, [lift_of(order)])) == 1

    async def test_twice_in_one_call_is_refused(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        first, second = await run(database, parties.officer, as_of, draft_lifts, [lift_of(order), lift_of(order)])
        assert (first.id, second.code) == (order.id, "CONFLICT")

    async def test_basis_of_the_gateway_itself_is_not_an_officers(self, database, parties, as_of):
        order = await executed(database, parties, as_of)
        unconfirmed = [lift_of(order, basis=LiftBasis.UNCONFIRMED)]
        [problem] = await run(database, parties.officer, as_of, draft_lifts, unconfirmed)
        assert (problem.code, problem.field) == ("INVALID_INPUT", "basis")


class TestWithdrawnButExecuted:
    async def test_officer_who_withdrew_counts_as_the_drafter_of_its_lift(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        note = [OrderNote(order_id=order.id, note="Wrong number.")]
        await run(database, parties.officer, as_of, withdraw_block_orders, note)
        await acknowledge(database, parties.telkomsel, as_of, order)
        withdrawn = await read(database, parties.officer, as_of, order)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            waiting = await list_block_orders(tx, PageRequest(), OrderFilter(has_proposal=True))
        assert [each.id for each in waiting.items] == [order.id]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [own] = await approve_proposals(tx, [withdrawn])
        assert own.code == "FOUR_EYES"
        [kept] = await run(database, parties.other_officer, as_of, return_block_orders, note)
        assert kept.code == "INCOMPATIBLE_STATE"
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [lifted] = await approve_proposals(tx, [withdrawn])
        assert (lifted.state, lifted.lift_basis, lifted.lift_note) == (
            OrderState.LIFT_ISSUED, LiftBasis.REGULATOR_ERROR, "Wrong number.",
        )  # fmt: skip
