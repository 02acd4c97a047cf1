"""Contributing what one saw, and withdrawing or replacing what one contributed."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.signals.contribution_table import Contribution
from ledger.signals.contributions import RecordedContribution, contribute_signals
from ledger.signals.targets import AccountDraft, ContributionDraft
from ledger.signals.vocabulary import ContributionWithdrawalReason
from ledger.signals.withdrawing import Replacement, Withdrawal, replace_contributions, withdraw_contributions
from ledger.vocabulary import Category
from schema.authority import SIGNALS_CONTRIBUTE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.signals.contributions import SignalContribution

_NUMBER = "The number, in E.164 or as commonly written."
_ACCOUNT = "The account, however it is written."
_LINK = "The link. One that leads to an account is taken for the account; it is never fetched."
_CATEGORY = "What it was used for."
_OBSERVED_AT = "When you saw it."


@fed.input(description="An account that you saw used for fraud: its platform, and a handle, an address, or both.")
class SignalAccountInput:
    platform: str = strawberry.field(description="The platform, by its name or its domain.")
    handle: str | None = strawberry.field(description="The handle, as people write it.", default=UNSET)
    url: str | None = strawberry.field(description="The address of its profile.", default=UNSET)


@fed.input(description="Something that you saw used for fraud: exactly one of number, account and link.")
class SignalContributionInput:
    number: str | None = strawberry.field(description=_NUMBER, default=UNSET)
    account: SignalAccountInput | None = strawberry.field(description=_ACCOUNT, default=UNSET)
    link: str | None = strawberry.field(description=_LINK, default=UNSET)
    category: Category = strawberry.field(description=_CATEGORY)
    reference: str = strawberry.field(
        description=(
            "Your own case number, at most 128 characters. Repeating a contribution under the same number "
            "returns the first one."
        )
    )
    observed_at: datetime | None = strawberry.field(description=_OBSERVED_AT, default=UNSET)


@fed.input(description="What you saw, at most 1,000.")
class ContributeSignalsInput:
    contributions: list[SignalContributionInput] = strawberry.field(description="The items, at most 1,000.")


@fed.input(description="One of your contributions that you no longer stand by.")
class SignalContributionWithdrawalInput:
    id: strawberry.ID = strawberry.field(description="The contribution.")
    reason: ContributionWithdrawalReason = strawberry.field(description="Why; visible to the regulator only.")


@fed.input(description="What you no longer stand by, at most 1,000.")
class WithdrawSignalContributionsInput:
    withdrawals: list[SignalContributionWithdrawalInput] = strawberry.field(description="The items, at most 1,000.")


@fed.input(
    description="What takes the place of one of your contributions: exactly one of number, account and link, all of it "
    "said anew."
)
class SignalContributionReplacementInput:
    id: strawberry.ID = strawberry.field(description="The contribution that it replaces.")
    number: str | None = strawberry.field(description=_NUMBER, default=UNSET)
    account: SignalAccountInput | None = strawberry.field(description=_ACCOUNT, default=UNSET)
    link: str | None = strawberry.field(description=_LINK, default=UNSET)
    category: Category = strawberry.field(description=_CATEGORY)
    reference: str = strawberry.field(
        description=(
            "A case number of your own that you used for no other contribution, at most 128 characters. Repeating a "
            "replacement under the same number returns the first one."
        )
    )
    observed_at: datetime | None = strawberry.field(description=_OBSERVED_AT, default=UNSET)


@fed.input(description="What takes the place of your contributions, at most 1,000.")
class ReplaceSignalContributionsInput:
    replacements: list[SignalContributionReplacementInput] = strawberry.field(description="The items, at most 1,000.")


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


@fed.type(description="The result of replaceSignalContributions.")
class ReplaceSignalContributionsPayload:
    results: list[SignalContributionResult] = strawberry.field(
        description="One for each item, in the order given: what took the other's place.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type(description="The result for one withdrawal: the contribution, or a problem.")
class WithdrawnContributionResult:
    contribution: SignalContribution | None = strawberry.field(description="The contribution, which is withdrawn.")
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: Contribution | LedgerProblem) -> "WithdrawnContributionResult":
        if isinstance(result, LedgerProblem):
            return cls(contribution=None, problem=Problem.of(result))
        return cls(contribution=SignalContribution.of(result), problem=None)


@fed.type(description="The result of withdrawSignalContributions.")
class WithdrawSignalContributionsPayload:
    results: list[WithdrawnContributionResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


def _draft(item: Any) -> ContributionDraft:
    values = given(item, without=("id", "account"))
    account = given(item).get("account")
    return ContributionDraft(**values, account=AccountDraft(**given(account)) if account is not None else None)


@fed.type
class SignalContributingMutations:
    @field(
        "Report what you saw used for fraud, item by item: numbers, accounts and links. Safe to repeat. A contribution "
        "corroborates signals for the same number and category; on its own it raises no signal and orders nothing.",
        needs=SIGNALS_CONTRIBUTE,
    )
    async def contribute_signals(
        self,
        info: Info,
        input: Annotated[ContributeSignalsInput, strawberry.argument(description="What you saw.")],  # noqa: A002
    ) -> ContributeSignalsPayload | None:
        results = await info.context.write(contribute_signals, [_draft(item) for item in input.contributions])
        return ContributeSignalsPayload(
            results=[SignalContributionResult.of(result) for result in results], problem_count=count_problems(results)
        )

    @field(
        "Withdraw what you contributed, item by item. Safe to repeat. It corroborates nothing from then on, and "
        "whoever was sent the signal is told that fewer members report the same, and never by whom. Another member's "
        "contribution is reported as not found.",
        needs=SIGNALS_CONTRIBUTE,
    )
    async def withdraw_signal_contributions(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            WithdrawSignalContributionsInput, strawberry.argument(description="Which, and why.")
        ],
    ) -> WithdrawSignalContributionsPayload | None:
        withdrawals = [Withdrawal(contribution_id=item.id, reason=item.reason) for item in input.withdrawals]
        results = await info.context.write(withdraw_contributions, withdrawals)
        return WithdrawSignalContributionsPayload(
            results=[WithdrawnContributionResult.of(result) for result in results],
            problem_count=count_problems(results),
        )

    @field(
        "Replace what you contributed by something that you recorded wrongly or know better now, item by item. Safe to "
        "repeat. The former contribution stays visible to you and the regulator, and corroborates nothing any more.",
        needs=SIGNALS_CONTRIBUTE,
    )
    async def replace_signal_contributions(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            ReplaceSignalContributionsInput, strawberry.argument(description="Which, and by what.")
        ],
    ) -> ReplaceSignalContributionsPayload | None:
        replacements = [Replacement(contribution_id=item.id, draft=_draft(item)) for item in input.replacements]
        results = await info.context.write(replace_contributions, replacements)
        return ReplaceSignalContributionsPayload(
            results=[SignalContributionResult.of(result) for result in results], problem_count=count_problems(results)
        )
