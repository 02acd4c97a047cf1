"""Proposing, revising, approving and discarding overrides of the numbering plan."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Self

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.numbers import table
from ledger.numbers.override_rules import OverrideApproval, OverrideDraft, OverrideRevision
from ledger.numbers.overrides import approve_overrides, discard_overrides, propose_overrides, revise_overrides
from schema.authority import NUMBERS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.numbers.overrides import NumberOverrideProposal
from schema.numbers.types import PhoneNumber, find_number
from schema.pages import few
from schema.problems import Problem, count_problems
from schema.scalars import E164
from schema.texts import CHECKED


@fed.input(description="A number that is held by a carrier other than the plan says.")
class NumberOverrideInput:
    number: str = strawberry.field(description="The number, as written.")
    holder_id: strawberry.ID = strawberry.field(description="The carrier that holds it.")
    reason: str = strawberry.field(description="The explanation, in at most 500 characters.")
    brand_id: strawberry.ID | None = strawberry.field(description="The carrier's brand.", default=UNSET)
    valid_from: datetime | None = strawberry.field(
        description="Since when, not in the future; by default the time of the approval.", default=UNSET
    )
    order_id: strawberry.ID | None = strawberry.field(
        description="The block order whose carrier answered WRONG_RANGE_HOLDER.", default=UNSET
    )


@fed.input(description="Overrides to be proposed, at most 1,000.")
class ProposeNumberOverridesInput:
    overrides: list[NumberOverrideInput] = strawberry.field(description="One for each number, at most 1,000.")


@fed.input(description="What to change in a proposal; what is left out stays. You become its proposer.")
class NumberOverrideRevisionInput:
    proposal_id: strawberry.ID = strawberry.field(description="The proposal.")
    holder_id: strawberry.ID | None = strawberry.field(
        description="The carrier; the brand is then the one given here, or none.", default=UNSET
    )
    brand_id: strawberry.ID | None = strawberry.field(description="The carrier's brand.", default=UNSET)
    valid_from: datetime | None = strawberry.field(description="Since when.", default=UNSET)
    reason: str | None = strawberry.field(description="The explanation.", default=UNSET)


@fed.input(description="Proposals to be revised, at most 1,000.")
class ReviseNumberOverridesInput:
    revisions: list[NumberOverrideRevisionInput] = strawberry.field(description="One for each proposal, at most 1,000.")


@fed.input(description="A proposal that you have read, identified by the hash of its content.")
class NumberOverrideApprovalInput:
    proposal_id: strawberry.ID = strawberry.field(description="The proposal.")
    content_hash: str = strawberry.field(description="Its contentHash as you read it.")


@fed.input(description="Proposals to be approved, at most 1,000.")
class ApproveNumberOverridesInput:
    approvals: list[NumberOverrideApprovalInput] = strawberry.field(description="One for each proposal, at most 1,000.")


@fed.input(description="Proposals to be discarded, at most 1,000.")
class DiscardNumberOverridesInput:
    proposal_ids: list[strawberry.ID] = strawberry.field(description="The proposals, at most 1,000.")


@fed.input(description="A number that is held by a carrier other than the holder of its range.")
class SetNumberOverrideInput:
    e164: E164 = strawberry.field(description="The number.")
    holder_id: strawberry.ID = strawberry.field(description="The carrier that holds it.")
    reason: str = strawberry.field(description="The explanation.")
    brand_id: strawberry.ID | None = strawberry.field(description="The carrier's brand.", default=UNSET)
    valid_from: datetime | None = strawberry.field(description="Since when; not in the future.", default=UNSET)
    valid_until: datetime | None = strawberry.field(
        description="Refused: an override lasts until the next one.", default=UNSET
    )


@fed.type(description="The result for one override: the proposal as it is now, or a problem.")
class NumberOverrideResult:
    proposal: NumberOverrideProposal | None = strawberry.field(description="The proposal as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: table.OverrideProposal | LedgerProblem) -> "NumberOverrideResult":
        if isinstance(result, LedgerProblem):
            return cls(proposal=None, problem=Problem.of(result))
        return cls(proposal=NumberOverrideProposal.of(result), problem=None)


@fed.type(description="The result of a mutation of overrides.")
class NumberOverridesPayload:
    """The fields that payloads of several mutations share."""

    results: list[NumberOverrideResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[table.OverrideProposal | LedgerProblem]) -> Self:
        return cls(
            results=[NumberOverrideResult.of(result) for result in results], problem_count=count_problems(results)
        )


@fed.type(description="The result of proposeNumberOverrides.")
class ProposeNumberOverridesPayload(NumberOverridesPayload):
    pass


@fed.type(description="The result of reviseNumberOverrides.")
class ReviseNumberOverridesPayload(NumberOverridesPayload):
    pass


@fed.type(description="The result of approveNumberOverrides.")
class ApproveNumberOverridesPayload(NumberOverridesPayload):
    pass


@fed.type(description="The result of discardNumberOverrides.")
class DiscardNumberOverridesPayload(NumberOverridesPayload):
    pass


@fed.type(description="The result of setNumberOverride.")
class SetNumberOverridePayload:
    number: PhoneNumber | None = strawberry.field(
        description="The number as it is now, if it is known; its holder changes when the proposal is approved."
    )
    proposal: NumberOverrideProposal | None = strawberry.field(
        description="The proposal that another officer must approve."
    )
    problem: Problem | None = strawberry.field(description="Why nothing was proposed.")


@fed.type
class NumberOverrideMutations:
    @field(
        "Propose that numbers are held by other carriers. Nothing changes until another officer approves. Only "
        "officers can do this.",
        needs=NUMBERS_MANAGE,
    )
    async def propose_number_overrides(
        self,
        info: Info,
        input: Annotated[ProposeNumberOverridesInput, strawberry.argument(description="The overrides.")],  # noqa: A002
    ) -> ProposeNumberOverridesPayload | None:
        drafts = [OverrideDraft(**given(item)) for item in input.overrides]
        return ProposeNumberOverridesPayload.of(await info.context.write(propose_overrides, drafts))

    @field("Revise proposals; you become their proposer. Only officers can do this.", needs=NUMBERS_MANAGE)
    async def revise_number_overrides(
        self,
        info: Info,
        input: Annotated[ReviseNumberOverridesInput, strawberry.argument(description="The changes.")],  # noqa: A002
    ) -> ReviseNumberOverridesPayload | None:
        revisions = [OverrideRevision(**given(item)) for item in input.revisions]
        return ReviseNumberOverridesPayload.of(await info.context.write(revise_overrides, revisions))

    @field(
        "Approve proposals of other officers, each by its contentHash: the numbers move at once. Your own are refused "
        "with FOUR_EYES, and one that was changed since you read it with OVERRIDE_CHANGED.",
        needs=NUMBERS_MANAGE,
    )
    async def approve_number_overrides(
        self,
        info: Info,
        input: Annotated[ApproveNumberOverridesInput, strawberry.argument(description="The proposals.")],  # noqa: A002
    ) -> ApproveNumberOverridesPayload | None:
        approvals = [OverrideApproval(**given(item)) for item in input.approvals]
        return ApproveNumberOverridesPayload.of(await info.context.write(approve_overrides, approvals))

    @field("Discard proposals, your own or others'. Only officers can do this.", needs=NUMBERS_MANAGE)
    async def discard_number_overrides(
        self,
        info: Info,
        input: Annotated[DiscardNumberOverridesInput, strawberry.argument(description="The proposals.")],  # noqa: A002
    ) -> DiscardNumberOverridesPayload | None:
        return DiscardNumberOverridesPayload.of(await info.context.write(discard_overrides, input.proposal_ids))

    @field(
        "Propose that one number is held by a carrier other than the holder of its range; another officer approves it.",
        needs=NUMBERS_MANAGE,
        extensions=[CHECKED],
        deprecated="An override takes two officers: use proposeNumberOverrides and approveNumberOverrides.",
    )
    async def set_number_override(
        self,
        info: Info,
        input: Annotated[SetNumberOverrideInput, strawberry.argument(description="The number, and its holder.")],  # noqa: A002
    ) -> SetNumberOverridePayload | None:
        draft = OverrideDraft(number=input.e164, **given(input, without=("e164",)))
        (result,) = await info.context.write(propose_overrides, [draft])
        number = await find_number(info.context, input.e164)
        if isinstance(result, LedgerProblem):
            return SetNumberOverridePayload(number=number, proposal=None, problem=Problem.of(result))
        return SetNumberOverridePayload(number=number, proposal=NumberOverrideProposal.of(result), problem=None)
