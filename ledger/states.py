"""Every state machine of the ledger, as tables. A move that is not written here does not exist.

What changes a state asks `next_state` and does what it says. Overdue, late and risk are derived and
stand in no table. Source: domain.md, the tables of Complaint and BlockOrder, and Signals.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.errors import StateConflictError


class ComplaintState(StrEnum):
    """Where a complaint stands."""

    SUBMITTED = "SUBMITTED"
    NEEDS_INFO = "NEEDS_INFO"
    VERIFIED = "VERIFIED"
    REJECTED = "REJECTED"
    DUPLICATE = "DUPLICATE"
    WITHDRAWN = "WITHDRAWN"
    ESCALATED = "ESCALATED"
    RESOLVED = "RESOLVED"
    REOPENED = "REOPENED"


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
    REOPEN = "REOPEN"


class OrderState(StrEnum):
    """Where a block order stands."""

    DRAFT = "DRAFT"
    DISCARDED = "DISCARDED"
    ISSUED = "ISSUED"
    RECEIVED = "RECEIVED"
    EXECUTED = "EXECUTED"
    PARTIAL = "PARTIAL"
    IMPOSSIBLE = "IMPOSSIBLE"
    WITHDRAWN = "WITHDRAWN"
    CLOSED = "CLOSED"
    LIFT_ISSUED = "LIFT_ISSUED"
    LIFTED = "LIFTED"
    LIFT_IMPOSSIBLE = "LIFT_IMPOSSIBLE"
    ENDED = "ENDED"


class OrderMove(StrEnum):
    """What can be done to a block order."""

    APPROVE = "APPROVE"
    RETURN = "RETURN"
    REVISE = "REVISE"
    DISCARD = "DISCARD"
    RECEIVE = "RECEIVE"
    EXECUTE = "EXECUTE"
    EXECUTE_PARTLY = "EXECUTE_PARTLY"
    REFUSE_AS_IMPOSSIBLE = "REFUSE_AS_IMPOSSIBLE"
    WITHDRAW = "WITHDRAW"
    REISSUE = "REISSUE"
    CLOSE = "CLOSE"
    ISSUE_LIFT = "ISSUE_LIFT"
    LIFT = "LIFT"
    REFUSE_LIFT = "REFUSE_LIFT"
    END_RECYCLED = "END_RECYCLED"


class SignalState(StrEnum):
    """Where a fraud signal stands."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


class SignalMove(StrEnum):
    """What can be done to a fraud signal."""

    CONFIRM = "CONFIRM"
    EXPIRE = "EXPIRE"
    REVOKE = "REVOKE"


class ForwardingState(StrEnum):
    """Where a forwarding run stands."""

    PROPOSED = "PROPOSED"
    APPROVED = "APPROVED"
    DISCARDED = "DISCARDED"


class ExtensionState(StrEnum):
    """Where a carrier's request for more time stands."""

    REQUESTED = "REQUESTED"
    GRANTED = "GRANTED"
    REFUSED = "REFUSED"


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
    (_C.REJECTED, _CM.REOPEN): _C.REOPENED,
    (_C.RESOLVED, _CM.REOPEN): _C.REOPENED,
    (_C.REOPENED, _CM.VERIFY): _C.VERIFIED,
    (_C.REOPENED, _CM.REJECT): _C.REJECTED,
}

