"""Legal holds: officers place them on what must be kept in the log, and release them."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.feed import table
from ledger.feed.legal_holds import LegalHoldDraft, list_legal_holds, place_legal_hold, release_legal_hold
from ledger.feed.vocabulary import HoldSubject
from ledger.members.reading import load_officers
from schema.authority import HOLDS_MANAGE
from schema.fields import field
from schema.info import Info
from schema.members.types import Officer
from schema.models import Shown, given, optional
from schema.pages import PAGED, After, Connection, First, page_request
from schema.reads import one
from schema.texts import CHECKED


@fed.type(
    description="What must be kept: neither retention nor archiving touches its entries in the log.",
    requires_scopes=HOLDS_MANAGE,
)
class LegalHold(Shown[table.LegalHold]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    subject: HoldSubject | None = strawberry.field(
        description="The type of the object on hold; null means the whole log."
    )
    subject_id: str | None = strawberry.field(description="The object's ID, or the number itself.")
    reason: str = strawberry.field(description="Why, for example the court and its file number.")
    placed_at: datetime = strawberry.field(description="When it was placed.")
    released_at: datetime | None = strawberry.field(description="When it was released; it is in effect until then.")

    placed_by: Officer | None = one("The officer who placed it.", Officer, load_officers, by="placed_by")

    released_by: Officer | None = one("The officer who released it.", Officer, load_officers, by="released_by")


@fed.type(description="One page of legal holds.", requires_scopes=HOLDS_MANAGE)
class LegalHoldConnection(Connection[LegalHold]):
    pass


@fed.input(description="What is to be kept and why. Without subject and subjectId, the hold covers the whole log.")
class PlaceLegalHoldInput:
    reason: str = strawberry.field(description="Why, in at most 2,000 characters; visible to the regulator only.")
    subject: HoldSubject | None = strawberry.field(description="The type of the object.", default=UNSET)
    subject_id: str | None = strawberry.field(description="Its ID, or a number as written.", default=UNSET)


@fed.input(description="A hold to be released.")
class ReleaseLegalHoldInput:
    id: strawberry.ID = strawberry.field(description="The hold.")


@fed.type(description="The result of placeLegalHold.")
class PlaceLegalHoldPayload:
    legal_hold: LegalHold | None = strawberry.field(description="The hold; it is in effect from now on.")


@fed.type(description="The result of releaseLegalHold.")
class ReleaseLegalHoldPayload:
    legal_hold: LegalHold | None = strawberry.field(description="The hold as it is now.")


@fed.type
class LegalHoldQueries:
    @field(
        "Legal holds, newest first; visible to the regulator only.",
        needs=HOLDS_MANAGE,
        directives=[PAGED],
        extensions=[CHECKED],
    )
    async def legal_holds(
        self,
        info: Info,
        active: Annotated[
            bool | None,
            strawberry.argument(
                description="Whether to return only holds in effect, or only those that were released."
            ),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> LegalHoldConnection | None:
        page = await info.context.read(list_legal_holds, page_request(first, after), is_active=optional(active))
        return LegalHoldConnection.of(page, LegalHold.of, after=after)


@fed.type
class LegalHoldMutations:
    @field(
        "Protect the log's entries about an object, or all entries, from erasure and archiving. "
        "Only officers can do this.",
        needs=HOLDS_MANAGE,
        extensions=[CHECKED],
    )
    async def place_legal_hold(
        self,
        info: Info,
        input: Annotated[PlaceLegalHoldInput, strawberry.argument(description="What and why.")],  # noqa: A002
    ) -> PlaceLegalHoldPayload | None:
        hold = await info.context.write(place_legal_hold, LegalHoldDraft(**given(input)))
        return PlaceLegalHoldPayload(legal_hold=LegalHold.of(hold))

    @field("End a hold. Only officers can do this.", needs=HOLDS_MANAGE, extensions=[CHECKED])
    async def release_legal_hold(
        self,
        info: Info,
        input: Annotated[ReleaseLegalHoldInput, strawberry.argument(description="Which hold.")],  # noqa: A002
    ) -> ReleaseLegalHoldPayload | None:
        hold = await info.context.write(release_legal_hold, input.id)
        return ReleaseLegalHoldPayload(legal_hold=LegalHold.of(hold))
