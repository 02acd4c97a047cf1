"""The subscription to what happens to participations and to what both sides sign."""

from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import Position
from ledger.participations.states import ParticipationState, ProposalState
from ledger.participations.vocabulary import Disclosure, ParticipationEndReason, Party
from resolvers.batches import follow
from resolvers.participations import PARTICIPATIONS
from resolvers.sources import Message
from schema.authority import PARTICIPATION_READERS
from schema.feed.subscriptions import CURSOR, EVENT, FollowAfter, read_said, read_state
from schema.fields import subscription
from schema.info import Info
from schema.scalars import FeedCursor


@fed.type(
    description=(
        "Something that happened to a participation, or to terms that both sides sign. Its fields describe the state "
        "at that time and do not change later."
    ),
    requires_scopes=PARTICIPATION_READERS,
)
class ParticipationEvent:
    position: Position = strawberry.field(description="Its place in the feed.")
    kind: EventKind = strawberry.field(description="What happened.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    participation_id: strawberry.ID | None = strawberry.field(description="The participation that it concerns.")
    proposal_id: strawberry.ID | None = strawberry.field(description="The proposal that it concerns.")
    terms_id: strawberry.ID | None = strawberry.field(description="The version of the terms that was published.")
    participation_state: ParticipationState | None = strawberry.field(
        description="The participation's state after the event."
    )
    proposal_state: ProposalState | None = strawberry.field(description="The proposal's state after the event.")
    disclosure: Disclosure | None = strawberry.field(description="How the participation's terms disclose numbers.")
    ended_reason: ParticipationEndReason | None = strawberry.field(description="Why the participation ended.")
    party: Party | None = strawberry.field(description="The side that did it, where either may.")
    content_hash: str | None = strawberry.field(description="The hash of what is signed.")
    terms_hash: str | None = strawberry.field(description="The hash of the version of the terms.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its content; erased fields are null."
    )

    @classmethod
    def of(cls, entry: Entry) -> "ParticipationEvent":
        is_proposal = entry.subject is Subject.PARTICIPATION_PROPOSAL
        is_participation = entry.subject is Subject.PARTICIPATION
        subject_id = strawberry.ID(entry.subject_id)
        followed = read_said(entry, "participationId", strawberry.ID)
        return cls(
            position=entry.position,
            kind=entry.kind,
            recorded_at=entry.recorded_at,
            participation_id=subject_id if is_participation else followed,
            proposal_id=subject_id if is_proposal else None,
            terms_id=subject_id if entry.subject is Subject.PARTICIPATION_TERMS else None,
            participation_state=read_state(entry, ParticipationState) if is_participation else None,
            proposal_state=read_state(entry, ProposalState) if is_proposal else None,
            disclosure=read_said(entry, "disclosure", Disclosure),
            ended_reason=read_said(entry, "reason", ParticipationEndReason),
            party=read_said(entry, "party", Party),
            content_hash=read_said(entry, "contentHash", str),
            terms_hash=read_said(entry, "termsHash", str),
            erased_at=entry.erased_at,
        )


@fed.type(description="A message about participations.", requires_scopes=PARTICIPATION_READERS)
class ParticipationMessage:
    cursor: FeedCursor = strawberry.field(description=CURSOR)
    event: ParticipationEvent | None = strawberry.field(description=EVENT)

    @classmethod
    def of(cls, message: Message) -> "ParticipationMessage":
        event = ParticipationEvent.of(message.entry) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), event=event)


@fed.type
class ParticipationSubscriptions:
    @subscription(
        "What happens to participations that you may see, and to terms that are published, offered and signed.",
        needs=PARTICIPATION_READERS,
        tells=ParticipationMessage.of,
    )
    async def participation_events(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it and supplies the messages
    ) -> AsyncGenerator[ParticipationMessage | None, None]:
        """Errors: CURSOR_INVALID, CURSOR_EXPIRED."""
        async for message in follow(info.context, PARTICIPATIONS):
            yield ParticipationMessage.of(message)
