"""Acknowledging block orders, up to a thousand in one call: the carrier's only mutation of orders."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder, acknowledge_block_orders
from ledger.orders.vocabulary import AcknowledgementKind
from schema.authority import ORDERS_ACKNOWLEDGE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.orders.acknowledgements import OrderAcknowledgement
from schema.orders.types import BlockOrder
from schema.pages import few
from schema.problems import Problem, count_problems


@fed.input(description="What you report about one order addressed to you. Name the order by its ID or its number.")
class AcknowledgementInput:
    kind: AcknowledgementKind = strawberry.field(description="What you report.")
    reference: str = strawberry.field(
        description=(
            "Your own ticket number, at most 128 characters. Repeating a statement under the same number "
            "returns the first one."
        )
    )
    order_id: strawberry.ID | None = strawberry.field(description="The order's ID.", default=UNSET)
    order_no: str | None = strawberry.field(description="The order's human-readable number.", default=UNSET)
    version: int | None = strawberry.field(
        description="The version of the order it refers to; the current one by default.", default=UNSET
    )
    reason: str | None = strawberry.field(
        description=(
            "The reason: ALREADY_BLOCKED with EXECUTED, otherwise a value of ImpossibleReason. It is checked "
            "item by item."
        ),
        default=UNSET,
    )
    effective_at: datetime | None = strawberry.field(
        description="When it took effect, by your clock; now by default.", default=UNSET
    )
    until: datetime | None = strawberry.field(
        description="The due time you ask for; only with EXTENSION_REQUESTED.", default=UNSET
    )
    note: str | None = strawberry.field(
        description="Your own words; in a correction, why the earlier statement was wrong.", default=UNSET
    )
    corrects_id: strawberry.ID | None = strawberry.field(
        description=(
            "The ID of the acknowledgement that this one replaces. Only the one on which the order's state rests can "
            "be corrected, to RECEIVED, EXECUTED, PARTIAL or IMPOSSIBLE; a note is required."
        ),
        default=UNSET,
    )
    corrects_reference: str | None = strawberry.field(
        description="The same by your reference, instead of correctsId.", default=UNSET
    )


@fed.input(description="What you report about your orders, at most 1,000 items.")
class AcknowledgeBlockOrdersInput:
    acknowledgements: list[AcknowledgementInput] = strawberry.field(description="The items, at most 1,000.")


@fed.type(description="The result for one acknowledgement: what was recorded, or a problem.")
class AcknowledgedOrderResult:
    acknowledgement: OrderAcknowledgement | None = strawberry.field(description="What was recorded.")
    block_order: BlockOrder | None = strawberry.field(description="The order as it is after all items were processed.")
    was_known: bool = strawberry.field(
        description="Whether it had already been recorded; if so, this is the first one."
    )
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: AcknowledgedOrder | LedgerProblem) -> "AcknowledgedOrderResult":
        if isinstance(result, LedgerProblem):
            return cls(acknowledgement=None, block_order=None, was_known=False, problem=Problem.of(result))
        return cls(
            acknowledgement=OrderAcknowledgement.of(result.acknowledgement),
            block_order=BlockOrder.of(result.order),
            was_known=result.was_known,
            problem=None,
        )


@fed.type(description="The result of acknowledgeBlockOrders.")
class AcknowledgeBlockOrdersPayload:
    results: list[AcknowledgedOrderResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type
class AcknowledgingMutations:
    @field(
        "Report what you did with the orders addressed to you, item by item. Safe to repeat. "
        "Another carrier's order is reported as not found.",
        needs=ORDERS_ACKNOWLEDGE,
    )
    async def acknowledge_block_orders(
        self,
        info: Info,
        input: Annotated[AcknowledgeBlockOrdersInput, strawberry.argument(description="What you report.")],  # noqa: A002
    ) -> AcknowledgeBlockOrdersPayload | None:
        drafts = [AcknowledgementDraft(**given(item)) for item in input.acknowledgements]
        results = await info.context.write(acknowledge_block_orders, drafts)
        return AcknowledgeBlockOrdersPayload(
            results=[AcknowledgedOrderResult.of(result) for result in results], problem_count=count_problems(results)
        )
