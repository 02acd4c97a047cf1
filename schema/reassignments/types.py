"""Carriers' reports that numbers were assigned to other subscribers."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.reassignments import table
from ledger.reassignments.reading import ReportFilter, list_reassignment_reports
from ledger.reassignments.states import ReportState
from schema.authority import ORDER_STAFF, ORDERS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, Officer, find_brand, find_member, find_officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber, find_number
from schema.pages import PAGED, After, Connection, First, page_request
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(
    description="A carrier's report that a number was assigned to another subscriber. It changes nothing until an "
    "officer confirms it.",
    requires_scopes=ORDERS_READ,
)
class ReassignmentReport(Shown[table.ReassignmentReport]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    e164: E164 = strawberry.field(description="The number.")
    epoch: int = strawberry.field(
        description="The count of the number's assignments once it is confirmed; complaints and orders refer to it."
    )
    starts_at: datetime = strawberry.field(description="From when the number belongs to the new subscriber.")
    state: ReportState = strawberry.field(description="Where it stands.")
    reported_at: datetime = strawberry.field(description="When it was reported, by the gateway's clock.")
    decided_at: datetime | None = strawberry.field(description="When an officer decided about it.")
    refusal_reason: str | None = strawberry.field(description="Why it was refused.")
    ended_order_count: int = strawberry.field(description="How many executed orders its confirmation ended.")

    @field("The number, with what is known about it.")
    async def number(self, info: Info) -> PhoneNumber | None:
        return await find_number(info.context, self.row.e164)

    @field("The carrier that reported it.")
    async def carrier(self, info: Info) -> Member | None:
        return await find_member(info.context, self.row.carrier_id)

    @field("The number's brand when it was reported.")
    async def brand(self, info: Info) -> Brand | None:
        return await find_brand(info.context, self.row.brand_id)

    @field("The officer who decided about it; visible to the regulator only.", needs=ORDER_STAFF)
    async def decided_by(self, info: Info) -> Officer | None:
        return await find_officer(info.context, self.row.decided_by)


@fed.type(description="One page of reports.", requires_scopes=ORDERS_READ)
class ReassignmentReportConnection(Connection[ReassignmentReport]):
    pass


@fed.input(description="Which reports to return. Criteria that are left out match everything.")
class ReassignmentReportFilter:
    states: list[ReportState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    number: E164 | None = strawberry.field(description="About this number.", default=UNSET)
    carrier_id: strawberry.ID | None = strawberry.field(description="Of this carrier.", default=UNSET)


@fed.type
class ReassignmentQueries:
    @field(
        "Reports of reassigned numbers that you may see, newest first: a carrier sees its own.",
        needs=ORDERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def reassignment_reports(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            ReassignmentReportFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ReassignmentReportConnection | None:
        where = ReportFilter(**given_filter(filter))
        page = await info.context.read(list_reassignment_reports, page_request(first, after), where)
        return ReassignmentReportConnection.of(page, ReassignmentReport.of, after=after)
