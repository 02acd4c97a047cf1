"""Both instruments of one number side by side, for the regulator alone: what is ordered, and what is asked."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.numbers import table
from ledger.numbers.reading import load_numbers
from ledger.numbers.side_by_side import SIDE_BY_SIDE, SideBySideFilter, list_side_by_side
from ledger.numbers.vocabulary import AccountStanding, BlockRequestGap, NumberStatus
from ledger.orders.reading import load_orders_by_number
from ledger.referrals.reading import load_referrals_by_number
from schema.authority import BOTH_INSTRUMENTS
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.orders.types import BlockOrder
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.reads import Listed, many, one
from schema.referrals.types import Referral
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(
    description="What was ordered and what was asked about one number, side by side; visible to the regulator only.",
    requires_scopes=BOTH_INSTRUMENTS,
)
class BlockRequestsOfNumber(Shown[table.PhoneNumber]):
    e164: E164 = strawberry.field(description="The number.")
    status: NumberStatus | None = strawberry.field(description="Where its block orders stand.")
    account_standing: AccountStanding | None = strawberry.field(description="Where its referrals stand.")
    gap: BlockRequestGap | None = strawberry.field(
        description="Where the two differ, as far as carrier and provider reported; null if they don't."
    )

    number: PhoneNumber | None = one("The number.", PhoneNumber, load_numbers, by="e164")

    block_orders: list[BlockOrder] | None = many(
        "Its block orders, oldest first.", BlockOrder, load_orders_by_number, by="e164", directives=[few(3)]
    )
    referrals: list[Referral] | None = many(
        "Its referrals, oldest first.", Referral, load_referrals_by_number, by="e164", directives=[few(3)]
    )


@fed.type(description="One page of numbers with both instruments.", requires_scopes=BOTH_INSTRUMENTS)
class BlockRequestsOfNumberConnection(Connection[BlockRequestsOfNumber]):
    pass


@fed.input(description="Which numbers to return. Criteria that are left out match everything.")
class BlockRequestFilter:
    number: E164 | None = strawberry.field(description="This number.", default=UNSET)
    statuses: list[NumberStatus] | None = strawberry.field(description="In any of these states.", default=UNSET)
    account_standings: list[AccountStanding] | None = strawberry.field(
        description="Whose referrals stand so.", default=UNSET
    )
    is_blocked_sim_live_account: bool | None = strawberry.field(
        description="Whether the carrier blocked it while no provider that was asked has acted.", default=UNSET
    )
    is_live_sim_actioned_account: bool | None = strawberry.field(
        description="Whether a provider acted while no carrier has blocked it.", default=UNSET
    )


@fed.type
class SideBySideQueries:
    @field(
        "Numbers that carriers were ordered to block or providers were asked about, with both instruments side by "
        "side, by number.",
        needs=BOTH_INSTRUMENTS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(SIDE_BY_SIDE),
    )
    async def block_requests(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            BlockRequestFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> BlockRequestsOfNumberConnection | None:
        where = SideBySideFilter(**given_filter(filter))
        page = await info.context.read(list_side_by_side, page_request(first, after), where)
        return BlockRequestsOfNumberConnection.of(page, BlockRequestsOfNumber.of, after=after)
