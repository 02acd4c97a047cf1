"""Officers' decisions on complaints. A machine never decides; of two conflicting decisions, the second is refused.

Verifying updates the verified count and risk of the number and of the account, and settles the number's signals;
nothing here orders a block.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ledger.accounts.reading import load_accounts
from ledger.accounts.table import Account
from ledger.closed_lists import ClosedList
from ledger.complaints.claims import check_claim
from ledger.complaints.erased import require_content
from ledger.complaints.moves import complaint_event, refuse_repeated, refuse_unknown
from ledger.complaints.recounting import recount_verified
from ledger.complaints.states import VERIFIED_STATES, ComplaintMove, ComplaintState, next_complaint_state
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import RejectionReason
from ledger.copies import replace
from ledger.errors import InvalidInputError, Problem, StateConflictError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ComplaintId, OfficerId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.texts import check_optional_text


class Decision(ClosedList, graph_name="ComplaintDecision"):
    """What an officer can decide on a complaint."""

    VERIFY = ComplaintMove.VERIFY, "It is well-founded; the next forwarding run includes it."
    REJECT = ComplaintMove.REJECT, "It is not well-founded; a reason is required."
    ASK_INFO = ComplaintMove.ASK_INFO, "The source is asked for more information; it reads the note."
    MARK_DUPLICATE = (
        ComplaintMove.MARK_DUPLICATE,
        ("It duplicates another complaint by the same complainant about the same incident."),
    )
    REOPEN = ComplaintMove.REOPEN, "A rejected or resolved complaint is reviewed again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintDecision:
    """One decision. REJECT needs a reason, ASK_INFO a note (for the source), MARK_DUPLICATE the other's id.

    Only the regulator sees the note of any other decision.
    """

    complaint_id: str
    decision: Decision
    reason: RejectionReason | None = None
    note: str | None = None
    duplicate_of: str | None = None
    expected_state: ComplaintState | None = None


_NOTE_LENGTH_MAX = 4000
_INFORMABLE = frozenset({ComplaintState.REJECTED, ComplaintState.DUPLICATE, ComplaintState.RESOLVED})


class DecisionInvalidError(InvalidInputError):
    """The decision lacks a value that it requires, or has one that it does not take."""

    code = "DECISION_INVALID"
    hint = "REJECT takes a reason, ASK_INFO a note, MARK_DUPLICATE the other complaint's id."


class DuplicateMismatchError(InvalidInputError):
    """The complaints differ in complainant, number or account, or the other complaint is itself a duplicate."""

    code = "DUPLICATE_MISMATCH"
    hint = "Verify another victim's complaint about the same number instead; it joins the order."


async def decide_complaints(
    tx: Transaction,
    decisions: Sequence[ComplaintDecision],
) -> list[Complaint | Problem]:
    """Decide on complaints, item by item.

    Shapes: 1..1000 decisions; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, OfficerRequiredError, with nothing written.
    Source: domain.md, Complaint.
    """
    officer_id = require_officer(tx.viewer)
    present: Mapping[str, Complaint] = {}
    accounts: Mapping[str, Account] = {}

    async def prepare(locked: Mapping[str, Complaint]) -> None:
        nonlocal present, accounts
        present = locked
        if any(decision.duplicate_of for decision in decisions):
            accused = {item.account_id for item in locked.values() if item.account_id is not None}
            accounts = await load_accounts(tx, sorted(accused))

    def decide(place: int, complaint: Complaint) -> Moved[Complaint]:
        decision = decisions[place]
        if decision.expected_state not in {None, complaint.state}:
            raise StateConflictError(f"The complaint is {complaint.state}, not {decision.expected_state}.")
        check_claim(complaint, officer_id, as_of=tx.as_of)
        decided = _decide(tx, decision, complaint, officer_id=officer_id)
        if decision.duplicate_of:
            decided = replace(
                decided, duplicate_of=_check_duplicate(decision.duplicate_of, complaint, present, accounts)
            )
        said = {"reason": decision.reason} if decision.reason else {}
        event = complaint_event(decided, EventKind.COMPLAINT_DECIDED, decision=decision.decision, **said)
        return Moved(decided, event)

    async def follow(changes: Sequence[Change[Complaint]]) -> list[EventDraft]:
        moved = [each.after for each in changes if _is_verified(each.before) != _is_verified(each.after)]
        await recount_verified(tx, moved)
        return []

    rules = Rules(
        move=decide,
        unknown=refuse_unknown,
        repeated=refuse_repeated,
        also=[known for decision in decisions if (known := parse_id(decision.duplicate_of or ""))],
        prepare=prepare,
        follow=follow,
    )
    return await move_records(tx, Complaint, [parse_id(decision.complaint_id) for decision in decisions], rules)


def _is_verified(complaint: Complaint) -> bool:
    return complaint.state in VERIFIED_STATES


async def record_complainant_informed(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Record that the complainant was informed of the outcome. The first recorded time is kept.

    Shapes: 1..1000 ids; the result has their order and length.
    Errors: as decide_complaints. A complaint that has no outcome yet is INCOMPATIBLE_STATE.
    """
    require_officer(tx.viewer)

    def inform(_place: int, complaint: Complaint) -> Moved[Complaint]:
        if complaint.state not in _INFORMABLE:
            raise StateConflictError(f"A complaint that is {complaint.state} has no outcome yet.")
        if complaint.complainant_informed_at is not None:
            return Moved(complaint)
        informed = replace(complaint, complainant_informed_at=tx.as_of)
        return Moved(informed, complaint_event(informed, EventKind.COMPLAINANT_INFORMED))

    rules = Rules(move=inform, unknown=refuse_unknown)
    return await move_records(tx, Complaint, [parse_id(complaint_id) for complaint_id in complaint_ids], rules)


