"""Reading block orders: the regulator sees all of them, a carrier those issued to it, and no one else any.

An order is a duty of the carrier that holds the number; it never becomes a referral. A carrier reads its orders
without access to any complaint.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import ColumnElement, and_, false, func, select, true

from ledger.complaints.table import Complaint
from ledger.counting import Count, CountedBy, Due
from ledger.errors import UnknownError
from ledger.filters import Related, among, before, equals, holds, leading, since, some, where, whether
from ledger.identifiers import parse_id
from ledger.lists import RecordList
from ledger.orders.proposal_table import order_proposals
from ledger.orders.states import UNFINISHED, OrderMove, OrderState, ProposalState, states_before
from ledger.orders.table import OF_EVERY_CARRIER, BlockOrder, OrderAcknowledgement, OrderComplaint, block_orders
from ledger.orders.tally_table import OrderCount, OrderDue, visible_order_counts
from ledger.orders.vocabulary import ImpossibleReason, OrderSort
from ledger.pages import Listing, Page, PageRequest, note_items
from ledger.relations import Linked, ToMany, ToOne, note_of
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns, only
from ledger.storage.records import expression_of
from ledger.storage.roles import Role
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category

_ORDER_NO = re.compile(r"^O-(\d{4})-(\d{7,12})$")
_OF_ONE_NUMBER_MAX = 10_000


_LISTINGS = {
    OrderSort.DUE_SOONEST: Listing("orders:DUE_SOONEST", BlockOrder, ("due_at", "id")),
    # Ids follow the time of drafting, which is close enough to the time of issue for a list.
    OrderSort.ISSUED_NEWEST: Listing("orders:ISSUED_NEWEST", BlockOrder, ("-id",), cursor=("due_at", "id")),
    OrderSort.EXECUTED_NEWEST: Listing("orders:EXECUTED_NEWEST", BlockOrder, ("-executed_at", "-id")),
    OrderSort.LIFTED_NEWEST: Listing("orders:LIFTED_NEWEST", BlockOrder, ("-lifted_at", "-id")),
    OrderSort.CHANGED_OLDEST: Listing("orders:CHANGED_OLDEST", BlockOrder, ("changed_at", "id")),
}
_STATEMENTS = Related(OrderAcknowledgement, (("order_id", "id"), ("carrier_id", "carrier_id")))


def _select_held() -> ColumnElement[bool]:
    c = block_orders.c
    return and_(func.cardinality(c.hold_reasons) > 0, c.override_note.is_(None), c.state == OrderState.DRAFT.value)


def _select_proposing() -> ColumnElement[bool]:
    c, p = block_orders.c, order_proposals.c
    kept = select(p.order_id).where(p.state == ProposalState.PENDING.value)
    of_withdrawn = select(c.id).where(
        c.lift_drafted_at.is_not(None),
        c.lift_issued_at.is_(None),
        c.ended_by.is_not(None),
        c.state == OrderState.WITHDRAWN.value,
    )
    proposing = states_before(OrderMove.REISSUE, OrderMove.ISSUE_LIFT)
    return and_(c.id.in_(kept.union_all(of_withdrawn)), c.state.in_([state.value for state in sorted(proposing)]))


IS_HELD = _select_held()
"""A draft that needs a written override."""
HAS_PROPOSAL = _select_proposing()
"""Something proposed for an issued order awaits approval: a next version, or a lift, also a withdrawn order's."""


