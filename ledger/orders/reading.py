"""Block orders: what they are, and reading them. Drafting, issuing and ending stand in files of their own.

An order is a duty of the carrier that holds the number; it never becomes a referral. What a carrier reads of
one needs no row of a complaint. Overdue is derived here and stored nowhere.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, false, func, literal, or_, select, true

from ledger.errors import UnknownError
from ledger.identifiers import BrandId, ComplaintId, MemberId, OfficeId, OfficerId, OrderId, parse_id
from ledger.legal_time import LEGAL_ZONE
from ledger.orders.states import AWAITING_CARRIER, OrderState
from ledger.orders.table import BlockOrder as StoredOrder
from ledger.orders.table import block_orders, order_complaints
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope, ImpossibleReason, LiftBasis, OrderSort
from ledger.pages import Page, PageRequest, cursor_id, cursor_moment, decode_cursor, encode_cursor
from ledger.storage.database import Transaction
from ledger.storage.records import readable_names
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category, HoldReason

_ORDER_NO = re.compile(r"^O-(\d{4})-(\d{7,12})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockOrder:
    """One block order as its viewer may see it; what only the regulator sees is None for others."""

    id: OrderId
    order_no: str
    version: int
    directive_id: str
    supersedes_id: OrderId | None
    carrier_id: MemberId
    brand_id: BrandId | None
    e164: str
    epoch: int
    category: Category
    scope: BlockScope
    legal_basis: str
    summary: str
    subscriber_notice: str
    complaint_count: int
    state: OrderState
    impossible_reason: ImpossibleReason | None
    last_acknowledgement: AcknowledgementKind | None
    drafted_at: datetime
    issued_at: datetime | None
    due_at: datetime | None
    executed_at: datetime | None
    effective_at: datetime | None
    was_late: bool
    ended_at: datetime | None
    lift_basis: LiftBasis | None
    lift_issued_at: datetime | None
    lifted_at: datetime | None
    office_id: OfficeId | None = None
    drafted_by: OfficerId | None = None
    approved_by: OfficerId | None = None
    return_reason: str | None = None
    hold_reasons: tuple[HoldReason, ...] | None = None
    override_note: str | None = None
    end_note: str | None = None
    lift_drafted_at: datetime | None = None
    lift_note: str | None = None

    def is_overdue(self, as_of: datetime) -> bool:
        """Whether the carrier owes something whose time has passed."""
        return self.state in AWAITING_CARRIER and self.due_at is not None and self.due_at < as_of

    @property
    def lift_no(self) -> str | None:
        """The lift's own number: the order's, with the version by which the lift was issued."""
        return f"{self.order_no}-L{self.version}" if self.lift_issued_at is not None else None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "BlockOrder":
        """From a row of block_orders, whole or as a carrier may select it."""
        held = dict(row)  # a result's own row raises and catches an error for each name that it lacks
        year = held["drafted_at"].astimezone(LEGAL_ZONE).year
        holds = held.get("hold_reasons")
        values: dict[str, Any] = {name: held[name] for name in _PLAIN}
        values |= {name: held.get(name) for name in _REGULATORS}
        return cls(
            order_no=f"O-{year}-{held['order_serial']:07d}",
            category=Category(held["category"]),
            scope=BlockScope(held["scope"]),
            state=OrderState(held["state"]),
            impossible_reason=_optional(ImpossibleReason, held["impossible_reason"]),
            last_acknowledgement=_optional(AcknowledgementKind, held["last_acknowledgement"]),
            lift_basis=_optional(LiftBasis, held["lift_basis"]),
            hold_reasons=None if holds is None else tuple(HoldReason(hold) for hold in holds),
            **values,
        )


_PLAIN = (
    "id", "version", "directive_id", "supersedes_id", "carrier_id", "brand_id", "e164", "epoch", "legal_basis",
    "summary", "subscriber_notice", "complaint_count", "drafted_at", "issued_at", "due_at", "executed_at",
    "effective_at", "was_late", "ended_at", "lift_issued_at", "lifted_at",
)  # fmt: skip
_REGULATORS = (
    "office_id", "drafted_by", "approved_by", "return_reason", "override_note", "end_note", "lift_drafted_at",
    "lift_note",
)  # fmt: skip


def _optional(kind: type[StrEnum], value: str | None) -> Any:
    return None if value is None else kind(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders are wanted; None and an empty list leave a side open. Times are UTC; `number` is E.164."""

    states: Sequence[OrderState] | None = None
    categories: Sequence[Category] | None = None
    carrier_id: str | None = None
    is_overdue: bool | None = None
    due_before: datetime | None = None
    number: str | None = None
    issued_after: datetime | None = None
    issued_before: datetime | None = None
    office_id: str | None = None
    is_held: bool | None = None


