"""What providers were given by referrals, for the regulator's record of data protection."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_members
from ledger.referrals import table
from ledger.referrals.reading import TRANSFERS, TransferFilter, count_transfers, list_transfers, load_referrals
from ledger.referrals.vocabulary import TransferredField
from schema.authority import AUDIT_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Member
from schema.models import Shown, given_filter
from schema.pages import PAGED, After, CountedConnection, Counts, First, few, page_request
from schema.reads import Listed, one
from schema.referrals.types import Referral
from schema.texts import CHECKED


@fed.type(
    description="What a provider was given by one referral; visible to the regulator only.", requires_scopes=AUDIT_READ
)
class ReferralTransfer(Shown[table.ReferralTransfer]):
    ground: str | None = strawberry.field(
        description="The legal ground of transfer abroad in the provider's terms; null if nothing left the country."
    )
    is_abroad: bool = strawberry.field(description="Whether it was a transfer abroad.")
    fields: list[TransferredField] = strawberry.field(description="The facts that were given.", directives=[few(5)])
    sent_at: datetime = strawberry.field(description="When they were given.")

    referral: Referral | None = one("The referral.", Referral, load_referrals, by="referral_id")

    provider: Member | None = one("The provider.", Member, load_members, by="provider_id")


@fed.type(description="One page of what providers were given.", requires_scopes=AUDIT_READ)
class ReferralTransferConnection(CountedConnection[ReferralTransfer]):
    pass


@fed.input(description="Which transfers to return. Criteria that are left out match everything.")
class ReferralTransferFilter:
    provider_id: strawberry.ID | None = strawberry.field(description="To this member.", default=UNSET)
    is_abroad: bool | None = strawberry.field(description="Whether it was a transfer abroad.", default=UNSET)
    ground: str | None = strawberry.field(description="On exactly this ground.", default=UNSET)
    sent_after: datetime | None = strawberry.field(description="Given at or after this time.", default=UNSET)
    sent_before: datetime | None = strawberry.field(description="Given before this time.", default=UNSET)


@fed.type
class ReferralTransferQueries:
    @field(
        "What providers were given by referrals, oldest first, with the ground of each transfer abroad.",
        needs=AUDIT_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(TRANSFERS),
    )
    async def referral_transfers(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            ReferralTransferFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ReferralTransferConnection | None:
        where = TransferFilter(**given_filter(filter))
        page = await info.context.read(list_transfers, page_request(first, after), where)
        return ReferralTransferConnection.of(
            page, ReferralTransfer.of, after=after, counts=Counts(count_transfers, where)
        )
