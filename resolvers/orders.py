"""How fields about block orders get their values."""

from collections.abc import Sequence

from ledger.complaints.reading import Complaint
from ledger.errors import Problem, UnknownError
from ledger.identifiers import parse_id
from ledger.orders import (
    approval as order_approval,
)
from ledger.orders import (
    closing as order_ending,
)
from ledger.orders import (
    drafting as order_drafting,
)
from ledger.orders import (
    reading as orders,
)
from ledger.orders.approval import Approval, OrderNote, Revision
from ledger.orders.closing import LiftDraft
from ledger.orders.drafting import OrderDraft
from ledger.orders.reading import OrderFilter
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import OrderSort
from ledger.pages import Page, PageRequest, decode_cursor, encode_cursor
from resolvers.context import Context

Results = list[BlockOrder | Problem]


async def get_order(context: Context, order_id: str) -> BlockOrder:
    """One order, batched with others of the operation. Errors: UnknownError."""
    known = parse_id(order_id)
    order = await context.loaders.orders.load(known) if known else None
    if order is None:
        raise UnknownError(field="id")
    return order


async def get_order_by_number(context: Context, order_no: str) -> BlockOrder:
    """One order by the number that people say. Errors: UnknownError."""
    return await context.read(lambda tx: orders.get_block_order(tx, order_no=order_no))


async def list_orders(context: Context, page: PageRequest, where: OrderFilter, *, sort: OrderSort) -> Page[BlockOrder]:
    """A page of the orders that the viewer may see."""
    return await context.read(lambda tx: orders.list_block_orders(tx, page, where, sort=sort))


async def count_orders(context: Context, where: OrderFilter) -> int:
    """How many that list holds."""
    return await context.read(lambda tx: orders.count_block_orders(tx, where))


async def list_complaints(context: Context, order_id: str, page: PageRequest) -> Page[Complaint]:
    """A page of the complaints behind an order, batched over the operation's orders. Errors: CursorInvalidError."""
    name = f"order_complaints:{order_id}"
    ids = await context.loaders.complaint_ids_by_order.load(order_id) or []
    if page.after is not None:
        last = str(decode_cursor(name, page.after, length=1)[0])
        ids = [complaint_id for complaint_id in ids if complaint_id > last]
    shown = ids[: page.first]
    found = [each for each in await context.loaders.complaints.load_many(shown) if each is not None]
    return Page(found, [encode_cursor(name, [each.id]) for each in found], has_next_page=len(ids) > page.first)


async def draft_orders(context: Context, drafts: Sequence[OrderDraft]) -> Results:
    """Draft orders, item by item."""
    return await context.write(lambda tx: order_drafting.draft_block_orders(tx, drafts))


async def revise_orders(context: Context, revisions: Sequence[Revision]) -> Results:
    """Change drafts, item by item."""
    return await context.write(lambda tx: order_approval.revise_block_orders(tx, revisions))


async def approve_orders(context: Context, approvals: Sequence[Approval]) -> Results:
    """Issue drafts, item by item."""
    return await context.write(lambda tx: order_approval.approve_block_orders(tx, approvals))


async def return_orders(context: Context, notes: Sequence[OrderNote]) -> Results:
    """Send drafts back, item by item."""
    return await context.write(lambda tx: order_approval.return_block_orders(tx, notes))


async def reissue_orders(context: Context, revisions: Sequence[Revision]) -> Results:
    """Issue new versions, item by item."""
    return await context.write(lambda tx: order_approval.reissue_block_orders(tx, revisions))


async def discard_orders(context: Context, notes: Sequence[OrderNote]) -> Results:
    """Drop drafts, item by item."""
    return await context.write(lambda tx: order_ending.discard_block_orders(tx, notes))


async def withdraw_orders(context: Context, notes: Sequence[OrderNote]) -> Results:
    """Take orders back, item by item."""
    return await context.write(lambda tx: order_ending.withdraw_block_orders(tx, notes))


async def close_orders(context: Context, notes: Sequence[OrderNote]) -> Results:
    """Close impossible orders, item by item."""
    return await context.write(lambda tx: order_ending.close_block_orders(tx, notes))


async def lift_orders(context: Context, lifts: Sequence[LiftDraft]) -> Results:
    """Order blocks lifted, item by item."""
    return await context.write(lambda tx: order_ending.lift_block_orders(tx, lifts))
