"""Lifting blocks: one officer drafts a lift, and another approves it. A lift frees a number, as an order blocks one.

One officer may issue a lift alone only in an emergency, if the policy allows it, and another confirms it afterwards.
Source: domain.md, BlockOrder; docs/adr/0086.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ledger.errors import InvalidInputError, Problem, StateConflictError
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ProposalId, new_id
from ledger.moves import Change, Moved
from ledger.orders.emergencies import EmergencyOffError
from ledger.orders.issuing import issue_lift
from ledger.orders.moves import append_versions, check_words, move_orders
from ledger.orders.proposal_table import OrderProposal
from ledger.orders.proposals import Proposals, proposal_event
from ledger.orders.states import OrderMove, OrderState, ProposalState, next_order_state
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import LiftBasis, ProposalKind
from ledger.permissions import require_drafter, require_officer
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftDraft:
    """One block to lift, the basis for lifting it, and the reason in words."""

    order_id: str
    basis: LiftBasis
    note: str


async def draft_lifts(tx: Transaction, lifts: Sequence[LiftDraft]) -> list[BlockOrder | Problem]:
    """Draft lifts, each the next version of its order, for another officer to approve. The block stands meanwhile.

    A lift that is already pending is replaced. A withdrawn order can be lifted only if the carrier executed it.
    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError for
    the call; NOT_FOUND, INCOMPATIBLE_STATE, BAD_USER_INPUT for an item.
    """
    officer_id, office_id = require_drafter(tx.viewer)
    proposals = Proposals(tx, officer_id)

    def draft(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        next_order_state(order.state, OrderMove.DRAFT_LIFT)
        wanted = _check(lifts[place], order)
        proposal = OrderProposal(
            id=ProposalId(new_id()),
            order_id=order.id,
            kind=ProposalKind.LIFT,
            office_id=office_id,
            drafted_by=officer_id,
            drafted_at=tx.as_of,
            lift_basis=wanted.basis,
            lift_note=wanted.note,
        )
        proposals.draft(proposal)
        return Moved(order, proposal_event(order, EventKind.ORDER_PROPOSED, ProposalKind.LIFT))

    async def keep(_changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()

    return await move_orders(tx, [lift.order_id for lift in lifts], draft, prepare=proposals.find, keep=keep)


async def lift_block_orders(tx: Transaction, lifts: Sequence[LiftDraft]) -> list[BlockOrder | Problem]:
    """Issue lifts alone, in an emergency; another officer confirms each of them afterwards.

    Shapes and errors: as draft_lifts; EmergencyOffError for the call unless the policy allows it.
    """
    officer_id = require_officer(tx.viewer)
    if not tx.policies.emergency_lifts:
        raise EmergencyOffError
    proposals = Proposals(tx, officer_id)

    def lift(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.ISSUE_LIFT)
        wanted = _check(lifts[place], order)
        proposals.conclude(order.id, ProposalState.DISCARDED)
        lifted = replace(
            order,
            version=order.version + 1,
            lift_basis=wanted.basis,
            lift_note=wanted.note,
            lift_drafted_by=None,
        )
        return issue_lift(tx, lifted, state, issued_by=officer_id, is_alone=True)

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()
        await append_versions(tx, [change.after for change in changes], issued_by=officer_id)

    return await move_orders(tx, [lift.order_id for lift in lifts], lift, prepare=proposals.find, keep=keep)


def _check(lift: LiftDraft, order: BlockOrder) -> LiftDraft:
    """Return the lift with its note cleaned. Errors: StateConflictError, InvalidInputError."""
    if order.state is OrderState.WITHDRAWN and order.lift_drafted_at is None:
        raise StateConflictError("A withdrawn order can be lifted only if the carrier executed it.", field="orderId")
    if lift.basis is LiftBasis.UNCONFIRMED:
        raise InvalidInputError("Only the gateway itself lifts on this basis.", field="basis")
    return replace(lift, note=check_words(lift.note, field="note"))
