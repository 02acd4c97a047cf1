"""Legal holds: what an officer says must be kept, so that neither retention nor the archive touches it.

A hold is on one thing or, without a subject, on the whole log. One on a number covers everything about that number,
also what comes after it: policies look at each entry as it is about to be changed. A hold that was answered as placed
is heeded from then on: placing waits for an erasure that is under way, and the next one sees it.
Source: ADR 0055.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from ledger.errors import InvalidInputError, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.table import legal_holds
from ledger.feed.vocabulary import EventKind, HoldSubject, Subject
from ledger.identifiers import LegalHoldId, OfficerId, new_id, parse_id
from ledger.numbers.forms import parse_number
from ledger.pages import Page, PageRequest, cursor_id, decode_cursor, encode_cursor
from ledger.permissions import require_officer, require_regulator
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.texts import check_text

REASON_CHARACTERS_MAX = 2_000

LOCK_HOLDS = text("SELECT pg_advisory_xact_lock(hashtextextended('jembatan.legal_holds', 0))")
"""Taken by whoever places a hold, erases or archives, until its transaction ends."""

_EXISTS = {
    "COMPLAINT": text("SELECT 1 FROM complaints WHERE id = CAST(:id AS uuid)"),
    "BLOCK_ORDER": text("SELECT 1 FROM block_orders WHERE id = CAST(:id AS uuid)"),
    "FRAUD_SIGNAL": text("SELECT 1 FROM fraud_signals WHERE id = CAST(:id AS uuid)"),
    "MEMBER": text("SELECT 1 FROM members WHERE id = CAST(:id AS uuid)"),
}
_PLACE = text("""
INSERT INTO legal_holds (id, subject, subject_id, reason, placed_by, placed_at)
VALUES (CAST(:id AS uuid), :subject, :subject_id, :reason, CAST(:placed_by AS uuid), :placed_at)
""")
_LOCK = text("""
SELECT id::text, subject, subject_id, reason, placed_by::text, placed_at, released_by::text, released_at
FROM legal_holds WHERE id = CAST(:id AS uuid) FOR UPDATE
""")
_RELEASE = text("""
UPDATE legal_holds SET released_by = CAST(:released_by AS uuid), released_at = :released_at
WHERE id = CAST(:id AS uuid) AND released_at IS NULL
""")


class HoldSubjectError(InvalidInputError):
    """A hold is on a thing, by subject and id, or on the whole log, by neither."""

    code = "HOLD_SUBJECT_INVALID"


class HoldReasonError(InvalidInputError):
    """A hold needs its reason."""

    code = "HOLD_REASON_MISSING"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHoldDraft:
    """What is to be held and why; subject_id is a number as written, or an id."""

    reason: str
    subject: HoldSubject | None = None
    subject_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalHold:
    """A hold; it counts until released_at."""

    id: LegalHoldId
    subject: HoldSubject | None
    subject_id: str | None
    reason: str
    placed_by: OfficerId
    placed_at: datetime
    released_by: OfficerId | None
    released_at: datetime | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "LegalHold":
        """From a row of legal_holds."""
        values: dict[str, Any] = dict(row)
        subject = HoldSubject(row["subject"]) if row["subject"] is not None else None
        return cls(**(values | {"subject": subject}))


async def place_legal_hold(tx: Transaction, draft: LegalHoldDraft) -> LegalHold:
    """Keep a thing's entries, or every entry, until the hold is released.

    Errors: ForbiddenError, OfficerRequiredError, HoldSubjectError, HoldReasonError, UnknownError for a thing that
    there is not (a number need not be known yet), NumberInvalidError.
    """
    officer_id = require_officer(tx.viewer)
    reason = check_text(draft.reason, field="reason", length_max=REASON_CHARACTERS_MAX, lines=True)
    if not reason:
        raise HoldReasonError(field="reason")
    subject_id = await _find_subject(tx, draft)
    row = {
        "id": new_id(),
        "subject": draft.subject.value if draft.subject is not None else None,
        "subject_id": subject_id,
        "reason": reason,
        "placed_by": officer_id,
        "placed_at": tx.as_of,
    }
    await tx.execute(LOCK_HOLDS)
    async with tx.role(Role.TRANSITION):
        await tx.execute(_PLACE, row)
    hold = LegalHold.of(row | {"released_by": None, "released_at": None})
    await append_events(tx, [_event(hold, EventKind.LEGAL_HOLD_PLACED, state="PLACED")])
    return hold


async def release_legal_hold(tx: Transaction, hold_id: str) -> LegalHold:
    """End a hold. Errors: ForbiddenError, OfficerRequiredError, UnknownError, StateConflictError."""
    officer_id = require_officer(tx.viewer)
    known = parse_id(hold_id)
    async with tx.role(Role.TRANSITION):
        row = (await tx.execute(_LOCK, {"id": known})).mappings().one_or_none() if known else None
        if row is None:
            raise UnknownError("There is no such hold.", field="id")
        if row["released_at"] is not None:
            raise StateConflictError("The hold was released before.", field="id")
        changed = {"released_by": officer_id, "released_at": tx.as_of}
        await tx.execute(_RELEASE, {"id": known} | changed)
    hold = LegalHold.of({**row, **changed})
    await append_events(tx, [_event(hold, EventKind.LEGAL_HOLD_RELEASED, state="RELEASED")])
    return hold


async def list_legal_holds(tx: Transaction, page: PageRequest, *, is_active: bool | None = None) -> Page[LegalHold]:
    """Holds, newest first; only those that count, or only those that were released, where that is given.

    Errors: ForbiddenError for any party but the regulator, CursorInvalidError.
    """
    require_regulator(tx.viewer)
    c = legal_holds.c
    statement = select(legal_holds).order_by(c.id.desc()).limit(page.first + 1)
    if is_active is not None:
        statement = statement.where(c.released_at.is_(None) if is_active else c.released_at.is_not(None))
    if page.after is not None:
        statement = statement.where(c.id < cursor_id(decode_cursor("legal_holds", page.after, length=1)[0]))
    rows = (await tx.execute(statement)).mappings().all()
    holds = [LegalHold.of(row) for row in rows[: page.first]]
    cursors = [encode_cursor("legal_holds", [hold.id]) for hold in holds]
    return Page(holds, cursors, has_next_page=len(rows) > page.first)


async def _find_subject(tx: Transaction, draft: LegalHoldDraft) -> str | None:
    """The id that entries about the thing carry, or None for the whole log."""
    if (draft.subject is None) != (draft.subject_id is None):
        raise HoldSubjectError(field="subjectId" if draft.subject_id is None else "subject")
    if draft.subject is None or draft.subject_id is None:
        return None
    if draft.subject is HoldSubject.NUMBER:
        return parse_number(draft.subject_id).e164
    known = parse_id(draft.subject_id)
    found = (await tx.execute(_EXISTS[draft.subject.value], {"id": known})).first() if known else None
    if known is None or found is None:
        raise UnknownError("There is no such thing to hold.", field="subjectId")
    return known


def _event(hold: LegalHold, kind: EventKind, *, state: str) -> EventDraft:
    # What is held is not said: the log is for ever, and a number in it could not be erased while it is held.
    return EventDraft(kind=kind, subject=Subject.LEGAL_HOLD, subject_id=hold.id, state=state)
