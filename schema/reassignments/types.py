"""Carriers' reports that numbers were assigned to other subscribers."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_brands, load_members, load_officers
from ledger.numbers.reading import load_numbers
from ledger.reassignments import table
from ledger.reassignments.reading import REASSIGNMENT_REPORTS, ReportFilter, list_reassignment_reports
from ledger.reassignments.states import ReportState
from schema.authority import ORDER_STAFF, ORDERS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, Officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.pages import PAGED, After, Connection, First, page_request
from schema.reads import Listed, one
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

    number: PhoneNumber | None = one("The number, with what is known about it.", PhoneNumber, load_numbers, by="e164")

    carrier: Member | None = one("The carrier that reported it.", Member, load_members, by="carrier_id")

    brand: Brand | None = one("The number's brand when it was reported.", Brand, load_brands, by="brand_id")

    decided_by: Officer | None = one(
        "The officer who decided about it; visible to the regulator only.",
        Officer,
        load_officers,
        by="decided_by",
        needs=ORDER_STAFF,
    )


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
        reads=Listed(REASSIGNMENT_REPORTS),
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
