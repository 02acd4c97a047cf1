"""What an order becomes when it, or its lift, is issued: by two officers, by one in an emergency, or by the gateway.

It writes nothing; who may issue is decided by its callers.
"""

from ledger.copies import replace
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import OfficerId
from ledger.moves import Moved
from ledger.orders.moves import order_event
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.storage.database import Transaction


def issue_block(
    tx: Transaction, order: BlockOrder, state: OrderState, *, approved_by: OfficerId | None
) -> Moved[BlockOrder]:
    """Return the order as issued, due from now. approved_by is None if its drafter issues it alone."""
    is_alone = approved_by is None
    due_at = tx.as_of + tx.policies.order_due
    issued = replace(
        order,
        state=state,
        impossible_reason=None,
        approved_by=approved_by,
        return_reason=None,
        is_emergency=is_alone,
        confirmation_due_at=tx.as_of + tx.policies.emergency_confirmation if is_alone else None,
        issued_at=tx.as_of,
        due_at=due_at,
    )
    more = {"emergency": True} if is_alone else {}
    return Moved(issued, order_event(issued, EventKind.ORDER_ISSUED, dueAt=due_at.isoformat(), **more))


def issue_lift(
    tx: Transaction,
    order: BlockOrder,
    state: OrderState,
    *,
    issued_by: OfficerId | None,
    is_alone: bool = False,
) -> Moved[BlockOrder]:
    """Return the order with its lift as issued, due from now; order has the lift's version, basis and note."""
    due_at = tx.as_of + tx.policies.lift_due
    issued = replace(
        order,
        state=state,
        lift_issued_by=issued_by,
        lift_confirmed_by=None,
        lift_issued_at=tx.as_of,
        confirmation_due_at=tx.as_of + tx.policies.emergency_confirmation if is_alone else None,
        due_at=due_at,
        ended_at=None,
    )
    more = {"emergency": True} if is_alone else {}
    event = order_event(issued, EventKind.ORDER_LIFT_ISSUED, basis=issued.lift_basis, dueAt=due_at.isoformat(), **more)
    return Moved(issued, event)
