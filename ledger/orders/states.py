"""The states of a block order and every move between them. A move that is not listed here does not exist.

Pure: it may be imported from anywhere in the ledger. Overdue and late are derived, and are not states.
Source: domain.md, the table of BlockOrder.
"""

from collections.abc import Mapping
from enum import StrEnum

from ledger.closed_lists import ClosedList
from ledger.errors import StateConflictError
from ledger.feed.vocabulary import EventKind, Subject
from ledger.instruments import Instrument
from ledger.vocabulary import BlockRequestStatus


class OrderState(ClosedList, graph_name="BlockOrderState"):
    """The state of a block order. Overdue and late are not states; separate fields report them."""

    DRAFT = "DRAFT", "Drafted; waiting for another officer's approval."
    DISCARDED = "DISCARDED", "Discarded before it was issued."
    ISSUED = "ISSUED", "Issued to the carrier; the time limit is running."
    RECEIVED = "RECEIVED", "The carrier confirmed receipt of the order."
    EXECUTED = "EXECUTED", "The carrier blocked the number."
    PARTIAL = "PARTIAL", "The carrier blocked part of what was ordered."
    IMPOSSIBLE = "IMPOSSIBLE", "The carrier can't execute it and gave a reason."
    WITHDRAWN = "WITHDRAWN", "Withdrawn before it was executed."
    CLOSED = "CLOSED", "Closed by an officer because the order, or its lift, can't be executed."
    LIFT_ISSUED = "LIFT_ISSUED", "The carrier has been ordered to lift the block."
    LIFTED = "LIFTED", "The carrier lifted the block."
    LIFT_IMPOSSIBLE = "LIFT_IMPOSSIBLE", "The carrier can't lift the block."
    ENDED = "ENDED", "Ended because the number was assigned to another subscriber."


class OrderMove(StrEnum):
    """What can be done to a block order."""

    APPROVE = "APPROVE"
    ISSUE_IN_EMERGENCY = "ISSUE_IN_EMERGENCY"
    CONFIRM = "CONFIRM"
    LAPSE = "LAPSE"
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
    DRAFT_LIFT = "DRAFT_LIFT"
    ISSUE_LIFT = "ISSUE_LIFT"
    LIFT = "LIFT"
    REFUSE_LIFT = "REFUSE_LIFT"
    END_RECYCLED = "END_RECYCLED"
    CORRECT_TO_RECEIVED = "CORRECT_TO_RECEIVED"
    CORRECT_TO_EXECUTED = "CORRECT_TO_EXECUTED"
    CORRECT_TO_PARTIAL = "CORRECT_TO_PARTIAL"
    CORRECT_TO_IMPOSSIBLE = "CORRECT_TO_IMPOSSIBLE"


class ExtensionState(ClosedList):
    """The state of a carrier's request for more time."""

    REQUESTED = "REQUESTED", "Waiting for an officer."
    GRANTED = "GRANTED", "Granted; the due time was extended."
    REFUSED = "REFUSED", "Refused; the due time is unchanged."


class ProposalState(ClosedList, graph_name="BlockOrderProposalState"):
    """The state of a proposal: an issued order's next version or lift, as one officer drafted it."""

    PENDING = "PENDING", "Waiting for another officer."
    APPROVED = "APPROVED", "Another officer approved it, and it was issued."
    DISCARDED = "DISCARDED", "An officer discarded it, or something else took its place."


_O, _OM = OrderState, OrderMove

_CORRECTIONS: Mapping[OrderMove, OrderState] = {
    _OM.CORRECT_TO_RECEIVED: _O.RECEIVED,
    _OM.CORRECT_TO_EXECUTED: _O.EXECUTED,
    _OM.CORRECT_TO_PARTIAL: _O.PARTIAL,
    _OM.CORRECT_TO_IMPOSSIBLE: _O.IMPOSSIBLE,
}

