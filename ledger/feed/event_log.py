"""Reading events, newest first: the regulator's audit view. Other parties must read the feed instead."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from ledger.feed.table import Event
from ledger.feed.vocabulary import EventKind
from ledger.filters import among, before, conditions_of, equals, since
from ledger.pages import Listing, Page, PageRequest, fetch_page
from ledger.permissions import require_regulator
from ledger.storage.database import Transaction

_EVENTS = Listing("events", Event, ("-id",))


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Which events to return; None and an empty tuple mean no restriction."""

    subject_id: Annotated[str | None, equals("subject_id")] = None
    kinds: Annotated[tuple[EventKind, ...], among("kind")] = ()
    recorded_after: Annotated[datetime | None, since("recorded_at")] = None
    recorded_before: Annotated[datetime | None, before("recorded_at")] = None


async def list_events(tx: Transaction, page: PageRequest, wanted: EventFilter | None = None) -> Page[Event]:
    """A page of events, newest first. Errors: ForbiddenError for anyone but the regulator, CursorInvalidError."""
    require_regulator(tx.viewer)
    return await fetch_page(tx, _EVENTS, page, *conditions_of(wanted or EventFilter(), Event, tx.present_role))
