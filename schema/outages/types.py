"""Outages of the gateway, which every member may see, and the time that orders got back for them."""

from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.outages import table
from ledger.outages.reading import OUTAGES, list_outages, load_outages
from ledger.outages.vocabulary import OutageCause
from schema.authority import ORDERS_READ, OUTAGE_READERS
from schema.fields import field
from schema.info import Info
from schema.models import Shown
from schema.pages import PAGED, After, Connection, First, page_request
from schema.reads import Listed, one


@fed.type(
    description="A time during which members could not reach the gateway. No two of them overlap.",
    requires_scopes=OUTAGE_READERS,
)
class Outage(Shown[table.Outage]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    starts_at: datetime = strawberry.field(description="When it began.")
    ends_at: datetime = strawberry.field(description="When it was over.")
    cause: OutageCause = strawberry.field(description="How the gateway knows of it.")
    reason: str | None = strawberry.field(description="What could not be reached, in the words of who declared it.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")


@fed.type(description="One page of outages.", requires_scopes=OUTAGE_READERS)
class OutageConnection(Connection[Outage]):
    pass


@fed.type(
    description="The time that an order got back for an outage that began before it was due.",
    requires_scopes=ORDERS_READ,
)
class OutageExtension(Shown[table.OutageExtension]):
    version: int = strawberry.field(description="The version of the order that ran then.")
    due_before: datetime = strawberry.field(name="formerDueAt", description="The due time before.")
    due_after: datetime = strawberry.field(name="dueAt", description="The due time after.")
    extended_at: datetime = strawberry.field(description="When it was extended.")

    outage: Outage | None = one("The outage.", Outage, load_outages, by="outage_id")


@fed.type
class OutageQueries:
    @field(
        "When members could not reach the gateway, the latest first. Each outage extends the orders that ran.",
        needs=OUTAGE_READERS,
        directives=[PAGED],
        reads=Listed(OUTAGES),
    )
    async def outages(self, info: Info, first: First = UNSET, after: After = UNSET) -> OutageConnection | None:
        page = await info.context.read(list_outages, page_request(first, after))
        return OutageConnection.of(page, Outage.of, after=after)
