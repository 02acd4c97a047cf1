"""Complaints: what they are, and reading them. Filing and deciding stand in files of their own.

The regulator sees every complaint, a source its own, nobody else any. A chronology is opened only here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, RowMapping, and_, false, func, select, true

from ledger.complaints.states import AWAITING_VERIFICATION, ComplaintState
from ledger.complaints.table import complaints
from ledger.complaints.vocabulary import ComplaintOutcome, ComplaintSort, Medium, RejectionReason, Remedy
from ledger.errors import CursorInvalidError, UnknownError
from ledger.identifiers import ComplaintId, MemberId, OfficerId, parse_id
from ledger.legal_time import LEGAL_ZONE
from ledger.numbers.forms import parse_number
from ledger.pages import Page, PageRequest, decode_cursor, encode_cursor, rows_after
from ledger.permissions import SOURCES, require_kind
from ledger.policies import FilingPolicy
from ledger.storage.columns import holds_id
from ledger.storage.database import Transaction
from ledger.texts import check_optional_text
from ledger.viewer import Viewer
from ledger.vocabulary import Category, HoldReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One complaint as its viewer may see it; decision_note and decided_by are the regulator's alone.

    info_request is what an officer asks of the source while the complaint is NEEDS_INFO.
    """

    id: ComplaintId
    ticket_no: str
    source_id: MemberId
    source_reference: str | None
    e164: str | None
    epoch: int | None
    epoch_uncertain: bool
    account_platform: str | None
    account_handle: str | None
    account_url: str | None
    medium: Medium
    category: Category
    incident_at: datetime | None
    loss_rupiah: int | None
    remedy: Remedy
    complainant_ref: str | None
    marks: tuple[HoldReason, ...]
    state: ComplaintState
    rejection_reason: RejectionReason | None
    info_request: str | None
    decision_note: str | None
    outcome: ComplaintOutcome | None
    duplicate_of: ComplaintId | None
    decided_by: OfficerId | None
    filed_at: datetime
    complete_at: datetime | None
    verification_due_at: datetime | None
    decided_at: datetime | None
    resolved_at: datetime | None
    complainant_informed_at: datetime | None

    def is_verification_overdue(self, as_of: datetime) -> bool:
        """Whether it still awaits an officer after its verification was due."""
        is_awaiting = self.state in AWAITING_VERIFICATION
        return is_awaiting and self.verification_due_at is not None and self.verification_due_at < as_of


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFilter:
    """Which complaints are wanted; an empty tuple and None ask for all. number is as people write it."""

    states: tuple[ComplaintState, ...] = ()
    categories: tuple[Category, ...] = ()
    number: str | None = None
    source_id: str | None = None
    filed_after: datetime | None = None
    filed_before: datetime | None = None
    is_verification_overdue: bool | None = None
    complainant_ref: str | None = None


CHRONOLOGY_CONTEXT = "complaints.chronology"
_REFERENCE = re.compile(r"[0-9a-f]{64}")
_REGULATOR_ONLY = ("decision_note", "decided_by")
_SHOWN = tuple(
    column
    for column in complaints.c
    if column.name not in {"content_hash", "occurrence", "chronology_sealed", "chronology_digest"}
)


async def get_complaint(tx: Transaction, complaint_id: str) -> Complaint:
    """One complaint. Errors: UnknownError."""
    found = (await load_complaints(tx, [complaint_id])).get(parse_id(complaint_id) or "")
    if found is None:
        raise UnknownError(field="id")
    return found


async def list_complaints(
    tx: Transaction,
    page: PageRequest,
    where: ComplaintFilter | None = None,
    *,
    sort: ComplaintSort = ComplaintSort.FILED_NEWEST,
) -> Page[Complaint]:
    """Complaints that the viewer may see.

    Errors: ForbiddenError, CursorInvalidError, NumberInvalidError.
    """
    require_kind(tx.viewer, SOURCES)
    order = _ORDERS[sort]
    columns = [column for column, _ in order]
    statement = select(*shown_columns(tx.viewer)).where(_condition(tx, where)).limit(page.first + 1)
    statement = statement.order_by(*(column.desc() if descends else column.asc() for column, descends in order))
    if sort is ComplaintSort.VERIFICATION_DUE:
        statement = statement.where(complaints.c.verification_due_at.is_not(None))
    list_name = f"complaints:{sort}"
    if page.after is not None:
        after = _read_cursor(decode_cursor(list_name, page.after, length=len(order)), columns)
        statement = statement.where(rows_after(order, after))
    rows = (await tx.execute(statement)).mappings().all()
    shown = rows[: page.first]
    cursors = [encode_cursor(list_name, [row[column.name] for column in columns]) for row in shown]
    return Page([complaint_of(row) for row in shown], cursors, len(rows) > page.first)


async def count_complaints(tx: Transaction, where: ComplaintFilter | None = None) -> int:
    """How many the same list would hold. Errors: as list_complaints."""
    require_kind(tx.viewer, SOURCES)
    statement = select(func.count()).select_from(complaints).where(_condition(tx, where))
    return int((await tx.execute(statement)).scalar_one())


