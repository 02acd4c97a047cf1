"""The regulator's terms by version, and the proposals that both sides sign."""

from datetime import datetime
from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.members.reading import load_members, load_officers
from ledger.participations import reading, signing_table
from ledger.participations.reading import (
    PROPOSALS,
    TERMS,
    list_proposals,
    list_terms,
    load_proposals,
    load_terms,
    load_texts_of_terms,
)
from ledger.participations.states import ProposalState
from ledger.participations.vocabulary import Disclosure, Party, PermittedUse, TransferBasis
from ledger.vocabulary import Category
from resolvers.participations import get_named
from schema.authority import PARTICIPATION_READERS, SIGNAL_STAFF
from schema.fields import field
from schema.info import Info
from schema.members.officers import MemberOfficer
from schema.members.types import Member, Officer
from schema.models import Shown, given_filter
from schema.pages import LONG, OPENED, PAGED, After, Connection, First, few, page_request
from schema.reads import Listed, Named, many, one
from schema.texts import CHECKED


@fed.type(description="The terms in one language.", requires_scopes=PARTICIPATION_READERS)
class ParticipationTermsText(Shown[signing_table.TermsText]):
    language: str = strawberry.field(description="The language, such as id or en.")
    text: str = strawberry.field(description="The text.", directives=[OPENED])


