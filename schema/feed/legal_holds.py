"""Legal holds: what officers say must be kept of the log, and releasing it again."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET, Private

from ledger.feed import legal_holds
from ledger.feed.legal_holds import LegalHoldDraft
from ledger.feed.vocabulary import HoldSubject
from ledger.identifiers import OfficerId
from resolvers import legal_holds as resolve
from schema.authority import HOLDS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.members.types import Officer, find_officer
from schema.models import copy_model, given, optional
from schema.pages import PAGED, After, Connection, First, page_request
from schema.texts import CHECKED


@fed.type(
    description="What must be kept: neither retention nor the archive touches its entries of the log.",
    requires_scopes=HOLDS_MANAGE,
)
class LegalHold:
    id: strawberry.ID = strawberry.field(description="Its id.")
    subject: HoldSubject | None = strawberry.field(description="What sort of thing is held; null: the whole log.")
    subject_id: str | None = strawberry.field(description="The thing's id, or the number itself.")
    reason: str = strawberry.field(description="Why, for example the court and its file number.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    released_at: datetime | None = strawberry.field(description="When it was released; it counts until then.")
    placer_id: Private[OfficerId]
    releaser_id: Private[OfficerId | None]

    @field("The officer who placed it.")
    async def placed_by(self, info: Info) -> Officer | None:
        return await find_officer(info.context, self.placer_id)

    @field("The officer who released it.")
    async def released_by(self, info: Info) -> Officer | None:
        return await find_officer(info.context, self.releaser_id)

    @classmethod
    def of(cls, hold: legal_holds.LegalHold) -> "LegalHold":
        return copy_model(cls, hold, placer_id=hold.placed_by, releaser_id=hold.released_by)


@fed.type(description="One page of legal holds.", requires_scopes=HOLDS_MANAGE)
class LegalHoldConnection(Connection[LegalHold]):
    pass


@fed.input(description="What is to be kept and why. Without subject and subjectId: the whole log.")
class PlaceLegalHoldInput:
    reason: str = strawberry.field(description="Why, at most 2,000 characters; the regulator alone reads it.")
    subject: HoldSubject | None = strawberry.field(description="What sort of thing.", default=UNSET)
    subject_id: str | None = strawberry.field(description="Its id, or a number as written.", default=UNSET)


@fed.input(description="A hold that is no longer needed.")
class ReleaseLegalHoldInput:
    id: strawberry.ID = strawberry.field(description="The hold.")


@fed.type(description="What placeLegalHold answers.")
class PlaceLegalHoldPayload:
    legal_hold: LegalHold | None = strawberry.field(description="The hold; it is heeded from now on.")


@fed.type(description="What releaseLegalHold answers.")
class ReleaseLegalHoldPayload:
    legal_hold: LegalHold | None = strawberry.field(description="The hold as it is now.")


@fed.type
class LegalHoldQueries:
    @field(
        "Legal holds, newest first; the regulator's alone.",
        needs=HOLDS_MANAGE,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def legal_holds(
        self,
        info: Info,
        active: Annotated[
            bool | None, strawberry.argument(description="Only those that count, or only those that were released.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> LegalHoldConnection | None:
        page = await resolve.list_holds(info.context, page_request(first, after), is_active=optional(active))
        return LegalHoldConnection.of(page, LegalHold.of, after=after)


@fed.type
class LegalHoldMutations:
    @field(
        "Keep the log's entries about a thing, or all of them, from erasing and archiving; an officer's alone.",
        needs=HOLDS_MANAGE,
        extensions=[CHECKED],
    )
    async def place_legal_hold(
        self,
        info: Info,
        input: Annotated[PlaceLegalHoldInput, strawberry.argument(description="What and why.")],  # noqa: A002
    ) -> PlaceLegalHoldPayload | None:
        hold = await resolve.place_hold(info.context, LegalHoldDraft(**given(input)))
        return PlaceLegalHoldPayload(legal_hold=LegalHold.of(hold))

    @field("Let a hold end; an officer's alone.", needs=HOLDS_MANAGE, extensions=[CHECKED])
    async def release_legal_hold(
        self,
        info: Info,
        input: Annotated[ReleaseLegalHoldInput, strawberry.argument(description="Which hold.")],  # noqa: A002
    ) -> ReleaseLegalHoldPayload | None:
        return ReleaseLegalHoldPayload(legal_hold=LegalHold.of(await resolve.release_hold(info.context, input.id)))
