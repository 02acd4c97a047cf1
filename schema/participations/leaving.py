"""Narrowing and leaving a participation, and confirming that what was sent is deleted."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.participations.leaving import confirm_deletion, leave_participation
from ledger.participations.narrowing import Narrowing, narrow_participation
from ledger.participations.vocabulary import Disclosure, PermittedUse
from ledger.signals.filling import fill_keys
from ledger.vocabulary import Category
from schema.authority import NARROWERS, PARTICIPATIONS_LEAVE
from schema.fields import field
from schema.info import Info
from schema.models import given, optional
from schema.participations.types import Participation
from schema.texts import CHECKED


@fed.input(description="How a participation becomes narrower. What is left out stays as it is.")
class NarrowParticipationInput:
    participation_id: strawberry.ID = strawberry.field(description="The participation.")
    categories: list[Category] | None = strawberry.field(
        description="The categories that remain; at least one.", default=UNSET
    )
    permitted_uses: list[PermittedUse] | None = strawberry.field(description="The uses that remain.", default=UNSET)
    disclosure: Disclosure | None = strawberry.field(
        description="Only ever HASHED in the place of CLEAR.", default=UNSET
    )
    retention_days: int | None = strawberry.field(description="Fewer days than before.", default=UNSET)
    ends_at: datetime | None = strawberry.field(
        description="An earlier end, or one where there was none.", default=UNSET
    )


@fed.input(description="What your firm leaves.")
class LeaveParticipationInput:
    participation_id: strawberry.ID | None = strawberry.field(
        description="The participation; whatever stands by default.", default=UNSET
    )


@fed.input(description="That your firm deleted what it was sent.")
class ConfirmDeletionInput:
    participation_id: strawberry.ID = strawberry.field(description="The participation that ended.")
    deleted_at: datetime = strawberry.field(description="When it was deleted, by your clock; not before the end.")
    note: str | None = strawberry.field(
        description="What there is to say of it: what the law has you keep, for example.", default=UNSET
    )


@fed.type(description="The result of narrowParticipation.")
class NarrowParticipationPayload:
    participation: Participation | None = strawberry.field(description="The one with the narrower terms.")


@fed.type(description="The result of leaveParticipation.")
class LeaveParticipationPayload:
    participation: Participation | None = strawberry.field(description="The participation, which has ended.")


@fed.type(description="The result of confirmDeletion.")
class ConfirmDeletionPayload:
    participation: Participation | None = strawberry.field(description="The participation.")


@fed.type
class ParticipationLeavingMutations:
    @field(
        "Narrow a participation at once, as either side, without the other's consent: it ends, and another with the "
        "narrower terms takes its place. Wider terms need both signatures.",
        needs=NARROWERS,
        extensions=[CHECKED],
    )
    async def narrow_participation(
        self,
        info: Info,
        input: Annotated[NarrowParticipationInput, strawberry.argument(description="Which, and how.")],  # noqa: A002
    ) -> NarrowParticipationPayload | None:
        narrowing = Narrowing(**given(input, without=("participation_id",)))
        narrowed = await info.context.write(narrow_participation, input.participation_id, narrowing, fill=fill_keys)
        return NarrowParticipationPayload(participation=Participation.of(narrowed))

    @field(
        "Leave at once: your firm can read no more signals, its signal streams end, its keys retire, and whatever is "
        "open towards it is withdrawn. Leaving again is harmless.",
        needs=PARTICIPATIONS_LEAVE,
        extensions=[CHECKED],
    )
    async def leave_participation(
        self,
        info: Info,
        input: Annotated[LeaveParticipationInput, strawberry.argument(description="What you leave.")],  # noqa: A002
    ) -> LeaveParticipationPayload | None:
        left = await info.context.write(leave_participation, optional(input.participation_id))
        return LeaveParticipationPayload(participation=Participation.of(left))

    @field(
        "Confirm that your firm deleted what it was sent under a participation that ended. Confirming the same again "
        "is harmless.",
        needs=PARTICIPATIONS_LEAVE,
        extensions=[CHECKED],
    )
    async def confirm_deletion(
        self,
        info: Info,
        input: Annotated[ConfirmDeletionInput, strawberry.argument(description="Which, when, and a note.")],  # noqa: A002
    ) -> ConfirmDeletionPayload | None:
        confirmed = await info.context.write(
            confirm_deletion, input.participation_id, input.deleted_at, optional(input.note)
        )
        return ConfirmDeletionPayload(participation=Participation.of(confirmed))
