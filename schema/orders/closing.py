"""Ending block orders that were issued: withdrawing, closing, lifting."""

from typing import Annotated

import strawberry
import strawberry.federation as fed

from ledger.orders.closing import LiftDraft
from ledger.orders.vocabulary import LiftBasis
from resolvers import orders as resolve
from schema.authority import ORDERS_APPROVE
from schema.fields import field
from schema.info import Info
from schema.orders.results import BlockOrderNotesInput, BlockOrdersPayload


@fed.input(description="Orders to be taken back before they are executed, at most 1,000.")
class WithdrawBlockOrdersInput(BlockOrderNotesInput):
    """The graph's WithdrawBlockOrdersInput."""


@fed.input(description="Impossible orders or lifts to be closed, at most 1,000.")
class CloseBlockOrdersInput(BlockOrderNotesInput):
    """The graph's CloseBlockOrdersInput."""


@fed.input(description="One block to be lifted.")
class BlockOrderLiftInput:
    """The graph's LiftDraft."""

    order_id: strawberry.ID = strawberry.field(description="The order whose block is lifted.")
    basis: LiftBasis = strawberry.field(description="On what ground.")
    note: str = strawberry.field(description="Why, in words; it is kept with the order.")


@fed.input(description="Blocks to be lifted, at most 1,000.")
class LiftBlockOrdersInput:
    """The graph's LiftBlockOrdersInput."""

    lifts: list[BlockOrderLiftInput] = strawberry.field(description="One for each order, at most 1,000.")


@fed.type(description="What withdrawBlockOrders answers.")
class WithdrawBlockOrdersPayload(BlockOrdersPayload):
    """The graph's WithdrawBlockOrdersPayload."""


@fed.type(description="What closeBlockOrders answers.")
class CloseBlockOrdersPayload(BlockOrdersPayload):
    """The graph's CloseBlockOrdersPayload."""


@fed.type(description="What liftBlockOrders answers.")
class LiftBlockOrdersPayload(BlockOrdersPayload):
    """The graph's LiftBlockOrdersPayload."""


@fed.type
class OrderEndingMutations:
    """What an approver does to issued orders."""

    @field("Take back orders that no carrier has executed.", needs=ORDERS_APPROVE)
    async def withdraw_block_orders(
        self,
        info: Info,
        input: Annotated[WithdrawBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> WithdrawBlockOrdersPayload | None:
        """One transaction."""
        return WithdrawBlockOrdersPayload.of(await resolve.withdraw_orders(info.context, input.drafts()))

    @field("Close orders, or lifts, that are impossible for good.", needs=ORDERS_APPROVE)
    async def close_block_orders(
        self,
        info: Info,
        input: Annotated[CloseBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> CloseBlockOrdersPayload | None:
        """One transaction."""
        return CloseBlockOrdersPayload.of(await resolve.close_orders(info.context, input.drafts()))

    @field("Order the carriers to lift blocks, with a due time of its own.", needs=ORDERS_APPROVE)
    async def lift_block_orders(
        self,
        info: Info,
        input: Annotated[LiftBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> LiftBlockOrdersPayload | None:
        """One transaction."""
        lifts = [LiftDraft(order_id=item.order_id, basis=item.basis, note=item.note) for item in input.lifts]
        return LiftBlockOrdersPayload.of(await resolve.lift_orders(info.context, lifts))
