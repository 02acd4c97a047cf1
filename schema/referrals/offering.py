"""Offering referrals to providers that take part, and withdrawing what they have not answered."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Self

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.referrals import table
from ledger.referrals.ending import Withdrawal, withdraw_referrals
from ledger.referrals.offering import OfferDraft, offer_referrals
from ledger.referrals.vocabulary import WithdrawalGround
from ledger.vocabulary import Category
from schema.authority import REFERRALS_OFFER
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.referrals.types import Referral
from schema.scalars import E164


@fed.input(
    description="What you refer, and to whom, based on one of: an account, a number, or complaints about one of them."
)
class ReferralOfferInput:
    provider_id: strawberry.ID = strawberry.field(description="The provider, which must take part.")
    summary: str = strawberry.field(
        description="Your summary; the provider reads it instead of the complaints. Name nobody who complained."
    )
    account_id: strawberry.ID | None = strawberry.field(
        description="An account, with its verified complaints; its platform must be the provider's.", default=UNSET
    )
    number: E164 | None = strawberry.field(
        description="A number, with its verified complaints of its present assignment.", default=UNSET
    )
    complaint_ids: list[strawberry.ID] | None = strawberry.field(
        description="Verified complaints, all about one account or one number.", default=UNSET
    )
    category: Category | None = strawberry.field(
        description="The category; by default, the most frequent one among the complaints.", default=UNSET
    )
    reply_hoped_by: date | None = strawberry.field(
        description="The day until which a reply is hoped for; by default, as the policy says.", default=UNSET
    )

    def draft(self) -> OfferDraft:
        values = given(self, without=("complaint_ids",))
        return OfferDraft(**values, complaint_ids=tuple(self.complaint_ids or ()))


@fed.input(description="Referrals to be offered, at most 1,000.")
class OfferReferralsInput:
    offers: list[ReferralOfferInput] = strawberry.field(description="The offers, at most 1,000.")


@fed.input(description="A referral to be withdrawn, and why.")
class ReferralWithdrawalInput:
    referral_id: strawberry.ID = strawberry.field(description="The referral.")
    reason: WithdrawalGround = strawberry.field(description="Why; the provider reads it.")
    note: str | None = strawberry.field(description="Your note, which only the regulator sees.", default=UNSET)


@fed.input(description="Referrals to be withdrawn, at most 1,000.")
class WithdrawReferralsInput:
    withdrawals: list[ReferralWithdrawalInput] = strawberry.field(description="One for each referral, at most 1,000.")


@fed.type(description="The result for one referral: the referral as it is now, or a problem.")
class ReferralResult:
    referral: Referral | None = strawberry.field(description="The referral as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: table.Referral | LedgerProblem) -> "ReferralResult":
        if isinstance(result, LedgerProblem):
            return cls(referral=None, problem=Problem.of(result))
        return cls(referral=Referral.of(result), problem=None)


@fed.type(description="The result of a mutation of referrals.")
class ReferralsPayload:
    """The fields that payloads of several mutations share."""

    results: list[ReferralResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[table.Referral | LedgerProblem]) -> Self:
        return cls(results=[ReferralResult.of(result) for result in results], problem_count=count_problems(results))


@fed.type(description="The result of offerReferrals.")
class OfferReferralsPayload(ReferralsPayload):
    pass


@fed.type(description="The result of withdrawReferrals.")
class WithdrawReferralsPayload(ReferralsPayload):
    pass


@fed.type
class ReferralOfferingMutations:
    @field("Ask providers that take part to look at accounts or numbers. It obliges nobody.", needs=REFERRALS_OFFER)
    async def offer_referrals(
        self,
        info: Info,
        input: Annotated[OfferReferralsInput, strawberry.argument(description="What to offer.")],  # noqa: A002
    ) -> OfferReferralsPayload | None:
        drafts = [offer.draft() for offer in input.offers]
        return OfferReferralsPayload.of(await info.context.write(offer_referrals, drafts))

    @field("Withdraw referrals that have not been answered.", needs=REFERRALS_OFFER)
    async def withdraw_referrals(
        self,
        info: Info,
        input: Annotated[WithdrawReferralsInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> WithdrawReferralsPayload | None:
        items = [Withdrawal(**given(item)) for item in input.withdrawals]
        return WithdrawReferralsPayload.of(await info.context.write(withdraw_referrals, items))
