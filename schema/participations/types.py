"""Participations: the terms on which providers take part, and the keys of their hashes."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_members, load_officers
from ledger.participations import table
from ledger.participations.keys import OpenKey, list_signal_keys
from ledger.participations.reading import (
    PARTICIPATIONS,
    ParticipationFilter,
    list_participations,
    load_participations,
    load_proposals,
    load_terms,
)
from ledger.participations.states import ParticipationState
from ledger.participations.vocabulary import (
    AgreedOn,
    Disclosure,
    ParticipationEndReason,
    Party,
    PermittedUse,
    TransferBasis,
)
from ledger.vocabulary import Category
from resolvers.participations import get_named
from schema.authority import PARTICIPATION_READERS, SIGNAL_STAFF, SIGNALS_READ
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Officer
from schema.models import Shown, optional
from schema.pages import LONG, PAGED, After, Connection, First, few, page_request
from schema.participations.proposals import ParticipationProposal, ParticipationTerms
from schema.reads import Listed, Named, one
from schema.scalars import Base64
from schema.texts import CHECKED


@fed.type(
    description="The terms on which a provider receives fraud signals during a period. Changing the terms ends"
    " one participation and begins the next.",
    requires_scopes=PARTICIPATION_READERS,
)
class Participation(Shown[table.Participation]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    terms_reference: str = strawberry.field(description="Where to find the signed terms.")
    categories: list[Category] = strawberry.field(
        description="The categories of signals they cover.", directives=[few(11)]
    )
    purpose: str = strawberry.field(description="What the signals may be used for.")
    controller_roles: str = strawberry.field(description="Which party is responsible for the data, and in what role.")
    transfer_basis: TransferBasis | None = strawberry.field(
        description="The legal ground of transfers abroad; null if terms on paper don't say."
    )
    transfer_ground: str | None = strawberry.field(
        description="More about that ground, such as the contract's clause, if there is one."
    )
    permitted_uses: list[PermittedUse] = strawberry.field(
        description="What the provider may do with what it is sent; empty if terms on paper only say it in words.",
        directives=[few(5)],
    )
    retention_days: int | None = strawberry.field(description="How many days it may keep what it is sent.")
    breach_contact: str | None = strawberry.field(description="Whom to reach at the provider about a breach.")
    agreed_on: AgreedOn = strawberry.field(description="How both sides agreed: on paper, or by signing here.")
    terms_hash: str | None = strawberry.field(description="The hash of the terms that both signed.")
    narrowed_by: Party | None = strawberry.field(
        description="The side that narrowed the one before to this; null if it wasn't narrowed."
    )
    disclosure: Disclosure = strawberry.field(description="Whether numbers are disclosed in clear or only as hashes.")
    state: ParticipationState = strawberry.field(description="Where it stands.")
    starts_at: datetime = strawberry.field(description="The agreed start.")
    ends_at: datetime | None = strawberry.field(description="The agreed end, if there is one.")
    began_at: datetime | None = strawberry.field(description="When it came into force.")
    ended_at: datetime | None = strawberry.field(description="When it ended.")
    ended_reason: ParticipationEndReason | None = strawberry.field(description="Why it ended.")
    recorded_at: datetime = strawberry.field(description="When it was recorded.")
    deletion_expected_by: datetime | None = strawberry.field(
        description="After the end: when a reminder goes out if the provider has not confirmed yet that it deleted "
        "what it was sent. A courtesy; nothing follows from it."
    )
    deletion_reminded_at: datetime | None = strawberry.field(description="When that reminder went out.")
    deleted_at: datetime | None = strawberry.field(
        description="When the provider deleted what it was sent, by its own clock."
    )
    deletion_note: str | None = strawberry.field(
        description="What the provider says of the deletion.", directives=[LONG]
    )
    deletion_confirmed_at: datetime | None = strawberry.field(description="When the provider confirmed it.")

    terms: ParticipationTerms | None = one(
        "The version of the terms that both signed.", ParticipationTerms, load_terms, by="terms_id"
    )

    proposal: ParticipationProposal | None = one(
        "What both signed.", ParticipationProposal, load_proposals, by="proposal_id"
    )

    previous: "Participation | None" = one(
        "The participation that this one took the place of.",
        lambda: Participation,
        load_participations,
        by="previous_id",
    )

    member: Member | None = one("The provider.", Member, load_members, by="member_id")

    recorded_by: Officer | None = one(
        "The officer who recorded it; visible to the regulator only.",
        Officer,
        load_officers,
        by="recorded_by",
        needs=SIGNAL_STAFF,
    )


@fed.type(description="One page of participations.", requires_scopes=PARTICIPATION_READERS)
class ParticipationConnection(Connection[Participation]):
    pass


@fed.type(
    description=(
        "One of your keys. The hash of a number is the HMAC-SHA256, under this key, of the number in E.164 as "
        "ASCII, in hexadecimal."
    ),
    requires_scopes=SIGNALS_READ,
)
class SignalKey(Shown[OpenKey]):
    id: strawberry.ID = strawberry.field(description="Its ID; hashes refer to it.")
    key: Base64 = strawberry.field(description="The key itself, 32 bytes. Keep it secret, as your terms say.")
    created_at: datetime = strawberry.field(description="When it was made.")
    retired_at: datetime | None = strawberry.field(
        description="When hashes cease to be made with it; null for the newest key."
    )
    filled_at: datetime | None = strawberry.field(
        description="When every signal that was active when the key was created had its hash; null until then."
    )


@fed.type
class ParticipationQueries:
    @field(
        "The terms on which providers participate, newest first. A provider sees its own.",
        needs=PARTICIPATION_READERS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(PARTICIPATIONS),
    )
    async def participations(
        self,
        info: Info,
        member_id: Annotated[strawberry.ID | None, strawberry.argument(description="Of this provider.")] = UNSET,
        is_in_force: Annotated[bool | None, strawberry.argument(description="Whether it is in force now.")] = UNSET,
        awaits_deletion: Annotated[
            bool | None,
            strawberry.argument(
                description="Whether it has ended and the provider has yet to confirm that it deleted what it was sent."
            ),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> ParticipationConnection | None:
        wanted = ParticipationFilter(
            member_id=optional(member_id),
            is_in_force=optional(is_in_force),
            awaits_deletion=optional(awaits_deletion),
        )
        page = await info.context.read(list_participations, page_request(first, after), wanted)
        return ParticipationConnection.of(page, Participation.of, after=after)

    @field(
        "One participation that you may see.",
        needs=PARTICIPATION_READERS,
        extensions=[CHECKED],
        reads=Named(load_participations),
    )
    async def participation(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")],  # noqa: A002 - the graph's name
    ) -> Participation | None:
        """Errors: NOT_FOUND."""
        return Participation.of(await get_named(info.context, load_participations, id))

    @field(
        "Your own keys in use, newest first. Only the provider itself can read them.",
        needs=SIGNALS_READ,
        directives=[few(2)],
    )
    async def signal_keys(self, info: Info) -> list[SignalKey] | None:
        """Errors: FORBIDDEN, PARTICIPATION_MISSING."""
        return [SignalKey.of(key) for key in await info.context.read(list_signal_keys)]