async def load_complaints(tx: Transaction, ids: Sequence[str]) -> dict[str, Complaint]:
    """Complaints by id, those that the viewer may see."""
    wanted = sorted({parsed for parsed in map(parse_id, ids) if parsed is not None})
    if tx.viewer.kind not in SOURCES or not wanted:
        return {}
    statement = select(*shown_columns(tx.viewer)).where(complaints.c.id.in_(wanted), _visible(tx.viewer))
    return {row["id"]: complaint_of(row) for row in (await tx.execute(statement)).mappings()}


async def read_chronology(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, str]:
    """What happened, in the complainant's words, for those complaints that have it (regulator, source)."""
    wanted = sorted({parsed for parsed in map(parse_id, complaint_ids) if parsed is not None})
    if tx.viewer.kind not in SOURCES or not wanted:
        return {}
    statement = select(complaints.c.id, complaints.c.chronology_sealed).where(
        complaints.c.id.in_(wanted), complaints.c.chronology_sealed.is_not(None), _visible(tx.viewer)
    )
    return {
        row.id: tx.keyring.open(row.chronology_sealed, chronology_context(row.id)).decode()
        for row in await tx.execute(statement)
    }


def check_chronology(chronology: str | None, policy: FilingPolicy) -> str | None:
    """The chronology cleaned. Errors: TextInvalidError, TextTooLongError."""
    return check_optional_text(chronology, field="chronology", length_max=policy.chronology_characters_max, lines=True)


def chronology_context(complaint_id: str) -> str:
    """The place to which a chronology is sealed."""
    return f"{CHRONOLOGY_CONTEXT}:{complaint_id}"


def shown_columns(viewer: Viewer) -> list[Column[Any]]:
    """The columns from which complaint_of makes what this viewer may see."""
    return [column for column in _SHOWN if viewer.is_regulator or column.name not in _REGULATOR_ONLY]


def complaint_of(row: RowMapping) -> Complaint:
    """The complaint of a row of shown_columns."""
    shown = dict(row)
    filed_year = row["filed_at"].astimezone(LEGAL_ZONE).year
    serial = shown.pop("ticket_serial")
    shown |= {
        "ticket_no": f"T-{filed_year}-{serial:07d}",
        "decision_note": row.get("decision_note"),
        "decided_by": row.get("decided_by"),
        "marks": tuple(HoldReason(mark) for mark in row["marks"]),
        "medium": Medium(row["medium"]),
        "category": Category(row["category"]),
        "remedy": Remedy(row["remedy"]),
        "state": ComplaintState(row["state"]),
        "rejection_reason": RejectionReason(row["rejection_reason"]) if row["rejection_reason"] else None,
        "outcome": ComplaintOutcome(row["outcome"]) if row["outcome"] else None,
    }
    return Complaint(**shown)


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    return true() if viewer.is_regulator else complaints.c.source_id == viewer.member_id


def _condition(tx: Transaction, where: ComplaintFilter | None) -> ColumnElement[bool]:
    conditions = [_visible(tx.viewer)]
    if where is None:
        return and_(*conditions)
    columns = complaints.c
    if where.states:
        conditions.append(columns.state.in_(where.states))
    if where.categories:
        conditions.append(columns.category.in_(where.categories))
    if where.number is not None:
        conditions.append(columns.e164 == parse_number(where.number).e164)
    if where.source_id is not None:
        conditions.append(holds_id(columns.source_id, where.source_id))
    if where.filed_after is not None:
        conditions.append(columns.filed_at >= where.filed_after)
    if where.filed_before is not None:
        conditions.append(columns.filed_at < where.filed_before)
    if where.complainant_ref is not None:
        is_reference = _REFERENCE.fullmatch(where.complainant_ref) is not None
        conditions.append(columns.complainant_ref == where.complainant_ref if is_reference else false())
    if where.is_verification_overdue is not None:
        is_awaiting = columns.state.in_(sorted(AWAITING_VERIFICATION))
        is_late = and_(columns.verification_due_at.is_not(None), columns.verification_due_at < tx.as_of)
        overdue = and_(is_awaiting, is_late)
        conditions.append(overdue if where.is_verification_overdue else ~func.coalesce(overdue, False))
    return and_(*conditions)


_ORDERS: dict[ComplaintSort, list[tuple[Column[Any], bool]]] = {
    ComplaintSort.FILED_NEWEST: [(complaints.c.id, True)],
    ComplaintSort.VERIFICATION_DUE: [(complaints.c.verification_due_at, False), (complaints.c.id, False)],
}


def _read_cursor(values: Sequence[Any], columns: Sequence[Column[Any]]) -> list[Any]:
    """The cursor's values in the types of their columns. Errors: CursorInvalidError."""
    read: list[Any] = []
    for column, value in zip(columns, values, strict=True):
        if column is complaints.c.id:
            read.append(parse_id(str(value)))
        else:
            try:
                read.append(datetime.fromisoformat(str(value)))
            except ValueError:
                read.append(None)
    if None in read:
        raise CursorInvalidError(field="after")
    return read
