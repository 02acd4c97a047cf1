"""Redacted extracts as the regulator and those that they were released to may see them."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.complaints.links import Link, Linked
from ledger.extracts import table
from ledger.extracts.reading import EXTRACTS, list_extracts, load_releases
from ledger.extracts.reading import ExtractFilter as LedgerExtractFilter
from ledger.members.reading import load_members, load_officers
from schema.authority import COMPLAINT_STAFF, EVIDENCE_READ
from schema.complaints.links import EvidenceLink
from schema.fields import field
from schema.info import Info
from schema.members.types import Member, Officer
from schema.models import Shown, given_filter
from schema.pages import LONG, OPENED, PAGED, After, Connection, First, few, page_request
from schema.reads import Listed, many, one
from schema.texts import CHECKED


@fed.type(description="That an extract was released to a member.", requires_scopes=COMPLAINT_STAFF)
class ExtractRelease(Shown[table.ExtractRelease]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    order_id: strawberry.ID | None = strawberry.field(description="The carrier's order that it was released for.")
    reason: str | None = strawberry.field(description="Why, in the officer's words.", directives=[LONG])
    released_at: datetime = strawberry.field(description="When.")
    withdrawn_at: datetime | None = strawberry.field(description="When it was withdrawn.")
    member: Member | None = one("To whom.", Member, load_members, by="member_id")
    officer: Officer | None = one("The officer who released it.", Officer, load_officers, by="released_by")


@fed.type(
    description="A redacted extract of evidence, with its own hash. Members see those that were released to them, and "
    "never the original.",
    requires_scopes=EVIDENCE_READ,
)
class EvidenceExtract(Shown[table.EvidenceExtract]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    media_type: str = strawberry.field(description="Its media type.")
    size_bytes: int = strawberry.field(description="Its size in bytes.")
    sha256: str = strawberry.field(description="The SHA-256 of its bytes, in hexadecimal.")
    original_sha256: str = strawberry.field(description="The SHA-256 of the evidence that it was made of.")
    made_at: datetime = strawberry.field(description="When it was made.")
    erased_at: datetime | None = strawberry.field(
        description="When retention erased its bytes: delete what you keep of it."
    )
    evidence_id: strawberry.ID | None = fed.field(
        description="The evidence that it was made of; visible to the regulator only.", requires_scopes=COMPLAINT_STAFF
    )
    complaint_id: strawberry.ID | None = fed.field(
        description="The complaint; visible to the regulator only.", requires_scopes=COMPLAINT_STAFF
    )
    cuts: str | None = fed.field(
        description="What was cut out, as canonical JSON; visible to the regulator only.",
        requires_scopes=COMPLAINT_STAFF,
        directives=[LONG],
    )
    officer: Officer | None = one(
        "The officer who made it; visible to the regulator only.",
        Officer,
        load_officers,
        by="made_by",
        needs=COMPLAINT_STAFF,
    )
    releases: list[ExtractRelease] | None = many(
        "To whom it was released, oldest first; visible to the regulator only.",
        ExtractRelease,
        load_releases,
        needs=COMPLAINT_STAFF,
        directives=[few(2)],
    )

    @field("A link to its bytes, for you alone.", directives=[OPENED])
    async def link(self, info: Info) -> EvidenceLink:
        return EvidenceLink.to(info.context, Link(Linked.EXTRACT, self.row.id))


@fed.type(description="One page of extracts.", requires_scopes=EVIDENCE_READ)
class EvidenceExtractConnection(Connection[EvidenceExtract]):
    pass


@fed.input(description="Which extracts to return. Criteria that are left out match everything.")
class EvidenceExtractFilter:
    evidence_id: strawberry.ID | None = strawberry.field(
        description="Made of this evidence. Finds nothing for anyone but the regulator.", default=UNSET
    )
    sha256: str | None = strawberry.field(description="With this SHA-256, in hexadecimal.", default=UNSET)


@fed.type
class ExtractQueries:
    @field(
        "Redacted extracts that you may see, newest first: for the regulator all, for others those released to them.",
        needs=EVIDENCE_READ,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(EXTRACTS),
    )
    async def evidence_extracts(
        self,
        info: Info,
        filter: Annotated[  # noqa: A002 - the graph's name
            EvidenceExtractFilter | None, strawberry.argument(description="Which ones.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
    ) -> EvidenceExtractConnection | None:
        where = LedgerExtractFilter(**given_filter(filter))
        page = await info.context.read(list_extracts, page_request(first, after), where)
        return EvidenceExtractConnection.of(page, EvidenceExtract.of, after=after)
