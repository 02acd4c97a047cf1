"""Emergency orders: one officer issues, another confirms in time, or a lift issues by itself.

A policy, off by default, and one that never overrides the guard. Lifts that one officer issued alone are confirmed in
the same way, but are never undone by themselves: they stay visible as unconfirmed.
Source: domain.md, BlockOrder; docs/adr/0087, 0088.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import and_, or_

from ledger.errors import ConflictError, ForbiddenError, Problem, StateConflictError
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.moves import Change, Moved
from ledger.orders.approval import OrderHeldError
from ledger.orders.content import require_content
from ledger.orders.issuing import issue_block, issue_lift
from ledger.orders.moves import append_versions, check_words, move_orders, order_event, settle
from ledger.orders.proposals import Proposals
from ledger.orders.states import OrderMove, OrderState, ProposalState, next_order_state, states_before
from ledger.orders.table import BlockOrder, block_orders
from ledger.orders.vocabulary import LiftBasis
from ledger.orders.waiting import require_another
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records, update_records
from ledger.viewer import OPERATOR

_BATCH_ROWS = 500
_LAPSED = "No other officer confirmed the emergency order in time."


class EmergencyOffError(ForbiddenError):
    """The policy does not let one officer issue this alone."""

    code = "EMERGENCY_OFF"
    hint = "Draft it, and let another officer approve it."


class ApproveInsteadError(ConflictError):
    """Another officer drafted this, so that you can approve it as usual."""

    code = "APPROVE_INSTEAD"


class ConfirmationOverdueError(ConflictError):
    """The time to confirm this emergency order is over; it ends by itself."""

    code = "CONFIRMATION_OVERDUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmergencyIssue:
    """One's own draft to issue alone, by the hash of its content, and why it can't wait for another officer."""

    order_id: str
    content_hash: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation:
    """What another officer issued alone, by the hash of the order's present content."""

    order_id: str
    content_hash: str


async def issue_in_emergency(tx: Transaction, issues: Sequence[EmergencyIssue]) -> list[BlockOrder | Problem]:
    """Issue one's own drafts alone; another officer must confirm each of them in time.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, EmergencyOffError for
    the call; NOT_FOUND, APPROVE_INSTEAD, CONTENT_CHANGED, ORDER_HELD, INCOMPATIBLE_STATE for an item.
    """
    officer_id = require_officer(tx.viewer)
    if not tx.policies.emergency_orders:
        raise EmergencyOffError

    def issue(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.ISSUE_IN_EMERGENCY)
        if order.drafted_by != officer_id:
            raise ApproveInsteadError(field="orderId")
        require_content(order, issues[place].content_hash)
        if order.hold_reasons:
            raise OrderHeldError(hint="Only another officer can override the guard.", field="orderId")
        noted = replace(order, emergency_note=check_words(issues[place].note, field="note"))
        return issue_block(tx, noted, state, approved_by=None)

    async def keep(changes: Sequence[Change[BlockOrder]]) -> None:
        await append_versions(tx, [change.after for change in changes], issued_by=officer_id)

    return await move_orders(tx, [each.order_id for each in issues], issue, keep=keep)


async def confirm_block_orders(tx: Transaction, confirmations: Sequence[Confirmation]) -> list[BlockOrder | Problem]:
    """Confirm orders and lifts that another officer issued alone; an order only until its confirmation is due.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError for the call; NOT_FOUND,
    FOUR_EYES, CONTENT_CHANGED, CONFIRMATION_OVERDUE, INCOMPATIBLE_STATE for an item.
    """
    officer_id = require_officer(tx.viewer)

    def confirm(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        state = next_order_state(order.state, OrderMove.CONFIRM)
        if order.confirmation_due_at is None:
            raise StateConflictError("Nothing of this order awaits confirmation.", field="orderId")
        is_lift = order.lift_issued_at is not None
        require_another(order.lift_issued_by if is_lift else order.drafted_by, officer_id)
        require_content(order, confirmations[place].content_hash)
        if is_lift:
            confirmed = replace(order, state=state, lift_confirmed_by=officer_id, confirmation_due_at=None)
        elif order.confirmation_due_at < tx.as_of:
            raise ConfirmationOverdueError(field="orderId")
        else:
            confirmed = replace(order, state=state, approved_by=officer_id, confirmation_due_at=None)
        return Moved(confirmed, order_event(confirmed, EventKind.ORDER_CONFIRMED))

    return await move_orders(tx, [each.order_id for each in confirmations], confirm)


async def lapse_unconfirmed_orders(tx: Transaction) -> int:
    """End emergency orders that nobody confirmed in time, at most 500. Returns how many; a periodic job.

    An order that has been executed is lifted, also one that was executed after it had been withdrawn; one that has
    not been is withdrawn, or closed if the carrier can't execute it.
    """
    async with tx.role(Role.TRANSITION):
        orders = await _lock_unconfirmed(tx)
        proposals = Proposals(tx, None)
        await proposals.find({order.id: order for order in orders})
        moved = [_lapse(tx, order) for order in orders]
        for order in orders:
            proposals.conclude(order.id, ProposalState.DISCARDED, note=_LAPSED)
        await proposals.write()
        written = await update_records(tx, [(old, new.after) for old, new in zip(orders, moved, strict=True)])
        lifts = [order for order in written if order.state is OrderState.LIFT_ISSUED]
        await append_versions(tx, lifts, issued_by=None)
        events = [each.event for each in moved if each.event is not None]
        events.extend(await settle(tx, written))
        await append_events(tx, events, actor=OPERATOR)
    return len(orders)


def _lapse(tx: Transaction, order: BlockOrder) -> Moved[BlockOrder]:
    state = next_order_state(order.state, OrderMove.LAPSE)
    if state is OrderState.LIFT_ISSUED:
        lift = replace(
            order,
            version=order.version + 1,
            lift_basis=LiftBasis.UNCONFIRMED,
            lift_note=_LAPSED,
            lift_drafted_by=None,
        )
        return issue_lift(tx, lift, state, issued_by=None)
    # The due time of the confirmation stays: the carrier may yet execute what is withdrawn, and that lapses too.
    ended = replace(order, state=state, end_note=_LAPSED, ended_at=tx.as_of)
    kind = EventKind.ORDER_WITHDRAWN if state is OrderState.WITHDRAWN else EventKind.ORDER_CLOSED
    return Moved(ended, order_event(ended, kind, reason=LiftBasis.UNCONFIRMED))


async def _lock_unconfirmed(tx: Transaction) -> list[BlockOrder]:
    """Lock a batch of emergency orders whose confirmation is overdue, in the order of their ids."""
    c = block_orders.c
    lapsing = sorted(states_before(OrderMove.LAPSE) - {OrderState.WITHDRAWN})
    statement = (
        select_records(tx, BlockOrder)
        .where(
            c.confirmation_due_at < tx.as_of,
            c.lift_issued_at.is_(None),
            or_(
                c.state.in_([state.value for state in lapsing]),
                and_(c.state == OrderState.WITHDRAWN.value, c.lift_drafted_at.is_not(None)),
            ),
        )
        .order_by(c.id)
        .limit(_BATCH_ROWS)
        .with_for_update(skip_locked=True, key_share=True)
    )
    return await fetch_records(tx, BlockOrder, statement)
