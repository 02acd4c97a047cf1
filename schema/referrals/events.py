"""The subscription to events of referrals, live and after a gap."""

from collections.abc import AsyncGenerator
from datetime import datetime

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.referrals.states import ReferralState
from ledger.referrals.vocabulary import (
    DeclineReason,
    ReferralAction,
    ReferralGround,
    ResponseKind,
    ResponseMark,
    WithdrawalReason,
)
from resolvers.batches import REFERRALS, follow
from resolvers.sources import Message
from schema.authority import REFERRALS_READ
from schema.feed.subscriptions import CURSOR, EVENT, FollowAfter, read_said, read_state
from schema.fields import field, subscription
from schema.info import Info
from schema.referrals.types import Referral, find_referral
from schema.scalars import FeedCursor


@fed.type(
    description=(
        "Something that happened to a referral. Its own fields describe the state at that time and do not change later."
    ),
    requires_scopes=REFERRALS_READ,
)
class ReferralEvent:
    position: Position = strawberry.field(description="Its place in the feed.")
    kind: EventKind = strawberry.field(description="What happened.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    referral_id: strawberry.ID = strawberry.field(description="The referral it concerns.")
    referral_no: str | None = strawberry.field(description="The referral's human-readable number.")
    state: ReferralState | None = strawberry.field(description="The referral's state after the event.")
    response_id: strawberry.ID | None = strawberry.field(description="The response it concerns.")
    response: ResponseKind | None = strawberry.field(description="What the provider said.")
    action: ReferralAction | None = strawberry.field(description="What the provider did.")
    ground: ReferralGround | None = strawberry.field(description="On which ground it did that.")
    decline_reason: DeclineReason | None = strawberry.field(description="Why it declined, if it said so.")
    mark: ResponseMark | None = strawberry.field(description="Why a response had no effect on the referral's state.")
    withdrawal_reason: WithdrawalReason | None = strawberry.field(description="Why it was withdrawn.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its content; erased fields are null."
    )

    @field("The referral as it is now, if you may still see it.")
    async def referral(self, info: Info) -> Referral | None:
        return await find_referral(info.context, self.referral_id)

    @classmethod
    def of(cls, entry: Entry) -> "ReferralEvent":
        is_withdrawal = entry.kind is EventKind.REFERRAL_WITHDRAWN
        return cls(
            position=entry.position,
            kind=entry.kind,
            recorded_at=entry.recorded_at,
            referral_id=strawberry.ID(entry.subject_id),
            referral_no=read_said(entry, "referralNo", str),
            state=read_state(entry, ReferralState),
            response_id=read_said(entry, "responseId", strawberry.ID),
            response=read_said(entry, "response", ResponseKind),
            action=read_said(entry, "action", ReferralAction),
            ground=read_said(entry, "ground", ReferralGround),
            decline_reason=None if is_withdrawal else read_said(entry, "reason", DeclineReason),
            mark=read_said(entry, "mark", ResponseMark),
            withdrawal_reason=read_said(entry, "reason", WithdrawalReason) if is_withdrawal else None,
            erased_at=entry.erased_at,
        )


@fed.type(description="A message about referrals.", requires_scopes=REFERRALS_READ)
class ReferralMessage:
    cursor: FeedCursor = strawberry.field(description=CURSOR)
    event: ReferralEvent | None = strawberry.field(description=EVENT)

    @classmethod
    def of(cls, message: Message) -> "ReferralMessage":
        event = ReferralEvent.of(message.entry) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), event=event)


@fed.type
class ReferralSubscriptions:
    @subscription("What happens to referrals that you may see.", needs=REFERRALS_READ, tells=ReferralMessage.of)
    async def referral_events(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it and supplies the messages
    ) -> AsyncGenerator[ReferralMessage | None, None]:
        """Errors: CURSOR_INVALID, CURSOR_EXPIRED."""
        async for message in follow(info.context, REFERRALS):
            yield ReferralMessage.of(message)
