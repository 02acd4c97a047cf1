"""Who works on a complaint: an officer claims it for a time, or it is assigned to one.

A claim ends by itself; while it lasts no other officer can claim or decide the complaint. An assignment lasts until it
is changed, and only the officer that a complaint is assigned to can claim it.
Source: docs/adr/0159.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.complaints.moves import refuse_repeated, refuse_unknown
from ledger.complaints.table import Complaint
from ledger.copies import replace
from ledger.errors import ConflictError, InvalidInputError, Problem
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import OfficerId, parse_id
from ledger.members.reading import load_officers
from ledger.moves import Moved, Rules, move_records
from ledger.permissions import require_batch, require_officer
from ledger.storage.database import Transaction


class ComplaintClaimedError(ConflictError):
    """Another officer has claimed this complaint."""

    code = "COMPLAINT_CLAIMED"
    hint = "Wait until claimEndsAt, or assign the complaint, which ends the claim."


class ComplaintAssignedError(ConflictError):
    """The complaint is assigned to another officer."""

    code = "COMPLAINT_ASSIGNED"
    hint = "Assign it to yourself, or to nobody, first."


class AssigneeError(InvalidInputError):
    """This is no active officer of the regulator."""

    code = "ASSIGNEE_UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """To whom a complaint is assigned; None for nobody."""

    complaint_id: str
    officer_id: str | None = None


def check_claim(complaint: Complaint, officer_id: OfficerId, *, as_of: datetime) -> None:
    """Errors: ComplaintClaimedError if another officer's claim lasts."""
    ends_at = complaint.claim_ends_at
    if ends_at is not None and ends_at > as_of and complaint.claimed_by != officer_id:
        raise ComplaintClaimedError(details={"claimEndsAt": ends_at.isoformat()})


async def claim_complaints(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Claim complaints for the viewer, item by item; claiming one's own again makes the claim last from now.

    Shapes: 1..1000 ids; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, OfficerRequiredError, with nothing written; for an item
    NOT_FOUND, COMPLAINT_CLAIMED, COMPLAINT_ASSIGNED.
    """
    officer_id = require_officer(tx.viewer)
    ends_at = tx.as_of + tx.policies.claim

    def claim(_place: int, complaint: Complaint) -> Moved[Complaint]:
        check_claim(complaint, officer_id, as_of=tx.as_of)
        if complaint.assigned_to not in {None, officer_id}:
            raise ComplaintAssignedError
        claimed = replace(complaint, claimed_by=officer_id, claimed_at=tx.as_of, claim_ends_at=ends_at)
        said = {"officerId": officer_id, "endsAt": ends_at.isoformat()}
        return Moved(claimed, _event(claimed, EventKind.COMPLAINT_CLAIMED, **said))

    rules = Rules(move=claim, unknown=refuse_unknown, repeated=refuse_repeated)
    return await move_records(tx, Complaint, [parse_id(each) for each in complaint_ids], rules)


async def unclaim_complaints(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Give complaints back that the viewer claimed; one that nobody has claimed stays as it is. As claim_complaints."""
    officer_id = require_officer(tx.viewer)

    def unclaim(_place: int, complaint: Complaint) -> Moved[Complaint]:
        check_claim(complaint, officer_id, as_of=tx.as_of)
        if complaint.claimed_by != officer_id:
            return Moved(complaint)
        free = replace(complaint, claimed_by=None, claimed_at=None, claim_ends_at=None)
        return Moved(free, _event(free, EventKind.COMPLAINT_UNCLAIMED, officerId=officer_id))

    rules = Rules(move=unclaim, unknown=refuse_unknown)
    return await move_records(tx, Complaint, [parse_id(each) for each in complaint_ids], rules)


async def assign_complaints(tx: Transaction, assignments: Sequence[Assignment]) -> list[Complaint | Problem]:
    """Assign complaints to officers or to nobody, item by item; another officer's claim ends.

    Shapes: 1..1000 assignments; the result has their order and length.
    Errors: as claim_complaints; for an item NOT_FOUND, ASSIGNEE_UNKNOWN.
    """
    officer_id = require_officer(tx.viewer)
    require_batch(assignments)
    named = sorted({known for each in assignments if each.officer_id and (known := parse_id(each.officer_id))})
    officers = await load_officers(tx, named)

    def assign(place: int, complaint: Complaint) -> Moved[Complaint]:
        wanted = assignments[place].officer_id
        officer = officers.get(parse_id(wanted) or "") if wanted is not None else None
        if wanted is not None and (officer is None or officer.disabled_at is not None):
            raise AssigneeError(field="officerId")
        assignee = officer.id if officer is not None else None
        changed = replace(complaint, assigned_to=assignee, assigned_by=officer_id, assigned_at=tx.as_of)
        if complaint.claimed_by not in {None, assignee}:
            changed = replace(changed, claimed_by=None, claimed_at=None, claim_ends_at=None)
        said = {"officerId": assignee} if assignee is not None else {}
        return Moved(changed, _event(changed, EventKind.COMPLAINT_ASSIGNED, **said))

    rules = Rules(move=assign, unknown=refuse_unknown, repeated=refuse_repeated)
    return await move_records(tx, Complaint, [parse_id(each.complaint_id) for each in assignments], rules)


def _event(complaint: Complaint, kind: EventKind, **payload: str) -> EventDraft:
    """An event that only the regulator gets: who works on a complaint is not its source's business."""
    return EventDraft(
        kind=kind, subject=Subject.COMPLAINT, subject_id=complaint.id, state=complaint.state, payload=payload
    )
