"""Reading outages, which every member may, and the time that orders got back for them."""

from collections.abc import Sequence

from ledger.errors import ForbiddenError
from ledger.orders.reading import visible_statements
from ledger.outages.table import Outage, OutageExtension, outage_extensions
from ledger.pages import Listing, Page, PageRequest, fetch_page, note_items
from ledger.storage.database import Transaction
from ledger.storage.rows import fetch_records, load_records, select_records
from ledger.viewer import ViewerKind

_LISTING = Listing("outages", Outage, ("-starts_at", "-id"))


async def list_outages(tx: Transaction, page: PageRequest) -> Page[Outage]:
    """Return a page of outages, the latest first. Errors: ForbiddenError for a viewer of no member, CursorInvalidError.

    The operator, who belongs to no member, may read them too.
    """
    if tx.viewer.member_id is None and tx.viewer.kind is not ViewerKind.OPERATOR:
        raise ForbiddenError
    return await fetch_page(tx, _LISTING, page)


async def load_outages(tx: Transaction, outage_ids: Sequence[str]) -> dict[str, Outage]:
    """Return outages by id, in one statement."""
    found = await load_records(tx, Outage, outage_ids)
    note_items(tx, Outage, found.values())
    return found


async def load_outage_extensions(tx: Transaction, order_ids: Sequence[str]) -> dict[str, list[OutageExtension]]:
    """Return what each order got back for outages, oldest first, in one statement; every given order has an entry."""
    found: dict[str, list[OutageExtension]] = {order_id: [] for order_id in order_ids}
    c = outage_extensions.c
    statement = select_records(tx, OutageExtension).where(
        visible_statements(tx.viewer, c.carrier_id), c.order_id.in_(list(order_ids))
    )
    for extension in await fetch_records(tx, OutageExtension, statement.order_by(c.order_id, c.due_before)):
        found[extension.order_id].append(extension)
    note_items(tx, OutageExtension, (each for given in found.values() for each in given))
    return found
