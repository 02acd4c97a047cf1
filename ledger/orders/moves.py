"""Moving block orders, many at a time: lock, check each, write all, and settle what follows from it.

Locks are taken in one order everywhere, orders before complaints before numbers and each by its key, so that two
batches wait for each other instead of deadlocking. It must never move an order outside the table in states.py.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import text

from ledger.complaints.states import ComplaintState
from ledger.errors import ConflictError, LedgerError, Problem, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, parse_id
from ledger.orders.reading import BlockOrder
from ledger.permissions import require_batch
from ledger.storage.database import Transaction
from ledger.storage.roles import Role

_LOCK = text("SELECT * FROM block_orders WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")

_MUTABLE = (
    "version", "category", "scope", "legal_basis", "summary", "subscriber_notice", "state", "impossible_reason",
    "last_acknowledgement", "office_id", "drafted_by", "approved_by", "return_reason", "override_note", "overridden_by",
    "issued_at", "due_at", "executed_at", "effective_at", "was_late", "ended_at", "end_note", "lift_drafted_at",
    "lift_basis", "lift_note", "lift_issued_by", "lift_issued_at", "lifted_at",
)  # fmt: skip

_WRITE = text(
    f"UPDATE block_orders o SET {', '.join(f'{name} = r.{name}' for name in _MUTABLE)} "
    "FROM json_populate_recordset(NULL::block_orders, CAST(:rows AS json)) r WHERE o.id = r.id"
)

_APPEND_VERSIONS = text("""
INSERT INTO block_order_versions (order_id, version, carrier_id, scope, legal_basis, summary, issued_by, issued_at,
                                  due_at, is_lift)
SELECT order_id, version, carrier_id, scope, legal_basis, summary, issued_by, issued_at, due_at, is_lift
FROM json_populate_recordset(NULL::block_order_versions, CAST(:rows AS json))
""")

# A complaint is resolved when no order of it is still pending. What it came to is read off all its orders.
_RESOLVE = text("""
WITH touched AS (
  SELECT c.id FROM complaints c
  WHERE c.state = 'ESCALATED'
    AND c.id IN (SELECT complaint_id FROM order_complaints WHERE order_id = ANY(CAST(:order_ids AS uuid[])))
  ORDER BY c.id FOR UPDATE
), settled AS (
  SELECT t.id,
         CASE WHEN bool_or(o.state IN ('EXECUTED', 'LIFT_ISSUED', 'LIFTED', 'LIFT_IMPOSSIBLE')) THEN 'BLOCKED'
              WHEN bool_or(o.state = 'ENDED' OR o.impossible_reason IN ('NOT_ASSIGNED', 'RECYCLED_SINCE_INCIDENT'))
              THEN 'NUMBER_ALREADY_DEAD'
              WHEN bool_or(o.state = 'WITHDRAWN') THEN 'WITHDRAWN'
              ELSE 'NOT_ACTIONABLE' END AS outcome
  FROM touched t JOIN order_complaints oc ON oc.complaint_id = t.id JOIN block_orders o ON o.id = oc.order_id
  GROUP BY t.id
  HAVING NOT bool_or(o.state IN ('DRAFT', 'ISSUED', 'RECEIVED', 'PARTIAL', 'IMPOSSIBLE'))
)
UPDATE complaints c SET state = 'RESOLVED', outcome = s.outcome, resolved_at = :as_of
FROM settled s WHERE c.id = s.id
RETURNING c.id, c.source_id, c.outcome
""")

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

Row = dict[str, Any]


async def lock_orders(tx: Transaction, order_ids: Sequence[str]) -> dict[str, Row]:
    """The orders' rows by id, locked until the transaction ends. Runs under the transition role."""
    rows = (await tx.execute(_LOCK, {"ids": sorted(set(order_ids))})).mappings()
    return {str(row["id"]): plain_row(row) for row in rows}


def plain_row(row: Mapping[Any, Any]) -> Row:
    """A row of a textual statement with its ids as texts, as the tables' own columns give them."""
    return {name: str(value) if isinstance(value, uuid.UUID) else value for name, value in row.items()}


