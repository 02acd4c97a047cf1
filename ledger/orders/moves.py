"""Moving block orders, many at a time, and updating their complaints and numbers accordingly.

Locks are always taken in the same order, orders before complaints before numbers and each by its key, so that two
batches wait for each other instead of deadlocking. It must never make a move that states.py does not list.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import text

from ledger.complaints.resolution import resolve_complaints
from ledger.errors import ConflictError, InvalidInputError, Problem, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import OfficerId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.orders.states import BLOCK_ORDERS, OrderState
from ledger.orders.table import BlockOrder, BlockOrderVersion
from ledger.storage.database import Transaction
from ledger.storage.rows import insert_records
from ledger.texts import check_text

NOTE_LENGTH_MAX = 4_000

# A number's status follows from its orders in the current epoch.
_REFRESH_NUMBERS = text("""
WITH touched AS (
  SELECT e164, epoch FROM phone_numbers WHERE e164 = ANY(:e164s) ORDER BY e164 FOR NO KEY UPDATE
), ordered AS (
  SELECT t.e164,
         CASE WHEN bool_or(o.state IN ('EXECUTED', 'LIFT_ISSUED', 'LIFT_IMPOSSIBLE')) THEN 'BLOCKED'
              WHEN bool_or(o.state IN ('ISSUED', 'RECEIVED', 'PARTIAL')) THEN 'BLOCK_ORDERED'
              ELSE 'CLEAR' END AS status
  FROM touched t LEFT JOIN block_orders o ON o.e164 = t.e164 AND o.epoch = t.epoch
  GROUP BY t.e164
)
UPDATE phone_numbers n SET status = s.status FROM ordered s WHERE n.e164 = s.e164 AND n.status <> s.status
""")

Move = Callable[[int, BlockOrder], Moved[BlockOrder]]
Keep = Callable[[Sequence[Change[BlockOrder]]], Awaitable[None]]
Prepare = Callable[[Mapping[str, BlockOrder]], Awaitable[None]]


async def move_orders(
    tx: Transaction,
    order_ids: Sequence[str],
    move: Move,
    *,
    prepare: Prepare | None = None,
    keep: Keep | None = None,
) -> list[BlockOrder | Problem]:
    """Change many orders, each by its own rule; a second item about the same order is refused.

    prepare(orders) reads what else the rule needs, once the orders are locked. keep(changes) stores what else belongs
    to them before complaints and numbers are updated. Errors: as move_records.
    """

    async def follow(changes: Sequence[Change[BlockOrder]]) -> list[EventDraft]:
        if keep is not None:
            await keep(changes)
        return await settle(tx, [change.after for change in changes])

    rules = Rules(
        move=dating(tx, move),
        unknown=lambda _place: UnknownError(field="orderId"),
        repeated=lambda: ConflictError("The same order appears twice in this call.", field="orderId"),
        prepare=prepare,
        follow=follow,
    )
    return await move_records(tx, BlockOrder, [parse_id(order_id) for order_id in order_ids], rules)


def dating(tx: Transaction, move: Move) -> Move:
    """The same move, which sets changed_at as the trigger on events would afterwards, so that a row is written once."""

    def take(place: int, order: BlockOrder) -> Moved[BlockOrder]:
        moved = move(place, order)
        after, event = moved.after, moved.event
        is_told = event is not None and (bool(event.audience) or after.issued_at is None)
        return replace(moved, after=replace(after, changed_at=max(after.changed_at, tx.as_of))) if is_told else moved

    return take


async def settle(tx: Transaction, orders: Sequence[BlockOrder]) -> list[EventDraft]:
    """Resolve the complaints whose last instrument has ended, update the numbers' status, and return the events."""
    if not orders:
        return []
    drafts = await resolve_complaints(tx, BLOCK_ORDERS, [order.id for order in orders])
    await tx.execute(_REFRESH_NUMBERS, {"e164s": sorted({order.e164 for order in orders})})
    return drafts


async def append_versions(tx: Transaction, issued: Sequence[BlockOrder], *, issued_by: OfficerId | None) -> None:
    """Store the version of each order, or of its lift, as it was just issued; without an officer by the gateway."""
    versions = [
        BlockOrderVersion(
            order_id=order.id,
            version=order.version,
            carrier_id=order.carrier_id,
            scope=order.scope,
            legal_basis=order.legal_basis,
            summary=order.summary,
            issued_by=issued_by,
            issued_at=tx.as_of,
            due_at=order.due_at or tx.as_of,
            is_lift=order.state is OrderState.LIFT_ISSUED,
        )
        for order in issued
    ]
    await insert_records(tx, versions)


def order_event(order: BlockOrder, kind: EventKind, **payload: Any) -> EventDraft:
    """Return an event about an order. Its carrier receives it only if the order has been issued."""
    return EventDraft(
        kind=kind,
        subject=Subject.BLOCK_ORDER,
        subject_id=order.id,
        state=order.state,
        audience=[order.carrier_id] if order.issued_at is not None else [],
        brand_id=order.brand_id,
        payload={"orderNo": order.order_no, "version": order.version, **payload},
    )


def check_words(value: str, *, field: str, length_max: int = NOTE_LENGTH_MAX) -> str:
    """Return a required text, cleaned. Errors: InvalidInputError if it is empty, or those of check_text."""
    checked = check_text(value, field=field, length_max=length_max, lines=True)
    if not checked:
        raise InvalidInputError("This text must not be empty.", field=field)
    return checked
