"""Telephone numbers as each viewer may see them, and the ranges of the numbering plan."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.accounts.reading import load_accounts_by_number
from ledger.errors import UnknownError
from ledger.members.reading import load_brands, load_members
from ledger.numbers import table
from ledger.numbers.plan import RANGES, list_ranges
from ledger.numbers.reading import NUMBERS, NumberFilter, list_numbers, load_numbers
from ledger.numbers.vocabulary import (
    AccountStanding,
    HolderStatus,
    NumberSort,
    NumberStatus,
    ProtectedReason,
    RangeKind,
    RiskTier,
)
from ledger.orders.reading import load_orders_by_number
from ledger.referrals.reading import load_referrals_by_number
from resolvers.context import Context
from schema.authority import ACCOUNT_READERS, NUMBER_STAFF, NUMBERS_READ, ORDERS_READ, REFERRAL_STAFF, REFERRALS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Brand, Member
from schema.models import Shown, given_filter
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.reads import Listed, Named, many, one
from schema.scalars import E164, parse_e164
from schema.texts import CHECKED

if TYPE_CHECKING:
    from schema.accounts.types import PlatformAccount
    from schema.orders.types import BlockOrder
    from schema.referrals.types import Referral


def _find_account() -> type[Any]:
    from schema.accounts.types import PlatformAccount

    return PlatformAccount


def _find_block_order() -> type[Any]:
    from schema.orders.types import BlockOrder

    return BlockOrder


def _find_referral() -> type[Any]:
    from schema.referrals.types import Referral

    return Referral


@fed.type(
    description="A telephone number. Fields that you may not see are null: for a number outside its own "
    "ranges, a carrier sees only the number and its risk.",
    keys=["e164"],
    requires_scopes=NUMBERS_READ,
)
class PhoneNumber(Shown[table.PhoneNumber]):
    e164: E164 = strawberry.field(description="The number in international form.")
    risk: RiskTier = strawberry.field(description="How risky it is, based on verified complaints only.")
    region: str | None = strawberry.field(
        description="The region of its country code, as an ISO 3166 code, if it has one."
    )
    is_domestic: bool | None = strawberry.field(description="Whether carriers here could block it.")
    protected_reason: ProtectedReason | None = strawberry.field(
        description="Why it can never be subject to a block order."
    )
    holder_status: HolderStatus | None = strawberry.field(description="What the numbering plan says about it.")
    epoch: int | None = strawberry.field(
        description="Increases by one each time the number is assigned to another subscriber."
    )
    status: NumberStatus | None = strawberry.field(description="Where its block orders stand.")
    is_disputed: bool | None = strawberry.field(description="Whether an appeal about it is under review.")
    first_seen_at: datetime | None = strawberry.field(description="When the first complaint about it was filed.")
    complaint_count: int | None = fed.field(
        description="The number of complaints about it, verified or not; visible to the regulator only.",
        requires_scopes=NUMBER_STAFF,
    )
    verified_complaint_count: int | None = fed.field(
        description="The number of verified complaints about it; visible to the regulator only.",
        requires_scopes=NUMBER_STAFF,
    )

    holder: Member | None = one("The carrier that holds its range.", Member, load_members, by="holder_id")

    brand: Brand | None = one("The holder's brand under which it is sold.", Brand, load_brands, by="brand_id")

    block_orders: list[Annotated["BlockOrder", strawberry.lazy("schema.orders.types")]] | None = many(
        "Its block orders that you may see, oldest first.",
        _find_block_order,
        load_orders_by_number,
        by="e164",
        needs=ORDERS_READ,
        directives=[few(3)],
    )

    accounts: list[Annotated["PlatformAccount", strawberry.lazy("schema.accounts.types")]] | None = many(
        "The accounts on platforms whose handle is this number, oldest first, as far as you may see them.",
        _find_account,
        load_accounts_by_number,
        by="e164",
        needs=ACCOUNT_READERS,
        directives=[few(2)],
    )

    account_standing: AccountStanding | None = fed.field(
        description="Where its referrals to providers stand; visible to the regulator only.",
        requires_scopes=REFERRAL_STAFF,
    )
    referrals: list[Annotated["Referral", strawberry.lazy("schema.referrals.types")]] | None = many(
        "Its referrals that you may see, oldest first.",
        _find_referral,
        load_referrals_by_number,
        by="e164",
        needs=REFERRALS_READ,
        directives=[few(3)],
    )

    @classmethod
    async def resolve_reference(cls, info: Info, e164: str) -> "PhoneNumber":
        return await get_number(info.context, parse_e164(e164))


@fed.type(description="One page of numbers.", requires_scopes=NUMBERS_READ)
class PhoneNumberConnection(Connection[PhoneNumber]):
    pass


@fed.type(description="A range of the numbering plan. The longest prefix that matches a number determines its holder.")
class NumberRange(Shown[table.Range]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    prefix: str = strawberry.field(description="The country code and leading digits, starting with +.")
    kind: RangeKind = strawberry.field(description="What the range serves.")
    holder_name: str | None = strawberry.field(description="The holder's name if it is not a member.")
    valid_from: datetime = strawberry.field(description="When it takes effect.")
    valid_until: datetime | None = strawberry.field(description="When it ceases to apply; exclusive.")

    holder: Member | None = one("The carrier that holds it.", Member, load_members, by="holder_id")

    brand: Brand | None = one("The holder's brand.", Brand, load_brands, by="brand_id")


@fed.type(description="One page of the numbering plan.", requires_scopes=NUMBERS_READ)
class NumberRangeConnection(Connection[NumberRange]):
    pass


@fed.input(description="Which numbers to return. Criteria that are left out match everything.")
class PhoneNumberFilter:
    statuses: list[NumberStatus] | None = strawberry.field(description="In any of these states.", default=UNSET)
    risks: list[RiskTier] | None = strawberry.field(description="With any of these risks.", default=UNSET)
    holder_statuses: list[HolderStatus] | None = strawberry.field(
        description="With any of these statuses in the plan; HOLDER_UNKNOWN lists those that wait for an officer.",
        default=UNSET,
    )
    holder_id: strawberry.ID | None = strawberry.field(description="Held by this member.", default=UNSET)
    brand_id: strawberry.ID | None = strawberry.field(description="Of this brand.", default=UNSET)
    is_domestic: bool | None = strawberry.field(description="Whether it is domestic or foreign.", default=UNSET)
    minimum_complaint_count: int | None = strawberry.field(
        description="With at least so many complaints; fits the sort order MOST_COMPLAINTS. Finds nothing for anyone "
        "but the regulator.",
        default=UNSET,
    )


async def find_number(context: Context, e164: str | None) -> PhoneNumber | None:
    """The number, or None if the viewer may see nothing of it; look-ups of an operation are batched."""
    number = await context.loaders.numbers.load(e164) if e164 else None
    return PhoneNumber.of(number) if number else None


async def get_number(context: Context, e164: str) -> PhoneNumber:
    """The number that the client names; look-ups of an operation are batched. Errors: UnknownError."""
    number = await find_number(context, e164)
    if number is None:
        raise UnknownError(field="e164")
    return number


@fed.type
class NumberQueries:
    @field(
        "One number, as far as you may see it; the numbering plan answers for one that nobody complained of.",
        needs=NUMBERS_READ,
        extensions=[CHECKED],
        reads=Named(load_numbers),
    )
    async def number(
        self, info: Info, e164: Annotated[E164, strawberry.argument(description="The number.")]
    ) -> PhoneNumber | None:
        """Errors: NOT_FOUND."""
        return await get_number(info.context, e164)

    @field(
        "Numbers that you may see and that have complaints.",
        needs=NUMBERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(NUMBERS),
    )
    async def numbers(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            PhoneNumberFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        sort: Annotated[NumberSort, strawberry.argument(description="The sort order.")] = NumberSort.DIGITS,
        first: First = UNSET,
        after: After = UNSET,
    ) -> PhoneNumberConnection | None:
        where = NumberFilter(**given_filter(filter))
        page = await info.context.read(list_numbers, page_request(first, after), where, sort=sort)
        return PhoneNumberConnection.of(page, PhoneNumber.of, after=after)

    @field(
        "The numbering plan's ranges that you may see, by prefix.",
        needs=NUMBERS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(RANGES),
    )
    async def numbering_plan(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> NumberRangeConnection | None:
        page = await info.context.read(list_ranges, page_request(first, after))
        return NumberRangeConnection.of(page, NumberRange.of, after=after)
