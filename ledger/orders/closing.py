"""Ending block orders: discarding drafts, withdrawing, closing, and lifting a block that was executed."""

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import InvalidInputError, Problem, StateConflictError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.orders.approval import NOTE_LENGTH_MAX, OrderNote
from ledger.orders.moves import Row, append_versions, move_orders, order_event
from ledger.orders.reading import BlockOrder
from ledger.orders.states import OrderMove, OrderState, next_order_state
from ledger.orders.vocabulary import LiftBasis
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.texts import check_text


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftDraft:
    """One block to be lifted, on which basis, and why in words."""

    order_id: str
    basis: LiftBasis
    note: str


async def discard_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Drop drafts; their complaints come to NOT_ACTIONABLE and may be reopened.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError for the call.
    """
    return await _end(tx, notes, move=OrderMove.DISCARD, kind=EventKind.ORDER_DISCARDED)


async def withdraw_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Take back orders that no carrier has executed. Shapes and errors: as discard_block_orders."""
    return await _end(tx, notes, move=OrderMove.WITHDRAW, kind=EventKind.ORDER_WITHDRAWN)


async def close_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Close orders, or lifts, that are impossible for good. Shapes and errors: as discard_block_orders."""
    return await _end(tx, notes, move=OrderMove.CLOSE, kind=EventKind.ORDER_CLOSED)


async def lift_block_orders(tx: Transaction, lifts: Sequence[LiftDraft]) -> list[BlockOrder | Problem]:
    """Order the carriers to lift blocks; the next version of the order, with a due time of its own.

    A withdrawn order can be lifted only when the carrier executed it all the same.
    Shapes and errors: as discard_block_orders. Source: domain.md, BlockOrder.
    """
    officer_id = require_officer(tx.viewer)

    def lift(place: int, row: Row) -> EventDraft:
        before = OrderState(row["state"])
        state = next_order_state(before, OrderMove.ISSUE_LIFT)
        if before is OrderState.WITHDRAWN and row["lift_drafted_at"] is None:
            raise StateConflictError("A withdrawn order is lifted only after the carrier executed it.", field="orderId")
        row |= {"state": state.value, "version": row["version"] + 1, "lift_basis": lifts[place].basis.value}
        row |= {"lift_note": _words(lifts[place].note), "lift_issued_by": officer_id, "lift_issued_at": tx.as_of}
        row |= {"due_at": tx.as_of + tx.policies.lift_due, "ended_at": None}
        return order_event(row, EventKind.ORDER_LIFT_ISSUED, basis=row["lift_basis"], dueAt=row["due_at"].isoformat())

    async def keep(rows: list[Row]) -> None:
        await append_versions(tx, rows, is_lift=True)

    return await move_orders(tx, [draft.order_id for draft in lifts], lift, finish=keep)


async def _end(
    tx: Transaction, notes: Sequence[OrderNote], *, move: OrderMove, kind: EventKind
) -> list[BlockOrder | Problem]:
    require_officer(tx.viewer)

    def end(place: int, row: Row) -> EventDraft:
        row["state"] = next_order_state(OrderState(row["state"]), move).value
        row |= {"end_note": _words(notes[place].note), "ended_at": tx.as_of}
        return order_event(row, kind)

    return await move_orders(tx, [note.order_id for note in notes], end)


def _words(note: str) -> str:
    checked = check_text(note, field="note", length_max=NOTE_LENGTH_MAX, lines=True)
    if not checked:
        raise InvalidInputError("A reason in words is needed.", field="note")
    return checked
