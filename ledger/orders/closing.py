"""Ending block orders: discarding what was drafted, and withdrawing and closing orders."""

from collections.abc import Sequence
from dataclasses import replace

from ledger.errors import Problem
from ledger.feed.vocabulary import EventKind
from ledger.moves import Change, Moved
from ledger.orders.approval import OrderNote
from ledger.orders.moves import check_words, move_orders, order_event
from ledger.orders.proposals import Proposals, proposal_event
from ledger.orders.states import OrderMove, ProposalState, next_order_state
from ledger.orders.table import BlockOrder
from ledger.permissions import require_officer
from ledger.storage.database import Transaction


async def discard_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Discard drafts, and the proposals of issued orders, which then stand as they are.

    Complaints of a draft that have no other instrument are resolved as NOT_ACTIONABLE and can be reopened.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError for the call.
    """
    return await _end(tx, notes, move=OrderMove.DISCARD, kind=EventKind.ORDER_DISCARDED)


async def withdraw_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Withdraw orders that the carrier has not executed. Shapes and errors: as discard_block_orders."""
    return await _end(tx, notes, move=OrderMove.WITHDRAW, kind=EventKind.ORDER_WITHDRAWN)


async def close_block_orders(tx: Transaction, notes: Sequence[OrderNote]) -> list[BlockOrder | Problem]:
    """Close orders or lifts that the carrier can't execute. Shapes and errors: as discard_block_orders."""
    return await _end(tx, notes, move=OrderMove.CLOSE, kind=EventKind.ORDER_CLOSED)


async def _end(
    tx: Transaction, notes: Sequence[OrderNote], *, move: OrderMove, kind: EventKind
) -> list[BlockOrder | Problem]:
    officer_id = require_officer(tx.viewer)
    proposals = Proposals(tx, officer_id)

    def end(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        note = check_words(notes[place].note, field="note")
        pending = proposals.pending.get(order.id)
        if move is OrderMove.DISCARD and pending is not None:
            proposals.conclude(order.id, ProposalState.DISCARDED, note=note)
            return Moved(order, proposal_event(order, EventKind.ORDER_PROPOSAL_DISCARDED, pending.kind))
        state = next_order_state(order.state, move)
        proposals.conclude(order.id, ProposalState.DISCARDED, note=note)
        ended = replace(order, state=state, end_note=note, ended_at=tx.as_of, ended_by=officer_id)
        return Moved(ended, order_event(ended, kind))

    async def keep(_changes: Sequence[Change[BlockOrder]]) -> None:
        await proposals.write()

    return await move_orders(tx, [note.order_id for note in notes], end, prepare=proposals.find, keep=keep)
