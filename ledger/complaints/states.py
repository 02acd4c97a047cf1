"""The states of a complaint and every move between them. A move that is not listed here does not exist.

Pure: it may be imported from anywhere in the ledger. Source: domain.md, the table of Complaint.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.errors import StateConflictError


class ComplaintState(ClosedList):
    """The state of a complaint."""

    SUBMITTED = "SUBMITTED", "Filed; waiting for an officer."
    NEEDS_INFO = "NEEDS_INFO", "An officer asked the source for more information."
    VERIFIED = "VERIFIED", "Found to be well-founded; the next forwarding run includes it."
    REJECTED = "REJECTED", "Rejected, with a reason."
    DUPLICATE = "DUPLICATE", "Has the same complainant and incident as another complaint."
    WITHDRAWN = "WITHDRAWN", "Withdrawn by its source."
    ESCALATED = "ESCALATED", "Part of a block order or a referral that is in progress."
    RESOLVED = "RESOLVED", "Every instrument has come to an end, and the complaint has an outcome."
    REOPENED = "REOPENED", "Under review by an officer again."


class ComplaintMove(StrEnum):
    """What can be done to a complaint."""

    ASK_INFO = "ASK_INFO"
    SUPPLY_INFO = "SUPPLY_INFO"
    EXPIRE = "EXPIRE"
    VERIFY = "VERIFY"
    REJECT = "REJECT"
    MARK_DUPLICATE = "MARK_DUPLICATE"
    WITHDRAW = "WITHDRAW"
    ESCALATE = "ESCALATE"
    RESOLVE = "RESOLVE"
    END_UNASKED = "END_UNASKED"
    REOPEN = "REOPEN"
    TAKE_BACK = "TAKE_BACK"
    RELEASE = "RELEASE"
    RESUME = "RESUME"


_C, _CM = ComplaintState, ComplaintMove


COMPLAINT_MOVES: Mapping[tuple[ComplaintState, ComplaintMove], ComplaintState] = {
    (_C.SUBMITTED, _CM.ASK_INFO): _C.NEEDS_INFO,
    (_C.SUBMITTED, _CM.VERIFY): _C.VERIFIED,
    (_C.SUBMITTED, _CM.REJECT): _C.REJECTED,
    (_C.SUBMITTED, _CM.MARK_DUPLICATE): _C.DUPLICATE,
    (_C.SUBMITTED, _CM.WITHDRAW): _C.WITHDRAWN,
    (_C.NEEDS_INFO, _CM.WITHDRAW): _C.WITHDRAWN,
    (_C.NEEDS_INFO, _CM.SUPPLY_INFO): _C.SUBMITTED,
    (_C.NEEDS_INFO, _CM.EXPIRE): _C.REJECTED,
    (_C.VERIFIED, _CM.ESCALATE): _C.ESCALATED,
    (_C.ESCALATED, _CM.RESOLVE): _C.RESOLVED,
    # It asks for an account's action alone, and no provider that takes part could be asked.
    (_C.VERIFIED, _CM.END_UNASKED): _C.RESOLVED,
    # Only while no order about it stands issued; its drafts are discarded, which releases the other complaints.
    (_C.VERIFIED, _CM.TAKE_BACK): _C.SUBMITTED,
    (_C.ESCALATED, _CM.TAKE_BACK): _C.SUBMITTED,
    (_C.ESCALATED, _CM.RELEASE): _C.VERIFIED,
    # A carrier corrected the statement that resolved it.
    (_C.RESOLVED, _CM.RESUME): _C.ESCALATED,
    (_C.REJECTED, _CM.REOPEN): _C.REOPENED,
    (_C.RESOLVED, _CM.REOPEN): _C.REOPENED,
    (_C.REOPENED, _CM.VERIFY): _C.VERIFIED,
    (_C.REOPENED, _CM.REJECT): _C.REJECTED,
}


def next_complaint_state(state: ComplaintState, move: ComplaintMove) -> ComplaintState:
    """Return the state after the move. Errors: StateConflictError."""
    after = COMPLAINT_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A complaint that is {state} does not allow {move}.")
    return after


VERIFIED_STATES = frozenset({_C.VERIFIED, _C.ESCALATED, _C.RESOLVED})
"""States in which an officer has found the complaint well-founded, so that it counts toward the number's risk."""

ENDED_STATES = frozenset({_C.REJECTED, _C.DUPLICATE, _C.WITHDRAWN, _C.RESOLVED})
"""States in which nothing is to be done about the complaint: what it contains is kept for a time, and then erased."""

AWAITING_VERIFICATION = frozenset({_C.SUBMITTED, _C.REOPENED})
"""States in which a complaint waits for an officer, so that its verification can become overdue."""
