"""Statistics of a period: what became of complaints and orders, as far as the caller may see either."""

from datetime import date, datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry.federation.schema_directives import Cost

from ledger import statistics as ledger
from ledger.durations import ERROR_PERCENT_MAX
from ledger.facts import PERIOD_DAYS_MAX, Period
from ledger.members.reading import load_members
from ledger.vocabulary import Category
from schema.authority import COMPLAINTS_READ, ORDERS_READ, STATISTICS_READERS
from schema.fields import field
from schema.info import Info
from schema.members.types import Member
from schema.models import Shown
from schema.pages import few
from schema.reads import one

SUMMED = Cost(weight=50)
"""Statistics read what is kept of each day of the period."""

_SECONDS = (
    f"with an error of at most {ERROR_PERCENT_MAX} %, and to the second. The execution counts when it was "
    "acknowledged, by the gateway's clock. Null if none was executed."
)


@fed.type(
    description="What has become by now of the complaints that were received in the period.",
    requires_scopes=COMPLAINTS_READ,
)
class ComplaintStatistics(Shown[ledger.ComplaintFigures]):
    received: int = strawberry.field(description="All of them.")
    verified: int = strawberry.field(
        description="Those that an officer found well-founded, including those that were forwarded since."
    )
    rejected: int = strawberry.field(description="Those that were rejected.")
    forwarded: int = strawberry.field(description="Those that a block order was drafted or a referral offered for.")


@fed.type(
    description="What has become by now of the block orders that were issued in the period.",
    requires_scopes=ORDERS_READ,
)
class OrderStatistics(Shown[ledger.OrderFigures]):
    issued: int = strawberry.field(description="All of them.")
    executed: int = strawberry.field(description="Those that the carrier executed, including those lifted since.")
    executed_on_time: int = strawberry.field(description="Those that it executed without having answered late.")
    late: int = strawberry.field(
        description="Those that it answered after the due time, as outages have extended it, whatever the answer was."
    )
    open: int = strawberry.field(description="Those that it still has to act on, lifts included.")
    overdue: int = strawberry.field(description="Those of these whose due time has passed.")
    median_seconds: int | None = strawberry.field(
        name="medianSecondsToBlock",
        description=f"The seconds from issue to execution that half of the executed ones did not exceed, {_SECONDS}",
    )
    p95_seconds: int | None = strawberry.field(
        name="p95SecondsToBlock",
        description=f"The seconds from issue to execution that 95 % of the executed ones did not exceed, {_SECONDS}",
    )


@fed.type(
    description="The figures of a period or of one group within it. Of day, category, carrier and region it has that "
    "by which it is grouped.",
    requires_scopes=STATISTICS_READERS,
)
class StatisticsGroup(Shown[ledger.Group]):
    day: date | None = strawberry.field(
        description="The legal day (WIB) on which complaints were received and orders issued."
    )
    category: Category | None = strawberry.field(description="What the numbers were reported for.")
    carrier_id: strawberry.ID | None = strawberry.field(description="The carrier that the orders were addressed to.")
    region: str | None = strawberry.field(
        description="The country of the number, as ISO 3166-1 alpha-2: ID for every Indonesian number, since mobile "
        "numbers belong to no part of the country. Null for complaints about accounts and numbers of no country."
    )
    carrier: Member | None = one("That carrier.", Member, load_members, by="carrier_id")

    @field("Complaints; null for a carrier's group, since no complaint is a carrier's, and for who sees none.")
    def complaints(self) -> ComplaintStatistics | None:
        return ComplaintStatistics.of(self.row.complaints) if self.row.complaints is not None else None

    @field("Block orders; null for who sees none.")
    def orders(self) -> OrderStatistics | None:
        return OrderStatistics.of(self.row.orders) if self.row.orders is not None else None


@fed.type(
    description="Statistics of a period. A complaint counts on the legal day (WIB) on which it was received, an order "
    "on that of its issue, whenever something became of it. Groups in which there is nothing are left out.",
    requires_scopes=STATISTICS_READERS,
)
class Statistics(Shown[ledger.Statistics]):
    as_of: datetime = strawberry.field(description="When this was so.")

    @field("The period as a whole.")
    def total(self) -> StatisticsGroup | None:
        return StatisticsGroup.of(self.row.total)

    @field("By legal day, the earliest first.", directives=[few(30)])
    def by_day(self) -> list[StatisticsGroup] | None:
        return list(map(StatisticsGroup.of, self.row.by_day))

    @field("By category.", directives=[few(10)])
    def by_category(self) -> list[StatisticsGroup] | None:
        return list(map(StatisticsGroup.of, self.row.by_category))

    @field("By carrier; orders alone.", directives=[few(10)])
    def by_carrier(self) -> list[StatisticsGroup] | None:
        return list(map(StatisticsGroup.of, self.row.by_carrier))

    @field("By the region of the number.", directives=[few(10)])
    def by_region(self) -> list[StatisticsGroup] | None:
        return list(map(StatisticsGroup.of, self.row.by_region))


@fed.type
class StatisticsQueries:
    @field(
        "How many complaints and block orders there were in a period, and what has become of them, as far as you may "
        "see them: a carrier its own orders, an agency its own complaints.",
        needs=STATISTICS_READERS,
        directives=[SUMMED],
    )
    async def statistics(
        self,
        info: Info,
        from_: Annotated[date, strawberry.argument(name="from", description="The first legal day (WIB).")],
        to: Annotated[
            date, strawberry.argument(description=f"The last legal day; at most {PERIOD_DAYS_MAX} days with the first.")
        ],
    ) -> Statistics | None:
        """Errors: PERIOD_REVERSED, PERIOD_TOO_LONG, FORBIDDEN."""
        return Statistics.of(await info.context.read(ledger.read_statistics, Period(from_, to)))
