"""Acknowledging block orders, by the thousand: the carrier's one mutation."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.errors import Problem as LedgerProblem
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder
from ledger.orders.vocabulary import AcknowledgementKind
from resolvers import acknowledgements as resolve
from schema.authority import ORDERS_ACKNOWLEDGE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.orders.acknowledgements import OrderAcknowledgement
from schema.orders.types import BlockOrder
from schema.pages import few
from schema.problems import Problem, count_problems


@fed.input(description="What you say of one order addressed to you. Name it by its id or its number.")
class AcknowledgementInput:
    """The graph's AcknowledgementDraft."""

    kind: AcknowledgementKind = strawberry.field(description="What you say.")
    reference: str = strawberry.field(
        description="Your own ticket, at most 128 characters. The same statement again under it is the first one."
    )
    order_id: strawberry.ID | None = strawberry.field(description="The order's id.", default=UNSET)
    order_no: str | None = strawberry.field(description="The order's number.", default=UNSET)
    version: int | None = strawberry.field(
        description="The version that it is about; the present one when it is not given.", default=UNSET
    )
    reason: str | None = strawberry.field(
        description="Why: ALREADY_BLOCKED with EXECUTED, else a value of ImpossibleReason. It is judged item by item.",
        default=UNSET,
    )
    effective_at: datetime | None = strawberry.field(
        description="When it took effect, by your clock; now when it is not given.", default=UNSET
    )
    until: datetime | None = strawberry.field(
        description="Until when you ask for time; for EXTENSION_REQUESTED alone.", default=UNSET
    )
    note: str | None = strawberry.field(description="Your own words.", default=UNSET)


@fed.input(description="What you say of your orders, at most 1,000.")
class AcknowledgeBlockOrdersInput:
    """The graph's AcknowledgeBlockOrdersInput."""

    acknowledgements: list[AcknowledgementInput] = strawberry.field(description="At most 1,000.")


@fed.type(description="What became of one acknowledgement: what was recorded, or a problem.")
class AcknowledgedOrderResult:
    """The graph's AcknowledgedOrderResult."""

    acknowledgement: OrderAcknowledgement | None = strawberry.field(description="What was recorded.")
    block_order: BlockOrder | None = strawberry.field(description="The order as it is after all items.")
    was_known: bool = strawberry.field(description="Whether it had been recorded before and is that first one.")
    problem: Problem | None = strawberry.field(description="Why it was refused.")

    @classmethod
    def of(cls, result: AcknowledgedOrder | LedgerProblem) -> "AcknowledgedOrderResult":
        """From the ledger's."""
        if isinstance(result, LedgerProblem):
            return cls(acknowledgement=None, block_order=None, was_known=False, problem=Problem.of(result))
        return cls(
            acknowledgement=OrderAcknowledgement.of(result.acknowledgement),
            block_order=BlockOrder.of(result.order),
            was_known=result.was_known,
            problem=None,
        )


@fed.type(description="What acknowledgeBlockOrders answers.")
class AcknowledgeBlockOrdersPayload:
    """The graph's AcknowledgeBlockOrdersPayload."""

    results: list[AcknowledgedOrderResult] = strawberry.field(
        description="One for each item, in the order given.", directives=[few(100)]
    )
    problem_count: int = strawberry.field(description="How many items were refused.")


@fed.type
class AcknowledgingMutations:
    """What a carrier does."""

    @field(
        "Say what you did with the orders addressed to you, item by item. Safe to repeat; another carrier's order "
        "looks like one that does not exist.",
        needs=ORDERS_ACKNOWLEDGE,
    )
    async def acknowledge_block_orders(
        self,
        info: Info,
        input: Annotated[AcknowledgeBlockOrdersInput, strawberry.argument(description="What you say.")],  # noqa: A002
    ) -> AcknowledgeBlockOrdersPayload | None:
        """One transaction."""
        drafts = [AcknowledgementDraft(**given(item)) for item in input.acknowledgements]
        results = await resolve.acknowledge_orders(info.context, drafts)
        return AcknowledgeBlockOrdersPayload(
            results=[AcknowledgedOrderResult.of(result) for result in results], problem_count=count_problems(results)
        )
