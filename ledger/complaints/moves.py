"""What all moves of complaints share: the errors for refused items, and the events that the source receives."""

from typing import Any

from sqlalchemy import Row

from ledger.complaints.table import Complaint
from ledger.errors import ItemRepeatedError, LedgerError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject


def refuse_unknown(_place: int) -> LedgerError:
    """The error for an item whose id matches no complaint."""
    return UnknownError(field="complaintId")


def refuse_repeated() -> LedgerError:
    """The error for a second item about a complaint that the same call has already changed."""
    return ItemRepeatedError(field="complaintId")


def complaint_event(complaint: Complaint | Row[Any], kind: EventKind, **payload: Any) -> EventDraft:
    """An event about a complaint, for its source; of a row its id, source and state suffice."""
    return EventDraft(
        kind=kind,
        subject=Subject.COMPLAINT,
        subject_id=complaint.id,
        state=complaint.state,
        audience=[complaint.source_id],
        payload=payload,
    )
