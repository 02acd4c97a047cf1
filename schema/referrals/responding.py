"""Responding to referrals, up to a thousand in one call: the provider's only mutation of them."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.referrals.response_rules import ResponseDraft
from ledger.referrals.responses import AnsweredReferral, respond_to_referrals
from ledger.referrals.vocabulary import DeclineReason, ReferralAction, ReferralGround, ResponseKind
from schema.authority import REFERRALS_RESPOND
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.referrals.types import Referral, ReferralResponse


@fed.input(description="What you say about one referral offered to you. Name it by its ID or its number.")
class ReferralResponseInput:
    kind: ResponseKind = strawberry.field(description="What you say.")
    reference: str = strawberry.field(
        description=(
            "Your own ticket number, at most 128 characters. Repeating a response under the same number returns the "
            "first one."
        )
    )
    referral_id: strawberry.ID | None = strawberry.field(description="The referral's ID.", default=UNSET)
    referral_no: str | None = strawberry.field(description="The referral's human-readable number.", default=UNSET)
    action: ReferralAction | None = strawberry.field(description="What you did; only with ACTIONED.", default=UNSET)
    ground: ReferralGround | None = strawberry.field(
        description="On which ground you did it; only with ACTIONED.", default=UNSET
    )
    reason: DeclineReason | None = strawberry.field(
        description="Why you decline, if you want to say so; only with DECLINED.", default=UNSET
    )
    effective_at: datetime | None = strawberry.field(
        description="When it took effect, by your clock; now by default.", default=UNSET
    )
    note: str | None = strawberry.field(description="Your own words, which only the regulator reads.", default=UNSET)


@fed.input(description="What you say about your referrals, at most 1,000 items.")
class RespondToReferralsInput:
    responses: list[ReferralResponseInput] = strawberry.field(description="The items, at most 1,000.")


@fed.type(description="The result for one response: what was recorded, or a problem.")
class AnsweredReferralResult:
    response: ReferralResponse | None = strawberry.field(description="What was recorded.")
    referral: Referral | None = strawberry.field(description="The referral as it is after all items were processed.")
    was_known: bool = strawberry.field(
        description="Whether it had already been recorded; if so, this is the first one."
    )
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: AnsweredReferral | LedgerProblem) -> "AnsweredReferralResult":
        if isinstance(result, LedgerProblem):
            return cls(response=None, referral=None, was_known=False, problem=Problem.of(result))
        return cls(
            response=ReferralResponse.of(result.response),
            referral=Referral.of(result.referral),
            was_known=result.was_known,
            problem=None,
        )


@fed.type(description="The result of respondToReferrals.")
class RespondToReferralsPayload:
    results: list[AnsweredReferralResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type
class ReferralRespondingMutations:
    @field(
        "Say what you did about the referrals offered to you, or that you won't, item by item. You are free not to "
        "answer at all, and an answer is welcome however late. Safe to repeat. Another provider's referral is reported "
        "as not found.",
        needs=REFERRALS_RESPOND,
    )
    async def respond_to_referrals(
        self,
        info: Info,
        input: Annotated[RespondToReferralsInput, strawberry.argument(description="What you say.")],  # noqa: A002
    ) -> RespondToReferralsPayload | None:
        drafts = [ResponseDraft(**given(item)) for item in input.responses]
        results = await info.context.write(respond_to_referrals, drafts)
        return RespondToReferralsPayload(
            results=[AnsweredReferralResult.of(result) for result in results], problem_count=count_problems(results)
        )
