"""Fraud signals as each viewer may see them."""

from datetime import date, datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET, Private

from ledger.identifiers import MemberId, OfficerId
from ledger.numbers.vocabulary import RiskTier
from ledger.signals import reading as signals
from ledger.signals.reading import SignalFilter
from ledger.signals.states import SignalState
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.viewer import ViewerKind
from ledger.vocabulary import Category
from resolvers import signals as resolve
from resolvers.context import Context
from schema.authority import NUMBERS_READ, SIGNAL_STAFF, SIGNALS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Officer, find_member, find_officer
from schema.models import copy_model, given_filter
from schema.numbers.types import PhoneNumber, find_number
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.scalars import E164
from schema.texts import CHECKED


@fed.type(description="A signal's number under one of your keys.", requires_scopes=SIGNALS_READ)
class SignalHash:
    key_id: strawberry.ID = strawberry.field(description="The key, as signalKeys names it.")
    hash: str = strawberry.field(description="HMAC-SHA256 of the number in E.164, in small hex.")


@fed.type(description="A member that contributed to a signal; the regulator's alone.", requires_scopes=SIGNAL_STAFF)
class SignalContributor:
    contribution_count: int = strawberry.field(description="How often it contributed.")
    first_recorded_at: datetime = strawberry.field(description="When it first did.")
    last_recorded_at: datetime = strawberry.field(description="When it last did.")
    member_id: Private[MemberId]

    @field("The member.")
    async def member(self, info: Info) -> Member | None:
        return await find_member(info.context, self.member_id)


@fed.type(description="A provider that was sent a signal; the regulator's alone.", requires_scopes=SIGNAL_STAFF)
class SignalRecipient:
    disclosed_at: datetime = strawberry.field(description="When it was sent the signal.")
    number_disclosed_at: datetime | None = strawberry.field(
        description="When it was sent the number in clear, if it was."
    )
    member_id: Private[MemberId]

    @field("The provider.")
    async def member(self, info: Info) -> Member | None:
        return await find_member(info.context, self.member_id)


@fed.type(
    description="What verified complaints say of a number: a category and how grave it is. A provider sees what it "
    "was sent, under its own hashes; a carrier its own range's.",
    keys=["id"],
    requires_scopes=SIGNALS_READ,
)
class FraudSignal:
    id: strawberry.ID = strawberry.field(description="Its id.")
    category: Category = strawberry.field(description="What the number is used for.")
    risk: RiskTier = strawberry.field(description="How grave it is; never NONE.")
    state: SignalState = strawberry.field(description="Where it stands.")
    first_seen_on: date = strawberry.field(description="The day of the first incident.")
    last_seen_on: date = strawberry.field(description="The day of the latest incident.")
    valid_until: datetime = strawberry.field(description="Until when it holds; each confirmation moves it.")
    corroboration_count: int = strawberry.field(
        description="How many members reported the same by themselves. Which ones, only the regulator sees."
    )
    revoked_reason: SignalRevokedReason | None = strawberry.field(description="Why it was revoked.")
    raised_at: datetime = strawberry.field(description="When it was raised.")
    changed_at: datetime = strawberry.field(description="When it last changed.")
    score: int | None = fed.field(
        description="Weighted distinct complainants, in hundredths; the regulator's alone.",
        requires_scopes=SIGNAL_STAFF,
    )
    revocation_note: str | None = fed.field(
        description="What the officer noted; the regulator's alone.", requires_scopes=SIGNAL_STAFF
    )
    held_e164: Private[str | None]
    revoker_id: Private[OfficerId | None]

    @field("The number: for the regulator, its range's carrier, and a provider whose terms say so. Else null.")
    async def e164(self, info: Info) -> E164 | None:
        if info.context.viewer.kind is not ViewerKind.OTT_PROVIDER:
            return None if self.held_e164 is None else E164(self.held_e164)
        number = await info.context.loaders.clear_numbers.load(self.id)
        return None if number is None else E164(number)

    @field("The number's hash under each of your keys in use; a provider's alone.", directives=[few(2)])
    async def hashes(self, info: Info) -> list[SignalHash] | None:
        found = await info.context.loaders.signal_hashes.load(self.id)
        return [copy_model(SignalHash, item) for item in found or []]

    @field("The number as far as you may see it; null for a provider.", needs=NUMBERS_READ)
    async def number(self, info: Info) -> PhoneNumber | None:
        return await find_number(info.context, self.held_e164)

    @field("Who revoked it; the regulator's alone.", needs=SIGNAL_STAFF)
    async def revoked_by(self, info: Info) -> Officer | None:
        return await find_officer(info.context, self.revoker_id)

    @field("Who contributed to it; the regulator's alone.", needs=SIGNAL_STAFF, directives=[few(5)])
    async def contributors(self, info: Info) -> list[SignalContributor] | None:
        found = await info.context.loaders.signal_contributors.load(self.id)
        return [copy_model(SignalContributor, item) for item in found or []]

    @field("Which providers were sent it; the regulator's alone.", needs=SIGNAL_STAFF, directives=[few(10)])
    async def recipients(self, info: Info) -> list[SignalRecipient] | None:
        found = await info.context.loaders.signal_recipients.load(self.id)
        return [copy_model(SignalRecipient, item) for item in found or []]

    @classmethod
    def of(cls, signal: signals.FraudSignal) -> "FraudSignal":
        return copy_model(cls, signal, held_e164=signal.e164, revoker_id=signal.revoked_by)

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "FraudSignal":  # noqa: A002 - the key's name
        return cls.of(await resolve.get_signal(info.context, id))


@fed.type(description="One page of fraud signals.", requires_scopes=SIGNALS_READ)
class FraudSignalConnection(Connection[FraudSignal]):
    pass


@fed.input(description="Which signals are wanted. What is left out asks for all.")
class FraudSignalFilter:
    categories: list[Category] | None = strawberry.field(description="Of one of these categories.", default=UNSET)
    minimum_risk: RiskTier | None = strawberry.field(description="At least so grave.", default=UNSET)
    states: list[SignalState] | None = strawberry.field(description="In one of these states.", default=UNSET)
    hashes: list[str] | None = strawberry.field(
        description="With one of these hashes, at most 1,000, which you made with a key of yours. Others find nothing.",
        default=UNSET,
    )
    e164s: list[E164] | None = strawberry.field(
        description="Of one of these numbers, at most 1,000; for the regulator and carriers. Others find nothing.",
        default=UNSET,
    )


async def find_signal(context: Context, signal_id: str) -> FraudSignal | None:
    """The signal, if the viewer may still see it; batched over the operation."""
    signal = await context.loaders.signals.load(signal_id)
    return FraudSignal.of(signal) if signal else None


@fed.type
class SignalQueries:
    @field("One fraud signal that you may see.", needs=SIGNALS_READ, extensions=[CHECKED])
    async def fraud_signal(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],  # noqa: A002 - the graph's name
    ) -> FraudSignal | None:
        """Errors: NOT_FOUND."""
        return FraudSignal.of(await resolve.get_signal(info.context, id))

    @field(
        "Fraud signals that you may see, newest first. A provider needs a participation in force.",
        needs=SIGNALS_READ,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def fraud_signals(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            FraudSignalFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> FraudSignalConnection | None:
        """Errors: PARTICIPATION_MISSING, TOO_MANY_ITEMS."""
        where = SignalFilter(**given_filter(filter))
        page = await resolve.list_signals(info.context, page_request(first, after), where)
        return FraudSignalConnection.of(page, FraudSignal.of, after=after)
