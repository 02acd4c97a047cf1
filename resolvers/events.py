"""How fields about events get their values."""

from ledger.feed import event_log
from ledger.feed.event_log import Event, EventFilter
from ledger.pages import Page, PageRequest
from resolvers.context import Context


async def list_events(context: Context, page: PageRequest, where: EventFilter) -> Page[Event]:
    """A page of events, newest first."""
    return await context.read(lambda tx: event_log.list_events(tx, page, where))
