"""Referrals, which oblige nobody, as their provider and the regulator may see them.

No field, input or list here has a due time, a lateness, a sanction or a rank of providers (docs/adr/0152).
"""

from datetime import date, datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.accounts.reading import load_accounts
from ledger.complaints.reading import load_complaints
from ledger.errors import UnknownError
from ledger.identifiers import parse_id
from ledger.members.reading import load_members, load_officers, load_offices
from ledger.numbers.reading import load_numbers
from ledger.referrals import table
from ledger.referrals.reading import (
    REFERRALS,
    count_referrals,
    get_referral_by_no,
    list_referrals,
    load_referral_grounds,
    load_referrals,
    load_responses,
    named_referral,
)
from ledger.referrals.reading import ReferralFilter as LedgerReferralFilter
from ledger.referrals.states import ReferralState
from ledger.referrals.vocabulary import (
    DeclineReason,
    ReferralAction,
    ReferralGround,
    ReferralSort,
    ResponseKind,
    ResponseMark,
    WithdrawalReason,
)
from ledger.vocabulary import BlockRequestStatus, Category
from resolvers.context import Context
from schema.accounts.types import PlatformAccount
from schema.authority import REFERRAL_STAFF, REFERRALS_READ
from schema.block_requests import ACKNOWLEDGEMENTS_ASSUMED, Acknowledgement, BlockRequest
from schema.complaints.types import Complaint
from schema.errors import OneKeyNeededError
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Office, Officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.pages import LONG, PAGED, After, CountedConnection, Counts, First, few, page_request
from schema.reads import Listed, Named, many, one
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(description="What a provider said about a referral. It is never changed.", requires_scopes=REFERRALS_READ)
class ReferralResponse(Acknowledgement, Shown[table.ReferralResponse]):
    kind: ResponseKind = strawberry.field(description="What the provider said.")
    action: ReferralAction | None = strawberry.field(description="What it did.")
    ground: ReferralGround | None = strawberry.field(description="On which ground it did that.")
    reason: DeclineReason | None = strawberry.field(description="Why it declined, if it said so.")
    note: str | None = strawberry.field(description="The provider's own words.", directives=[LONG])
    moved_state: bool = strawberry.field(name="hasMovedState", description="Whether it changed the referral's state.")
    mark: ResponseMark | None = strawberry.field(
        description="Why it was recorded without effect on the referral's state."
    )


@fed.type(description="A complaint behind a referral; visible to the regulator only.", requires_scopes=REFERRAL_STAFF)
class ReferralComplaint(Shown[table.ReferralComplaint]):
    joined_at: datetime = strawberry.field(description="When the complaint became part of the referral.")

    complaint: Complaint | None = one("The complaint.", Complaint, load_complaints, by="complaint_id")

    referral: "Referral | None" = one("The referral.", lambda: Referral, load_referrals, by="referral_id")


@fed.type(
    description=(
        "What a provider that takes part is asked to look at: a request without any obligation. It has a courtesy"
        " reply date; nothing follows from its passing but a lapse, after which an answer is still welcome."
    ),
    keys=["id"],
    requires_scopes=REFERRALS_READ,
)
class Referral(BlockRequest, Shown[table.Referral]):
    referral_no: str = strawberry.field(description="Its human-readable number.")
    e164: E164 | None = strawberry.field(description="The number it concerns, if it is about one.")
    summary: str = strawberry.field(description="The officer's summary for the addressee.", directives=[LONG])
    incident_on: date | None = strawberry.field(description="The day of the latest incident, if any is known.")
    state: ReferralState = strawberry.field(description="Where it stands.")
    action: ReferralAction | None = strawberry.field(description="What the provider did, even if it reversed that.")
    ground: ReferralGround | None = strawberry.field(description="On which ground the provider did that.")
    decline_reason: DeclineReason | None = strawberry.field(description="Why the provider declined, if it said so.")
    issued_at: datetime | None = strawberry.field(description="When it was offered.")
    reply_hoped_by: date | None = strawberry.field(
        description="The day until which a reply is hoped for; it obliges nobody."
    )
    received_at: datetime | None = strawberry.field(description="When the provider said that it received it.")
    answered_at: datetime | None = strawberry.field(description="When the provider's answer was received.")
    effective_at: datetime | None = strawberry.field(description="When it took effect, by the provider's clock.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")
    withdrawal_reason: WithdrawalReason | None = strawberry.field(description="Why it was withdrawn.")
    withdrawal_note: str | None = fed.field(
        description="The officer's note on the withdrawal; visible to the regulator only.",
        requires_scopes=REFERRAL_STAFF,
        directives=[LONG],
    )
    changed_at: datetime = strawberry.field(description="When anything last changed about it, responses included.")
    status: BlockRequestStatus = strawberry.field(
        description="How far it has progressed, in terms common to all instruments."
    )

    account: PlatformAccount | None = one(
        "The account it concerns, if it is about one.", PlatformAccount, load_accounts, by="account_id"
    )
    number: PhoneNumber | None = one("The number, as far as you may see it.", PhoneNumber, load_numbers, by="e164")

    addressee: Member | None = one("The provider that is asked.", Member, load_members, by="provider_id")

    provider: Member | None = one("The provider that is asked.", Member, load_members, by="provider_id")

    acknowledgements: list[ReferralResponse] | None = many(
        "The provider's responses, oldest first.",
        ReferralResponse,
        load_responses,
        directives=[few(ACKNOWLEDGEMENTS_ASSUMED)],
    )
    responses: list[ReferralResponse] | None = many(
        "The provider's responses, oldest first.",
        ReferralResponse,
        load_responses,
        directives=[few(ACKNOWLEDGEMENTS_ASSUMED)],
    )
    complaints: list[ReferralComplaint] | None = many(
        "The complaints it is based on; visible to the regulator only.",
        ReferralComplaint,
        load_referral_grounds,
        needs=REFERRAL_STAFF,
        directives=[few(3)],
    )
    office: Office | None = one(
        "The office that offered it; visible to the regulator only.",
        Office,
        load_offices,
        by="office_id",
        needs=REFERRAL_STAFF,
    )
    offered_by: Officer | None = one(
        "The officer who offered it; visible to the regulator only.",
        Officer,
        load_officers,
        by="offered_by",
        needs=REFERRAL_STAFF,
    )
    withdrawn_by: Officer | None = one(
        "The officer who withdrew it; visible to the regulator only.",
        Officer,
        load_officers,
        by="withdrawn_by",
        needs=REFERRAL_STAFF,
    )

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "Referral":  # noqa: A002 - the key's name
        return await get_referral(info.context, id)


