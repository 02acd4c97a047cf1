"""Writing drafts of block orders: the part that officers' drafting and forwarding runs share.

At most one order stands open for a number, epoch and carrier, whoever drafts and however many at once: the
database decides that, and whoever comes second gets None in its place. Runs under the transition role.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text

from ledger.complaints.states import ComplaintState
from ledger.errors import ConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, OfficeId, OfficerId, new_id
from ledger.numbers.forms import parse_number
from ledger.orders.guard import ComplaintFacts, find_hold_reasons
from ledger.orders.moves import Row, dump_rows, order_event, plain_row
from ledger.orders.vocabulary import BlockScope
from ledger.storage.database import Transaction
from ledger.vocabulary import Category

_COLUMNS = (
    "id", "directive_id", "supersedes_id", "carrier_id", "brand_id", "e164", "epoch", "category", "scope",
    "legal_basis", "summary", "subscriber_notice", "complaint_count", "office_id", "drafted_by", "drafted_at",
    "hold_reasons",
)  # fmt: skip
_LISTED = ", ".join(_COLUMNS)

_INSERT = text(
    f"INSERT INTO block_orders ({_LISTED}) SELECT {_LISTED} "
    "FROM json_populate_recordset(NULL::block_orders, CAST(:rows AS json)) ORDER BY e164, epoch, carrier_id "
    "ON CONFLICT DO NOTHING RETURNING *"
)

_LINK = text("""
INSERT INTO order_complaints (order_id, complaint_id, joined_at)
SELECT order_id, complaint_id, CAST(:as_of AS timestamptz)
FROM json_populate_recordset(NULL::order_complaints, CAST(:rows AS json))
ON CONFLICT DO NOTHING
""")

_ESCALATE = text("""
UPDATE complaints SET state = 'ESCALATED' WHERE id = ANY(CAST(:ids AS uuid[])) AND state = 'VERIFIED'
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedDraft:
    """A draft whose every side was checked: the number's row, the complaints' rows, and the officer's words."""

    number: Row
    complaints: Sequence[Row]
    category: Category
    scope: BlockScope
    legal_basis: str
    summary: str
    subscriber_notice: str
    supersedes_id: str | None = None
    directive_id: str | None = None


async def append_drafts(
    tx: Transaction, prepared: Sequence[PreparedDraft], *, officer_id: OfficerId, office_id: OfficeId
) -> tuple[list[Row | None], list[EventDraft]]:
    """Write the drafts; the row of each in the order given, None where an order of the number is open already."""
    rows = [_render(tx, draft, officer_id=officer_id, office_id=office_id) for draft in prepared]
    if not rows:
        return [], []
    written = {
        str(row["id"]): plain_row(row) for row in (await tx.execute(_INSERT, {"rows": dump_rows(rows)})).mappings()
    }
    drafted = [written.get(row["id"]) for row in rows]
    links = [
        (row["id"], complaint) for row, draft in zip(rows, prepared, strict=True) if row["id"] in written
        for complaint in draft.complaints
    ]  # fmt: skip
    events = [order_event(row, EventKind.ORDER_DRAFTED) for row in drafted if row is not None]
    events.extend(await link_complaints(tx, links))
    return drafted, events


async def link_complaints(tx: Transaction, links: Sequence[tuple[str, Row]]) -> list[EventDraft]:
    """Put complaints (already locked) behind orders; those that were VERIFIED are ESCALATED by that."""
    if not links:
        return []
    rows = [{"order_id": order_id, "complaint_id": complaint["id"]} for order_id, complaint in links]
    await tx.execute(_LINK, {"rows": dump_rows(rows), "as_of": tx.as_of})
    verified = [complaint for _, complaint in links if complaint["state"] == ComplaintState.VERIFIED]
    if verified:
        moved = await tx.execute(_ESCALATE, {"ids": [complaint["id"] for complaint in verified]})
        if moved.rowcount != len(verified):
            raise ConflictError("A complaint changed under this call; nothing was written.")
    return [
        EventDraft(
            kind=EventKind.COMPLAINT_ESCALATED,
            subject=Subject.COMPLAINT,
            subject_id=complaint["id"],
            state=ComplaintState.ESCALATED,
            audience=[MemberId(complaint["source_id"])],
        )
        for complaint in verified
    ]


def facts_of(complaint: Row) -> ComplaintFacts:
    """What the guard looks at in a complaint's row."""
    return ComplaintFacts(
        source_id=complaint["source_id"],
        complainant_ref=complaint["complainant_ref"],
        incident_at=complaint["incident_at"],
        chronology_digest=complaint["chronology_digest"],
        marks=tuple(complaint["marks"]),
    )


def _render(tx: Transaction, draft: PreparedDraft, *, officer_id: OfficerId, office_id: OfficeId) -> dict[str, Any]:
    number = draft.number
    reasons = find_hold_reasons(
        [facts_of(complaint) for complaint in draft.complaints],
        number_kind=parse_number(number["e164"]).kind,
        policy=tx.policies.guard,
    )
    order_id = new_id()
    return {
        "id": order_id,
        "directive_id": draft.directive_id or order_id,
        "supersedes_id": draft.supersedes_id,
        "carrier_id": number["holder_id"],
        "brand_id": number["brand_id"],
        "e164": number["e164"],
        "epoch": number["epoch"],
        "category": draft.category,
        "scope": draft.scope,
        "legal_basis": draft.legal_basis,
        "summary": draft.summary,
        "subscriber_notice": draft.subscriber_notice,
        "complaint_count": len(draft.complaints),
        "office_id": office_id,
        "drafted_by": officer_id,
        "drafted_at": tx.as_of,
        "hold_reasons": list(reasons),
    }
