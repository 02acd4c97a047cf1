"""Lifting blocks: one officer drafts a lift, another approves it like any draft."""

from typing import Annotated

import strawberry
import strawberry.federation as fed

from ledger.orders.lifts import LiftDraft, draft_lifts, lift_block_orders
from ledger.orders.vocabulary import LiftBasis
from schema.authority import ORDERS_APPROVE, ORDERS_DRAFT
from schema.fields import field
from schema.info import Info
from schema.orders.results import BlockOrdersPayload


@fed.input(description="One block to be lifted.")
class BlockOrderLiftInput:
    order_id: strawberry.ID = strawberry.field(description="The order whose block is lifted.")
    basis: LiftBasis = strawberry.field(description="The ground.")
    note: str = strawberry.field(description="The explanation; it is kept with the order.")

    def draft(self) -> LiftDraft:
        return LiftDraft(order_id=self.order_id, basis=self.basis, note=self.note)


@fed.input(description="Lifts to be drafted, at most 1,000.")
class DraftLiftsInput:
    lifts: list[BlockOrderLiftInput] = strawberry.field(description="One for each order, at most 1,000.")


@fed.input(description="Blocks to be lifted, at most 1,000.")
class LiftBlockOrdersInput:
    lifts: list[BlockOrderLiftInput] = strawberry.field(description="One for each order, at most 1,000.")


@fed.type(description="The result of draftLifts.")
class DraftLiftsPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of liftBlockOrders.")
class LiftBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type
class OrderLiftingMutations:
    @field(
        "Draft lifts of blocks. A different officer approves them with approveBlockOrders, and each then has its own"
        " due time; the block stands meanwhile. A lift that is already pending is replaced.",
        needs=ORDERS_DRAFT,
    )
    async def draft_lifts(
        self,
        info: Info,
        input: Annotated[DraftLiftsInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> DraftLiftsPayload | None:
        lifts = [item.draft() for item in input.lifts]
        return DraftLiftsPayload.of(await info.context.write(draft_lifts, lifts))

    @field(
        "Issue lifts alone, in an emergency; refused with EMERGENCY_OFF unless the regulator's policy allows it."
        " Another officer confirms them afterwards.",
        needs=ORDERS_APPROVE,
    )
    async def lift_block_orders(
        self,
        info: Info,
        input: Annotated[LiftBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> LiftBlockOrdersPayload | None:
        lifts = [item.draft() for item in input.lifts]
        return LiftBlockOrdersPayload.of(await info.context.write(lift_block_orders, lifts))
