"""What every move of complaints shares: how an item is refused, and what its source reads in the feed."""

from typing import Any

from ledger.complaints.table import Complaint
from ledger.errors import ItemRepeatedError, LedgerError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject


def refuse_unknown(_place: int) -> LedgerError:
    """The refusal of an item that names no complaint."""
    return UnknownError(field="complaintId")


def refuse_repeated() -> LedgerError:
    """The refusal of a second item about a complaint that the same call changed."""
    return ItemRepeatedError(field="complaintId")


def complaint_event(complaint: Complaint, kind: EventKind, **payload: Any) -> EventDraft:
    """An event about a complaint, for its source."""
    return EventDraft(
        kind=kind,
        subject=Subject.COMPLAINT,
        subject_id=complaint.id,
        state=complaint.state,
        audience=[complaint.source_id],
        payload=payload,
    )
