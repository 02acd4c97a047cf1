"""Officers' notes on complaints: sealed, since they may name people, and appended, never changed or taken back.

Nobody but the regulator sees that there is one.
Source: docs/adr/0159.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from ledger.accesses import AccessKind
from ledger.complaints.erased import require_content
from ledger.complaints.moves import refuse_unknown
from ledger.complaints.table import Complaint, ComplaintNote, complaint_notes
from ledger.errors import InvalidInputError, Problem
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import NoteId, new_id, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, insert_records, select_records
from ledger.texts import check_text

_NOTE_LENGTH_MAX = 4_000


class NoteEmptyError(InvalidInputError):
    """The note is empty."""

    code = "NOTE_EMPTY"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteDraft:
    """One note on one complaint."""

    complaint_id: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedNote(ComplaintNote):
    """A note with its text unsealed."""

    text: str


async def note_complaints(tx: Transaction, drafts: Sequence[NoteDraft]) -> list[Complaint | Problem]:
    """Add notes to complaints, item by item; one complaint may get several.

    Shapes: 1..1000 drafts; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, OfficerRequiredError, with nothing written; for an item
    NOT_FOUND, COMPLAINT_ERASED, NOTE_EMPTY, TEXT_INVALID, TEXT_TOO_LONG.
    """
    officer_id = require_officer(tx.viewer)
    notes: list[ComplaintNote] = []

    def add(place: int, complaint: Complaint) -> Moved[Complaint]:
        require_content(complaint)
        written = check_text(drafts[place].text, field="text", length_max=_NOTE_LENGTH_MAX, lines=True)
        if not written:
            raise NoteEmptyError(field="text")
        note_id = NoteId(new_id())
        notes.append(
            ComplaintNote(
                id=note_id,
                complaint_id=complaint.id,
                officer_id=officer_id,
                text_sealed=tx.keyring.seal(written.encode(), _context(note_id)),
                text_digest=tx.keyring.digest(written.encode(), _context(note_id)),
                noted_at=tx.as_of,
            )
        )
        event = EventDraft(
            kind=EventKind.COMPLAINT_NOTED,
            subject=Subject.COMPLAINT,
            subject_id=complaint.id,
            state=complaint.state,
            payload={"noteId": note_id},
        )
        return Moved(complaint, event)

    async def write(_changes: Sequence[Change[Complaint]]) -> list[EventDraft]:
        await insert_records(tx, notes)
        return []

    rules = Rules(move=add, unknown=refuse_unknown, follow=write)
    return await move_records(tx, Complaint, [parse_id(draft.complaint_id) for draft in drafts], rules)


async def load_notes(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, list[OpenedNote]]:
    """Return the notes on each complaint, oldest first, in one statement, for the regulator.

    Every given complaint has an entry.
    """
    found: dict[str, list[OpenedNote]] = {complaint_id: [] for complaint_id in complaint_ids}
    if not tx.viewer.is_regulator:
        return found
    c = complaint_notes.c
    known = [parsed for complaint_id in complaint_ids if (parsed := parse_id(complaint_id))]
    is_there = c.text_digest.is_not(None)
    statement = select_records(tx, ComplaintNote).where(c.complaint_id.in_(known), is_there).order_by(c.id)
    notes = await fetch_records(tx, ComplaintNote, statement)
    tx.accesses.note(AccessKind.CHRONOLOGY, [note.complaint_id for note in notes])
    for note in notes:
        written = tx.keyring.open(note.text_sealed, _context(note.id)).decode()
        found[note.complaint_id].append(OpenedNote(**asdict(note), text=written))
    return found


def _context(note_id: NoteId) -> str:
    return f"complaint_notes.text:{note_id}"