ORDER_MOVES: Mapping[tuple[OrderState, OrderMove], OrderState] = {
    (_O.DRAFT, _OM.APPROVE): _O.ISSUED,
    (_O.DRAFT, _OM.ISSUE_IN_EMERGENCY): _O.ISSUED,
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
    # What a carrier reported by mistake, it can replace by anything that it could have reported instead.
    **{
        (state, move): after
        for state in (_O.EXECUTED, _O.PARTIAL, _O.IMPOSSIBLE)
        for move, after in _CORRECTIONS.items()
    },
    (_O.ISSUED, _OM.WITHDRAW): _O.WITHDRAWN,
    (_O.RECEIVED, _OM.WITHDRAW): _O.WITHDRAWN,
    # The next version waits beside the order, which the carrier sees as it was issued until another officer approves.
    (_O.IMPOSSIBLE, _OM.REVISE): _O.IMPOSSIBLE,
    (_O.IMPOSSIBLE, _OM.REISSUE): _O.ISSUED,
    (_O.IMPOSSIBLE, _OM.CLOSE): _O.CLOSED,
    (_O.EXECUTED, _OM.DRAFT_LIFT): _O.EXECUTED,
    (_O.PARTIAL, _OM.DRAFT_LIFT): _O.PARTIAL,
    (_O.LIFT_IMPOSSIBLE, _OM.DRAFT_LIFT): _O.LIFT_IMPOSSIBLE,
    (_O.WITHDRAWN, _OM.DRAFT_LIFT): _O.WITHDRAWN,
    (_O.EXECUTED, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    (_O.PARTIAL, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    (_O.LIFT_IMPOSSIBLE, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    # Only if the carrier executed the order regardless; that drafted this lift.
    (_O.WITHDRAWN, _OM.ISSUE_LIFT): _O.LIFT_ISSUED,
    (_O.LIFT_IMPOSSIBLE, _OM.CLOSE): _O.CLOSED,
    (_O.EXECUTED, _OM.END_RECYCLED): _O.ENDED,
    (_O.PARTIAL, _OM.END_RECYCLED): _O.ENDED,
    (_O.LIFT_ISSUED, _OM.LIFT): _O.LIFTED,
    (_O.LIFT_ISSUED, _OM.REFUSE_LIFT): _O.LIFT_IMPOSSIBLE,
    # Another officer confirms what one issued in an emergency, however far the carrier has come by then.
    (_O.ISSUED, _OM.CONFIRM): _O.ISSUED,
    (_O.RECEIVED, _OM.CONFIRM): _O.RECEIVED,
    (_O.PARTIAL, _OM.CONFIRM): _O.PARTIAL,
    (_O.EXECUTED, _OM.CONFIRM): _O.EXECUTED,
    (_O.IMPOSSIBLE, _OM.CONFIRM): _O.IMPOSSIBLE,
    (_O.LIFT_ISSUED, _OM.CONFIRM): _O.LIFT_ISSUED,
    (_O.LIFTED, _OM.CONFIRM): _O.LIFTED,
    (_O.LIFT_IMPOSSIBLE, _OM.CONFIRM): _O.LIFT_IMPOSSIBLE,
    # Nobody confirmed an emergency order in time.
    (_O.ISSUED, _OM.LAPSE): _O.WITHDRAWN,
    (_O.RECEIVED, _OM.LAPSE): _O.WITHDRAWN,
    (_O.PARTIAL, _OM.LAPSE): _O.LIFT_ISSUED,
    (_O.EXECUTED, _OM.LAPSE): _O.LIFT_ISSUED,
    (_O.WITHDRAWN, _OM.LAPSE): _O.LIFT_ISSUED,
    (_O.IMPOSSIBLE, _OM.LAPSE): _O.CLOSED,
}


AWAITING_CARRIER = frozenset({_O.ISSUED, _O.RECEIVED, _O.PARTIAL, _O.LIFT_ISSUED})
"""States in which the carrier still has to act, so that an order can become overdue."""

UNFINISHED = AWAITING_CARRIER | {_O.DRAFT}
"""States in which somebody still has to act: few orders, however many there have been."""

UNANSWERED = frozenset({_O.ISSUED, _O.LIFT_ISSUED})
"""States to which issuing leads: the carrier has said nothing yet that moved the order."""


OPEN_ORDER_STATES = frozenset(
    {_O.DRAFT, _O.ISSUED, _O.RECEIVED, _O.PARTIAL, _O.EXECUTED, _O.IMPOSSIBLE, _O.LIFT_ISSUED, _O.LIFT_IMPOSSIBLE}
)
"""States in which another complaint of the same number joins this order instead of leading to a new one."""


def states_before(*moves: OrderMove) -> frozenset[OrderState]:
    """The states that allow any of these moves."""
    return frozenset(state for state, move in ORDER_MOVES if move in moves)


def next_order_state(state: OrderState, move: OrderMove) -> OrderState:
    """Return the state after the move. Errors: StateConflictError."""
    after = ORDER_MOVES.get((state, move))
    if after is None:
        raise StateConflictError(f"A block order that is {state} does not allow {move}.")
    return after


STATUS_OF_STATE: Mapping[OrderState, BlockRequestStatus] = {
    _O.DRAFT: BlockRequestStatus.DRAFT,
    _O.ISSUED: BlockRequestStatus.AWAITING_ANSWER,
    _O.RECEIVED: BlockRequestStatus.AWAITING_ANSWER,
    _O.PARTIAL: BlockRequestStatus.AWAITING_ANSWER,
    _O.EXECUTED: BlockRequestStatus.IN_EFFECT,
    _O.LIFT_ISSUED: BlockRequestStatus.IN_EFFECT,
    _O.LIFT_IMPOSSIBLE: BlockRequestStatus.IN_EFFECT,
    _O.IMPOSSIBLE: BlockRequestStatus.NOT_DONE,
    _O.DISCARDED: BlockRequestStatus.ENDED,
    _O.WITHDRAWN: BlockRequestStatus.ENDED,
    _O.CLOSED: BlockRequestStatus.ENDED,
    _O.LIFTED: BlockRequestStatus.ENDED,
    _O.ENDED: BlockRequestStatus.ENDED,
}
"""The status for each state, in the terms that all kinds of instrument share."""

PENDING_STATES = frozenset({_O.DRAFT, _O.ISSUED, _O.RECEIVED, _O.PARTIAL, _O.IMPOSSIBLE})
"""States in which an order's outcome for the complaints behind it is still open."""

_PENDING = ", ".join(f"'{state}'" for state in sorted(PENDING_STATES))

BLOCK_ORDERS = Instrument(
    subject=Subject.BLOCK_ORDER,
    kinds=frozenset(
        {
            EventKind.ORDER_DRAFTED,
            EventKind.ORDER_RETURNED,
            EventKind.ORDER_DISCARDED,
            EventKind.ORDER_ISSUED,
            EventKind.ORDER_COMPLAINT_JOINED,
            EventKind.ORDER_ACKNOWLEDGED,
            EventKind.ORDER_WITHDRAWN,
            EventKind.ORDER_CLOSED,
            EventKind.ORDER_LIFT_ISSUED,
            EventKind.ORDER_ENDED,
            EventKind.ORDER_CONFIRMED,
            EventKind.ORDER_PROPOSED,
            EventKind.ORDER_PROPOSAL_RETURNED,
            EventKind.ORDER_PROPOSAL_DISCARDED,
            EventKind.ORDER_DUE_EXTENDED,
            EventKind.EXTENSION_REQUESTED,
            EventKind.EXTENSION_DECIDED,
        }
    ),
    outcome_column="order_outcome",
    behind="SELECT complaint_id FROM order_complaints WHERE order_id = ANY(CAST(:ids AS uuid[]))",
    results=f"""
SELECT oc.complaint_id, o.state IN ({_PENDING}) AS is_pending,
       CASE WHEN o.state IN ('EXECUTED', 'LIFT_ISSUED', 'LIFTED', 'LIFT_IMPOSSIBLE') THEN 'BLOCKED'
            WHEN o.state = 'ENDED' OR o.impossible_reason IN ('NOT_ASSIGNED', 'RECYCLED_SINCE_INCIDENT')
            THEN 'NUMBER_ALREADY_DEAD'
            WHEN o.state = 'WITHDRAWN' THEN 'WITHDRAWN'
            ELSE 'NOT_ACTIONABLE' END AS outcome
FROM order_complaints oc JOIN block_orders o ON o.id = oc.order_id""",
)
"""Block orders as an instrument: their events, and their outcomes for the complaints behind them."""
