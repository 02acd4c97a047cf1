"""Revoking signals that were wrong, and confirming that one knows of it."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.signals import table
from ledger.signals.confirming import confirm_revocations
from ledger.signals.revocation import Revocation, revoke_signals
from ledger.signals.vocabulary import SignalRevocationGround
from schema.authority import SIGNALS_CONFIRM, SIGNALS_REVOKE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.signals.notices import SignalRevocationNotice
from schema.signals.types import FraudSignal


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


@fed.input(description="Revoked signals that you know of, at most 1,000.")
class ConfirmRevocationsInput:
    signal_ids: list[strawberry.ID] = strawberry.field(description="The signals, at most 1,000.")


@fed.type(description="The result for one confirmation: the notice, or a problem.")
class ConfirmedRevocationResult:
    notice: SignalRevocationNotice | None = strawberry.field(description="The notice, which is confirmed.")
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: table.RevocationNotice | LedgerProblem) -> "ConfirmedRevocationResult":
        if isinstance(result, LedgerProblem):
            return cls(notice=None, problem=Problem.of(result))
        return cls(notice=SignalRevocationNotice.of(result), problem=None)


@fed.type(description="The result of confirmRevocations.")
class ConfirmRevocationsPayload:
    results: list[ConfirmedRevocationResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type
class SignalRevocationMutations:
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

    @field(
        "Confirm that you know of revoked signals that you were sent, and undid what you did because of them, item by "
        "item. Safe to repeat, also after you left. A signal whose revocation you were not told of is reported as not "
        "found.",
        needs=SIGNALS_CONFIRM,
    )
    async def confirm_revocations(
        self,
        info: Info,
        input: Annotated[ConfirmRevocationsInput, strawberry.argument(description="Which.")],  # noqa: A002
    ) -> ConfirmRevocationsPayload | None:
        results = await info.context.write(confirm_revocations, input.signal_ids)
        return ConfirmRevocationsPayload(
            results=[ConfirmedRevocationResult.of(result) for result in results], problem_count=count_problems(results)
        )