@fed.type(
    description="One version of the regulator's terms for providers. It never changes; the next version supersedes it.",
    requires_scopes=PARTICIPATION_READERS,
)
class ParticipationTerms(Shown[signing_table.PublishedTerms]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    version: int = strawberry.field(description="Its number; each version is one more than the one before.")
    content_text: str = strawberry.field(
        description="The canonical text (RFC 8785) of the version in all its languages.", directives=[OPENED]
    )
    terms_hash: str = strawberry.field(description="The SHA-256 of contentText in UTF-8, in hexadecimal.")
    published_at: datetime = strawberry.field(description="When it was published.")

    texts: list[ParticipationTermsText] | None = many(
        "The terms in each language; the first prevails.",
        ParticipationTermsText,
        load_texts_of_terms,
        directives=[few(2)],
    )

    published_by: Officer | None = one(
        "The officer who published it; visible to the regulator only.",
        Officer,
        load_officers,
        by="published_by",
        needs=SIGNAL_STAFF,
    )


@fed.type(description="One page of versions of the terms.", requires_scopes=PARTICIPATION_READERS)
class ParticipationTermsConnection(Connection[ParticipationTerms]):
    pass


@fed.type(
    description="Terms that a provider and the regulator sign, each naming contentHash. Nothing in them changes.",
    requires_scopes=PARTICIPATION_READERS,
)
class ParticipationProposal(Shown[signing_table.ParticipationProposal]):
    id: strawberry.ID = strawberry.field(description="Its ID.")
    state: ProposalState = strawberry.field(description="Where it stands.")
    proposed_by: Party = strawberry.field(
        description="The side that proposed it. What a provider proposes, its signatory has signed."
    )
    content_text: str = strawberry.field(description="What is signed, as canonical text (RFC 8785).", directives=[LONG])
    content_hash: str = strawberry.field(
        description="What both sides name as they sign: the SHA-256 of contentText in UTF-8, in hexadecimal."
    )
    terms_hash: str = strawberry.field(description="The hash of the version of the terms that it names.")
    categories: list[Category] = strawberry.field(
        description="The categories of signals it covers.", directives=[few(11)]
    )
    permitted_uses: list[PermittedUse] = strawberry.field(
        description="What the provider may do with what it is sent.", directives=[few(5)]
    )
    purpose: str = strawberry.field(description="What the signals are for, in words.", directives=[LONG])
    controller_roles: str = strawberry.field(
        description="Which party is responsible for the data, and in what role.", directives=[LONG]
    )
    transfer_basis: TransferBasis = strawberry.field(description="The legal ground of transfers abroad.")
    transfer_ground: str | None = strawberry.field(description="More about that ground.", directives=[LONG])
    retention_days: int = strawberry.field(description="How many days the provider may keep what it is sent.")
    breach_contact: str = strawberry.field(description="Whom to reach at the provider about a breach.")
    disclosure: Disclosure = strawberry.field(description="Whether numbers are disclosed in clear or only as hashes.")
    starts_at: datetime | None = strawberry.field(description="The start; null for as soon as both have signed.")
    ends_at: datetime | None = strawberry.field(description="The end, if there is one.")
    proposed_at: datetime = strawberry.field(description="When it was proposed.")
    accepted_at: datetime | None = strawberry.field(description="When the provider signed.")
    countersigned_at: datetime | None = strawberry.field(description="When the regulator countersigned.")
    ended_at: datetime | None = strawberry.field(description="When one side refused it or took it back.")
    end_note: str | None = strawberry.field(description="Why, if that side said so.", directives=[LONG])

    terms: ParticipationTerms | None = one(
        "The version of the terms that it names.", ParticipationTerms, load_terms, by="terms_id"
    )

    member: Member | None = one("The provider.", Member, load_members, by="member_id")

    accepted_by: MemberOfficer | None = one(
        "The provider's signatory; visible to the provider and the regulator.",
        MemberOfficer,
        load_officers,
        by="accepted_by",
    )

    offered_by: Officer | None = one(
        "The officer who offered it; visible to the regulator only.",
        Officer,
        load_officers,
        by="offered_by",
        needs=SIGNAL_STAFF,
    )

    countersigned_by: Officer | None = one(
        "The officer who countersigned it; visible to the regulator only.",
        Officer,
        load_officers,
        by="countersigned_by",
        needs=SIGNAL_STAFF,
    )


@fed.type(description="One page of proposals.", requires_scopes=PARTICIPATION_READERS)
class ParticipationProposalConnection(Connection[ParticipationProposal]):
    pass


@fed.input(description="Which proposals to return. Criteria that are left out match everything.")
class ParticipationProposalFilter:
    member_id: strawberry.ID | None = strawberry.field(description="To or of this provider.", default=UNSET)
    states: list[ProposalState] | None = strawberry.field(description="In any of these states.", default=UNSET)


@fed.type
class ParticipationProposalQueries:
    @field(
        "The regulator's terms for providers, the newest version first. Only the newest can be signed.",
        needs=PARTICIPATION_READERS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(TERMS),
    )
    async def participation_terms(
        self, info: Info, first: First = UNSET, after: After = UNSET
    ) -> ParticipationTermsConnection | None:
        page = await info.context.read(list_terms, page_request(first, after))
        return ParticipationTermsConnection.of(page, ParticipationTerms.of, after=after)

    @field(
        "Terms that were offered, asked for and signed, newest first. A provider sees its own.",
        needs=PARTICIPATION_READERS,
        directives=[PAGED],
        extensions=[CHECKED],
        reads=Listed(PROPOSALS),
    )
    async def participation_proposals(
        self,
        info: Info,
        filter: Annotated[ParticipationProposalFilter | None, strawberry.argument(description="Which ones.")] = UNSET,  # noqa: A002
        first: First = UNSET,
        after: After = UNSET,
    ) -> ParticipationProposalConnection | None:
        wanted = reading.ProposalFilter(**given_filter(filter))
        page = await info.context.read(list_proposals, page_request(first, after), wanted)
        return ParticipationProposalConnection.of(page, ParticipationProposal.of, after=after)

    @field(
        "One proposal that you may see.",
        needs=PARTICIPATION_READERS,
        extensions=[CHECKED],
        reads=Named(load_proposals),
    )
    async def participation_proposal(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its ID.")],  # noqa: A002 - the graph's name
    ) -> ParticipationProposal | None:
        """Errors: NOT_FOUND."""
        return ParticipationProposal.of(await get_named(info.context, load_proposals, id))
