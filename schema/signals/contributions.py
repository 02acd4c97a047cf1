"""What members contributed, as the regulator and each contributor may see it."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.accounts.vocabulary import AccountKind
from ledger.members.reading import load_members
from ledger.signals.contribution_reading import (
    CONTRIBUTIONS,
    ContributionFilter,
    count_contributions,
    list_contributions,
    load_contributions,
    load_replacing_contributions,
)
from ledger.signals.contribution_table import Contribution
from ledger.signals.states import ContributionState
from ledger.signals.vocabulary import ContributionKind, ContributionWithdrawalReason
from ledger.vocabulary import Category, Platform
from schema.authority import CONTRIBUTION_READERS, SIGNAL_STAFF
from schema.fields import field
from schema.info import Info
from schema.members.types import Member
from schema.models import Shown, given_filter
from schema.pages import LONG, PAGED, After, CountedConnection, Counts, First, page_request
from schema.reads import Listed, one, part
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(description="An account that somebody contributed. What can't be read as one is kept as it was written.")
class ContributedAccount:
    platform: Platform = strawberry.field(description="The platform.")
    platform_name: str | None = strawberry.field(description="The name or the domain of a platform that is OTHER.")
    kind: AccountKind = strawberry.field(description="Whether it is an account, or something else.")
    is_canonical: bool = strawberry.field(
        description="Whether it is one account for certain, with its handle in the platform's one form."
    )
    handle: str = strawberry.field(
        description="Its handle in the platform's one form; if it isn't canonical, what was written.",
        directives=[LONG],
    )


def _find_own() -> type[Any]:
    return SignalContribution


@fed.type(
    description="What a member contributed, as recorded. Only the member and the regulator know that it did.",
    requires_scopes=CONTRIBUTION_READERS,
)
class SignalContribution(Shown[Contribution]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    kind: ContributionKind = strawberry.field(description="What it is about.")
    e164: E164 | None = strawberry.field(description="The number in international form; null for anything else.")
    url: str | None = strawberry.field(
        name="link", description="The link in its one form; null for anything else.", directives=[LONG]
    )
    category: Category = strawberry.field(description="What it was used for.")
    reference: str = strawberry.field(description="The contributor's own case number.")
    observed_at: datetime | None = strawberry.field(description="When the contributor saw it.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    state: ContributionState = strawberry.field(
        description="Where it stands. Only while its member stands by it does it corroborate signals."
    )
    ended_at: datetime | None = strawberry.field(description="When it was withdrawn or replaced.")
    withdrawal_reason: ContributionWithdrawalReason | None = strawberry.field(description="Why it was withdrawn.")
    first_id: strawberry.ID | None = strawberry.field(
        description="The first of the contributions that replaced one another up to this one; null if it replaced "
        "none. The filter chainOf finds all of them."
    )

    account: ContributedAccount | None = part(
        "The account; null for anything else.",
        ContributedAccount,
        given=("platform",),
        platform="platform",
        platform_name="platform_name",
        kind="account_kind",
        is_canonical="is_canonical",
        handle="handle",
    )
    replaces: Annotated["SignalContribution", strawberry.lazy("schema.signals.contributions")] | None = one(
        "What it replaced.", _find_own, load_contributions, by="replaces_id"
    )
    replaced_by: Annotated["SignalContribution", strawberry.lazy("schema.signals.contributions")] | None = one(
        "What replaced it.", _find_own, load_replacing_contributions, by="id"
    )
    contributor: Member | None = one(
        "The member that contributed it; visible to the regulator only.",
        Member,
        load_members,
        by="member_id",
        needs=SIGNAL_STAFF,
    )


@fed.type(description="One page of contributions.", requires_scopes=CONTRIBUTION_READERS)
class SignalContributionConnection(CountedConnection[SignalContribution]):
    pass


@fed.input(description="Which contributions to return. Criteria that are left out match everything.")
class SignalContributionFilter:
    states: list[ContributionState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    kinds: list[ContributionKind] | None = strawberry.field(description="About any of these.", default=UNSET)
    number: E164 | None = strawberry.field(description="About this number.", default=UNSET)
    reference: str | None = strawberry.field(
        description="With this case number of your own; finds nothing for the regulator.", default=UNSET
    )
    contributor_id: strawberry.ID | None = strawberry.field(
        description="Of this member; finds nothing for anyone but the regulator.", default=UNSET
    )
    chain_of: strawberry.ID | None = strawberry.field(
        description="This one, and those that replaced it in turn; name the first of the chain.", default=UNSET
    )


@fed.type
class SignalContributionQueries:
    @field(
        "What you contributed, newest first, in whatever state it is; for the regulator, what all members did.",
        needs=CONTRIBUTION_READERS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(CONTRIBUTIONS),
    )
    async def signal_contributions(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            SignalContributionFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> SignalContributionConnection | None:
        where = ContributionFilter(**given_filter(filter))
        page = await info.context.read(list_contributions, page_request(first, after), where)
        return SignalContributionConnection.of(
            page, SignalContribution.of, after=after, counts=Counts(count_contributions, where)
        )
