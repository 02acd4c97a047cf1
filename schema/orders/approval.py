"""Issuing block orders, which takes a second officer, and deciding on carriers' requests for more time."""

from collections.abc import Sequence
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.orders.approval import Approval, approve_block_orders, return_block_orders
from ledger.orders.extensions import ExtensionDecision, decide_extensions
from ledger.orders.revisions import reissue_block_orders
from ledger.orders.table import OrderExtension as LedgerExtension
from schema.authority import ORDERS_APPROVE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.orders.acknowledgements import OrderExtension
from schema.orders.drafting import BlockOrderRevisionInput
from schema.orders.results import BlockOrderNotesInput, BlockOrdersPayload
from schema.pages import few
from schema.problems import Problem, count_problems


@fed.input(description="One draft, or one proposal of an issued order, to be issued.")
class BlockOrderApprovalInput:
    order_id: strawberry.ID = strawberry.field(description="The draft, or the order.")
    content_hash: str = strawberry.field(
        description="The contentHash of the draft, or of the order's proposal, as you read it."
    )
    override_note: str | None = strawberry.field(
        description="Why it is issued although the guard holds it; required in that case.", default=UNSET
    )


@fed.input(description="Drafts to be issued, at most 1,000.")
class ApproveBlockOrdersInput:
    approvals: list[BlockOrderApprovalInput] = strawberry.field(description="One for each draft, at most 1,000.")


@fed.input(description="Drafts to be sent back, at most 1,000.")
class ReturnBlockOrdersInput(BlockOrderNotesInput):
    pass


@fed.input(description="Impossible orders to be issued again as a new version, at most 1,000.")
class ReissueBlockOrdersInput:
    revisions: list[BlockOrderRevisionInput] = strawberry.field(description="One for each order, at most 1,000.")


@fed.input(description="One decision on a carrier's request for more time.")
class ExtensionDecisionInput:
    extension_id: strawberry.ID = strawberry.field(description="The request.")
    is_granted: bool = strawberry.field(description="Whether the due time is extended as requested.")


@fed.input(description="Decisions on requests for more time, at most 1,000.")
class DecideExtensionsInput:
    decisions: list[ExtensionDecisionInput] = strawberry.field(description="One for each request, at most 1,000.")


@fed.type(description="The result of approveBlockOrders.")
class ApproveBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of returnBlockOrders.")
class ReturnBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of reissueBlockOrders.")
class ReissueBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result for one request for more time.")
class ExtensionResult:
    extension: OrderExtension | None = strawberry.field(description="The request as it is now.")
    problem: Problem | None = strawberry.field(description="Why nothing was done.")

    @classmethod
    def of(cls, result: LedgerExtension | LedgerProblem) -> "ExtensionResult":
        if isinstance(result, LedgerProblem):
            return cls(extension=None, problem=Problem.of(result))
        return cls(extension=OrderExtension.of(result), problem=None)


@fed.type(description="The result of decideExtensions.")
class DecideExtensionsPayload:
    results: list[ExtensionResult] = strawberry.field(
        description="One for each decision, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")

    @classmethod
    def of(cls, results: Sequence[LedgerExtension | LedgerProblem]) -> "DecideExtensionsPayload":
        return cls(results=[ExtensionResult.of(result) for result in results], problem_count=count_problems(results))


@fed.type
class OrderApprovalMutations:
    @field(
        "Issue what other officers drafted: orders, and the next versions and lifts of issued orders. The carriers' "
        "time limit runs from now. Your own drafts are refused with FOUR_EYES, and what changed since you read it "
        "with CONTENT_CHANGED.",
        needs=ORDERS_APPROVE,
    )
    async def approve_block_orders(
        self,
        info: Info,
        input: Annotated[ApproveBlockOrdersInput, strawberry.argument(description="The drafts.")],  # noqa: A002
    ) -> ApproveBlockOrdersPayload | None:
        approvals = [Approval(**given(item)) for item in input.approvals]
        return ApproveBlockOrdersPayload.of(await info.context.write(approve_block_orders, approvals))

    @field(
        "Send drafts, or the proposals of issued orders, back to their office, with the reason.", needs=ORDERS_APPROVE
    )
    async def return_block_orders(
        self,
        info: Info,
        input: Annotated[ReturnBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> ReturnBlockOrdersPayload | None:
        return ReturnBlockOrdersPayload.of(await info.context.write(return_block_orders, input.drafts()))

    @field(
        "Issue orders that the carrier could not execute once more, to the same carrier and exactly as they were. "
        "An item that changes anything is drafted as the order's proposal instead, for another officer to approve.",
        needs=ORDERS_APPROVE,
    )
    async def reissue_block_orders(
        self,
        info: Info,
        input: Annotated[ReissueBlockOrdersInput, strawberry.argument(description="The changes.")],  # noqa: A002
    ) -> ReissueBlockOrdersPayload | None:
        revisions = [item.revision() for item in input.revisions]
        return ReissueBlockOrdersPayload.of(await info.context.write(reissue_block_orders, revisions))

    @field("Decide on carriers' requests for more time.", needs=ORDERS_APPROVE)
    async def decide_extensions(
        self,
        info: Info,
        input: Annotated[DecideExtensionsInput, strawberry.argument(description="The decisions.")],  # noqa: A002
    ) -> DecideExtensionsPayload | None:
        decisions = [ExtensionDecision(**given(item)) for item in input.decisions]
        return DecideExtensionsPayload.of(await info.context.write(decide_extensions, decisions))
