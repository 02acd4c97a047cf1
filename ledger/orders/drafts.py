"""Writing drafts of block orders, for officers' drafting and for forwarding runs.

At most one order is open for a number, epoch and carrier. A unique index guarantees this for concurrent calls too:
a draft that would be a second open order is not written. Runs under the transition role.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter

from sqlalchemy import text

from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint
from ledger.errors import ConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ComplaintId, DirectiveId, OfficeId, OfficerId, OrderId, new_id
from ledger.numbers.forms import parse_number
from ledger.numbers.table import PhoneNumber
from ledger.orders.guard import ComplaintFacts, count_distinct_complainants, find_hold_reasons
from ledger.orders.moves import order_event
from ledger.orders.table import OPEN_NUMBER, BlockOrder, OrderComplaint
from ledger.orders.vocabulary import BlockScope
from ledger.storage.database import Transaction
from ledger.storage.rows import insert_and_read, insert_records
from ledger.vocabulary import Category

_ESCALATE = text("""
UPDATE complaints SET state = 'ESCALATED' WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'VERIFIED'
""")


class NumberNotHeldError(ConflictError):
    """The numbering plan has no holder for this number."""

    code = "NO_HOLDER"
    hint = "Complete the numbering plan, or have an override of this number approved."


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDraft:
    """A validated draft: the number, the complaints behind it, and the officer's texts."""

    number: PhoneNumber
    complaints: Sequence[Complaint]
    category: Category
    scope: BlockScope
    legal_basis: str
    summary: str
    subscriber_notice: str
    supersedes: BlockOrder | None = None


async def append_drafts(
    tx: Transaction, prepared: Sequence[PreparedDraft], *, officer_id: OfficerId | None, office_id: OfficeId | None
) -> tuple[list[BlockOrder | None], list[EventDraft]]:
    """Write drafts, which without an officer are the gateway's own.

    Returns an order for each, or None if one is already open for the number, and the events.
    """
    orders = [_render(tx, draft, officer_id=officer_id, office_id=office_id) for draft in prepared]
    in_key_order = sorted(orders, key=attrgetter("e164", "epoch", "carrier_id"))
    written = {order.id: order for order in await insert_and_read(tx, in_key_order, unless=OPEN_NUMBER)}
    drafted = [written.get(order.id) for order in orders]
    links = [
        OrderComplaint(order_id=order.id, complaint_id=complaint.id, joined_at=tx.as_of)
        for order, draft in zip(drafted, prepared, strict=True)
        if order is not None
        for complaint in draft.complaints
    ]
    events = [order_event(order, EventKind.ORDER_DRAFTED) for order in drafted if order is not None]
    complaints = {complaint.id: complaint for draft in prepared for complaint in draft.complaints}
    events.extend(await link_complaints(tx, links, complaints))
    return drafted, events


async def link_complaints(
    tx: Transaction, links: Sequence[OrderComplaint], complaints: Mapping[ComplaintId, Complaint]
) -> list[EventDraft]:
    """Link complaints (already locked) to orders and escalate those that are VERIFIED. Returns the events."""
    await insert_records(tx, links, unless="pk_order_complaints")
    linked = [complaints[link.complaint_id] for link in links]
    verified = [complaint for complaint in linked if complaint.state is ComplaintState.VERIFIED]
    if verified:
        moved = await tx.execute(_ESCALATE, {"ids": [complaint.id for complaint in verified]})
        if moved.rowcount != len(verified):
            raise ConflictError("A complaint changed during this call; nothing was written.")
        tx.note_written(Subject.COMPLAINT, [complaint.id for complaint in verified])
    return [
        EventDraft(
            kind=EventKind.COMPLAINT_ESCALATED,
            subject=Subject.COMPLAINT,
            subject_id=complaint.id,
            state=ComplaintState.ESCALATED,
            audience=[complaint.source_id],
        )
        for complaint in verified
    ]


def count_complainants(complaints: Sequence[Complaint]) -> int:
    """Count the distinct people who complained, and one more for each source with complaints that name none."""
    return count_distinct_complainants([_facts_of(complaint) for complaint in complaints])


def _facts_of(complaint: Complaint) -> ComplaintFacts:
    return ComplaintFacts(
        source_id=complaint.source_id,
        complainant_ref=complaint.complainant_ref,
        incident_at=complaint.incident_at,
        chronology_digest=complaint.chronology_digest,
        marks=complaint.marks,
    )


def _render(
    tx: Transaction, draft: PreparedDraft, *, officer_id: OfficerId | None, office_id: OfficeId | None
) -> BlockOrder:
    number = draft.number
    if number.holder_id is None or number.epoch is None:
        raise NumberNotHeldError(field="number")
    order_id = OrderId(new_id())
    return BlockOrder(
        id=order_id,
        directive_id=draft.supersedes.directive_id if draft.supersedes else DirectiveId(order_id),
        supersedes_id=draft.supersedes.id if draft.supersedes else None,
        carrier_id=number.holder_id,
        brand_id=number.brand_id,
        e164=number.e164,
        epoch=number.epoch,
        category=draft.category,
        scope=draft.scope,
        legal_basis=draft.legal_basis,
        summary=draft.summary,
        subscriber_notice=draft.subscriber_notice,
        complaint_count=len(draft.complaints),
        drafted_complaint_count=len(draft.complaints),
        drafted_complainant_count=count_complainants(draft.complaints),
        office_id=office_id,
        drafted_by=officer_id,
        drafted_at=tx.as_of,
        changed_at=tx.as_of,
        hold_reasons=find_hold_reasons(
            [_facts_of(complaint) for complaint in draft.complaints],
            number_kind=parse_number(number.e164).kind,
            policy=tx.policies,
        ),
    )