def _readable(tx: Transaction) -> list[Column[Any]]:
    """The columns that the viewer's role may select."""
    if tx.viewer.kind is ViewerKind.REGULATOR:
        return list(block_orders.c)
    return [block_orders.c[name] for name in readable_names(StoredOrder, Role.CARRIER)]


def visible_orders(viewer: Viewer) -> ColumnElement[bool]:
    """Which orders the viewer may see: the regulator all, a carrier those issued to it, nobody else any.

    A brand's client sees its brand's alone. Row-level security holds the same a second time.
    """
    c = block_orders.c
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    if viewer.kind is not ViewerKind.CARRIER:
        return false()
    own = and_(c.carrier_id == viewer.member_id, c.issued_at.is_not(None))
    return own if viewer.brand_id is None else and_(own, c.brand_id == viewer.brand_id)


def visible_statements(viewer: Viewer, carrier_id: Column[Any]) -> ColumnElement[bool]:
    """Which rows of a table of carriers' statements the viewer may see: the regulator all, a carrier its own."""
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    return carrier_id == viewer.member_id if viewer.kind is ViewerKind.CARRIER else false()


def _may_read(tx: Transaction) -> bool:
    return tx.viewer.kind in {ViewerKind.REGULATOR, ViewerKind.CARRIER}


def _select_visible(tx: Transaction) -> Select[Any]:
    return select(*_readable(tx)).where(visible_orders(tx.viewer))


def _conditions(wanted: OrderFilter, *, as_of: datetime, is_regulator: bool) -> list[ColumnElement[bool]]:
    c = block_orders.c
    owed = c.state.in_([state.value for state in AWAITING_CARRIER])
    overdue = and_(owed, func.coalesce(c.due_at < as_of, literal(value=False)))
    held = and_(func.cardinality(c.hold_reasons) > 0, c.override_note.is_(None), c.state == OrderState.DRAFT.value)
    sides: list[tuple[Any, Callable[[Any], ColumnElement[bool]]]] = [
        (wanted.states or None, lambda states: c.state.in_([state.value for state in states])),
        (wanted.categories or None, lambda categories: c.category.in_([category.value for category in categories])),
        (wanted.carrier_id, lambda carrier_id: c.carrier_id == parse_id(carrier_id)),
        (wanted.office_id if is_regulator else None, lambda office_id: c.office_id == parse_id(office_id)),
        (wanted.is_held if is_regulator else None, lambda is_held: held if is_held else ~held),
        (wanted.is_overdue, lambda is_overdue: overdue if is_overdue else ~overdue),
        (wanted.due_before, lambda moment: c.due_at < moment),
        (wanted.number, lambda number: c.e164 == number),
        (wanted.issued_after, lambda moment: c.issued_at >= moment),
        (wanted.issued_before, lambda moment: c.issued_at < moment),
    ]
    return [condition(value) for value, condition in sides if value is not None]


def _after_cursor(sort: OrderSort, cursor: str) -> ColumnElement[bool]:
    """Rows behind the cursor's. A draft's due time is NULL and sorts last."""
    c = block_orders.c
    due_text, order_id = decode_cursor(f"orders:{sort}", cursor, length=2)
    last_id = cursor_id(order_id)
    if sort is OrderSort.ISSUED_NEWEST:
        return c.id < last_id
    if due_text is None:
        return and_(c.due_at.is_(None), c.id > last_id)
    due_at = cursor_moment(due_text)
    return or_(c.due_at > due_at, and_(c.due_at == due_at, c.id > last_id), c.due_at.is_(None))


