"""Overrides of the numbering plan: what one officer proposes, and the other's decision."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.canonical import hash_canonical
from ledger.members.reading import load_brands, load_members, load_officers
from ledger.numbers import table
from ledger.numbers.override_reading import OVERRIDE_PROPOSALS, OverrideFilter, list_override_proposals
from ledger.numbers.override_rules import render_override
from ledger.numbers.reading import load_numbers
from ledger.numbers.states import OverrideState
from schema.authority import NUMBERING_STAFF
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, Officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.pages import PAGED, After, Connection, First, page_request
from schema.reads import Listed, one
from schema.scalars import E164
from schema.texts import CHECKED

if TYPE_CHECKING:
    from schema.orders.types import BlockOrder


@fed.type(
    description="A proposal that a number is held by a carrier other than the plan says; visible to the regulator "
    "only. It takes effect when an officer other than its proposer approves it.",
    requires_scopes=NUMBERING_STAFF,
)
class NumberOverrideProposal(Shown[table.OverrideProposal]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    e164: E164 = strawberry.field(description="The number.")
    valid_from: datetime | None = strawberry.field(
        description="Since when the carrier holds it; null for the time of the approval."
    )
    reason: str = strawberry.field(description="The explanation; it is not part of the log.")
    state: OverrideState = strawberry.field(description="Where it stands.")
    proposed_at: datetime = strawberry.field(description="When it was proposed, or last revised.")
    decided_at: datetime | None = strawberry.field(description="When it was approved or discarded.")

    @field("The canonical text of what it says (RFC 8785), which an approver approves.")
    async def content(self) -> str:
        return render_override(self.row)

    @field("The SHA-256 of content in hexadecimal, which an approval names. The log keeps it.")
    async def content_hash(self) -> str:
        return hash_canonical(render_override(self.row))

    number: PhoneNumber | None = one("The number, with what is known about it.", PhoneNumber, load_numbers, by="e164")

    holder_before: Member | None = one(
        "The carrier that held it by the plan when this was proposed or last revised.",
        Member,
        load_members,
        by="holder_before_id",
    )

    holder: Member | None = one("The carrier that is to hold it.", Member, load_members, by="holder_id")

    brand: Brand | None = one("That carrier's brand.", Brand, load_brands, by="brand_id")

    @field("The order whose carrier said that it does not hold the number.")
    async def block_order(self, info: Info) -> Annotated["BlockOrder", strawberry.lazy("schema.orders.types")] | None:
        from schema.orders.types import find_order

        return await find_order(info.context, self.row.order_id)

    proposed_by: Officer | None = one(
        "The officer who proposed it, or last revised it.", Officer, load_officers, by="proposed_by"
    )

    decided_by: Officer | None = one(
        "The officer who approved or discarded it.", Officer, load_officers, by="decided_by"
    )


@fed.type(description="One page of proposals.", requires_scopes=NUMBERING_STAFF)
class NumberOverrideProposalConnection(Connection[NumberOverrideProposal]):
    pass


@fed.input(description="Which proposals to return. Criteria that are left out match everything.")
class NumberOverrideProposalFilter:
    states: list[OverrideState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    number: E164 | None = strawberry.field(description="About this number.", default=UNSET)
    order_id: strawberry.ID | None = strawberry.field(description="That name this block order.", default=UNSET)
    holder_id: strawberry.ID | None = strawberry.field(description="That name this carrier.", default=UNSET)


@fed.type
class NumberOverrideQueries:
    @field(
        "Proposed overrides of the numbering plan, newest first; visible to the regulator only.",
        needs=NUMBERING_STAFF,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(OVERRIDE_PROPOSALS),
    )
    async def number_override_proposals(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            NumberOverrideProposalFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> NumberOverrideProposalConnection | None:
        where = OverrideFilter(**given_filter(filter))
        page = await info.context.read(list_override_proposals, page_request(first, after), where)
        return NumberOverrideProposalConnection.of(page, NumberOverrideProposal.of, after=after)
