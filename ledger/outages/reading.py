"""Reading outages, which every member may, and the time that orders got back for them."""

from ledger.errors import ForbiddenError
from ledger.lists import RecordList
from ledger.orders.reading import READERS, visible_statements
from ledger.outages.table import Outage, OutageExtension
from ledger.pages import Listing, Page, PageRequest
from ledger.relations import ToMany, ToOne, note_of
from ledger.storage.database import Transaction
from ledger.viewer import ViewerKind

OUTAGES = RecordList(Outage, {None: Listing("outages", Outage, ("-starts_at", "-id"))})


async def list_outages(tx: Transaction, page: PageRequest) -> Page[Outage]:
    """Return a page of outages, the latest first. Errors: ForbiddenError for a viewer of no member, CursorInvalidError.

    The operator, who belongs to no member, may read them too.
    """
    if tx.viewer.member_id is None and tx.viewer.kind is not ViewerKind.OPERATOR:
        raise ForbiddenError
    return await OUTAGES.fetch(tx, page)


load_outages = ToOne(Outage, note=note_of(Outage))
"""Outages by id."""

load_outage_extensions = ToMany(
    OutageExtension,
    by="order_id",
    kinds=READERS,
    visible=visible_statements,
    note=note_of(OutageExtension),
    order=("due_before",),
)
"""What each order got back for outages, oldest first."""
