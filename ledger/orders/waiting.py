"""What of an order waits for a second officer: a draft, or an issued order's next version or lift.

An issued order stays as its carrier knows it until another officer approves; what is proposed is kept beside it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from ledger.errors import FourEyesError, StateConflictError
from ledger.identifiers import OfficerId
from ledger.orders.proposal_table import OrderProposal
from ledger.orders.states import ORDER_MOVES, OrderMove, OrderState
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import LiftBasis, ProposalKind

MOVE_OF_KIND = {ProposalKind.NEXT_VERSION: OrderMove.REISSUE, ProposalKind.LIFT: OrderMove.ISSUE_LIFT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What waits. order has the content and the version that are to be issued, in the state in which it is now.

    kind is None for a draft. proposal is None for a draft, and for a lift that the gateway drafted.
    """

    kind: ProposalKind | None = None
    order: BlockOrder
    drafted_by: OfficerId | None
    drafted_at: datetime
    proposal: OrderProposal | None = None

    @property
    def move(self) -> OrderMove:
        """What approving it does."""
        return OrderMove.APPROVE if self.kind is None else MOVE_OF_KIND[self.kind]


def find_waiting(order: BlockOrder, proposal: OrderProposal | None) -> Waiting | None:
    """Return what waits, given the order's pending proposal, or None if nothing does."""
    if order.state is OrderState.DRAFT:
        return Waiting(order=order, drafted_by=order.drafted_by, drafted_at=order.drafted_at)
    if proposal is None:
        return _find_lift_of_withdrawn(order)
    if (order.state, MOVE_OF_KIND[proposal.kind]) not in ORDER_MOVES:
        return None
    return Waiting(
        kind=proposal.kind,
        order=_apply(order, proposal),
        drafted_by=proposal.drafted_by,
        drafted_at=proposal.drafted_at,
        proposal=proposal,
    )


def get_waiting(order: BlockOrder, proposal: OrderProposal | None) -> Waiting:
    """Return what waits. Errors: StateConflictError if nothing does."""
    waiting = find_waiting(order, proposal)
    if waiting is None:
        raise StateConflictError(f"Nothing of this block order, which is {order.state}, awaits approval.")
    return waiting


def require_another(drafted_by: OfficerId | None, officer_id: OfficerId, *, field: str = "orderId") -> None:
    """Errors: FourEyesError for the officer who drafted it."""
    if drafted_by == officer_id:
        raise FourEyesError(field=field)


def _apply(order: BlockOrder, proposal: OrderProposal) -> BlockOrder:
    if proposal.kind is ProposalKind.LIFT:
        return replace(
            order,
            version=order.version + 1,
            lift_basis=proposal.lift_basis,
            lift_note=proposal.lift_note,
            lift_drafted_by=proposal.drafted_by,
        )
    return replace(
        order,
        version=order.version + 1,
        scope=proposal.scope or order.scope,
        legal_basis=proposal.legal_basis or order.legal_basis,
        summary=proposal.summary or order.summary,
        subscriber_notice=proposal.subscriber_notice or order.subscriber_notice,
        drafted_by=proposal.drafted_by,
        office_id=proposal.office_id,
    )


def _find_lift_of_withdrawn(order: BlockOrder) -> Waiting | None:
    """The lift that the gateway drafted when the carrier executed a withdrawn order (docs/adr/0086).

    The officer who withdrew the order counts as its drafter, so that two officers have seen it.
    """
    is_due = order.state is OrderState.WITHDRAWN and order.lift_issued_at is None
    if not is_due or order.lift_drafted_at is None or order.ended_by is None:
        return None
    lift = replace(
        order,
        version=order.version + 1,
        lift_basis=LiftBasis.REGULATOR_ERROR,
        lift_note=order.end_note,
        lift_drafted_by=order.ended_by,
    )
    return Waiting(kind=ProposalKind.LIFT, order=lift, drafted_by=order.ended_by, drafted_at=order.lift_drafted_at)
