"""Approving through the graph: the text is read and hashed, and another officer approves the hash."""

import hashlib
from datetime import timedelta

import pytest

from ledger.orders.lifts import LiftDraft
from ledger.orders.vocabulary import LiftBasis
from ledger.policies import Policies
from tests.support.desk import Desk
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, draft_orders, file_verified, issue_orders, lift_orders

WAITING = """query($id: ID!) { blockOrder(id: $id) { state version contentText contentHash complainantCount
  isUnconfirmed isConfirmationOverdue confirmationDueAt emergencyNote
  proposal { kind version scope legalBasis summary subscriberNotice liftBasis liftNote returnReason
    contentText contentHash draftedBy { displayName } } } }"""
APPROVE = """mutation($i: ApproveBlockOrdersInput!) { approveBlockOrders(input: $i) { results {
  blockOrder { state liftNo liftDraftedBy { displayName } liftApprovedBy { displayName } }
  problem { code field hint } } } }"""
DRAFT_LIFTS = """mutation($i: DraftLiftsInput!) { draftLifts(input: $i) { results {
  blockOrder { state proposal { kind liftBasis } } problem { code } } } }"""
LIFT_ALONE = """mutation($i: LiftBlockOrdersInput!) { liftBlockOrders(input: $i) { results {
  blockOrder { state isUnconfirmed } problem { code } } } }"""
ISSUE_ALONE = """mutation($i: IssueBlockOrdersInEmergencyInput!) { issueBlockOrdersInEmergency(input: $i) { results {
  blockOrder { state isEmergency isUnconfirmed } problem { code } } } }"""
CONFIRM = """mutation($i: ConfirmBlockOrdersInput!) { confirmBlockOrders(input: $i) { results {
  blockOrder { isUnconfirmed approvedBy { displayName } liftConfirmedBy { displayName } } problem { code } } } }"""


async def read(desk: Desk, viewer, order_id: str, **more):
    answer = await desk.ask(viewer, WAITING, id=order_id, **more)
    assert answer.errors == [], answer.errors
    return answer.data["blockOrder"]


async def result_of(desk: Desk, viewer, mutation: str, **values):
    answer = await desk.ask(viewer, mutation, i=values)
    assert answer.errors == [], answer.errors
    [(_, payload)] = answer.data.items()
    [result] = payload["results"]
    return result


@pytest.fixture
async def draft(desk: Desk):
    await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
    [order] = await draft_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
    return order


@pytest.fixture
async def executed(desk: Desk):
    [order] = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
    await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order)
    return order


class TestApproval:
    async def test_takes_the_hash_that_a_browser_computes_of_the_text(self, desk: Desk, draft):
        seen = await read(desk, desk.parties.other_officer, draft.id)
        computed = hashlib.sha256(seen["contentText"].encode()).hexdigest()
        assert computed == seen["contentHash"]
        changed = {"orderId": draft.id, "contentHash": "0" * 64}
        refused = await result_of(desk, desk.parties.other_officer, APPROVE, approvals=[changed])
        assert (refused["problem"]["code"], refused["problem"]["field"]) == ("CONTENT_CHANGED", "contentHash")
        assert refused["problem"]["hint"]
        right = {"orderId": draft.id, "contentHash": computed}
        issued = await result_of(desk, desk.parties.other_officer, APPROVE, approvals=[right])
        assert issued["blockOrder"]["state"] == "ISSUED"

    async def test_is_not_valid_without_a_hash(self, desk: Desk, draft):
        answer = await desk.ask(desk.parties.other_officer, APPROVE, i={"approvals": [{"orderId": draft.id}]})
        assert "contentHash" in str(answer.errors)

    async def test_of_a_manifest_takes_the_hash_that_a_browser_computes_of_its_text(self, desk: Desk):
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        forward = """mutation($i: ForwardComplaintsInput!) { forwardComplaints(input: $i) { run {
          manifestHash canonicalText
          items { nodes { complainantCount contentHash blockOrder { contentHash } } } } } }"""
        words = {"legalBasis": "PM 5/2021", "subscriberNotice": "Blocked."}
        answer = await desk.ask(desk.parties.officer, forward, i=words)
        run = answer.data["forwardComplaints"]["run"]
        assert hashlib.sha256(run["canonicalText"].encode()).hexdigest() == run["manifestHash"]
        [item] = run["items"]["nodes"]
        assert item["complainantCount"] == 1
        assert item["contentHash"] == item["blockOrder"]["contentHash"]
        assert item["contentHash"] in run["canonicalText"]


