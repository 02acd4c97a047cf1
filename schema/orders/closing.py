"""Ending issued block orders: withdrawing, closing."""

from typing import Annotated

import strawberry
import strawberry.federation as fed

from ledger.orders.closing import close_block_orders, withdraw_block_orders
from schema.authority import ORDERS_APPROVE
from schema.fields import field
from schema.info import Info
from schema.orders.results import BlockOrderNotesInput, BlockOrdersPayload


@fed.input(description="Orders to be withdrawn before they are executed, at most 1,000.")
class WithdrawBlockOrdersInput(BlockOrderNotesInput):
    pass


@fed.input(description="Impossible orders or lifts to be closed, at most 1,000.")
class CloseBlockOrdersInput(BlockOrderNotesInput):
    pass


@fed.type(description="The result of withdrawBlockOrders.")
class WithdrawBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of closeBlockOrders.")
class CloseBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type
class OrderEndingMutations:
    @field("Withdraw orders that no carrier has executed.", needs=ORDERS_APPROVE)
    async def withdraw_block_orders(
        self,
        info: Info,
        input: Annotated[WithdrawBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> WithdrawBlockOrdersPayload | None:
        return WithdrawBlockOrdersPayload.of(await info.context.write(withdraw_block_orders, input.drafts()))

    @field("Close orders, or lifts, that can never be executed.", needs=ORDERS_APPROVE)
    async def close_block_orders(
        self,
        info: Info,
        input: Annotated[CloseBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> CloseBlockOrdersPayload | None:
        return CloseBlockOrdersPayload.of(await info.context.write(close_block_orders, input.drafts()))
