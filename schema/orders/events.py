"""The subscription to block request events, live and after a gap."""

from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.orders.states import ExtensionState, OrderState
from ledger.orders.vocabulary import AcknowledgementKind, AcknowledgementMark, LiftBasis, ProposalKind
from resolvers.batches import BLOCK_REQUESTS, follow
from resolvers.sources import Message
from schema.authority import ORDERS_READ
from schema.feed.subscriptions import CURSOR, EVENT, FollowAfter, read_moment, read_said, read_state
from schema.fields import field, subscription
from schema.info import Info
from schema.orders.types import BlockOrder, find_order
from schema.scalars import FeedCursor


@fed.type(
    description=(
        "Something that happened to a block request. Its own fields describe the state at that time and do not"
        " change later."
    ),
    requires_scopes=ORDERS_READ,
)
class BlockRequestEvent:
    position: Position = strawberry.field(description="Its place in the feed.")
    kind: EventKind = strawberry.field(description="What happened.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    block_order_id: strawberry.ID = strawberry.field(description="The block order it concerns.")
    order_no: str | None = strawberry.field(description="The order's human-readable number.")
    version: int | None = strawberry.field(description="The order's version after the event.")
    state: OrderState | None = strawberry.field(description="The order's state after the event.")
    due_at: datetime | None = strawberry.field(description="When an answer is due, if the event changed that.")
    former_due_at: datetime | None = strawberry.field(
        description="When it was due before an outage of the gateway extended that."
    )
    acknowledgement_id: strawberry.ID | None = strawberry.field(description="The acknowledgement it concerns.")
    acknowledgement: AcknowledgementKind | None = strawberry.field(description="What the carrier reported.")
    reason: str | None = strawberry.field(description="The reason, from the list that belongs to the kind.")
    is_late: bool | None = strawberry.field(description="Whether the carrier reported it after the due time.")
    mark: AcknowledgementMark | None = strawberry.field(
        description="Why an acknowledgement had no effect on the order's state."
    )
    corrects: strawberry.ID | None = strawberry.field(description="The earlier acknowledgement that this one replaces.")
    lift_basis: LiftBasis | None = strawberry.field(description="The ground on which the block is lifted.")
    is_emergency: bool | None = strawberry.field(
        description="Whether one officer issued it alone, in an emergency; set when an order or a lift is issued so."
    )
    proposal: ProposalKind | None = strawberry.field(description="What was proposed for the order.")
    extension_state: ExtensionState | None = strawberry.field(
        description="What was decided on the request for more time."
    )
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its content; erased fields are null."
    )

    @field("The block order as it is now, if you may still see it.")
    async def block_order(self, info: Info) -> BlockOrder | None:
        return await find_order(info.context, self.block_order_id)

    @classmethod
    def of(cls, entry: Entry) -> "BlockRequestEvent":
        return cls(
            position=entry.position,
            kind=entry.kind,
            recorded_at=entry.recorded_at,
            block_order_id=strawberry.ID(entry.subject_id),
            order_no=read_said(entry, "orderNo", str),
            version=read_said(entry, "version", int),
            state=read_state(entry, OrderState),
            due_at=read_moment(entry, "dueAt"),
            former_due_at=read_moment(entry, "formerDueAt"),
            acknowledgement_id=read_said(entry, "acknowledgementId", strawberry.ID),
            acknowledgement=read_said(entry, "acknowledgement", AcknowledgementKind),
            reason=read_said(entry, "reason", str),
            is_late=read_said(entry, "late", bool),
            mark=read_said(entry, "mark", AcknowledgementMark),
            corrects=read_said(entry, "corrects", strawberry.ID),
            lift_basis=read_said(entry, "basis", LiftBasis),
            is_emergency=read_said(entry, "emergency", bool),
            proposal=read_said(entry, "proposal", ProposalKind),
            extension_state=read_said(entry, "extension", ExtensionState),
            erased_at=entry.erased_at,
        )


@fed.type(description="A message about block requests.", requires_scopes=ORDERS_READ)
class BlockRequestMessage:
    cursor: FeedCursor = strawberry.field(description=CURSOR)
    event: BlockRequestEvent | None = strawberry.field(description=EVENT)

    @classmethod
    def of(cls, message: Message) -> "BlockRequestMessage":
        event = BlockRequestEvent.of(message.entry) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), event=event)


@fed.type
class BlockRequestSubscriptions:
    @subscription("What happens to block requests that you may see.", needs=ORDERS_READ, tells=BlockRequestMessage.of)
    async def block_request_events(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it and supplies the messages
    ) -> AsyncGenerator[BlockRequestMessage | None, None]:
        """Errors: CURSOR_INVALID, CURSOR_EXPIRED."""
        async for message in follow(info.context, BLOCK_REQUESTS):
            yield BlockRequestMessage.of(message)
