"""What happens to block requests, told as it happens and after a gap."""

from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.orders.states import ExtensionState, OrderState
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark, LiftBasis
from resolvers.batches import BLOCK_REQUESTS, Message, follow
from schema.authority import ORDERS_READ
from schema.feed.subscriptions import CURSOR, EVENT, FollowAfter, read_moment, read_said, read_state
from schema.fields import field, subscription
from schema.info import Info
from schema.orders.types import BlockOrder, find_order
from schema.scalars import FeedCursor


@fed.type(
    description="Something that happened to a block request. Its own fields tell how it was then, and don't change.",
    requires_scopes=ORDERS_READ,
)
class BlockRequestEvent:
    """The graph's BlockRequestEvent."""

    position: Position = strawberry.field(description="Its place in the feed.")
    kind: EventKind = strawberry.field(description="What happened.")
    recorded_at: datetime = strawberry.field(description="When it was written.")
    block_order_id: strawberry.ID = strawberry.field(description="The block order that it is about.")
    order_no: str | None = strawberry.field(description="The order's number as people say it.")
    version: int | None = strawberry.field(description="The order's version after it.")
    state: OrderState | None = strawberry.field(description="The order's state after it.")
    due_at: datetime | None = strawberry.field(description="Until when an answer is owed, where this moved it.")
    acknowledgement_id: strawberry.ID | None = strawberry.field(description="The acknowledgement that this is about.")
    acknowledgement: AcknowledgementKind | None = strawberry.field(description="What the carrier said.")
    reason: str | None = strawberry.field(description="Why, from the list that goes with the kind.")
    is_late: bool | None = strawberry.field(description="Whether the carrier said it after the due time.")
    mark: AcknowledgementMark | None = strawberry.field(description="Why an acknowledgement moved nothing.")
    lift_basis: LiftBasis | None = strawberry.field(description="On what ground the block is lifted.")
    extension_state: ExtensionState | None = strawberry.field(description="What was decided on more time.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased what it says; what was erased is null."
    )

    @field("The block order as it is now, where you may still see it.")
    async def block_order(self, info: Info) -> BlockOrder | None:
        """Batched over all events that are told together."""
        return await find_order(info.context, self.block_order_id)

    @classmethod
    def of(cls, entry: Entry) -> "BlockRequestEvent":
        """From an entry of the feed."""
        return cls(
            position=entry.position,
            kind=entry.kind,
            recorded_at=entry.recorded_at,
            block_order_id=strawberry.ID(entry.subject_id),
            order_no=read_said(entry, "orderNo", str),
            version=read_said(entry, "version", int),
            state=read_state(entry, OrderState),
            due_at=read_moment(entry, "dueAt"),
            acknowledgement_id=read_said(entry, "acknowledgementId", strawberry.ID),
            acknowledgement=read_said(entry, "acknowledgement", AcknowledgementKind),
            reason=read_said(entry, "reason", str),
            is_late=read_said(entry, "late", bool),
            mark=read_said(entry, "mark", AcknowledgementMark),
            lift_basis=read_said(entry, "basis", LiftBasis),
            extension_state=read_said(entry, "extension", ExtensionState),
            erased_at=entry.erased_at,
        )


@fed.type(description="A message about block requests.", requires_scopes=ORDERS_READ)
class BlockRequestMessage:
    """The graph's BlockRequestMessage."""

    cursor: FeedCursor = strawberry.field(description=CURSOR)
    event: BlockRequestEvent | None = strawberry.field(description=EVENT)

    @classmethod
    def of(cls, message: Message) -> "BlockRequestMessage":
        """From a message of the batch."""
        event = BlockRequestEvent.of(message.entry) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), event=event)


@fed.type
class BlockRequestSubscriptions:
    """Following block requests."""

    @subscription("What happens to block requests that you may see.", needs=ORDERS_READ)
    async def block_request_events(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it, and hands in what follows
    ) -> AsyncGenerator[BlockRequestMessage | None, None]:
        """Errors: CURSOR_INVALID, CURSOR_EXPIRED."""
        async for message in follow(info.context, BLOCK_REQUESTS):
            yield BlockRequestMessage.of(message)
