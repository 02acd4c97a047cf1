"""Ending block orders: discarding drafts, withdrawing and closing orders, and lifting executed blocks."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from ledger.errors import Problem, StateConflictError
from ledger.feed.vocabulary import EventKind
from ledger.moves import Change, Moved
from ledger.orders.approval import OrderNote
from ledger.orders.moves import append_versions, check_words, move_orders, order_event
from ledger.orders.states import OrderMove, OrderState, next_order_state
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import LiftBasis
from ledger.permissions import require_officer
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftDraft:
    """One block to lift, the basis for lifting it, and the reason in words."""

    order_id: str
    basis: LiftBasis
    note: str


async def discard_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Discard drafts. Complaints with no other instrument are resolved as NOT_ACTIONABLE and can be reopened.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError for the call.
    """
    return await _end(tx, notes, move=OrderMove.DISCARD, kind=EventKind.ORDER_DISCARDED)


async def withdraw_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Withdraw orders that the carrier has not executed. Shapes and errors: as discard_block_orders."""
    return await _end(tx, notes, move=OrderMove.WITHDRAW, kind=EventKind.ORDER_WITHDRAWN)


async def close_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Close orders or lifts that the carrier can't execute. Shapes and errors: as discard_block_orders."""
    return await _end(tx, notes, move=OrderMove.CLOSE, kind=EventKind.ORDER_CLOSED)


async def lift_block_orders(tx: Transaction, lifts: Sequence[LiftDraft]) -> list[BlockOrder | Problem]:
    """Order the carriers to lift blocks. A lift is the next version of the order, with a new due time.

    A withdrawn order can be lifted only if the carrier executed it regardless.
    Shapes and errors: as discard_block_orders. Source: domain.md, BlockOrder.
    """
    officer_id = require_officer(tx.viewer)
    due_at = tx.as_of + timedelta(hours=tx.policies.lift_due_hours)

    def lift(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.ISSUE_LIFT)
        if order.state is OrderState.WITHDRAWN and order.lift_drafted_at is None:
            raise StateConflictError(
                "A withdrawn order can be lifted only if the carrier executed it.", field="orderId"
            )
        basis = lifts[place].basis
        issued = replace(
            order,
            state=state,
            version=order.version + 1,
            lift_basis=basis,
            lift_note=check_words(lifts[place].note, field="note"),
            lift_issued_by=officer_id,
            lift_issued_at=tx.as_of,
            due_at=due_at,
            ended_at=None,
        )
        event = order_event(issued, EventKind.ORDER_LIFT_ISSUED, basis=basis, dueAt=due_at.isoformat())
        return Moved(issued, event)

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await append_versions(tx, changes, issued_by=officer_id, due_at=due_at, is_lift=True)

    return await move_orders(tx, [draft.order_id for draft in lifts], lift, keep=keep)


async def _end(
    tx: Transaction, notes: Sequence[OrderNote], *, move: OrderMove, kind: EventKind
) -> list[BlockOrder | Problem]:
    require_officer(tx.viewer)

    def end(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, move)
        note = check_words(notes[place].note, field="note")
        ended = replace(order, state=state, end_note=note, ended_at=tx.as_of)
        return Moved(ended, order_event(ended, kind))

    return await move_orders(tx, [note.order_id for note in notes], end)
