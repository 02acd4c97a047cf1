"""Accounts on platforms, as each viewer may see them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.accounts import table
from ledger.accounts.reading import (
    ACCOUNTS,
    AccountFilter,
    count_accounts,
    get_account,
    list_accounts,
    load_accounts,
    named_account,
)
from ledger.accounts.vocabulary import AccountKind, AccountSort
from ledger.complaints.reading import load_complaints_by_account
from ledger.errors import UnknownError
from ledger.identifiers import parse_id
from ledger.numbers.reading import load_numbers
from ledger.numbers.vocabulary import RiskTier
from ledger.referrals.reading import load_referrals_by_account
from ledger.signals.contribution_reading import load_contributions_by_account
from ledger.vocabulary import Platform
from resolvers.context import Context
from schema.authority import ACCOUNT_READERS, COMPLAINTS_READ, NUMBER_STAFF, NUMBERS_READ, REFERRALS_READ, SIGNAL_STAFF
from schema.errors import OneKeyNeededError
from schema.fields import LOOKED_UP, field
from schema.info import Info
from schema.models import Shown, given_filter, optional
from schema.numbers.types import PhoneNumber
from schema.pages import LONG, PAGED, After, CountedConnection, Counts, First, few, page_request
from schema.reads import Listed, Named, many, one
from schema.scalars import E164
from schema.texts import CHECKED

if TYPE_CHECKING:
    from schema.complaints.types import Complaint
    from schema.referrals.types import Referral
    from schema.signals.contributions import SignalContribution


def _find_referral() -> type[Any]:
    from schema.referrals.types import Referral

    return Referral


def _find_complaint() -> type[Any]:
    from schema.complaints.types import Complaint

    return Complaint


def _find_contribution() -> type[Any]:
    from schema.signals.contributions import SignalContribution

    return SignalContribution


@fed.type(
    description="An account on a platform that complaints are about, visible to the regulator and to the sources of "
    "these complaints. Handles and addresses that lead to one account are one.",
    keys=["id"],
    requires_scopes=ACCOUNT_READERS,
)
class PlatformAccount(Shown[table.Account]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    platform: Platform = strawberry.field(description="The platform.")
    other_name: str | None = strawberry.field(
        name="platformName", description="The name or the domain of a platform that is OTHER."
    )
    kind: AccountKind = strawberry.field(
        description="Whether it is an account, or something else that a complaint is about."
    )
    is_canonical: bool = strawberry.field(
        description="Whether it is one account for certain, with its handle in the platform's one form."
    )
    handle: str = strawberry.field(
        description="Its handle in the platform's one form; if it isn't canonical, what was written.",
        directives=[LONG],
    )
    e164: E164 | None = strawberry.field(description="The telephone number that the handle is.")
    url: str | None = strawberry.field(
        description="The address of its profile, or the address that was written.", directives=[LONG]
    )
    risk: RiskTier | None = strawberry.field(description="How risky it is, based on verified complaints only.")
    complaint_count: int | None = fed.field(
        description="The number of complaints about it, verified or not; visible to the regulator only.",
        requires_scopes=NUMBER_STAFF,
    )
    verified_complaint_count: int | None = fed.field(
        description="The number of verified complaints about it; visible to the regulator only.",
        requires_scopes=NUMBER_STAFF,
    )
    first_seen_at: datetime | None = fed.field(
        description="When the first complaint about it was filed; visible to the regulator only.",
        requires_scopes=NUMBER_STAFF,
    )
    last_seen_at: datetime | None = fed.field(
        description="When the latest complaint about it was filed; visible to the regulator only.",
        requires_scopes=NUMBER_STAFF,
    )

    number: PhoneNumber | None = one(
        "The number that the handle is, as far as you may see it.",
        PhoneNumber,
        load_numbers,
        by="e164",
        needs=NUMBERS_READ,
    )
    complaints: list[Annotated["Complaint", strawberry.lazy("schema.complaints.types")]] | None = many(
        "The complaints about it that you may see, oldest first.",
        _find_complaint,
        load_complaints_by_account,
        needs=COMPLAINTS_READ,
        directives=[few(3)],
    )
    referrals: list[Annotated["Referral", strawberry.lazy("schema.referrals.types")]] | None = many(
        "The referrals of it that you may see, oldest first.",
        _find_referral,
        load_referrals_by_account,
        needs=REFERRALS_READ,
        directives=[few(3)],
    )

    contributions: list[Annotated["SignalContribution", strawberry.lazy("schema.signals.contributions")]] | None = many(
        "What members contributed about it, oldest first; visible to the regulator only.",
        _find_contribution,
        load_contributions_by_account,
        by="key_hash",
        needs=SIGNAL_STAFF,
        directives=[few(3)],
    )

    @classmethod
    async def resolve_reference(
        cls,
        info: Info,
        id: strawberry.ID,  # noqa: A002 - the key's name
    ) -> "PlatformAccount":
        return await find_account(info.context, id)


@fed.type(description="One page of accounts.", requires_scopes=ACCOUNT_READERS)
class PlatformAccountConnection(CountedConnection[PlatformAccount]):
    pass


@fed.input(description="Which accounts to return. Criteria that are left out match everything.")
class PlatformAccountFilter:
    platforms: list[Platform] | None = strawberry.field(description="On any of these platforms.", default=UNSET)
    kinds: list[AccountKind] | None = strawberry.field(
        description="Of any of these kinds; UNREAD lists those that could not be read.", default=UNSET
    )
    risks: list[RiskTier] | None = strawberry.field(description="With any of these risks.", default=UNSET)
    number: E164 | None = strawberry.field(description="Whose handle is this number.", default=UNSET)
    minimum_complaint_count: int | None = strawberry.field(
        description="With at least so many complaints; fits the sort order MOST_COMPLAINTS. Finds nothing for anyone "
        "but the regulator.",
        default=UNSET,
    )
    seen_after: datetime | None = strawberry.field(
        description="With a complaint filed at or after this time; fits the sort order LAST_SEEN. Finds nothing for "
        "anyone but the regulator.",
        default=UNSET,
    )


async def find_account(context: Context, account_id: str) -> PlatformAccount:
    """The account with that id; look-ups of an operation are batched. Errors: UnknownError."""
    found = await context.loaders.accounts.load(known) if (known := parse_id(account_id)) else None
    if found is None:
        raise UnknownError(field="id")
    return PlatformAccount.of(found)


@fed.type
class AccountQueries:
    @field(
        "One account that you may see, by its ID, by its platform and handle in any way of writing it, or by its "
        "address. A platform that is OTHER is named by platformName.",
        needs=ACCOUNT_READERS,
        extensions=[CHECKED],
        reads=Named(
            load_accounts,
            lambda id, platform, platform_name, handle, url: named_account(  # noqa: A006
                account_id=id, platform=platform, platform_name=platform_name, handle=handle, url=url
            ),
            together=frozenset({"platform", "platform_name", "handle"}),
        ),
    )
    async def account(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its ID.")] = UNSET,  # noqa: A002
        platform: Annotated[Platform | None, strawberry.argument(description="Its platform.")] = UNSET,
        platform_name: Annotated[
            str | None, strawberry.argument(description="The name or domain of a platform that is OTHER.")
        ] = UNSET,
        handle: Annotated[
            str | None, strawberry.argument(description="Its handle, as written.", metadata=LOOKED_UP)
        ] = UNSET,
        url: Annotated[str | None, strawberry.argument(description="Its address.", metadata=LOOKED_UP)] = UNSET,
    ) -> PlatformAccount | None:
        """Errors: NOT_FOUND, ONE_KEY_NEEDED."""
        if [bool(id), bool(url), bool(platform and handle)].count(True) != 1:
            raise OneKeyNeededError("Pass the ID, the address, or the platform with the handle, and no two of them.")
        if id:
            return await find_account(info.context, id)
        found = await info.context.read(
            get_account,
            platform=optional(platform),
            platform_name=optional(platform_name),
            handle=optional(handle),
            url=optional(url),
        )
        return PlatformAccount.of(found)

    @field(
        "Accounts that you may see.",
        needs=ACCOUNT_READERS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(ACCOUNTS),
    )
    async def accounts(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            PlatformAccountFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        sort: Annotated[AccountSort, strawberry.argument(description="The sort order.")] = AccountSort.NEWEST,
        first: First = UNSET,
        after: After = UNSET,
    ) -> PlatformAccountConnection | None:
        where = AccountFilter(**given_filter(filter))
        page = await info.context.read(list_accounts, page_request(first, after), where, sort=sort)
        counts = Counts(count_accounts, where)
        return PlatformAccountConnection.of(page, PlatformAccount.of, after=after, counts=counts)