async def write_orders(tx: Transaction, rows: Sequence[Row]) -> None:
    """Write every column that may change. Errors: ConflictError when a row was not there to be changed."""
    if not rows:
        return
    changed = [{name: row[name] for name in ("id", *_MUTABLE)} for row in rows]
    written = await tx.execute(_WRITE, {"rows": dump_rows(changed)})
    if written.rowcount != len(rows):
        raise ConflictError("An order changed under this call; nothing was written.")


async def append_versions(tx: Transaction, rows: Sequence[Row], *, is_lift: bool) -> None:
    """Keep each order as it was issued just now."""
    issuer, moment = ("lift_issued_by", "lift_issued_at") if is_lift else ("approved_by", "issued_at")
    kept = [
        {
            "order_id": row["id"],
            **{name: row[name] for name in ("version", "carrier_id", "scope", "legal_basis", "summary", "due_at")},
            "issued_by": row[issuer],
            "issued_at": row[moment],
            "is_lift": is_lift,
        }
        for row in rows
    ]
    if kept:
        await tx.execute(_APPEND_VERSIONS, {"rows": dump_rows(kept)})


async def settle(tx: Transaction, rows: Sequence[Row]) -> list[EventDraft]:
    """Resolve the complaints whose last order has ended and refresh the numbers' status; the events of that."""
    if not rows:
        return []
    resolved = await tx.execute(_RESOLVE, {"order_ids": [row["id"] for row in rows], "as_of": tx.as_of})
    drafts = [
        EventDraft(
            kind=EventKind.COMPLAINT_RESOLVED,
            subject=Subject.COMPLAINT,
            subject_id=str(row["id"]),
            state=ComplaintState.RESOLVED,
            audience=[MemberId(str(row["source_id"]))],
            payload={"outcome": row["outcome"]},
        )
        for row in resolved.mappings()
    ]
    await tx.execute(_REFRESH_NUMBERS, {"e164s": sorted({row["e164"] for row in rows})})
    return drafts


def order_event(row: Row, kind: EventKind, **payload: Any) -> EventDraft:
    """An event about an order: its carrier may get it once the order is issued."""
    order = BlockOrder.of(row)
    return EventDraft(
        kind=kind,
        subject=Subject.BLOCK_ORDER,
        subject_id=order.id,
        state=order.state,
        audience=[order.carrier_id] if order.issued_at is not None else [],
        brand_id=order.brand_id,
        payload={"orderNo": order.order_no, "version": order.version, **payload},
    )


async def move_orders(
    tx: Transaction,
    order_ids: Sequence[str],
    change: Callable[[int, Row], EventDraft],
    *,
    finish: Callable[[list[Row]], Any] | None = None,
) -> list[BlockOrder | Problem]:
    """Change many orders, each by its own rule, and write what could be changed.

    change(place, row) edits the row and answers its event, or raises a LedgerError, which becomes the item's
    Problem. A second item about the same order is refused. finish(rows) runs before the events are written.
    """
    require_batch(order_ids)
    known = {place: parsed for place, order_id in enumerate(order_ids) if (parsed := parse_id(order_id))}
    async with tx.role(Role.TRANSITION):
        locked = await lock_orders(tx, list(known.values()))
        results: dict[int, BlockOrder | Problem] = {}
        changed: dict[str, Row] = {}
        events: list[EventDraft] = []
        for place in range(len(order_ids)):
            row = locked.get(known.get(place, ""))
            try:
                if row is None:
                    raise UnknownError(field="orderId")
                if row["id"] in changed:
                    raise ConflictError("The same order stands twice in this call.", field="orderId")
                draft = dict(row)
                events.append(change(place, draft))
            except LedgerError as error:
                results[place] = error.problem()
            else:
                changed[draft["id"]] = draft
                results[place] = BlockOrder.of(draft)
        rows = list(changed.values())
        await write_orders(tx, rows)
        if finish is not None:
            await finish(rows)
        events.extend(await settle(tx, rows))
        await append_events(tx, events)
    return [results[place] for place in range(len(order_ids))]


def dump_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as the JSON text that json_populate_recordset reads."""
    return orjson.dumps(list(rows), default=str).decode()
