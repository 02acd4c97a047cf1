"""Starting, changing and ending participations, and rotating keys."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.participations.terms import Terms
from ledger.participations.vocabulary import Disclosure, PartingReason
from ledger.signals.keys import RotatedKey
from ledger.vocabulary import Category
from resolvers import participations as resolve
from schema.authority import KEY_ROTATORS, PARTICIPATIONS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.models import copy_model, given, optional
from schema.participations.types import Participation
from schema.texts import CHECKED


@fed.input(description="The terms as they were signed.")
class ParticipationTermsInput:
    terms_reference: str = strawberry.field(description="Where the signed terms are found.")
    categories: list[Category] = strawberry.field(description="Which signals they name.")
    purpose: str = strawberry.field(description="What the signals may be used for.")
    controller_roles: str = strawberry.field(description="Which side answers for the data as what.")
    disclosure: Disclosure = strawberry.field(description="Whether numbers come in clear or hashed alone.")
    transfer_ground: str | None = strawberry.field(description="Legal ground of a transfer abroad.", default=UNSET)
    starts_at: datetime | None = strawberry.field(
        description="The agreed start; now when it is not given. A change of terms takes none.", default=UNSET
    )
    ends_at: datetime | None = strawberry.field(description="The agreed end.", default=UNSET)


@fed.input(description="A provider that is to take part.")
class StartParticipationInput:
    member_id: strawberry.ID = strawberry.field(description="The provider.")
    terms: ParticipationTermsInput = strawberry.field(description="On which terms.")


@fed.input(description="Other terms for a participation that is in force. They hold from now on.")
class ChangeParticipationInput:
    participation_id: strawberry.ID = strawberry.field(description="The participation.")
    terms: ParticipationTermsInput = strawberry.field(description="The terms, whole.")


@fed.input(description="A participation that is to end now.")
class EndParticipationInput:
    participation_id: strawberry.ID = strawberry.field(description="The participation.")
    reason: PartingReason = strawberry.field(description="Why.")


@fed.input(description="Whose key is to be rotated.")
class RotateSignalKeyInput:
    member_id: strawberry.ID | None = strawberry.field(
        description="The provider; your own when it is not given. The regulator names one.", default=UNSET
    )


@fed.type(description="What startParticipation answers.")
class StartParticipationPayload:
    participation: Participation | None = strawberry.field(description="The participation.")


@fed.type(description="What changeParticipation answers.")
class ChangeParticipationPayload:
    participation: Participation | None = strawberry.field(description="The one that began with the new terms.")


@fed.type(description="What endParticipation answers.")
class EndParticipationPayload:
    participation: Participation | None = strawberry.field(description="The participation, ended.")


@fed.type(description="What rotateSignalKey answers. Its provider fetches the key itself with signalKeys.")
class RotateSignalKeyPayload:
    id: strawberry.ID = strawberry.field(description="The new key's id.")
    created_at: datetime = strawberry.field(description="When it was made.")
    previous_id: strawberry.ID | None = strawberry.field(description="The key before it.")
    previous_retired_at: datetime | None = strawberry.field(description="Until when hashes are made with that one too.")

    @classmethod
    def of(cls, rotated: RotatedKey) -> "RotateSignalKeyPayload":
        return copy_model(cls, rotated)


@fed.type
class ParticipationMutations:
    @field("Record the terms on which a provider takes part.", needs=PARTICIPATIONS_MANAGE, extensions=[CHECKED])
    async def start_participation(
        self,
        info: Info,
        input: Annotated[StartParticipationInput, strawberry.argument(description="Who and how.")],  # noqa: A002
    ) -> StartParticipationPayload | None:
        started = await resolve.start_participation(info.context, input.member_id, Terms(**given(input.terms)))
        return StartParticipationPayload(participation=Participation.of(started))

    @field(
        "Let other terms hold from now on: the participation ends and another begins at the same moment.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def change_participation(
        self,
        info: Info,
        input: Annotated[ChangeParticipationInput, strawberry.argument(description="Which and how.")],  # noqa: A002
    ) -> ChangeParticipationPayload | None:
        terms = Terms(**given(input.terms))
        changed = await resolve.change_participation(info.context, input.participation_id, terms)
        return ChangeParticipationPayload(participation=Participation.of(changed))

    @field(
        "End a participation now: the provider reads no signal any more, and its streams of them end.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def end_participation(
        self,
        info: Info,
        input: Annotated[EndParticipationInput, strawberry.argument(description="Which and why.")],  # noqa: A002
    ) -> EndParticipationPayload | None:
        ended = await resolve.end_participation(info.context, input.participation_id, reason=input.reason)
        return EndParticipationPayload(participation=Participation.of(ended))

    @field(
        "Make a provider's next key. The one before is used beside it for the overlap, one before that no longer.",
        needs=KEY_ROTATORS,
        extensions=[CHECKED],
    )
    async def rotate_signal_key(
        self,
        info: Info,
        input: Annotated[RotateSignalKeyInput, strawberry.argument(description="Whose.")],  # noqa: A002
    ) -> RotateSignalKeyPayload | None:
        return RotateSignalKeyPayload.of(
            await resolve.rotate_signal_key(info.context, member_id=optional(input.member_id))
        )
