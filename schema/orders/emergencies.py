"""Emergencies: one officer issues an order alone, and another confirms it in time."""

from typing import Annotated

import strawberry
import strawberry.federation as fed

from ledger.orders.emergencies import Confirmation, EmergencyIssue, confirm_block_orders, issue_in_emergency
from schema.authority import ORDERS_APPROVE
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.orders.results import BlockOrdersPayload


@fed.input(description="One of your drafts to be issued alone.")
class EmergencyIssueInput:
    order_id: strawberry.ID = strawberry.field(description="The draft.")
    content_hash: str = strawberry.field(description="The draft's contentHash as you read it.")
    note: str = strawberry.field(description="Why it can't wait for another officer.")


@fed.input(description="Your drafts to be issued alone, at most 1,000.")
class IssueBlockOrdersInEmergencyInput:
    orders: list[EmergencyIssueInput] = strawberry.field(description="One for each draft, at most 1,000.")


@fed.input(description="One order or lift that another officer issued alone.")
class ConfirmationInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    content_hash: str = strawberry.field(description="The order's contentHash as you read it.")


@fed.input(description="Orders and lifts to be confirmed, at most 1,000.")
class ConfirmBlockOrdersInput:
    confirmations: list[ConfirmationInput] = strawberry.field(description="One for each order, at most 1,000.")


@fed.type(description="The result of issueBlockOrdersInEmergency.")
class IssueBlockOrdersInEmergencyPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of confirmBlockOrders.")
class ConfirmBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type
class OrderEmergencyMutations:
    @field(
        "Issue your own drafts alone, in an emergency; refused with EMERGENCY_OFF unless the regulator's policy allows"
        " it. Unless another officer confirms an order in time, it is withdrawn or its lift is issued by itself.",
        needs=ORDERS_APPROVE,
    )
    async def issue_block_orders_in_emergency(
        self,
        info: Info,
        input: Annotated[IssueBlockOrdersInEmergencyInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> IssueBlockOrdersInEmergencyPayload | None:
        issues = [EmergencyIssue(**given(item)) for item in input.orders]
        return IssueBlockOrdersInEmergencyPayload.of(await info.context.write(issue_in_emergency, issues))

    @field("Confirm orders and lifts that another officer issued alone in an emergency.", needs=ORDERS_APPROVE)
    async def confirm_block_orders(
        self,
        info: Info,
        input: Annotated[ConfirmBlockOrdersInput, strawberry.argument(description="The orders.")],  # noqa: A002
    ) -> ConfirmBlockOrdersPayload | None:
        confirmations = [Confirmation(**given(item)) for item in input.confirmations]
        return ConfirmBlockOrdersPayload.of(await info.context.write(confirm_block_orders, confirmations))
