"""Reading complaints: the regulator sees all of them, a source its own, and no one else any."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, true

from ledger.accesses import AccessKind
from ledger.complaints.chronologies import open_chronology
from ledger.complaints.states import AWAITING_VERIFICATION, ComplaintState
from ledger.complaints.table import OF_EVERY_SOURCE, Complaint, complaints
from ledger.complaints.tally_table import ComplaintCount, ComplaintDue, visible_complaint_counts
from ledger.complaints.vocabulary import ComplaintSort
from ledger.counting import Count, CountedBy, Due
from ledger.errors import UnknownError
from ledger.filters import among, before, equals, holds, leading, since, where
from ledger.identifiers import parse_id
from ledger.lists import RecordList
from ledger.numbers.forms import name_number
from ledger.pages import Listing, Page, PageRequest, note_items
from ledger.permissions import SOURCES
from ledger.relations import ToMany, ToOne, note_of
from ledger.storage.database import Transaction
from ledger.storage.markers import AS_OF, Columns
from ledger.storage.records import expression_of
from ledger.storage.roles import Role
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category

_REFERENCE = re.compile(r"[0-9a-f]{64}")
_TICKET_NO = re.compile(r"T-[0-9]{4}-([0-9]{7,12})")


_LISTINGS = {
    ComplaintSort.FILED_NEWEST: Listing("complaints:FILED_NEWEST", Complaint, ("-id",)),
    ComplaintSort.VERIFICATION_DUE: Listing("complaints:VERIFICATION_DUE", Complaint, ("verification_due_at", "id")),
    ComplaintSort.DECIDED_NEWEST: Listing("complaints:DECIDED_NEWEST", Complaint, ("-decided_at", "-id")),
}


def _is_about(_record: type[Any], number: str) -> ColumnElement[bool]:
    return complaints.c.e164 == name_number(number)


def _is_of_complainant(_record: type[Any], reference: str) -> ColumnElement[bool]:
    return complaints.c.complainant_ref == reference if _REFERENCE.fullmatch(reference) else false()


def _is_worked_on(_record: type[Any], officer: str) -> ColumnElement[bool]:
    """Claimed by the officer, or assigned to it."""
    c, wanted = complaints.c, parse_id(officer)
    if wanted is None:
        return false()
    return or_(and_(c.claimed_by == wanted, c.claim_ends_at > AS_OF), c.assigned_to == wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFilter:
    """Which complaints to return. An empty tuple or None does not filter. number is as people write it."""

    states: Annotated[
        tuple[ComplaintState, ...], leading(among("state", is_literal=True), when=AWAITING_VERIFICATION.issuperset)
    ] = ()
    categories: Annotated[tuple[Category, ...], among("category")] = ()
    number: Annotated[str | None, where(_is_about)] = None
    account_id: Annotated[str | None, leading(equals("account_id"))] = None
    source_id: Annotated[str | None, equals("source_id")] = None
    source_reference: Annotated[str | None, leading(equals("source_reference"))] = None
    filed_after: Annotated[datetime | None, leading(since("filed_at"))] = None
    filed_before: Annotated[datetime | None, leading(before("filed_at"))] = None
    decided_by: Annotated[str | None, leading(equals("decided_by"), "decided_at")] = None
    decided_after: Annotated[datetime | None, leading(since("decided_at"))] = None
    decided_before: Annotated[datetime | None, leading(before("decided_at"))] = None
    is_verification_overdue: Annotated[bool | None, leading(holds("is_verification_overdue"), when=bool)] = None
    is_claimed: Annotated[bool | None, leading(holds("is_claimed"), when=bool)] = None
    assigned_to: Annotated[str | None, leading(equals("assigned_to"))] = None
    worked_on_by: Annotated[str | None, leading(where(_is_worked_on, Role.REGULATOR))] = None
    complainant_ref: Annotated[str | None, where(_is_of_complainant)] = None


def _visible(viewer: Viewer, c: Columns = complaints.c) -> ColumnElement[bool]:
    return true() if viewer.is_regulator else c.source_id == viewer.member_id


COMPLAINTS = RecordList(
    Complaint,
    _LISTINGS,
    ComplaintFilter,
    visible=_visible,
    owners={ViewerKind.AGENCY: "source_id"},
    of_all=OF_EVERY_SOURCE,
    kinds=SOURCES,
    counted_by=CountedBy(
        record=ComplaintCount,
        visible=visible_complaint_counts,
        due=Due("is_verification_overdue", ComplaintDue, hour="due_hour", at="verification_due_at"),
    ),
    conditions={
        ComplaintSort.VERIFICATION_DUE: lambda: complaints.c.verification_due_at.is_not(None),
        ComplaintSort.DECIDED_NEWEST: lambda: complaints.c.decided_at.is_not(None),
    },
)


async def get_complaint(tx: Transaction, complaint_id: str) -> Complaint:
    """Return one complaint. Errors: UnknownError."""
    found = (await load_complaints(tx, [complaint_id])).get(parse_id(complaint_id) or "")
    if found is None:
        raise UnknownError(field="id")
    return found


async def get_complaint_by_ticket(tx: Transaction, ticket_no: str) -> Complaint:
    """Return one complaint by its ticket number, which people quote on the phone.

    Errors: UnknownError, also for a complaint that the viewer may not see.
    """
    meant = named_complaint(ticket_no=ticket_no)
    found = None
    if meant is not None and tx.viewer.kind in SOURCES:
        found = await find_record(tx, Complaint, *meant, _visible(tx.viewer))
    if found is None:
        raise UnknownError(field="ticketNo")
    note_items(tx, Complaint, [found])
    return found


def named_complaint(
    *, complaint_id: str | None = None, ticket_no: str | None = None
) -> tuple[ColumnElement[bool], ...] | None:
    """The conditions for the one complaint with that id or ticket number; None if no complaint can have it."""
    if complaint_id is not None:
        known = parse_id(complaint_id)
        return None if known is None else (complaints.c.id == known,)
    said = (ticket_no or "").strip().upper()
    match = _TICKET_NO.fullmatch(said)
    if match is None:
        return None
    return complaints.c.ticket_serial == int(match[1]), expression_of(Complaint, "ticket_no") == said


async def list_complaints(
    tx: Transaction,
    page: PageRequest,
    wanted: ComplaintFilter | None = None,
    *,
    sort: ComplaintSort = ComplaintSort.FILED_NEWEST,
) -> Page[Complaint]:
    """Return a page of the complaints that the viewer may see.

    Errors: ForbiddenError, CursorInvalidError, NumberInvalidError.
    """
    return await COMPLAINTS.fetch(tx, page, wanted, sort=sort)


async def count_complaints(tx: Transaction, wanted: ComplaintFilter | None = None) -> Count:
    """Count the complaints that match the filter and that the viewer may see. Errors: as list_complaints."""
    return await COMPLAINTS.count(tx, wanted)


load_complaints = ToOne(Complaint, kinds=SOURCES, visible=_visible, note=note_of(Complaint))
"""Complaints by id, without those that the viewer may not see."""


_OF_ONE_ACCOUNT_MAX = 10_000
load_complaints_by_account = ToMany(
    Complaint,
    by="account_id",
    kinds=SOURCES,
    visible=_visible,
    note=note_of(Complaint),
    order=("id",),
    rows_max=_OF_ONE_ACCOUNT_MAX,
)
"""The complaints about each account that the viewer may see, oldest first, up to a number that no account has."""


async def read_chronology(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, str]:
    """Return what happened, in the complainant's words, for the complaints that have it (regulator, source).

    If together they exceed what the transaction's answer has left, they stay in the database, except for their sizes.
    Errors: AnswerTooLargeError.
    """
    wanted = sorted({parsed for parsed in map(parse_id, complaint_ids) if parsed is not None})
    if tx.viewer.kind not in SOURCES or not wanted:
        return {}
    c = complaints.c
    size, room = func.octet_length(c.chronology_sealed), tx.answer.left_to_read
    has_room = true() if room is None else func.sum(size).over() <= room
    statement = select(c.id, size.label("size"), case((has_room, c.chronology_sealed)).label("sealed")).where(
        c.id.in_(wanted), c.chronology_sealed.is_not(None), _visible(tx.viewer)
    )
    rows = (await tx.execute(statement)).all()
    tx.answer.count_read(sum(row.size for row in rows))
    tx.accesses.note(AccessKind.CHRONOLOGY, [row.id for row in rows])
    return {row.id: open_chronology(tx.keyring, row.id, row.sealed) for row in rows}