@fed.type(description="One page of referrals.", requires_scopes=REFERRALS_READ)
class ReferralConnection(CountedConnection[Referral]):
    pass


@fed.input(description="Which referrals to return. Criteria that are left out match everything.")
class ReferralFilter:
    states: list[ReferralState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    categories: list[Category] | None = strawberry.field(description="In any of these categories.", default=UNSET)
    actions: list[ReferralAction] | None = strawberry.field(
        description="On which the provider did any of these.", default=UNSET
    )
    provider_id: strawberry.ID | None = strawberry.field(description="Offered to this member.", default=UNSET)
    number: E164 | None = strawberry.field(description="About this number.", default=UNSET)
    account_id: strawberry.ID | None = strawberry.field(description="About this account.", default=UNSET)
    offered_after: datetime | None = strawberry.field(description="Offered at or after this time.", default=UNSET)
    offered_before: datetime | None = strawberry.field(description="Offered before this time.", default=UNSET)
    answered_after: datetime | None = strawberry.field(description="Answered at or after this time.", default=UNSET)
    answered_before: datetime | None = strawberry.field(description="Answered before this time.", default=UNSET)
    changed_since: datetime | None = strawberry.field(
        description="Changed at or after this time, as changedAt says; fits the sort order CHANGED_OLDEST.",
        default=UNSET,
    )
    reference: str | None = strawberry.field(
        description="With a response that has this reference of the provider's own.", default=UNSET
    )


async def find_referral(context: Context, referral_id: str | None) -> Referral | None:
    """The referral with that id, or None if the viewer may not see it; look-ups of an operation are batched."""
    referral = await context.loaders.referrals.load(referral_id) if referral_id else None
    return Referral.of(referral) if referral else None


async def get_referral(context: Context, referral_id: str) -> Referral:
    """The referral with that id; look-ups of an operation are batched. Errors: UnknownError."""
    referral = await find_referral(context, parse_id(referral_id))
    if referral is None:
        raise UnknownError(field="id")
    return referral


@fed.type
class ReferralQueries:
    @field(
        "One referral that you may see, by its ID or its human-readable number.",
        needs=REFERRALS_READ,
        extensions=[CHECKED],
        reads=Named(load_referrals, lambda id, referral_no: named_referral(referral_id=id, referral_no=referral_no)),  # noqa: A006
    )
    async def referral(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Its ID.")] = UNSET,  # noqa: A002
        referral_no: Annotated[str | None, strawberry.argument(description="Its human-readable number.")] = UNSET,
    ) -> Referral | None:
        """Errors: NOT_FOUND, ONE_KEY_NEEDED."""
        if bool(id) == bool(referral_no):
            raise OneKeyNeededError
        if id:
            return await get_referral(info.context, id)
        return Referral.of(await info.context.read(get_referral_by_no, referral_no or ""))

    @field(
        "Referrals that you may see.",
        needs=REFERRALS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(REFERRALS),
    )
    async def referrals(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            ReferralFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        sort: Annotated[ReferralSort, strawberry.argument(description="The sort order.")] = ReferralSort.OFFERED_NEWEST,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ReferralConnection | None:
        where = LedgerReferralFilter(**given_filter(filter))
        page = await info.context.read(list_referrals, page_request(first, after), where, sort=sort)
        return ReferralConnection.of(page, Referral.of, after=after, counts=Counts(count_referrals, where))