def _is_held(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    return whether(IS_HELD, wanted)


def _has_proposal(_record: type[Any], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    return whether(HAS_PROPOSAL, wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderFilter:
    """Which orders to return. An empty tuple or None does not filter. Times are UTC; number is E.164.

    acknowledged_after, acknowledged_before and reference are about the same statement of the carrier, by the time at
    which it was recorded and by the carrier's own reference.
    """

    states: Annotated[
        tuple[OrderState, ...], leading(among("state", is_literal=True), "due_at", when=UNFINISHED.issuperset)
    ] = ()
    categories: Annotated[tuple[Category, ...], among("category")] = ()
    impossible_reasons: Annotated[tuple[ImpossibleReason, ...], among("impossible_reason")] = ()
    carrier_id: Annotated[str | None, equals("carrier_id")] = None
    is_overdue: Annotated[bool | None, leading(holds("is_overdue"), "due_at", when=bool)] = None
    was_late: Annotated[bool | None, holds("was_late")] = None
    due_before: Annotated[datetime | None, leading(before("due_at"))] = None
    number: Annotated[str | None, equals("e164")] = None
    issued_after: Annotated[datetime | None, leading(since("issued_at"))] = None
    issued_before: Annotated[datetime | None, leading(before("issued_at"))] = None
    executed_after: Annotated[datetime | None, leading(since("executed_at"))] = None
    executed_before: Annotated[datetime | None, leading(before("executed_at"))] = None
    lifted_after: Annotated[datetime | None, leading(since("lifted_at"))] = None
    lifted_before: Annotated[datetime | None, leading(before("lifted_at"))] = None
    changed_since: Annotated[datetime | None, leading(since("changed_at"))] = None
    acknowledged_after: Annotated[datetime | None, some(_STATEMENTS, since("recorded_at"))] = None
    acknowledged_before: Annotated[datetime | None, some(_STATEMENTS, before("recorded_at"))] = None
    reference: Annotated[str | None, some(_STATEMENTS, equals("reference"))] = None
    office_id: Annotated[str | None, equals("office_id"), only(Role.REGULATOR)] = None
    is_held: Annotated[bool | None, where(_is_held), only(Role.REGULATOR)] = None
    has_proposal: Annotated[bool | None, where(_has_proposal), only(Role.REGULATOR)] = None
    is_unconfirmed: Annotated[bool | None, holds("is_unconfirmed"), only(Role.REGULATOR)] = None


def visible_orders(viewer: Viewer, c: Columns = block_orders.c) -> ColumnElement[bool]:
    """Which orders the viewer may see. A client of one brand sees only that brand's orders.

    Row-level security enforces the same rule a second time.
    """
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    if viewer.kind is not ViewerKind.CARRIER:
        return false()
    own = and_(c.carrier_id == viewer.member_id, c.issued_at.is_not(None))
    return own if viewer.brand_id is None else and_(own, c.brand_id == viewer.brand_id)


def visible_statements(viewer: Viewer, c: Columns) -> ColumnElement[bool]:
    """Which of the carriers' statements in a table the viewer may see: the regulator all, a carrier its own."""
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    return c.carrier_id == viewer.member_id if viewer.kind is ViewerKind.CARRIER else false()


READERS = frozenset({ViewerKind.REGULATOR, ViewerKind.CARRIER})
"""The viewers that may see orders and what belongs to them."""

BLOCK_ORDERS = RecordList(
    BlockOrder,
    _LISTINGS,
    OrderFilter,
    visible=visible_orders,
    owners={ViewerKind.CARRIER: "carrier_id"},
    of_all=OF_EVERY_CARRIER,
    kinds=READERS,
    counted_by=CountedBy(
        record=OrderCount,
        visible=visible_order_counts,
        due=Due("is_overdue", OrderDue, hour="due_hour", at="due_at"),
    ),
    conditions={
        OrderSort.EXECUTED_NEWEST: lambda: block_orders.c.executed_at.is_not(None),
        OrderSort.LIFTED_NEWEST: lambda: block_orders.c.lifted_at.is_not(None),
    },
)


async def list_block_orders(
    tx: Transaction, page: PageRequest, wanted: OrderFilter | None = None, *, sort: OrderSort = OrderSort.DUE_SOONEST
) -> Page[BlockOrder]:
    """Return a page of the orders that the viewer may see, in one statement. Errors: CursorInvalidError."""
    if tx.viewer.kind not in READERS:
        return Page((), (), has_next_page=False)
    return await BLOCK_ORDERS.fetch(tx, page, wanted, sort=sort)


async def count_block_orders(tx: Transaction, wanted: OrderFilter | None = None) -> Count:
    """Count the orders that match the filter and that the viewer may see."""
    return await BLOCK_ORDERS.count(tx, wanted) if tx.viewer.kind in READERS else Count(0, is_exact=True)


def parse_order_no(order_no: str) -> tuple[int, int] | None:
    """Return (year, serial) of an order number as people quote it, or None."""
    match = _ORDER_NO.match(order_no.strip().upper()) if order_no.isascii() else None
    return (int(match[1]), int(match[2])) if match else None


async def get_block_order(tx: Transaction, *, order_id: str | None = None, order_no: str | None = None) -> BlockOrder:
    """Return one order by its id or number. Errors: UnknownError, also for an order that the viewer may not see."""
    found = named_order(order_id=order_id, order_no=order_no)
    order = None
    if found is not None and tx.viewer.kind in READERS:
        order = await find_record(tx, BlockOrder, visible_orders(tx.viewer), *found)
    if order is None:
        raise UnknownError(field="id" if order_id is not None else "orderNo")
    note_items(tx, BlockOrder, [order])
    return order


def named_order(*, order_id: str | None = None, order_no: str | None = None) -> tuple[ColumnElement[bool], ...] | None:
    """The conditions for the one order with that id or number; None if no order can have it."""
    if order_id is not None:
        known = parse_id(order_id)
        return None if known is None else (block_orders.c.id == known,)
    parsed = parse_order_no(order_no) if order_no is not None else None
    if parsed is None or order_no is None:
        return None
    return block_orders.c.order_serial == parsed[1], expression_of(BlockOrder, "order_no") == order_no.strip().upper()


load_orders = ToOne(BlockOrder, kinds=READERS, visible=visible_orders, note=note_of(BlockOrder))
"""Orders by id, without those that the viewer may not see."""

load_orders_by_number = ToMany(
    BlockOrder,
    by="e164",
    kinds=READERS,
    visible=visible_orders,
    note=note_of(BlockOrder),
    rows_max=_OF_ONE_NUMBER_MAX,
)
"""Orders by number, oldest first."""


list_order_complaints = Linked(
    Complaint,
    link=OrderComplaint,
    of="order_id",
    to="complaint_id",
    name="order_complaints",
    kinds=frozenset({ViewerKind.REGULATOR}),
    note=note_of(Complaint),
)
"""The complaints behind each order, oldest first, for the regulator."""
