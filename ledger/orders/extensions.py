"""Requests for more time: a carrier asks by an acknowledgement, an officer grants or refuses.

Asking moves nothing. Granting moves the due time and keeps the one before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from ledger.errors import ConflictError, LedgerError, Problem, StateConflictError, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ExtensionId, MemberId, OfficerId, OrderId, parse_id
from ledger.orders.acknowledgements_table import order_extensions
from ledger.orders.moves import Row, dump_rows, lock_orders, order_event, plain_row, write_orders
from ledger.orders.reading import visible_statements
from ledger.orders.states import AWAITING_CARRIER, ExtensionState, OrderState
from ledger.permissions import require_batch, require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderExtension:
    """One request for more time. due_before is the due time that a granted one replaced."""

    id: ExtensionId
    order_id: OrderId
    carrier_id: MemberId
    until: datetime
    reason: str | None
    requested_at: datetime
    state: ExtensionState
    decided_by: OfficerId | None
    decided_at: datetime | None
    due_before: datetime | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "OrderExtension":
        """From a row of order_extensions."""
        values: dict[str, Any] = {name: row[name] for name in _PLAIN}
        return cls(state=ExtensionState(row["state"]), **values)


_PLAIN = (
    "id", "order_id", "carrier_id", "until", "reason", "requested_at", "decided_by", "decided_at", "due_before",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionDecision:
    """What an officer decides of one request."""

    extension_id: str
    is_granted: bool


_FIND = text("SELECT id, order_id FROM order_extensions WHERE id = ANY(CAST(:ids AS uuid[]))")
_LOCK = text("SELECT * FROM order_extensions WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR UPDATE")
_WRITE = text("""
UPDATE order_extensions e
SET state = r.state, decided_by = r.decided_by, decided_at = r.decided_at, due_before = r.due_before
FROM json_populate_recordset(NULL::order_extensions, CAST(:rows AS json)) r WHERE e.id = r.id
""")


async def decide_extensions(tx: Transaction, decisions: Sequence[ExtensionDecision]) -> list[OrderExtension | Problem]:
    """Grant or refuse requests for more time, item by item.

    Shapes: 1..1000; results in the order given. Errors: OfficerRequiredError, ForbiddenError, TooManyItemsError
    for the call; NOT_FOUND, INCOMPATIBLE_STATE for an item.
    """
    officer_id = require_officer(tx.viewer)
    require_batch(decisions)
    known = {place: i for place, decision in enumerate(decisions) if (i := parse_id(decision.extension_id))}
    async with tx.role(Role.TRANSITION):
        found = await tx.execute(_FIND, {"ids": sorted(set(known.values()))})
        orders = await lock_orders(tx, [str(row["order_id"]) for row in found.mappings()])
        locked = await tx.execute(_LOCK, {"ids": sorted(set(known.values()))})
        rows = {str(row["id"]): plain_row(row) for row in locked.mappings()}
        batch = _Decisions(tx, officer_id, rows, orders)
        results = [batch.decide(known.get(place, ""), decision) for place, decision in enumerate(decisions)]
        if batch.decided:
            written = await tx.execute(_WRITE, {"rows": dump_rows(batch.decided)})
            if written.rowcount != len(batch.decided):
                raise ConflictError("A request changed under this call; nothing was written.")
        await write_orders(tx, list(batch.moved.values()))
        await append_events(tx, batch.events)
    return results


class _Decisions:
    def __init__(self, tx: Transaction, officer_id: OfficerId, rows: dict[str, Row], orders: dict[str, Row]) -> None:
        self.tx = tx
        self.officer_id = officer_id
        self.rows = rows
        self.orders = orders
        self.decided: list[Row] = []
        self.moved: dict[str, Row] = {}
        self.events: list[EventDraft] = []

    def decide(self, extension_id: str, decision: ExtensionDecision) -> OrderExtension | Problem:
        try:
            return self._decide(extension_id, decision)
        except LedgerError as error:
            return error.problem()

    def _decide(self, extension_id: str, decision: ExtensionDecision) -> OrderExtension:
        row = self.rows.get(extension_id)
        if row is None:
            raise UnknownError(field="extensionId")
        order = self.orders[row["order_id"]]
        if row["state"] != ExtensionState.REQUESTED:
            raise StateConflictError(f"This request was {row['state']} already.", field="extensionId")
        if decision.is_granted:
            if OrderState(order["state"]) not in AWAITING_CARRIER:
                raise StateConflictError(f"A block order that is {order['state']} needs no more time.")
            row["due_before"] = order["due_at"]
            order["due_at"] = max(order["due_at"], row["until"])
            self.moved[order["id"]] = order
        state = ExtensionState.GRANTED if decision.is_granted else ExtensionState.REFUSED
        row |= {"state": state.value, "decided_by": self.officer_id, "decided_at": self.tx.as_of}
        self.decided.append(row)
        self.events.append(
            order_event(order, EventKind.EXTENSION_DECIDED, extension=state, dueAt=order["due_at"].isoformat())
        )
        return OrderExtension.of(row)


async def load_extensions(tx: Transaction, order_ids: Sequence[str]) -> dict[str, list[OrderExtension]]:
    """Requests for more time by order, oldest first, in one statement; every asked order has an entry."""
    found: dict[str, list[OrderExtension]] = {order_id: [] for order_id in order_ids}
    c = order_extensions.c
    visible = visible_statements(tx.viewer, c.carrier_id)
    statement = select(order_extensions).where(visible, c.order_id.in_(list(order_ids))).order_by(c.order_id, c.id)
    for row in (await tx.execute(statement)).mappings():
        found[row["order_id"]].append(OrderExtension.of(row))
    return found
