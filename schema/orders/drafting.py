"""Drafting block orders and changing drafts."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.orders.closing import discard_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.revisions import Revision, revise_block_orders
from ledger.orders.vocabulary import BlockScope
from ledger.vocabulary import Category
from schema.authority import ORDERS_DRAFT
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.orders.results import BlockOrderNotesInput, BlockOrdersPayload


@fed.input(
    description="An order to be drafted, based on exactly one of: a number, complaints, or an order it replaces."
)
class BlockOrderDraftInput:
    legal_basis: str = strawberry.field(description="Its legal basis.")
    summary: str = strawberry.field(description="Your summary; the carrier reads it instead of the complaints.")
    subscriber_notice: str = strawberry.field(
        description="The notice to the subscriber: the reason, and how to appeal."
    )
    number: str | None = strawberry.field(
        description="A number whose verified complaints await an order.", default=UNSET
    )
    complaint_ids: list[strawberry.ID] | None = strawberry.field(
        description="Verified complaints, all about one number.", default=UNSET
    )
    supersedes_id: strawberry.ID | None = strawberry.field(
        description="An impossible order that this one replaces; this one is addressed to the number's current holder.",
        default=UNSET,
    )
    scope: BlockScope | None = strawberry.field(
        description="How much of the line to block; OUTGOING_VOICE_SMS by default.", default=UNSET
    )
    category: Category | None = strawberry.field(
        description="The category; by default, the most frequent one among the complaints.", default=UNSET
    )

    def draft(self) -> OrderDraft:
        values = given(self, without=("complaint_ids",))
        return OrderDraft(**values, complaint_ids=tuple(self.complaint_ids or ()))


@fed.input(description="Orders to be drafted, at most 1,000.")
class DraftBlockOrdersInput:
    drafts: list[BlockOrderDraftInput] = strawberry.field(description="The drafts, at most 1,000.")


@fed.input(description="What to change in one order. Fields that are left out stay the same.")
class BlockOrderRevisionInput:
    order_id: strawberry.ID = strawberry.field(description="The order.")
    scope: BlockScope | None = strawberry.field(description="How much of the line to block.", default=UNSET)
    summary: str | None = strawberry.field(description="Your summary for the carrier.", default=UNSET)
    subscriber_notice: str | None = strawberry.field(description="The notice to the subscriber.", default=UNSET)
    legal_basis: str | None = strawberry.field(description="Its legal basis.", default=UNSET)
    content_hash: str | None = strawberry.field(
        description=(
            "The contentHash of what you read. It is required to issue an order again without a change; otherwise it is"
            " checked if you give it."
        ),
        default=UNSET,
    )

    def revision(self) -> Revision:
        return Revision(**given(self))


@fed.input(description="Drafts to be changed, at most 1,000.")
class ReviseBlockOrdersInput:
    revisions: list[BlockOrderRevisionInput] = strawberry.field(description="One for each draft, at most 1,000.")


@fed.input(description="Drafts to be discarded, at most 1,000.")
class DiscardBlockOrdersInput(BlockOrderNotesInput):
    pass


@fed.type(description="The result of draftBlockOrders.")
class DraftBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of reviseBlockOrders.")
class ReviseBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type(description="The result of discardBlockOrders.")
class DiscardBlockOrdersPayload(BlockOrdersPayload):
    pass


@fed.type
class OrderDraftingMutations:
    @field("Draft block orders from verified complaints. A different officer approves them.", needs=ORDERS_DRAFT)
    async def draft_block_orders(
        self,
        info: Info,
        input: Annotated[DraftBlockOrdersInput, strawberry.argument(description="The drafts.")],  # noqa: A002
    ) -> DraftBlockOrdersPayload | None:
        drafts = [item.draft() for item in input.drafts]
        return DraftBlockOrdersPayload.of(await info.context.write(draft_block_orders, drafts))

    @field(
        "Change drafts, and draft the next version of orders that the carrier could not execute. Whoever revises a "
        "draft becomes its drafter, so that a different officer has to approve it.",
        needs=ORDERS_DRAFT,
    )
    async def revise_block_orders(
        self,
        info: Info,
        input: Annotated[ReviseBlockOrdersInput, strawberry.argument(description="The changes.")],  # noqa: A002
    ) -> ReviseBlockOrdersPayload | None:
        revisions = [item.revision() for item in input.revisions]
        return ReviseBlockOrdersPayload.of(await info.context.write(revise_block_orders, revisions))

    @field("Discard drafts, or the proposals of issued orders, which then stand as they are.", needs=ORDERS_DRAFT)
    async def discard_block_orders(
        self,
        info: Info,
        input: Annotated[DiscardBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> DiscardBlockOrdersPayload | None:
        return DiscardBlockOrdersPayload.of(await info.context.write(discard_block_orders, input.drafts()))
