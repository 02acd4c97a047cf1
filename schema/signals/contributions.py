"""Contributing signals, and revoking those that were wrong."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.signals import table
from ledger.signals.contributions import ContributionDraft, RecordedContribution, contribute_signals
from ledger.signals.revocation import Revocation, revoke_signals
from ledger.signals.vocabulary import SignalRevocationGround
from ledger.vocabulary import Category
from schema.authority import SIGNALS_CONTRIBUTE, SIGNALS_REVOKE
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.scalars import E164
from schema.signals.types import FraudSignal


@fed.input(description="A number that you saw used for fraud.")
class SignalContributionInput:
    number: str = strawberry.field(description="The number, in E.164 or as commonly written.")
    category: Category = strawberry.field(description="What it was used for.")
    reference: str = strawberry.field(
        description=(
            "Your own case number, at most 128 characters. Repeating a contribution under the same number "
            "returns the first one."
        )
    )
    observed_at: datetime | None = strawberry.field(description="When you saw it.", default=UNSET)


@fed.input(description="What you saw, at most 1,000.")
class ContributeSignalsInput:
    contributions: list[SignalContributionInput] = strawberry.field(description="The items, at most 1,000.")


@fed.type(description="What you contributed, as recorded. Only you and the regulator know that you contributed it.")
class SignalContribution(Shown[table.Contribution]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    e164: E164 = strawberry.field(description="The number in international form.")
    category: Category = strawberry.field(description="What it was used for.")
    reference: str = strawberry.field(description="Your own case number.")
    observed_at: datetime | None = strawberry.field(description="When you saw it.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")


@fed.type(description="The result for one contribution: what was recorded, or a problem.")
class SignalContributionResult:
    contribution: SignalContribution | None = strawberry.field(description="What was recorded.")
    was_known: bool = strawberry.field(
        description="Whether it had already been recorded; if so, this is the first one."
    )
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: RecordedContribution | LedgerProblem) -> "SignalContributionResult":
        if isinstance(result, LedgerProblem):
            return cls(contribution=None, was_known=False, problem=Problem.of(result))
        recorded = SignalContribution.of(result.contribution)
        return cls(contribution=recorded, was_known=result.was_known, problem=None)


@fed.type(description="The result of contributeSignals.")
class ContributeSignalsPayload:
    results: list[SignalContributionResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.input(description="One signal that was wrong.")
class SignalRevocationInput:
    id: strawberry.ID = strawberry.field(description="The signal.")
    reason: SignalRevocationGround = strawberry.field(description="Why; visible to everyone the signal was sent to.")
    note: str | None = strawberry.field(
        description="A note in your own words; visible to the regulator only.", default=UNSET
    )


@fed.input(description="Signals that were wrong, at most 1,000.")
class RevokeSignalsInput:
    revocations: list[SignalRevocationInput] = strawberry.field(description="The items, at most 1,000.")


@fed.type(description="The result for one revocation: the signal, or a problem.")
class SignalRevocationResult:
    signal: FraudSignal | None = strawberry.field(description="The revoked signal.")
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: table.FraudSignal | LedgerProblem) -> "SignalRevocationResult":
        if isinstance(result, LedgerProblem):
            return cls(signal=None, problem=Problem.of(result))
        return cls(signal=FraudSignal.of(result), problem=None)


@fed.type(description="The result of revokeSignals.")
class RevokeSignalsPayload:
    results: list[SignalRevocationResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type
class SignalMutations:
    @field(
        "Report numbers that you saw used for fraud, item by item. Safe to repeat. A contribution "
        "corroborates signals for the same number and category; on its own it raises no signal and"
        " orders nothing.",
        needs=SIGNALS_CONTRIBUTE,
    )
    async def contribute_signals(
        self,
        info: Info,
        input: Annotated[ContributeSignalsInput, strawberry.argument(description="What you saw.")],  # noqa: A002
    ) -> ContributeSignalsPayload | None:
        drafts = [ContributionDraft(**given(item)) for item in input.contributions]
        results = await info.context.write(contribute_signals, drafts)
        return ContributeSignalsPayload(
            results=[SignalContributionResult.of(result) for result in results], problem_count=count_problems(results)
        )

    @field(
        "Revoke signals that were wrong, item by item. Everyone who was sent one and still "
        "participates is notified, whatever they follow. The same complaints never raise it again.",
        needs=SIGNALS_REVOKE,
    )
    async def revoke_signals(
        self,
        info: Info,
        input: Annotated[RevokeSignalsInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> RevokeSignalsPayload | None:
        revocations = [Revocation(signal_id=item.id, **given(item, without=("id",))) for item in input.revocations]
        results = await info.context.write(revoke_signals, revocations)
        return RevokeSignalsPayload(
            results=[SignalRevocationResult.of(result) for result in results], problem_count=count_problems(results)
        )
