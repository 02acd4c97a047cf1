"""Acknowledgements: what a carrier says of the orders addressed to it. Append-only; nothing is ever taken back.

The same statement again is answered with the first one. A late one moves the state and stays marked late; one for
an old version or a withdrawn order is kept, marked, and moves nothing. Another carrier's order looks exactly like
one that does not exist. Lateness goes by our clock, never by the carrier's.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, text

from ledger.errors import ConflictError, ForbiddenError, LedgerError, Problem, UnknownError
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import AcknowledgementId, MemberId, OrderId, new_id, parse_id
from ledger.orders.acknowledgement_rules import (
    REFERENCE_LENGTH_MAX,
    AcknowledgementDraft,
    Statement,
    check_draft,
    judge,
)
from ledger.orders.acknowledgements_table import order_acknowledgements
from ledger.orders.moves import Row, dump_rows, lock_orders, order_event, plain_row, settle, write_orders
from ledger.orders.reading import BlockOrder, parse_order_no, visible_statements
from ledger.orders.table import BlockOrder as StoredOrder
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark
from ledger.permissions import require_batch
from ledger.storage.database import Transaction
from ledger.storage.records import readable_names
from ledger.storage.roles import Role
from ledger.texts import check_text
from ledger.viewer import ViewerKind


class AcknowledgementConflictError(ConflictError):
    """The same reference already says something else of this order."""

    code = "ACKNOWLEDGEMENT_CONFLICT"
    hint = "Give a new statement a reference of its own."


class StatementsExhaustedError(ConflictError):
    """This order has as many acknowledgements as one order may have."""

    code = "TOO_MANY_ACKNOWLEDGEMENTS"
    hint = "Tell the regulator's help desk; a system of yours repeats itself under ever new references."


STATEMENTS_MAX = 200
"""For one order, over all its versions: an answer that lists them stays bounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAcknowledgement:
    """One statement as it was recorded. effective_at is the carrier's clock, recorded_at ours."""

    id: AcknowledgementId
    order_id: OrderId
    carrier_id: MemberId
    version: int
    kind: AcknowledgementKind
    reason: str | None
    reference: str
    note: str | None
    until: datetime | None
    effective_at: datetime
    recorded_at: datetime
    is_late: bool
    moved_state: bool
    mark: AcknowledgementMark | None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "OrderAcknowledgement":
        """From a row of order_acknowledgements."""
        mark = row["mark"]
        values: dict[str, Any] = {name: row[name] for name in _COLUMNS if name not in {"kind", "mark", "client_id"}}
        return cls(
            kind=AcknowledgementKind(row["kind"]),
            mark=AcknowledgementMark(mark) if mark is not None else None,
            **values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgedOrder:
    """What a draft became, with the order as it stands after; was_known where it had been recorded before."""

    acknowledgement: OrderAcknowledgement
    order: BlockOrder
    was_known: bool


_COLUMNS = (
    "id", "order_id", "carrier_id", "version", "kind", "reason", "reference", "note", "until", "effective_at",
    "recorded_at", "is_late", "moved_state", "mark", "client_id",
)  # fmt: skip

_RESOLVE_ORDERS = text("""
SELECT id, order_serial FROM block_orders
WHERE carrier_id = CAST(:carrier_id AS uuid) AND issued_at IS NOT NULL
  AND (CAST(:brand_id AS uuid) IS NULL OR brand_id = CAST(:brand_id AS uuid))
  AND (id = ANY(CAST(:ids AS uuid[])) OR order_serial = ANY(CAST(:serials AS bigint[])))
""")

_COUNT_SAID = text("""
SELECT order_id, count(*) AS said FROM order_acknowledgements
WHERE order_id = ANY(CAST(:ids AS uuid[])) GROUP BY order_id
""")

_FIND_KNOWN = text("""
SELECT a.* FROM order_acknowledgements a
JOIN json_to_recordset(CAST(:keys AS json)) AS k(order_id uuid, kind text, reference text)
  ON a.order_id = k.order_id AND a.kind = k.kind AND a.reference = k.reference
WHERE a.carrier_id = CAST(:carrier_id AS uuid) ORDER BY a.id
""")

_APPEND = text(
    f"INSERT INTO order_acknowledgements ({', '.join(_COLUMNS)}) SELECT {', '.join(_COLUMNS)} "
    "FROM json_populate_recordset(NULL::order_acknowledgements, CAST(:rows AS json))"
)

_APPEND_EXTENSIONS = text("""
INSERT INTO order_extensions (id, order_id, carrier_id, acknowledgement_id, until, reason, requested_at, state)
SELECT id, order_id, carrier_id, acknowledgement_id, until, reason, requested_at, 'REQUESTED'
FROM json_populate_recordset(NULL::order_extensions, CAST(:rows AS json))
""")


async def acknowledge_block_orders(
    tx: Transaction, drafts: Sequence[AcknowledgementDraft]
) -> list[AcknowledgedOrder | Problem]:
    """Record what the carrier says of its orders, item by item; later items see what earlier ones changed.

    Shapes: 1..1000; results in the order given. Units: effective_at is UTC by the carrier's clock.
    Errors: ForbiddenError for any party but a carrier, TooManyItemsError; for an item NOT_FOUND (also another
    carrier's order), REASON_UNKNOWN, EFFECTIVE_TIME_INVALID, ACKNOWLEDGEMENT_CONFLICT, INCOMPATIBLE_STATE.
    Source: domain.md, Acknowledgement; field.md section 1.1 steps 4 and 5.
    """
    carrier_id = tx.viewer.member_id
    if tx.viewer.kind is not ViewerKind.CARRIER or carrier_id is None:
        raise ForbiddenError
    require_batch(drafts)
    targets = await _resolve_orders(tx, drafts)
    batch = _Batch(tx, carrier_id)
    async with tx.role(Role.TRANSITION):
        batch.orders = await lock_orders(tx, list(targets.values()))
    await batch.find_known([(targets[place], draft) for place, draft in enumerate(drafts) if place in targets])
    outcomes: list[tuple[str, Row, bool] | Problem] = []
    for place, draft in enumerate(drafts):
        try:
            outcomes.append(batch.take(targets.get(place), draft))
        except LedgerError as error:
            outcomes.append(error.problem())
    await batch.write()
    final = {order_id: BlockOrder.of(_as_carrier_reads(row)) for order_id, row in batch.orders.items()}
    return [
        outcome
        if isinstance(outcome, Problem)
        else AcknowledgedOrder(
            acknowledgement=OrderAcknowledgement.of(outcome[1]), order=final[outcome[0]], was_known=outcome[2]
        )
        for outcome in outcomes
    ]


class _Batch:
    """The acknowledgements of one call: locked orders, what was known before, and what is to be written."""

    def __init__(self, tx: Transaction, carrier_id: MemberId) -> None:
        self.tx = tx
        self.carrier_id = carrier_id
        self.orders: dict[str, Row] = {}
        self.known: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
        self.said: dict[str, int] = defaultdict(int)
        self.appended: list[Row] = []
        self.moved: dict[str, Row] = {}
        self.events: list[EventDraft] = []

    async def find_known(self, drafts: Sequence[tuple[str, AcknowledgementDraft]]) -> None:
        """Read earlier statements with the same keys; the orders are locked, so none can be added meanwhile."""
        keys = [
            {"order_id": order_id, "kind": draft.kind.value, "reference": reference}
            for order_id, draft in drafts
            if (reference := _reference_or_none(draft)) is not None
        ]
        found = await self.tx.execute(_FIND_KNOWN, {"keys": dump_rows(keys), "carrier_id": self.carrier_id})
        for row in found.mappings():
            plain = plain_row(row)
            self.known[plain["order_id"], plain["kind"], plain["reference"]].append(plain)
        counts = await self.tx.execute(_COUNT_SAID, {"ids": list(self.orders)})
        self.said.update({str(row["order_id"]): row["said"] for row in counts.mappings()})

    def take(self, order_id: str | None, draft: AcknowledgementDraft) -> tuple[str, Row, bool]:
        """Judge one draft against its order as it stands. Errors: a LedgerError."""
        order = self.orders.get(order_id or "")
        if order is None:
            raise UnknownError("There is no such block order.", field="orderId" if draft.order_id else "orderNo")
        statement = check_draft(draft, order, as_of=self.tx.as_of, policies=self.tx.policies)
        earlier = self._find_earlier(order, statement, draft)
        if earlier is not None:
            return order["id"], earlier, True
        if self.said[order["id"]] >= STATEMENTS_MAX:
            raise StatementsExhaustedError(field="orderId")
        verdict = judge(statement, order, as_of=self.tx.as_of)
        is_late = verdict.is_late
        row = self._render(order, statement, mark=verdict.mark, is_late=is_late)
        order |= verdict.changes
        if verdict.changes:
            self.moved[order["id"]] = order
        self.appended.append(row)
        self.said[order["id"]] += 1
        self.known[order["id"], row["kind"], row["reference"]].append(row)
        kind = EventKind.ORDER_ACKNOWLEDGED
        if statement.kind is AcknowledgementKind.EXTENSION_REQUESTED:
            kind = EventKind.EXTENSION_REQUESTED
        said = {"acknowledgement": row["kind"], "reason": row["reason"], "late": is_late, "mark": row["mark"]}
        self.events.append(order_event(order, kind, acknowledgementId=row["id"], **said))
        return order["id"], row, False

    def _find_earlier(self, order: Row, statement: Statement, draft: AcknowledgementDraft) -> Row | None:
        """The first recording of the same statement. A retry that names no version means whichever it was then."""
        for row in self.known[order["id"], statement.kind.value, statement.reference]:
            if draft.version is not None and row["version"] != draft.version:
                continue
            is_same = (row["reason"], row["note"], row["until"]) == (statement.reason, statement.note, statement.until)
            if not is_same or (draft.effective_at is not None and row["effective_at"] != draft.effective_at):
                raise AcknowledgementConflictError(field="reference")
            return row
        return None

    def _render(self, order: Row, statement: Statement, *, mark: str | None, is_late: bool) -> Row:
        return {
            "id": new_id(),
            "order_id": order["id"],
            "carrier_id": self.carrier_id,
            "version": statement.version,
            "kind": statement.kind.value,
            "reason": statement.reason,
            "reference": statement.reference,
            "note": statement.note,
            "until": statement.until,
            "effective_at": statement.effective_at,
            "recorded_at": self.tx.as_of,
            "is_late": is_late,
            "moved_state": mark is None and statement.kind is not AcknowledgementKind.EXTENSION_REQUESTED,
            "mark": mark,
            "client_id": self.tx.viewer.client_id,
        }

    async def write(self) -> None:
        """Write everything that was taken: statements as the carrier, states as the transition role."""
        if not self.appended:
            return
        await self.tx.execute(_APPEND, {"rows": dump_rows(self.appended)})
        extensions = [
            {"id": new_id(), "acknowledgement_id": row["id"], "requested_at": row["recorded_at"]}
            | {name: row[name] for name in ("order_id", "carrier_id", "until", "reason")}
            for row in self.appended
            if row["kind"] == AcknowledgementKind.EXTENSION_REQUESTED
        ]
        if extensions:
            await self.tx.execute(_APPEND_EXTENSIONS, {"rows": dump_rows(extensions)})
        async with self.tx.role(Role.TRANSITION):
            rows = list(self.moved.values())
            await write_orders(self.tx, rows)
            self.events.extend(await settle(self.tx, rows))
            await append_events(self.tx, self.events)


async def _resolve_orders(tx: Transaction, drafts: Sequence[AcknowledgementDraft]) -> dict[int, str]:
    """The order that each draft means, by place, read as the carrier itself: what it can't see is missing."""
    ids = {place: known for place, draft in enumerate(drafts) if (known := parse_id(draft.order_id or ""))}
    numbers = {
        place: parsed[1]
        for place, draft in enumerate(drafts)
        if draft.order_id is None and (parsed := parse_order_no(draft.order_no or ""))
    }
    wanted = {"ids": sorted(set(ids.values())), "serials": sorted(set(numbers.values()))}
    me = {"carrier_id": tx.viewer.member_id, "brand_id": tx.viewer.brand_id}
    found = await tx.execute(_RESOLVE_ORDERS, wanted | me)
    by_serial = {row["order_serial"]: str(row["id"]) for row in found.mappings()}
    visible = set(by_serial.values())
    targets = {place: order_id for place, order_id in ids.items() if order_id in visible}
    return targets | {place: by_serial[serial] for place, serial in numbers.items() if serial in by_serial}


def _reference_or_none(draft: AcknowledgementDraft) -> str | None:
    """The reference as it is stored; None where the draft will be refused for it."""
    try:
        return check_text(draft.reference, field="reference", length_max=REFERENCE_LENGTH_MAX)
    except LedgerError:
        return None


def _as_carrier_reads(row: Row) -> Row:
    return {name: row[name] for name in readable_names(StoredOrder, Role.CARRIER)}


async def load_acknowledgements(tx: Transaction, order_ids: Sequence[str]) -> dict[str, list[OrderAcknowledgement]]:
    """Statements by order, oldest first, in one statement; every asked order has an entry."""
    found: dict[str, list[OrderAcknowledgement]] = {order_id: [] for order_id in order_ids}
    c = order_acknowledgements.c
    visible = visible_statements(tx.viewer, c.carrier_id)
    statement = (
        select(order_acknowledgements).where(visible, c.order_id.in_(list(order_ids))).order_by(c.order_id, c.id)
    )
    for row in (await tx.execute(statement)).mappings():
        found[row["order_id"]].append(OrderAcknowledgement.of(row))
    return found
