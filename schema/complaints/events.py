"""The subscription to complaint events, live and after a gap: outcomes for sources, new work for the regulator."""

from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.complaints.decisions import Decision
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome, Medium, RejectionReason
from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.vocabulary import Category
from resolvers.batches import COMPLAINTS, follow
from resolvers.sources import Message
from schema.authority import COMPLAINTS_READ
from schema.complaints.types import Complaint, find_complaint
from schema.feed.subscriptions import CURSOR, EVENT, FollowAfter, read_said, read_state
from schema.fields import field, subscription
from schema.info import Info
from schema.scalars import FeedCursor


@fed.type(
    description=(
        "Something that happened to a complaint. Its own fields describe the state at that time and do not "
        "change later."
    ),
    requires_scopes=COMPLAINTS_READ,
)
class ComplaintEvent:
    position: Position = strawberry.field(description="Its place in the feed.")
    kind: EventKind = strawberry.field(description="What happened.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    complaint_id: strawberry.ID = strawberry.field(description="The complaint it concerns.")
    state: ComplaintState | None = strawberry.field(description="The complaint's state after the event.")
    category: Category | None = strawberry.field(description="For a filed complaint, what it is about.")
    medium: Medium | None = strawberry.field(
        description="For a filed complaint, how the offender reached the complainant."
    )
    decision: Decision | None = strawberry.field(description="What an officer decided.")
    reason: RejectionReason | None = strawberry.field(description="Why it was rejected.")
    outcome: ComplaintOutcome | None = strawberry.field(description="The complaint's outcome.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its content; erased fields are null."
    )

    @field("The complaint as it is now, if you may still see it.")
    async def complaint(self, info: Info) -> Complaint | None:
        return await find_complaint(info.context, self.complaint_id)

    @classmethod
    def of(cls, entry: Entry) -> "ComplaintEvent":
        return cls(
            position=entry.position,
            kind=entry.kind,
            recorded_at=entry.recorded_at,
            complaint_id=strawberry.ID(entry.subject_id),
            state=read_state(entry, ComplaintState),
            category=read_said(entry, "category", Category),
            medium=read_said(entry, "medium", Medium),
            decision=read_said(entry, "decision", Decision),
            reason=read_said(entry, "reason", RejectionReason),
            outcome=read_said(entry, "outcome", ComplaintOutcome),
            erased_at=entry.erased_at,
        )


@fed.type(description="A message about complaints.", requires_scopes=COMPLAINTS_READ)
class ComplaintMessage:
    cursor: FeedCursor = strawberry.field(description=CURSOR)
    event: ComplaintEvent | None = strawberry.field(description=EVENT)

    @classmethod
    def of(cls, message: Message) -> "ComplaintMessage":
        event = ComplaintEvent.of(message.entry) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), event=event)


@fed.type
class ComplaintSubscriptions:
    @subscription("What happens to complaints that you may see.", needs=COMPLAINTS_READ, tells=ComplaintMessage.of)
    async def complaint_events(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it and supplies the messages
    ) -> AsyncGenerator[ComplaintMessage | None, None]:
        """Errors: CURSOR_INVALID, CURSOR_EXPIRED."""
        async for message in follow(info.context, COMPLAINTS):
            yield ComplaintMessage.of(message)
