"""Recording terms on paper, ending participations, and rotating keys."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.participations.agreements import change_participation, end_participation, start_participation
from ledger.participations.keys import RotatedKey, rotate_signal_key
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import Disclosure, PartingReason, PermittedUse, TransferBasis
from ledger.signals.filling import fill_keys
from ledger.vocabulary import Category
from schema.authority import KEY_ROTATORS, PARTICIPATIONS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.models import Shown, given, optional
from schema.participations.types import Participation
from schema.texts import CHECKED


@fed.input(description="Terms as they were signed on paper.")
class ParticipationTermsInput:
    terms_reference: str = strawberry.field(description="Where to find the signed terms.")
    categories: list[Category] = strawberry.field(description="The categories of signals they cover.")
    purpose: str = strawberry.field(description="What the signals may be used for.")
    controller_roles: str = strawberry.field(description="Which party is responsible for the data, and in what role.")
    disclosure: Disclosure = strawberry.field(description="Whether numbers are disclosed in clear or only as hashes.")
    transfer_basis: TransferBasis | None = strawberry.field(
        description="The legal ground of transfers abroad.", default=UNSET
    )
    transfer_ground: str | None = strawberry.field(description="More about that ground.", default=UNSET)
    permitted_uses: list[PermittedUse] | None = strawberry.field(
        description="What the provider may do with what it is sent.", default=UNSET
    )
    retention_days: int | None = strawberry.field(
        description="How many days the provider may keep what it is sent.", default=UNSET
    )
    breach_contact: str | None = strawberry.field(
        description="Whom to reach at the provider about a breach.", default=UNSET
    )
    starts_at: datetime | None = strawberry.field(
        description="The agreed start; now by default. A change of terms can't have one.", default=UNSET
    )
    ends_at: datetime | None = strawberry.field(description="The agreed end.", default=UNSET)


@fed.input(description="A provider that is to participate.")
class StartParticipationInput:
    member_id: strawberry.ID = strawberry.field(description="The provider.")
    terms: ParticipationTermsInput = strawberry.field(description="The terms.")


@fed.input(description="New terms for a participation that is in force. They apply from now on.")
class ChangeParticipationInput:
    participation_id: strawberry.ID = strawberry.field(description="The participation.")
    terms: ParticipationTermsInput = strawberry.field(description="The new terms, in full.")


@fed.input(description="A participation that is to end now.")
class EndParticipationInput:
    participation_id: strawberry.ID = strawberry.field(description="The participation.")
    reason: PartingReason = strawberry.field(description="Why.")


@fed.input(description="Whose key is to be rotated.")
class RotateSignalKeyInput:
    member_id: strawberry.ID | None = strawberry.field(
        description="The provider; your own member by default. The regulator has to name one.", default=UNSET
    )


@fed.type(description="The result of startParticipation.")
class StartParticipationPayload:
    participation: Participation | None = strawberry.field(description="The participation.")


@fed.type(description="The result of changeParticipation.")
class ChangeParticipationPayload:
    participation: Participation | None = strawberry.field(
        description="The participation that began with the new terms."
    )


@fed.type(description="The result of endParticipation.")
class EndParticipationPayload:
    participation: Participation | None = strawberry.field(description="The ended participation.")


@fed.type(description="The result of rotateSignalKey. The provider fetches the key itself with signalKeys.")
class RotateSignalKeyPayload(Shown[RotatedKey]):
    id: strawberry.ID = strawberry.field(description="The new key's ID.")
    created_at: datetime = strawberry.field(description="When it was made.")
    previous_id: strawberry.ID | None = strawberry.field(description="The ID of the previous key.")
    previous_retired_at: datetime | None = strawberry.field(
        description="Until when hashes are made with the previous key as well."
    )


@fed.type
class ParticipationMutations:
    @field(
        "Record the terms on which a provider participates, as signed on paper; marked as such.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def start_participation(
        self,
        info: Info,
        input: Annotated[StartParticipationInput, strawberry.argument(description="The provider and the terms.")],  # noqa: A002
    ) -> StartParticipationPayload | None:
        terms = Terms(**given(input.terms))
        started = await info.context.write(start_participation, input.member_id, terms, fill=fill_keys)
        return StartParticipationPayload(participation=Participation.of(started))

    @field(
        "Apply new terms on paper from now on: the participation ends and another begins at the same moment. Terms "
        "that both sides signed here can't be changed so.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def change_participation(
        self,
        info: Info,
        input: Annotated[  # noqa: A002
            ChangeParticipationInput, strawberry.argument(description="The participation and its new terms.")
        ],
    ) -> ChangeParticipationPayload | None:
        terms = Terms(**given(input.terms))
        changed = await info.context.write(change_participation, input.participation_id, terms, fill=fill_keys)
        return ChangeParticipationPayload(participation=Participation.of(changed))

    @field(
        "End a participation now: the provider can no longer read signals, and its signal streams end.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def end_participation(
        self,
        info: Info,
        input: Annotated[EndParticipationInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> EndParticipationPayload | None:
        ended = await info.context.write(end_participation, input.participation_id, input.reason)
        return EndParticipationPayload(participation=Participation.of(ended))

    @field(
        "Create a provider's next key. The previous key remains in use during the overlap; any key"
        " before that is retired at once.",
        needs=KEY_ROTATORS,
        extensions=[CHECKED],
    )
    async def rotate_signal_key(
        self,
        info: Info,
        input: Annotated[RotateSignalKeyInput, strawberry.argument(description="The provider.")],  # noqa: A002
    ) -> RotateSignalKeyPayload | None:
        rotated = await info.context.write(rotate_signal_key, member_id=optional(input.member_id), fill=fill_keys)
        return RotateSignalKeyPayload.of(rotated)
