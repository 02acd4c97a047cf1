"""How fields about block orders get their values."""

from ledger.complaints.table import Complaint
from ledger.errors import UnknownError
from ledger.identifiers import parse_id
from ledger.orders.reading import list_order_complaints
from ledger.orders.table import BlockOrder
from ledger.pages import Page, PageRequest, decode_cursor, encode_cursor
from resolvers.context import Context


async def get_order(context: Context, order_id: str) -> BlockOrder:
    """Return one order, batched with others of the operation. Errors: UnknownError."""
    known = parse_id(order_id)
    order = await context.loaders.orders.load(known) if known else None
    if order is None:
        raise UnknownError(field="id")
    return order


async def list_complaints(context: Context, order_id: str, page: PageRequest) -> Page[Complaint]:
    """Return a page of the complaints behind an order, batched over the orders. Errors: CursorInvalidError."""
    name = list_order_complaints.name_list(order_id)
    ids = await context.loaders.complaint_ids_by_order.load(order_id) or []
    if page.after is not None:
        last = str(decode_cursor(name, page.after, length=1)[0])
        ids = [complaint_id for complaint_id in ids if complaint_id > last]
    shown = ids[: page.first]
    found = [each for each in await context.loaders.complaints.load_many(shown) if each is not None]
    return Page(found, [encode_cursor(name, [each.id]) for each in found], has_next_page=len(ids) > page.first)
