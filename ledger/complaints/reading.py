"""Reading complaints: the regulator sees all of them, a source its own, and no one else any."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import ColumnElement, case, false, func, select, true

from ledger.accesses import AccessKind
from ledger.complaints.chronologies import open_chronology
from ledger.complaints.states import ComplaintState
from ledger.complaints.table import Complaint, complaints
from ledger.complaints.vocabulary import ComplaintSort
from ledger.errors import UnknownError
from ledger.filters import among, before, conditions_of, equals, since, where
from ledger.identifiers import parse_id
from ledger.numbers.forms import name_number
from ledger.pages import Listing, Page, PageRequest, count_records, fetch_page, note_items
from ledger.permissions import SOURCES, require_kind
from ledger.storage.database import Transaction
from ledger.storage.rows import find_record, load_records
from ledger.viewer import Viewer
from ledger.vocabulary import Category

_REFERENCE = re.compile(r"[0-9a-f]{64}")
_TICKET_NO = re.compile(r"T-[0-9]{4}-([0-9]{7,12})")


_LISTINGS = {
    ComplaintSort.FILED_NEWEST: Listing("complaints:FILED_NEWEST", Complaint, ("-id",)),
    ComplaintSort.VERIFICATION_DUE: Listing("complaints:VERIFICATION_DUE", Complaint, ("verification_due_at", "id")),
}


def _is_about(_record: type[Any], number: str) -> ColumnElement[bool]:
    return complaints.c.e164 == name_number(number)


def _is_of_complainant(_record: type[Any], reference: str) -> ColumnElement[bool]:
    return complaints.c.complainant_ref == reference if _REFERENCE.fullmatch(reference) else false()


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFilter:
    """Which complaints to return. An empty tuple or None does not filter. number is as people write it."""

    states: Annotated[tuple[ComplaintState, ...], among("state")] = ()
    categories: Annotated[tuple[Category, ...], among("category")] = ()
    number: Annotated[str | None, where(_is_about)] = None
    source_id: Annotated[str | None, equals("source_id")] = None
    filed_after: Annotated[datetime | None, since("filed_at")] = None
    filed_before: Annotated[datetime | None, before("filed_at")] = None
    is_verification_overdue: Annotated[bool | None, equals("is_verification_overdue")] = None
    complainant_ref: Annotated[str | None, where(_is_of_complainant)] = None


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    return true() if viewer.is_regulator else complaints.c.source_id == viewer.member_id


def _conditions(tx: Transaction, wanted: ComplaintFilter | None) -> list[ColumnElement[bool]]:
    asked = conditions_of(wanted or ComplaintFilter(), Complaint, tx.present_role)
    return [_visible(tx.viewer), *asked]


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
    said = ticket_no.strip().upper()
    match = _TICKET_NO.fullmatch(said)
    found = None
    if match is not None and tx.viewer.kind in SOURCES:
        is_meant = complaints.c.ticket_serial == int(match[1])
        found = await find_record(tx, Complaint, is_meant, _visible(tx.viewer))
    if found is None or found.ticket_no != said:
        raise UnknownError(field="ticketNo")
    note_items(tx, Complaint, [found])
    return found


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
    require_kind(tx.viewer, SOURCES)
    conditions = _conditions(tx, wanted)
    if sort is ComplaintSort.VERIFICATION_DUE:
        conditions.append(complaints.c.verification_due_at.is_not(None))
    return await fetch_page(tx, _LISTINGS[sort], page, *conditions)


async def count_complaints(tx: Transaction, wanted: ComplaintFilter | None = None) -> int:
    """Count the complaints that match the filter and that the viewer may see. Errors: as list_complaints."""
    require_kind(tx.viewer, SOURCES)
    return await count_records(tx, Complaint, *_conditions(tx, wanted))


async def load_complaints(tx: Transaction, ids: Sequence[str]) -> dict[str, Complaint]:
    """Return complaints by id, in one statement, without those that the viewer may not see."""
    if tx.viewer.kind not in SOURCES:
        return {}
    known = [parsed for complaint_id in ids if (parsed := parse_id(complaint_id))]
    found = await load_records(tx, Complaint, known, _visible(tx.viewer))
    note_items(tx, Complaint, found.values())
    return found


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
