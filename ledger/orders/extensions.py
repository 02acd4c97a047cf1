"""Requests for more time: a carrier asks in an acknowledgement, and an officer grants or refuses.

A request changes nothing by itself. Granting it extends the due time and records the previous one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import select

from ledger.errors import Problem, StateConflictError, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.orders.moves import order_event
from ledger.orders.reading import READERS, visible_statements
from ledger.orders.states import AWAITING_CARRIER, ExtensionState
from ledger.orders.table import BlockOrder, OrderExtension, order_extensions
from ledger.permissions import require_batch, require_officer
from ledger.relations import ToMany, note_of
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import lock_records, update_records


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionDecision:
    """An officer's decision on one request."""

    extension_id: str
    is_granted: bool


async def decide_extensions(tx: Transaction, decisions: Sequence[ExtensionDecision]) -> list[OrderExtension | Problem]:
    """Grant or refuse requests for more time, item by item.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError
    for the call; NOT_FOUND, INCOMPATIBLE_STATE for an item.
    """
    officer_id = require_officer(tx.viewer)
    require_batch(decisions)
    ids = [parse_id(decision.extension_id) for decision in decisions]
    orders = await _lock_orders(tx, ids)
    present = dict(orders)

    def decide(place: int, extension: OrderExtension) -> Moved[OrderExtension]:
        if extension.state is not ExtensionState.REQUESTED:
            raise StateConflictError(f"This request is already {extension.state}.", field="extensionId")
        order = present[extension.order_id]
        decided = replace(extension, state=ExtensionState.REFUSED, decided_by=officer_id, decided_at=tx.as_of)
        if decisions[place].is_granted:
            decided = replace(decided, state=ExtensionState.GRANTED, due_before=order.due_at)
            order = present[order.id] = _grant(order, extension)
        due_at = order.due_at.isoformat() if order.due_at is not None else None
        return Moved(decided, order_event(order, EventKind.EXTENSION_DECIDED, extension=decided.state, dueAt=due_at))

    async def follow(_changes: Sequence[Change[OrderExtension]]) -> list[EventDraft]:
        moved = [(order, present[order.id]) for order in orders.values() if present[order.id] is not order]
        await update_records(tx, moved)
        return []

    rules = Rules(move=decide, unknown=lambda _place: UnknownError(field="extensionId"), follow=follow)
    return await move_records(tx, OrderExtension, ids, rules)


def _grant(order: BlockOrder, extension: OrderExtension) -> BlockOrder:
    """Errors: StateConflictError for an order on which the carrier no longer has to act."""
    if order.state not in AWAITING_CARRIER or order.due_at is None:
        raise StateConflictError(f"A block order that is {order.state} can't be extended.")
    return replace(order, due_at=max(order.due_at, extension.until))


async def _lock_orders(tx: Transaction, extension_ids: Sequence[str | None]) -> Mapping[str, BlockOrder]:
    """Lock the orders of these requests, before the requests themselves (docs/adr/0010)."""
    c = order_extensions.c
    known = [extension_id for extension_id in extension_ids if extension_id is not None]
    async with tx.role(Role.TRANSITION):
        order_ids = (await tx.execute(select(c.order_id).where(c.id.in_(known)))).scalars()
        return await lock_records(tx, BlockOrder, list(order_ids))


load_extensions = ToMany(
    OrderExtension, by="order_id", kinds=READERS, visible=visible_statements, note=note_of(OrderExtension)
)
"""Requests for more time by order, oldest first."""