def _decide(
    tx: Transaction,
    decision: ComplaintDecision,
    before: Complaint,
    *,
    officer_id: OfficerId,
) -> Complaint:
    """The complaint after it, without what it duplicates. Errors: StateConflictError, DecisionInvalidError."""
    move = ComplaintMove(decision.decision)
    note = _check_decision(decision)
    after = replace(before, state=next_complaint_state(before.state, move))
    if move is ComplaintMove.ASK_INFO:
        return replace(after, info_request=note, complete_at=None, verification_due_at=None)
    if move is ComplaintMove.REOPEN:
        require_content(before)
        return replace(
            after,
            decision_note=note,
            rejection_reason=None,
            outcome=None,
            order_outcome=None,
            referral_outcome=None,
            decided_by=None,
            decided_at=None,
            resolved_at=None,
            complainant_informed_at=None,
            complete_at=tx.as_of,
            verification_due_at=tx.as_of + tx.policies.verification_due,
        )
    return replace(
        after,
        decision_note=note,
        rejection_reason=decision.reason,
        duplicate_of=None,
        decided_by=officer_id,
        decided_at=tx.as_of,
    )


def _check_decision(decision: ComplaintDecision) -> str | None:
    """Return the cleaned note, if the decision has exactly the values that it takes."""
    note = check_optional_text(decision.note, field="note", length_max=_NOTE_LENGTH_MAX, lines=True)
    if (decision.reason is not None) != (decision.decision is Decision.REJECT):
        raise DecisionInvalidError(field="reason")
    if (decision.duplicate_of is not None) != (decision.decision is Decision.MARK_DUPLICATE):
        raise DecisionInvalidError(field="duplicateOf")
    if decision.decision is Decision.ASK_INFO and note is None:
        raise DecisionInvalidError(field="note")
    return note


def _check_duplicate(
    other_id: str, before: Complaint, present: Mapping[str, Complaint], accounts: Mapping[str, Account]
) -> ComplaintId:
    """Return the id of the complaint that this one duplicates. Errors: UnknownError, DuplicateMismatchError."""
    other = present.get(parse_id(other_id) or "")
    if other is None:
        raise UnknownError(field="duplicateOf")
    references = {before.complainant_ref, other.complainant_ref} - {None}
    accused, others = accounts.get(before.account_id or ""), accounts.get(other.account_id or "")
    same_target = before.e164 == other.e164 and _may_be_same(accused, others)
    if other.id == before.id or other.state is ComplaintState.DUPLICATE or len(references) > 1 or not same_target:
        raise DuplicateMismatchError(field="duplicateOf")
    return other.id


def _may_be_same(one: Account | None, other: Account | None) -> bool:
    """Whether two complaints may be about the same account: one that can't be read may be any on its platform."""
    if one is None or other is None:
        return one is other
    if one.id == other.id:
        return True
    same_platform = (one.platform, one.platform_name) == (other.platform, other.platform_name)
    return same_platform and not (one.is_canonical and other.is_canonical)
