"""Steps that several tests begin with: complaints filed and verified, orders drafted and issued."""

from collections.abc import Sequence

from ledger.canonical import hash_canonical
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import Medium
from ledger.errors import Problem
from ledger.forwarding.proposals import ForwardingRequest, forward_complaints
from ledger.identifiers import new_id
from ledger.numbers.override_rules import OverrideApproval, OverrideDraft, render_override
from ledger.numbers.overrides import approve_overrides, propose_overrides
from ledger.numbers.table import OverrideProposal
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder, acknowledge_block_orders
from ledger.orders.approval import Approval, approve_block_orders
from ledger.orders.content import hash_content
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.proposals import load_pending_proposals
from ledger.orders.reading import load_orders
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.orders.waiting import get_waiting
from ledger.reassignments.confirming import confirm_reassignments
from ledger.reassignments.reporting import ReassignmentDraft, ReportedReassignment, report_reassignments
from ledger.reassignments.table import ReassignmentReport
from ledger.vocabulary import Category

TELKOMSEL_NUMBER = "+6281200000001"
INDOSAT_NUMBER = "+6285600000001"
WORDS = {"legal_basis": "PM 5/2021", "summary": "Prize fraud by SMS.", "subscriber_notice": "Blocked for fraud."}
FORWARDING = ForwardingRequest(legal_basis="PM 5/2021", subscriber_notice="Blocked for fraud; appeal to the help desk.")


def complaint_draft(number, **more):
    """A complaint with a reference of its own."""
    sides = {"medium": Medium.SMS, "category": Category.FRAUD, "source_reference": new_id()} | more
    return ComplaintDraft(number=number, **sides)


async def file_verified(database, parties, as_of, numbers: Sequence[str], **more) -> list[Complaint]:
    """A complaint of each number, filed by the agency and verified by the officer."""
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        filed = await file_complaints(tx, [complaint_draft(number, **more) for number in numbers])
    decisions = [ComplaintDecision(complaint_id=item.complaint.id, decision=Decision.VERIFY) for item in filed]
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        decided = await decide_complaints(tx, decisions)
    assert all(isinstance(complaint, Complaint) for complaint in decided), decided
    return decided


async def draft_orders(database, parties, as_of, numbers: Sequence[str], **more) -> list[BlockOrder | Problem]:
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        return await draft_block_orders(tx, [OrderDraft(number=number, **(WORDS | more)) for number in numbers])


def approval_of(draft: BlockOrder, **more) -> Approval:
    """The approval of a draft as it was read."""
    return Approval(order_id=draft.id, content_hash=hash_content(draft), **more)


async def read_approvals(tx, orders: Sequence[BlockOrder]) -> list[Approval]:
    """The approvals of what waits of these orders, as it is read now."""
    ids = [order.id for order in orders]
    present, pending = await load_orders(tx, ids), await load_pending_proposals(tx, ids)
    approvals = []
    for order in present.values():
        waiting = get_waiting(order, pending.get(order.id))
        approvals.append(Approval(order_id=order.id, content_hash=hash_content(waiting.order)))
    return approvals


async def approve_proposals(tx, orders: Sequence[BlockOrder]) -> list[BlockOrder | Problem]:
    """Approve what is proposed for these orders, as read now."""
    return await approve_block_orders(tx, await read_approvals(tx, orders))


async def lift_orders(database, parties, as_of, lifts: Sequence[LiftDraft]) -> list[BlockOrder]:
    """Lifts that the officer drafts and the other officer approves."""
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        orders = await draft_lifts(tx, lifts)
    assert all(isinstance(order, BlockOrder) for order in orders), orders
    async with database.transaction(parties.other_officer, as_of=as_of) as tx:
        lifted = await approve_proposals(tx, orders)
    assert all(isinstance(order, BlockOrder) for order in lifted), lifted
    return lifted


async def issue_orders(database, parties, as_of, numbers: Sequence[str]) -> list[BlockOrder]:
    """An issued order for each number, from a complaint to the second officer's approval."""
    await file_verified(database, parties, as_of, numbers)
    drafts = await draft_orders(database, parties, as_of, numbers)
    async with database.transaction(parties.other_officer, as_of=as_of) as tx:
        issued = await approve_block_orders(tx, [approval_of(draft) for draft in drafts])
    assert all(isinstance(order, BlockOrder) for order in issued), issued
    return issued


async def acknowledge(
    database, viewer, as_of, order, kind=AcknowledgementKind.EXECUTED, reference="TT-1", **more
) -> AcknowledgedOrder | Problem:
    async with database.transaction(viewer, as_of=as_of) as tx:
        draft = AcknowledgementDraft(order_id=order.id, kind=kind, reference=reference, **more)
        return (await acknowledge_block_orders(tx, [draft]))[0]


async def forward(database, parties, as_of, request=FORWARDING):
    """Drafts of all verified complaints that can be forwarded."""
    return await database.run(parties.officer, as_of=as_of, work=lambda tx: forward_complaints(tx, request))


def approval_of_override(proposal: OverrideProposal) -> OverrideApproval:
    """The approval by the proposal's content, as an officer who read it gives."""
    return OverrideApproval(proposal_id=proposal.id, content_hash=hash_canonical(render_override(proposal)))


async def propose_override(database, parties, as_of, number, holder_id, **more) -> OverrideProposal | Problem:
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        draft = OverrideDraft(number=number, holder_id=holder_id, reason="The carrier says so.", **more)
        return (await propose_overrides(tx, [draft]))[0]


async def override_number(database, parties, as_of, number, holder_id, **more) -> OverrideProposal:
    """A number that two officers moved to another carrier."""
    proposal = await propose_override(database, parties, as_of, number, holder_id, **more)
    assert isinstance(proposal, OverrideProposal), proposal
    async with database.transaction(parties.other_officer, as_of=as_of) as tx:
        [approved] = await approve_overrides(tx, [approval_of_override(proposal)])
    assert isinstance(approved, OverrideProposal), approved
    return approved


async def report_reassigned(database, viewer, as_of, *numbers: str, at=None) -> list[ReportedReassignment | Problem]:
    async with database.transaction(viewer, as_of=as_of) as tx:
        drafts = [ReassignmentDraft(number=number, reassigned_at=at or as_of) for number in numbers]
        return await report_reassignments(tx, drafts)


async def recycle(database, parties, viewer, as_of, *numbers: str, at=None) -> list[ReassignmentReport]:
    """Numbers that their carrier reported and an officer confirmed to be another subscriber's."""
    reported = await report_reassigned(database, viewer, as_of, *numbers, at=at)
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        confirmed = await confirm_reassignments(tx, [item.report.id for item in reported])
    assert all(isinstance(report, ReassignmentReport) for report in confirmed), confirmed
    return confirmed