class TestLift:
    async def test_is_drafted_read_and_approved_by_another_officer(self, desk: Desk, executed):
        wanted = {"orderId": executed.id, "basis": "APPEAL", "note": "Granted."}
        drafted = await result_of(desk, desk.parties.officer, DRAFT_LIFTS, lifts=[wanted])
        assert drafted["blockOrder"] == {"state": "EXECUTED", "proposal": {"kind": "LIFT", "liftBasis": "APPEAL"}}
        seen = await read(desk, desk.parties.other_officer, executed.id)
        proposal = seen["proposal"]
        assert (proposal["version"], proposal["liftNote"], proposal["draftedBy"]) == (
            2, "Granted.", {"displayName": "Sari"},
        )  # fmt: skip
        assert proposal["contentHash"] != seen["contentHash"]
        computed = hashlib.sha256(proposal["contentText"].encode()).hexdigest()
        approval = {"orderId": executed.id, "contentHash": computed}
        own = await result_of(desk, desk.parties.officer, APPROVE, approvals=[approval])
        assert own["problem"]["code"] == "FOUR_EYES"
        lifted = await result_of(desk, desk.parties.other_officer, APPROVE, approvals=[approval])
        assert lifted["blockOrder"]["state"] == "LIFT_ISSUED"
        assert (lifted["blockOrder"]["liftDraftedBy"], lifted["blockOrder"]["liftApprovedBy"]) == (
            {"displayName": "Sari"}, {"displayName": "Budi"},
        )  # fmt: skip

    async def test_of_one_officer_is_off_by_default_and_confirmed_afterwards(self, desk: Desk, executed):
        lifts = [{"orderId": executed.id, "basis": "COURT", "note": "At once."}]
        refused = await desk.ask(desk.parties.officer, LIFT_ALONE, i={"lifts": lifts})
        assert refused.problems == ["EMERGENCY_OFF"]
        desk.database.policies = Policies(emergency_lifts=True)
        lifted = await result_of(desk, desk.parties.officer, LIFT_ALONE, lifts=lifts)
        assert lifted["blockOrder"] == {"state": "LIFT_ISSUED", "isUnconfirmed": True}
        seen = await read(desk, desk.parties.other_officer, executed.id, later=timedelta(days=2))
        assert (seen["isUnconfirmed"], seen["isConfirmationOverdue"]) == (True, True)
        confirmation = {"orderId": executed.id, "contentHash": seen["contentHash"]}
        done = await result_of(desk, desk.parties.other_officer, CONFIRM, confirmations=[confirmation])
        assert done["blockOrder"]["liftConfirmedBy"] == {"displayName": "Budi"}

    async def test_is_not_issued_by_a_token_that_may_not_approve(self, desk: Desk, executed):
        await lift_orders(
            desk.database, desk.parties, desk.as_of, [LiftDraft(order_id=executed.id, basis=LiftBasis.COURT, note="x")]
        )
        for viewer, code in ((desk.parties.telkomsel, "FORBIDDEN"), (desk.parties.agency, "FORBIDDEN"),
                             (desk.parties.regulator, "OFFICER_REQUIRED")):  # fmt: skip
            for mutation, values in (
                (DRAFT_LIFTS, {"lifts": [{"orderId": executed.id, "basis": "COURT", "note": "x"}]}),
                (CONFIRM, {"confirmations": [{"orderId": executed.id, "contentHash": "0" * 64}]}),
                (APPROVE, {"approvals": [{"orderId": executed.id, "contentHash": "0" * 64}]}),
            ):
                assert (await desk.ask(viewer, mutation, i=values)).problems == [code]


class TestEmergency:
    async def test_is_issued_alone_found_by_a_filter_and_confirmed(self, desk: Desk, draft):
        seen = await read(desk, desk.parties.officer, draft.id)
        alone = [{"orderId": draft.id, "contentHash": seen["contentHash"], "note": "Lives at stake."}]
        refused = await desk.ask(desk.parties.officer, ISSUE_ALONE, i={"orders": alone})
        assert refused.problems == ["EMERGENCY_OFF"]
        desk.database.policies = Policies(emergency_orders=True)
        issued = await result_of(desk, desk.parties.officer, ISSUE_ALONE, orders=alone)
        assert issued["blockOrder"] == {"state": "ISSUED", "isEmergency": True, "isUnconfirmed": True}
        query = "{ blockOrders(filter: { isUnconfirmed: true }) { totalCount nodes { emergencyNote } } }"
        found = await desk.ask(desk.parties.other_officer, query)
        assert found.data["blockOrders"] == {"totalCount": 1, "nodes": [{"emergencyNote": "Lives at stake."}]}
        confirmation = [{"orderId": draft.id, "contentHash": seen["contentHash"]}]
        own = await result_of(desk, desk.parties.officer, CONFIRM, confirmations=confirmation)
        assert own["problem"]["code"] == "FOUR_EYES"
        done = await result_of(desk, desk.parties.other_officer, CONFIRM, confirmations=confirmation)
        assert done["blockOrder"]["approvedBy"] == {"displayName": "Budi"}


class TestProposals:
    async def test_of_a_page_are_read_in_one_statement(self, desk: Desk):
        numbers = [f"+62812{serial:07d}" for serial in range(1, 21)]
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers)
        for place, order in enumerate(orders):
            await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order, reference=f"TT-{place}")
        wanted = [{"orderId": order.id, "basis": "APPEAL", "note": "Granted."} for order in orders]
        await desk.ask(desk.parties.officer, DRAFT_LIFTS, i={"lifts": wanted})
        query = "{ blockOrders(first: 50, filter: { hasProposal: true }) { nodes { proposal { kind contentHash } } } }"
        answer = await desk.ask(desk.parties.other_officer, query)
        assert len(answer.data["blockOrders"]["nodes"]) == 20
        assert all(node["proposal"]["kind"] == "LIFT" for node in answer.data["blockOrders"]["nodes"])
        assert len(answer.statements) == 2