async def list_block_orders(
    tx: Transaction, page: PageRequest, wanted: OrderFilter | None = None, *, sort: OrderSort = OrderSort.DUE_SOONEST
) -> Page[BlockOrder]:
    """A page of the orders that the viewer may see, in one statement. Errors: CursorInvalidError."""
    if not _may_read(tx):
        return Page((), (), has_next_page=False)
    c = block_orders.c
    conditions = _conditions(wanted or OrderFilter(), as_of=tx.as_of, is_regulator=tx.viewer.is_regulator)
    if page.after is not None:
        conditions.append(_after_cursor(sort, page.after))
    statement: Select[Any] = _select_visible(tx).where(*conditions).limit(page.first + 1)
    # A later id was drafted later; drafting and issuing follow each other closely enough for a list.
    statement = statement.order_by(*((c.due_at, c.id) if sort is OrderSort.DUE_SOONEST else (c.id.desc(),)))
    rows = (await tx.execute(statement)).mappings().all()
    orders = [BlockOrder.of(row) for row in rows[: page.first]]
    cursors = [
        encode_cursor(f"orders:{sort}", [order.due_at.astimezone(UTC) if order.due_at else None, order.id])
        for order in orders
    ]
    return Page(orders, cursors, has_next_page=len(rows) > page.first)


async def count_block_orders(tx: Transaction, wanted: OrderFilter | None = None) -> int:
    """How many orders of the filter the viewer may see."""
    if not _may_read(tx):
        return 0
    conditions = _conditions(wanted or OrderFilter(), as_of=tx.as_of, is_regulator=tx.viewer.is_regulator)
    return int(
        (
            await tx.execute(select(func.count(block_orders.c.id)).where(visible_orders(tx.viewer), *conditions))
        ).scalar_one()
    )


def parse_order_no(order_no: str) -> tuple[int, int] | None:
    """(year, serial) of an order number as people say it, or None."""
    match = _ORDER_NO.match(order_no.strip().upper()) if order_no.isascii() else None
    return (int(match[1]), int(match[2])) if match else None


async def get_block_order(tx: Transaction, *, order_id: str | None = None, order_no: str | None = None) -> BlockOrder:
    """One order by its id or its number. Errors: UnknownError, the same for what is not the viewer's to see."""
    c = block_orders.c
    condition: ColumnElement[bool] | None = None
    if order_id is not None and (known := parse_id(order_id)):
        condition = c.id == known
    elif order_no is not None and (parsed := parse_order_no(order_no)):
        condition = c.order_serial == parsed[1]
    if condition is None or not _may_read(tx):
        raise UnknownError(field="id" if order_id is not None else "orderNo")
    row = (await tx.execute(_select_visible(tx).where(condition))).mappings().one_or_none()
    order = BlockOrder.of(row) if row is not None else None
    if order is None or (order_no is not None and order.order_no != order_no.strip().upper()):
        raise UnknownError(field="id" if order_id is not None else "orderNo")
    return order


async def load_orders(tx: Transaction, order_ids: Sequence[str]) -> dict[str, BlockOrder]:
    """Orders by id, in one statement; what the viewer may not see is missing."""
    if not _may_read(tx):
        return {}
    known = [parsed for order_id in order_ids if (parsed := parse_id(order_id))]
    rows = await tx.execute(_select_visible(tx).where(block_orders.c.id.in_(known)))
    return {row["id"]: BlockOrder.of(row) for row in rows.mappings()}


async def load_orders_by_number(tx: Transaction, e164s: Sequence[str]) -> dict[str, list[BlockOrder]]:
    """Orders by number, oldest first, in one statement; every asked number has an entry."""
    found: dict[str, list[BlockOrder]] = {e164: [] for e164 in e164s}
    if not _may_read(tx):
        return found
    statement = (
        _select_visible(tx).where(block_orders.c.e164.in_(list(e164s))).order_by(block_orders.c.id).limit(10_000)
    )
    for row in (await tx.execute(statement)).mappings():
        found[row["e164"]].append(BlockOrder.of(row))
    return found


async def load_order_complaint_ids(tx: Transaction, order_ids: Sequence[str]) -> dict[str, list[ComplaintId]]:
    """The complaints behind each order, for the regulator; every asked order has an entry."""
    found: dict[str, list[ComplaintId]] = {order_id: [] for order_id in order_ids}
    if not tx.viewer.is_regulator:
        return found
    c = order_complaints.c
    statement = select(c.order_id, c.complaint_id).where(c.order_id.in_(list(order_ids))).order_by(c.complaint_id)
    for row in (await tx.execute(statement)).mappings():
        found[row["order_id"]].append(ComplaintId(row["complaint_id"]))
    return found