_O, _OM = OrderState, OrderMove
ORDER_MOVES: Mapping[tuple[OrderState, OrderMove], OrderState] = {
    (_O.DRAFT, _OM.APPROVE): _O.ISSUED,
    (_O.DRAFT, _OM.RETURN): _O.DRAFT,
    (_O.DRAFT, _OM.DISCARD): _O.DISCARDED,
    (_O.DRAFT, _OM.REVISE): _O.DRAFT,
    (_O.ISSUED, _OM.RECEIVE): _O.RECEIVED,
    (_O.ISSUED, _OM.EXECUTE): _O.EXECUTED,
    (_O.RECEIVED, _OM.EXECUTE): _O.EXECUTED,
    (_O.PARTIAL, _OM.EXECUTE): _O.EXECUTED,
    (_O.ISSUED, _OM.EXECUTE_PARTLY): _O.PARTIAL,
    (_O.RECEIVED, _OM.EXECUTE_PARTLY): _O.PARTIAL,
    (_O.ISSUED, _OM.REFUSE_AS_IMPOSSIBLE): _O.IMPOSSIBLE,
    (_O.RECEIVED, _OM.REFUSE_AS_IMPOSSIBLE): _O.IMPOSSIBLE,
    (_O.PARTIAL, _OM.REFUSE_AS_IMPOSSIBLE): _O.IMPOSSIBLE,
    (_O.ISSUED, _OM.WITHDRAW): _O.WITHDRAWN,
    (_O.RECEIVED, _OM.WITHDRAW): _O.WITHDRAWN,
    (_O.IMPOSSIBLE, _OM.REISSUE): _O.ISSUED,
    (_O.IMPOSSIBLE, _OM.CLOSE): _O.CLOSED,
    (_O.EXECUTED, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    (_O.PARTIAL, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    (_O.LIFT_IMPOSSIBLE, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    # Only after the carrier executed it all the same: the lift that was drafted then.
    (_O.WITHDRAWN, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    (_O.LIFT_IMPOSSIBLE, _OM.CLOSE): _O.CLOSED,
    (_O.EXECUTED, _OM.END_RECYCLED): _O.ENDED,
    (_O.PARTIAL, _OM.END_RECYCLED): _O.ENDED,
    (_O.LIFT_ISSUED, _OM.LIFT): _O.LIFTED,
    (_O.LIFT_ISSUED, _OM.REFUSE_LIFT): _O.LIFT_IMPOSSIBLE,
}

_S, _SM = SignalState, SignalMove
SIGNAL_MOVES: Mapping[tuple[SignalState, SignalMove], SignalState] = {
    (_S.ACTIVE, _SM.CONFIRM): _S.ACTIVE,
    (_S.ACTIVE, _SM.EXPIRE): _S.EXPIRED,
    (_S.ACTIVE, _SM.REVOKE): _S.REVOKED,
}

AWAITING_CARRIER = frozenset({_O.ISSUED, _O.RECEIVED, _O.PARTIAL, _O.LIFT_ISSUED})
"""States in which the carrier owes something, so that a due time can pass."""

OPEN_ORDER_STATES = frozenset(
    {_O.DRAFT, _O.ISSUED, _O.RECEIVED, _O.PARTIAL, _O.EXECUTED, _O.IMPOSSIBLE, _O.LIFT_ISSUED, _O.LIFT_IMPOSSIBLE}
)
"""States in which another complaint of the same number joins this order instead of making a new one."""


def next_complaint_state(state: ComplaintState, move: ComplaintMove) -> ComplaintState:
    """The state after the move. Errors: StateConflictError."""
    after = COMPLAINT_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A complaint that is {state} has no move {move}.")
    return after


def next_order_state(state: OrderState, move: OrderMove) -> OrderState:
    """The state after the move. Errors: StateConflictError."""
    after = ORDER_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A block order that is {state} has no move {move}.")
    return after


def next_signal_state(state: SignalState, move: SignalMove) -> SignalState:
    """The state after the move. Errors: StateConflictError."""
    after = SIGNAL_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A fraud signal that is {state} has no move {move}.")
    return after


def complaint_states_before(move: ComplaintMove) -> list[ComplaintState]:
    """The states from which the move is open, for a statement's WHERE."""
    return [state for state, candidate in COMPLAINT_MOVES if candidate is move]


def order_states_before(move: OrderMove) -> list[OrderState]:
    """The states from which the move is open, for a statement's WHERE."""
    return [state for state, candidate in ORDER_MOVES if candidate is move]
