"""Fraud signals as each viewer may see them."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_members, load_officers
from ledger.numbers.reading import load_numbers
from ledger.numbers.vocabulary import RiskTier
from ledger.signals import reading, table
from ledger.signals.confirming import load_notices
from ledger.signals.reading import SignalFilter, are_keys_filled, list_signals
from ledger.signals.states import SignalState
from ledger.signals.vocabulary import SignalBasis, SignalRevokedReason
from ledger.viewer import ViewerKind
from ledger.vocabulary import Category
from resolvers import signals as resolve
from resolvers.context import Context
from schema.authority import NUMBERS_READ, SIGNAL_STAFF, SIGNALS_READ
from schema.fields import LOOKED_UP, field
from schema.info import Info
from schema.members.types import Member, Officer
from schema.models import Shown, given_filter
from schema.numbers.types import PhoneNumber
from schema.pages import PAGED, After, Connection, First, few, page_request
from schema.reads import many, one
from schema.scalars import E164
from schema.texts import CHECKED

if TYPE_CHECKING:
    from schema.signals.notices import SignalRevocationNotice


def _find_notice() -> type[Any]:
    from schema.signals.notices import SignalRevocationNotice

    return SignalRevocationNotice


@fed.type(description="A signal's number under one of your keys.", requires_scopes=SIGNALS_READ)
class SignalHash(Shown[table.SentSignal]):
    key_id: strawberry.ID = strawberry.field(description="The ID of the key, as in signalKeys.")
    hash: str = strawberry.field(description="The HMAC-SHA256 of the number in E.164, in lower-case hexadecimal.")


@fed.type(
    description="A member that contributed to a signal; visible to the regulator only.", requires_scopes=SIGNAL_STAFF
)
class SignalContributor(Shown[reading.SignalContributor]):
    contribution_count: int = strawberry.field(description="The number of its contributions.")
    first_recorded_at: datetime = strawberry.field(description="When it first contributed.")
    last_recorded_at: datetime = strawberry.field(description="When it last contributed.")

    member: Member | None = one("The member.", Member, load_members, by="member_id")


@fed.type(
    description="A provider that a signal was sent to; visible to the regulator only.", requires_scopes=SIGNAL_STAFF
)
class SignalRecipient(Shown[reading.SignalRecipient]):
    disclosed_at: datetime = strawberry.field(description="When the signal was sent to it.")
    number_disclosed_at: datetime | None = strawberry.field(
        description="When the number was disclosed to it in clear, if it was."
    )

    member: Member | None = one("The provider.", Member, load_members, by="member_id")


@fed.type(
    description="What verified complaints say about a number: the category of misuse and its risk. A provider "
    "sees the signals it was sent, with its own hashes; a carrier sees those in its own ranges.",
    keys=["id"],
    requires_scopes=SIGNALS_READ,
)
class FraudSignal(Shown[table.FraudSignal]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    category: Category = strawberry.field(description="What the number is used for.")
    risk: RiskTier = strawberry.field(description="How serious it is; never NONE.")
    state: SignalState = strawberry.field(description="Where it stands.")
    first_seen_on: date = strawberry.field(description="The day of the first incident.")
    last_seen_on: date = strawberry.field(description="The day of the latest incident.")
    valid_until: datetime = strawberry.field(description="Until when it is valid; each confirmation extends it.")
    corroboration_count: int = strawberry.field(
        description="The number of members that independently reported the same. Only the regulator sees which ones."
    )
    basis: SignalBasis = strawberry.field(description="What it stands on.")
    revoked_reason: SignalRevokedReason | None = strawberry.field(description="Why it was revoked.")
    raised_at: datetime = strawberry.field(description="When it was raised.")
    changed_at: datetime = strawberry.field(description="When it last changed.")
    score: int | None = fed.field(
        description="The weighted number of distinct complainants, in hundredths; visible to the regulator only.",
        requires_scopes=SIGNAL_STAFF,
    )
    revocation_note: str | None = fed.field(
        description="The officer's note; visible to the regulator only.", requires_scopes=SIGNAL_STAFF
    )

    @field(
        "The number, for the regulator, the carrier of its range, and a provider whose terms say so; otherwise null."
    )
    async def e164(self, info: Info) -> E164 | None:
        number = self.row.e164
        if info.context.viewer.kind is ViewerKind.OTT_PROVIDER:
            number = await info.context.loaders.clear_numbers.load(self.row.id)
        return None if number is None else E164(number)

    @field("The hash of the number under each of your keys in use; for providers only.", directives=[few(2)])
    async def hashes(self, info: Info) -> list[SignalHash] | None:
        found = await info.context.loaders.signal_hashes.load(self.row.id)
        return [SignalHash.of(item) for item in found or []]

    number: PhoneNumber | None = one(
        "The number as far as you may see it; null for a provider.",
        PhoneNumber,
        load_numbers,
        by="e164",
        needs=NUMBERS_READ,
    )

    revoked_by: Officer | None = one(
        "The officer who revoked it; visible to the regulator only.",
        Officer,
        load_officers,
        by="revoked_by",
        needs=SIGNAL_STAFF,
    )

    @field(
        "The members that contributed to it; visible to the regulator only.", needs=SIGNAL_STAFF, directives=[few(5)]
    )
    async def contributors(self, info: Info) -> list[SignalContributor] | None:
        found = await info.context.loaders.signal_contributors.load(self.row.id)
        return [SignalContributor.of(item) for item in found or []]

    @field("The providers it was sent to; visible to the regulator only.", needs=SIGNAL_STAFF, directives=[few(10)])
    async def recipients(self, info: Info) -> list[SignalRecipient] | None:
        found = await info.context.loaders.signal_recipients.load(self.row.id)
        return [SignalRecipient.of(item) for item in found or []]

    revocation_notices: list[Annotated["SignalRevocationNotice", strawberry.lazy("schema.signals.notices")]] | None = (
        many(
            "Which providers were told that it is revoked, and which of them confirmed it; a provider sees its own.",
            _find_notice,
            load_notices,
            directives=[few(10)],
        )
    )

    @classmethod
    async def resolve_reference(cls, info: Info, id: strawberry.ID) -> "FraudSignal":  # noqa: A002 - the key's name
        return cls.of(await resolve.get_signal(info.context, id))


@fed.type(description="One page of fraud signals.", requires_scopes=SIGNALS_READ)
class FraudSignalConnection(Connection[FraudSignal]):
    @field(
        "Whether the list is whole. For a provider it is false while the hashes of earlier signals are made under a "
        "new key of its own: signals may be missing, also from a search by hash. Read it again later."
    )
    async def is_complete(self, info: Info) -> bool:
        return await info.context.read(are_keys_filled)


@fed.input(description="Which signals to return. Criteria that are left out match everything.")
class FraudSignalFilter:
    categories: list[Category] | None = strawberry.field(description="In any of these categories.", default=UNSET)
    minimum_risk: RiskTier | None = strawberry.field(description="With at least this risk.", default=UNSET)
    states: list[SignalState] | None = strawberry.field(description="In any of these states.", default=UNSET)
    hashes: list[str] | None = strawberry.field(
        description="With any of these hashes, at most 1,000, made with one of your keys. Other hashes match nothing.",
        default=UNSET,
        metadata=LOOKED_UP,
    )
    e164s: list[E164] | None = strawberry.field(
        description=(
            "About any of these numbers, at most 1,000. For the regulator and carriers; for everyone else it "
            "matches nothing."
        ),
        default=UNSET,
    )


async def find_signal(context: Context, signal_id: str) -> FraudSignal | None:
    """The signal, or None if the viewer may no longer see it; look-ups of an operation are batched."""
    signal = await context.loaders.signals.load(signal_id)
    return FraudSignal.of(signal) if signal else None


@fed.type
class SignalQueries:
    @field("One fraud signal that you may see.", needs=SIGNALS_READ, extensions=[CHECKED])
    async def fraud_signal(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")],  # noqa: A002 - the graph's name
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
        page = await info.context.read(list_signals, page_request(first, after), where)
        return FraudSignalConnection.of(page, FraudSignal.of, after=after)
