"""Telephone numbers as each viewer may see them, and the ranges of the numbering plan."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET, Private

from ledger.identifiers import BrandId, MemberId
from ledger.numbers import plan as numbering
from ledger.numbers import reading as numbers
from ledger.numbers.reading import NumberFilter
from ledger.numbers.vocabulary import HolderStatus, NumberStatus, ProtectedReason, RangeKind, RiskTier
from resolvers import numbers as resolve
from resolvers.context import Context
from schema.authority import NUMBER_STAFF, NUMBERS_READ, ORDERS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member, find_brand, find_member
from schema.models import copy_model, given_filter
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.scalars import E164, parse_e164
from schema.texts import CHECKED

if TYPE_CHECKING:
    from schema.orders.types import BlockOrder


@fed.type(
    description="A telephone number. What you may not see of it is null: of a number outside its ranges a carrier "
    "sees the number and its risk.",
    keys=["e164"],
    requires_scopes=NUMBERS_READ,
)
class PhoneNumber:
    e164: E164 = strawberry.field(description="The number in international form.")
    risk: RiskTier = strawberry.field(description="How risky it is, from verified complaints only.")
    region: str | None = strawberry.field(description="Region of its country code, ISO 3166, where it has one.")
    is_domestic: bool | None = strawberry.field(description="Whether carriers here could block it.")
    protected_reason: ProtectedReason | None = strawberry.field(description="Why it is never ordered blocked.")
    holder_status: HolderStatus | None = strawberry.field(description="What the numbering plan says of it.")
    epoch: int | None = strawberry.field(description="Counts up each time the number goes to another subscriber.")
    status: NumberStatus | None = strawberry.field(description="What its orders have come to.")
    is_disputed: bool | None = strawberry.field(description="Whether an appeal about it is under review.")
    first_seen_at: datetime | None = strawberry.field(description="When it was first complained of.")
    complaint_count: int | None = fed.field(
        description="Complaints of it, verified or not; the regulator's alone.", requires_scopes=NUMBER_STAFF
    )
    verified_complaint_count: int | None = fed.field(
        description="Verified complaints of it; the regulator's alone.", requires_scopes=NUMBER_STAFF
    )
    holder_id: Private[MemberId | None]
    brand_id: Private[BrandId | None]

    @field("The carrier that holds its range.")
    async def holder(self, info: Info) -> Member | None:
        return await find_member(info.context, self.holder_id)

    @field("The holder's brand that it is sold under.")
    async def brand(self, info: Info) -> Brand | None:
        return await find_brand(info.context, self.brand_id)

    @field("Its block orders that you may see, oldest first.", needs=ORDERS_READ, directives=[few(3)])
    async def block_orders(
        self, info: Info
    ) -> Sequence[Annotated["BlockOrder", strawberry.lazy("schema.orders.types")]] | None:
        from schema.orders.types import BlockOrder

        found = await info.context.loaders.orders_by_number.load(self.e164)
        return [BlockOrder.of(order) for order in found or []]

    @classmethod
    def of(cls, number: numbers.PhoneNumber) -> "PhoneNumber":
        return copy_model(cls, number)

    @classmethod
    async def resolve_reference(cls, info: Info, e164: str) -> "PhoneNumber":
        return cls.of(await resolve.get_number(info.context, parse_e164(e164)))


@fed.type(description="One page of numbers.", requires_scopes=NUMBERS_READ)
class PhoneNumberConnection(Connection[PhoneNumber]):
    pass


@fed.type(description="A range of the numbering plan. The longest prefix that fits a number says who holds it.")
class NumberRange:
    id: strawberry.ID = strawberry.field(description="Its id.")
    prefix: str = strawberry.field(description="Country code and leading digits, with +.")
    kind: RangeKind = strawberry.field(description="What it serves.")
    holder_name: str | None = strawberry.field(description="The holder's name where it is no member.")
    valid_from: datetime = strawberry.field(description="From when it holds.")
    valid_until: datetime | None = strawberry.field(description="Until when it holds; this moment excluded.")
    holder_id: Private[MemberId | None]
    brand_id: Private[BrandId | None]

    @field("The carrier that holds it.")
    async def holder(self, info: Info) -> Member | None:
        return await find_member(info.context, self.holder_id)

    @field("The holder's brand.")
    async def brand(self, info: Info) -> Brand | None:
        return await find_brand(info.context, self.brand_id)

    @classmethod
    def of(cls, held: numbering.Range) -> "NumberRange":
        return copy_model(cls, held)


@fed.type(description="One page of the numbering plan.", requires_scopes=NUMBERS_READ)
class NumberRangeConnection(Connection[NumberRange]):
    pass


@fed.input(description="Which numbers are wanted. What is left out asks for all.")
class PhoneNumberFilter:
    statuses: list[NumberStatus] | None = strawberry.field(description="In one of these states.", default=UNSET)
    risks: list[RiskTier] | None = strawberry.field(description="Of one of these risks.", default=UNSET)
    holder_statuses: list[HolderStatus] | None = strawberry.field(
        description="Of which the plan says one of these; HOLDER_UNKNOWN queues for an officer.", default=UNSET
    )
    holder_id: strawberry.ID | None = strawberry.field(description="Held by this member.", default=UNSET)
    brand_id: strawberry.ID | None = strawberry.field(description="Of this brand.", default=UNSET)
    is_domestic: bool | None = strawberry.field(description="Domestic or foreign.", default=UNSET)


async def find_number(context: Context, e164: str | None) -> PhoneNumber | None:
    """The number, if the viewer may see anything of it; batched over the operation."""
    number = await context.loaders.numbers.load(e164) if e164 else None
    return PhoneNumber.of(number) if number else None


@fed.type
class NumberQueries:
    @field("One number, as far as you may see it.", needs=NUMBERS_READ, extensions=[CHECKED])
    async def number(
        self, info: Info, e164: Annotated[E164, strawberry.argument(description="The number.")]
    ) -> PhoneNumber | None:
        """Errors: NOT_FOUND."""
        return PhoneNumber.of(await resolve.get_number(info.context, e164))

    @field(
        "Numbers that were complained of and that you may see, in the order of their digits.",
        needs=NUMBERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def numbers(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            PhoneNumberFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> PhoneNumberConnection | None:
        where = NumberFilter(**given_filter(filter))
        page = await resolve.list_numbers(info.context, page_request(first, after), where)
        return PhoneNumberConnection.of(page, PhoneNumber.of, after=after)

    @field(
        "The numbering plan's ranges that you may see, by prefix.",
        needs=NUMBERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def numbering_plan(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> NumberRangeConnection | None:
        page = await resolve.list_ranges(info.context, page_request(first, after))
        return NumberRangeConnection.of(page, NumberRange.of, after=after)
