"""Moving block orders, many at a time, and what follows for their complaints and numbers.

Locks are taken in one order everywhere, orders before complaints before numbers and each by its key, so that two
batches wait for each other instead of deadlocking. It must never move an order outside the table in states.py.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text

from ledger.complaints.resolution import resolve_complaints
from ledger.errors import ConflictError, InvalidInputError, Problem, UnknownError
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import OfficerId, parse_id
from ledger.moves import Change, Moved, Rules, move_records
from ledger.orders.states import BLOCK_ORDERS
from ledger.orders.table import BlockOrder, BlockOrderVersion
from ledger.storage.database import Transaction
from ledger.storage.rows import insert_records
from ledger.texts import check_text

NOTE_LENGTH_MAX = 4_000

# The number's status is what its orders of this epoch have come to.
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


async def move_orders(
    tx: Transaction, order_ids: Sequence[str], move: Move, *, keep: Keep | None = None
) -> list[BlockOrder | Problem]:
    """Change many orders, each by its own rule; a second item about the same order is refused.

    keep(changes) writes what is kept of the changes before complaints and numbers follow. Errors: as move_records.
    """

    async def follow(changes: Sequence[Change[BlockOrder]]) -> list[EventDraft]:
        if keep is not None:
            await keep(changes)
        return await settle(tx, [change.after for change in changes])

    rules = Rules(
        move=move,
        unknown=lambda _place: UnknownError(field="orderId"),
        repeated=lambda: ConflictError("The same order stands twice in this call.", field="orderId"),
        follow=follow,
    )
    return await move_records(tx, BlockOrder, [parse_id(order_id) for order_id in order_ids], rules)


async def settle(tx: Transaction, orders: Sequence[BlockOrder]) -> list[EventDraft]:
    """Resolve the complaints whose last instrument has ended and refresh the numbers' status; the events of that."""
    if not orders:
        return []
    drafts = await resolve_complaints(tx, BLOCK_ORDERS, [order.id for order in orders])
    await tx.execute(_REFRESH_NUMBERS, {"e164s": sorted({order.e164 for order in orders})})
    return drafts


async def append_versions(
    tx: Transaction,
    changes: Sequence[Change[BlockOrder]],
    *,
    issued_by: OfficerId,
    due_at: datetime,
    is_lift: bool = False,
) -> None:
    """Keep each order as it was issued just now."""
    versions = [
        BlockOrderVersion(
            order_id=change.after.id,
            version=change.after.version,
            carrier_id=change.after.carrier_id,
            scope=change.after.scope,
            legal_basis=change.after.legal_basis,
            summary=change.after.summary,
            issued_by=issued_by,
            issued_at=tx.as_of,
            due_at=due_at,
            is_lift=is_lift,
        )
        for change in changes
    ]
    await insert_records(tx, versions)


def order_event(order: BlockOrder, kind: EventKind, **payload: Any) -> EventDraft:
    """An event about an order: its carrier may get it once the order is issued."""
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
    """Words that an officer must give. Errors: InvalidInputError, or a text's."""
    checked = check_text(value, field=field, length_max=length_max, lines=True)
    if not checked:
        raise InvalidInputError("Words are needed here.", field=field)
    return checked
