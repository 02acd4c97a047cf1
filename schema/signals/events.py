"""The subscription to fraud signal events, live and after a gap."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed.entries import Entry
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import Position
from ledger.numbers.vocabulary import RiskTier
from ledger.signals.states import SignalState
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.vocabulary import Category
from resolvers.batches import follow
from resolvers.signals import make_source
from resolvers.sources import Message
from schema.authority import SIGNALS_READ
from schema.feed.subscriptions import CURSOR, EVENT, FollowAfter, read_said, read_state
from schema.fields import field, subscription
from schema.info import Info
from schema.models import optional
from schema.scalars import FeedCursor
from schema.signals.types import FraudSignal, find_signal


@fed.type(
    description=(
        "Something that happened to a fraud signal. Its own fields describe the state at that time and do not "
        "change later."
    ),
    requires_scopes=SIGNALS_READ,
)
class FraudSignalEvent:
    position: Position = strawberry.field(description="Its place in the feed.")
    kind: EventKind = strawberry.field(description="What happened.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    signal_id: strawberry.ID = strawberry.field(description="The signal it concerns.")
    category: Category | None = strawberry.field(description="The signal's category.")
    risk: RiskTier | None = strawberry.field(description="The signal's risk after the event.")
    risk_before: RiskTier | None = strawberry.field(description="The risk before the event, if the event changed it.")
    state: SignalState | None = strawberry.field(description="The signal's state after the event.")
    revoked_reason: SignalRevokedReason | None = strawberry.field(description="Why the signal was revoked.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its content; erased fields are null."
    )

    @field("The signal as it is now, if you may still see it.")
    async def signal(self, info: Info) -> FraudSignal | None:
        return await find_signal(info.context, self.signal_id)

    @classmethod
    def of(cls, entry: Entry) -> "FraudSignalEvent":
        return cls(
            position=entry.position,
            kind=entry.kind,
            recorded_at=entry.recorded_at,
            signal_id=strawberry.ID(entry.subject_id),
            category=read_said(entry, "category", Category),
            risk=read_said(entry, "risk", RiskTier),
            risk_before=read_said(entry, "riskBefore", RiskTier),
            state=read_state(entry, SignalState),
            revoked_reason=read_said(entry, "reason", SignalRevokedReason),
            erased_at=entry.erased_at,
        )


@fed.type(description="A message about fraud signals.", requires_scopes=SIGNALS_READ)
class FraudSignalMessage:
    cursor: FeedCursor = strawberry.field(description=CURSOR)
    event: FraudSignalEvent | None = strawberry.field(description=EVENT)

    @classmethod
    def of(cls, message: Message) -> "FraudSignalMessage":
        event = FraudSignalEvent.of(message.entry) if message.entry else None
        return cls(cursor=FeedCursor(message.cursor), event=event)


@fed.type
class SignalSubscriptions:
    @subscription(
        "What happens to fraud signals that you may see. A provider needs a participation in "
        "force, and its stream ends with it. Revocations and expiries are sent whatever you "
        "follow, and so is a drop in risk below what you follow.",
        needs=SIGNALS_READ,
    )
    async def fraud_signals(
        self,
        info: Info,
        after: FollowAfter = UNSET,  # noqa: ARG002 - the gateway reads it and supplies the messages
        categories: Annotated[
            list[Category] | None,
            strawberry.argument(description="Only these categories; all of them if omitted or empty."),
        ] = UNSET,
        minimum_risk: Annotated[
            RiskTier | None, strawberry.argument(description="Only signals with at least this risk.")
        ] = UNSET,
    ) -> AsyncGenerator[FraudSignalMessage | None, None]:
        """Errors: PARTICIPATION_MISSING, CURSOR_INVALID, CURSOR_EXPIRED."""
        source = make_source(categories=optional(categories), minimum_risk=optional(minimum_risk))
        async for message in follow(info.context, source):
            yield FraudSignalMessage.of(message)
