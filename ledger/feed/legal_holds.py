"""Legal holds: officers place them on what must be kept, and neither retention nor archiving may then remove it.

A hold is on one subject or, without a subject, on the entire log. A hold on a number covers everything about that
number, including later entries: policies check each entry when it is about to be changed. A hold takes effect before
its placement is confirmed: placing waits for an erasure in progress, and the next erasure sees the hold.
Source: ADR 0055.
"""

from dataclasses import dataclass, replace

from sqlalchemy import text

from ledger.errors import InvalidInputError, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.table import LegalHold, legal_holds
from ledger.feed.vocabulary import EventKind, HoldSubject, Subject
from ledger.identifiers import LegalHoldId, new_id, parse_id
from ledger.numbers.forms import parse_number
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import require_officer, require_regulator
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records, lock_records, update_records
from ledger.texts import check_text

REASON_CHARACTERS_MAX = 2_000

LOCK_HOLDS = text("SELECT pg_advisory_xact_lock(hashtextextended('jembatan.legal_holds', 0))")
"""Taken until the end of a transaction that places a hold, erases or archives."""

_EXISTS = {
    "COMPLAINT": text("SELECT 1 FROM complaints WHERE id = CAST(:id AS uuid)"),
    "BLOCK_ORDER": text("SELECT 1 FROM block_orders WHERE id = CAST(:id AS uuid)"),
    "REFERRAL": text("SELECT 1 FROM referrals WHERE id = CAST(:id AS uuid)"),
    "FRAUD_SIGNAL": text("SELECT 1 FROM fraud_signals WHERE id = CAST(:id AS uuid)"),
    "MEMBER": text("SELECT 1 FROM members WHERE id = CAST(:id AS uuid)"),
}
_HOLDS = Listing("legal_holds", LegalHold, ("-id",))


class HoldSubjectError(InvalidInputError):
    """Pass both subject and subjectId to hold one subject, or neither to hold the entire log."""

    code = "HOLD_SUBJECT_INVALID"


class HoldReasonError(InvalidInputError):
    """A hold requires a reason."""

    code = "HOLD_REASON_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldDraft:
    """What to hold and why; subject_id is a number as the officer wrote it, or an id."""

    reason: str
    subject: HoldSubject | None = None
    subject_id: str | None = None


async def place_legal_hold(tx: Transaction, draft: LegalHoldDraft) -> LegalHold:
    """Keep a subject's entries, or every entry, until the hold is released.

    Errors: ForbiddenError, OfficerRequiredError, HoldSubjectError, HoldReasonError, UnknownError for a subject that
    does not exist (a number need not be known yet), NumberInvalidError.
    """
    officer_id = require_officer(tx.viewer)
    reason = check_text(draft.reason, field="reason", length_max=REASON_CHARACTERS_MAX, lines=True)
    if not reason:
        raise HoldReasonError(field="reason")
    hold = LegalHold(
        id=LegalHoldId(new_id()),
        subject=draft.subject,
        subject_id=await _find_subject(tx, draft),
        reason=reason,
        placed_by=officer_id,
        placed_at=tx.as_of,
    )
    await tx.execute(LOCK_HOLDS)
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [hold])
    await append_events(tx, [_event(hold, EventKind.LEGAL_HOLD_PLACED, state="PLACED")])
    return hold


async def release_legal_hold(tx: Transaction, hold_id: str) -> LegalHold:
    """End a hold. Errors: ForbiddenError, OfficerRequiredError, UnknownError, StateConflictError."""
    officer_id = require_officer(tx.viewer)
    known = parse_id(hold_id)
    async with tx.role(Role.TRANSITION):
        hold = (await lock_records(tx, LegalHold, [known])).get(known) if known else None
        if hold is None:
            raise UnknownError("There is no such hold.", field="id")
        if hold.released_at is not None:
            raise StateConflictError("The hold is already released.", field="id")
        (released,) = await update_records(tx, [(hold, replace(hold, released_by=officer_id, released_at=tx.as_of))])
    await append_events(tx, [_event(released, EventKind.LEGAL_HOLD_RELEASED, state="RELEASED")])
    return released


async def list_legal_holds(tx: Transaction, page: PageRequest, *, is_active: bool | None = None) -> Page[LegalHold]:
    """Holds, newest first; is_active selects only those in force, or only those that were released.

    Errors: ForbiddenError for anyone but the regulator, CursorInvalidError.
    """
    require_regulator(tx.viewer)
    released_at = legal_holds.c.released_at
    wanted = [] if is_active is None else [released_at.is_(None) if is_active else released_at.is_not(None)]
    return await fetch_page(tx, _HOLDS, page, *wanted)


async def _find_subject(tx: Transaction, draft: LegalHoldDraft) -> str | None:
    """The subject id in the entries about the subject, or None for the entire log."""
    if (draft.subject is None) != (draft.subject_id is None):
        raise HoldSubjectError(field="subjectId" if draft.subject_id is None else "subject")
    if draft.subject is None or draft.subject_id is None:
        return None
    if draft.subject is HoldSubject.NUMBER:
        return parse_number(draft.subject_id, field="subjectId").e164
    known = parse_id(draft.subject_id)
    found = (await tx.execute(_EXISTS[draft.subject.value], {"id": known})).first() if known else None
    if known is None or found is None:
        raise UnknownError("The subject of the hold does not exist.", field="subjectId")
    return known


def _event(hold: LegalHold, kind: EventKind, *, state: str) -> EventDraft:
    # The event does not name the subject: the log is permanent, and a number in it could not be erased while held.
    return EventDraft(kind=kind, subject=Subject.LEGAL_HOLD, subject_id=hold.id, state=state)
