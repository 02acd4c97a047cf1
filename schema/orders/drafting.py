"""Drafting block orders and changing drafts."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.orders.approval import Revision
from ledger.orders.drafting import OrderDraft
from ledger.orders.vocabulary import BlockScope
from ledger.vocabulary import Category
from resolvers import orders as resolve
from schema.authority import ORDERS_DRAFT
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.orders.results import BlockOrderNotesInput, BlockOrdersPayload


@fed.input(description="An order to be drafted, on exactly one ground: a number, complaints, or an order it replaces.")
class BlockOrderDraftInput:
    """The graph's OrderDraft."""

    legal_basis: str = strawberry.field(description="The rule that it rests on.")
    summary: str = strawberry.field(description="Your summary; the carrier reads it instead of the complaints.")
    subscriber_notice: str = strawberry.field(description="What the subscriber is told: the reason and how to appeal.")
    number: str | None = strawberry.field(
        description="A number of which verified complaints await an order.", default=UNSET
    )
    complaint_ids: list[strawberry.ID] | None = strawberry.field(
        description="Verified complaints, all of one number.", default=UNSET
    )
    supersedes_id: strawberry.ID | None = strawberry.field(
        description="An impossible order that this one replaces, now addressed to the number's present holder.",
        default=UNSET,
    )
    scope: BlockScope | None = strawberry.field(
        description="How much of the line; OUTGOING_VOICE_SMS when it is not given.", default=UNSET
    )
    category: Category | None = strawberry.field(
        description="What for; the complaints' most frequent category when it is not given.", default=UNSET
    )

    def draft(self) -> OrderDraft:
        """As the ledger takes it."""
        values = given(self, without=("complaint_ids",))
        return OrderDraft(**values, complaint_ids=tuple(self.complaint_ids or ()))


@fed.input(description="Orders to be drafted, at most 1,000.")
class DraftBlockOrdersInput:
    """The graph's DraftBlockOrdersInput."""

    drafts: list[BlockOrderDraftInput] = strawberry.field(description="The drafts, at most 1,000.")


@fed.input(description="What to change in one order. What is left out stays.")
class BlockOrderRevisionInput:
    """The graph's Revision."""

    order_id: strawberry.ID = strawberry.field(description="The order.")
    scope: BlockScope | None = strawberry.field(description="How much of the line.", default=UNSET)
    summary: str | None = strawberry.field(description="Your summary for the carrier.", default=UNSET)
    subscriber_notice: str | None = strawberry.field(description="What the subscriber is told.", default=UNSET)
    legal_basis: str | None = strawberry.field(description="The rule that it rests on.", default=UNSET)

    def revision(self) -> Revision:
        """As the ledger takes it."""
        return Revision(**given(self))


@fed.input(description="Drafts to be changed, at most 1,000.")
class ReviseBlockOrdersInput:
    """The graph's ReviseBlockOrdersInput."""

    revisions: list[BlockOrderRevisionInput] = strawberry.field(description="One for each draft, at most 1,000.")


@fed.input(description="Drafts to be dropped, at most 1,000.")
class DiscardBlockOrdersInput(BlockOrderNotesInput):
    """The graph's DiscardBlockOrdersInput."""


@fed.type(description="What draftBlockOrders answers.")
class DraftBlockOrdersPayload(BlockOrdersPayload):
    """The graph's DraftBlockOrdersPayload."""


@fed.type(description="What reviseBlockOrders answers.")
class ReviseBlockOrdersPayload(BlockOrdersPayload):
    """The graph's ReviseBlockOrdersPayload."""


@fed.type(description="What discardBlockOrders answers.")
class DiscardBlockOrdersPayload(BlockOrdersPayload):
    """The graph's DiscardBlockOrdersPayload."""


@fed.type
class OrderDraftingMutations:
    """What an officer does to drafts."""

    @field("Draft block orders from verified complaints. Another officer approves them.", needs=ORDERS_DRAFT)
    async def draft_block_orders(
        self,
        info: Info,
        input: Annotated[DraftBlockOrdersInput, strawberry.argument(description="The drafts.")],  # noqa: A002
    ) -> DraftBlockOrdersPayload | None:
        """One transaction."""
        drafts = [item.draft() for item in input.drafts]
        return DraftBlockOrdersPayload.of(await resolve.draft_orders(info.context, drafts))

    @field("Change drafts. Who revises becomes the drafter, so that another officer approves.", needs=ORDERS_DRAFT)
    async def revise_block_orders(
        self,
        info: Info,
        input: Annotated[ReviseBlockOrdersInput, strawberry.argument(description="The changes.")],  # noqa: A002
    ) -> ReviseBlockOrdersPayload | None:
        """One transaction."""
        revisions = [item.revision() for item in input.revisions]
        return ReviseBlockOrdersPayload.of(await resolve.revise_orders(info.context, revisions))

    @field("Drop drafts.", needs=ORDERS_DRAFT)
    async def discard_block_orders(
        self,
        info: Info,
        input: Annotated[DiscardBlockOrdersInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> DiscardBlockOrdersPayload | None:
        """One transaction."""
        return DiscardBlockOrdersPayload.of(await resolve.discard_orders(info.context, input.drafts()))
