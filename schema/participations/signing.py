"""Publishing terms, and offering, asking for, signing and refusing what both sides sign."""

from datetime import datetime
from typing import Annotated, Any

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.participations import publishing
from ledger.participations.publishing import publish_terms
from ledger.participations.signing import (
    accept_participation,
    countersign_participation,
    offer_participation,
    refuse_participation,
    request_participation,
    withdraw_participation,
)
from ledger.participations.terms import Terms
from ledger.participations.vocabulary import Disclosure, PermittedUse, TransferBasis
from ledger.signals.filling import fill_keys
from ledger.vocabulary import Category
from schema.authority import PARTICIPATIONS_ACCEPT, PARTICIPATIONS_MANAGE, SIGNATORIES
from schema.fields import field
from schema.info import Info
from schema.models import given, optional
from schema.participations.proposals import ParticipationProposal, ParticipationTerms
from schema.participations.types import Participation
from schema.texts import CHECKED


@fed.input(description="The terms in one language.")
class ParticipationTermsTextInput:
    language: str = strawberry.field(description="The language's code (BCP 47), such as id or en.")
    text: str = strawberry.field(description="The text.")


@fed.input(description="The next version of the terms.")
class PublishParticipationTermsInput:
    texts: list[ParticipationTermsTextInput] = strawberry.field(
        description="The terms in one to five languages; the first prevails."
    )


@fed.input(description="What both sides are to sign, besides the text of the terms.")
class ParticipationContentInput:
    categories: list[Category] = strawberry.field(description="The categories of signals it covers.")
    permitted_uses: list[PermittedUse] = strawberry.field(
        description="What the provider may do with what it is sent, and nothing else."
    )
    purpose: str = strawberry.field(description="What the signals are for, in words.")
    controller_roles: str = strawberry.field(description="Which party is responsible for the data, and in what role.")
    disclosure: Disclosure = strawberry.field(description="Whether numbers are disclosed in clear or only as hashes.")
    transfer_basis: TransferBasis = strawberry.field(description="The legal ground of transfers abroad.")
    transfer_ground: str | None = strawberry.field(
        description="More about that ground; required unless nothing leaves the country.", default=UNSET
    )
    retention_days: int = strawberry.field(description="How many days the provider may keep what it is sent.")
    breach_contact: str = strawberry.field(description="Whom to reach at the provider about a breach.")
    starts_at: datetime | None = strawberry.field(
        description="The start, if not as soon as both have signed. Terms in the place of others have none.",
        default=UNSET,
    )
    ends_at: datetime | None = strawberry.field(description="The end, if there is one.", default=UNSET)


@fed.input(description="Terms for a provider to sign.")
class OfferParticipationInput:
    member_id: strawberry.ID = strawberry.field(description="The provider.")
    content: ParticipationContentInput = strawberry.field(description="What is to be signed.")


@fed.input(description="Terms that your firm asks for, signed by you.")
class RequestParticipationInput:
    terms_hash: str = strawberry.field(description="The hash of the version of the terms that you read.")
    content: ParticipationContentInput = strawberry.field(description="What you sign.")


@fed.input(description="What you sign for your firm, by its hash.")
class AcceptParticipationInput:
    proposal_id: strawberry.ID = strawberry.field(description="The proposal.")
    content_hash: str = strawberry.field(description="Its contentHash, from the content that you read.")


@fed.input(description="What you sign for the regulator, by its hash.")
class CountersignParticipationInput:
    proposal_id: strawberry.ID = strawberry.field(description="The proposal.")
    content_hash: str = strawberry.field(description="Its contentHash, from the content that you read.")


@fed.input(description="What you refuse to sign.")
class RefuseParticipationInput:
    proposal_id: strawberry.ID = strawberry.field(description="The proposal.")
    note: str | None = strawberry.field(description="Why; the other side reads it.", default=UNSET)


@fed.input(description="What your side takes back.")
class WithdrawParticipationInput:
    proposal_id: strawberry.ID = strawberry.field(description="The proposal.")
    note: str | None = strawberry.field(description="Why; the other side reads it.", default=UNSET)


@fed.type(description="The result of publishParticipationTerms.")
class PublishParticipationTermsPayload:
    terms: ParticipationTerms | None = strawberry.field(description="The version that was published.")


@fed.type(description="The result of offerParticipation.")
class OfferParticipationPayload:
    proposal: ParticipationProposal | None = strawberry.field(description="The proposal.")


@fed.type(description="The result of requestParticipation.")
class RequestParticipationPayload:
    proposal: ParticipationProposal | None = strawberry.field(description="The proposal.")


@fed.type(description="The result of acceptParticipation.")
class AcceptParticipationPayload:
    proposal: ParticipationProposal | None = strawberry.field(description="The proposal.")


@fed.type(description="The result of refuseParticipation.")
class RefuseParticipationPayload:
    proposal: ParticipationProposal | None = strawberry.field(description="The proposal.")


@fed.type(description="The result of withdrawParticipation.")
class WithdrawParticipationPayload:
    proposal: ParticipationProposal | None = strawberry.field(description="The proposal.")


@fed.type(description="The result of countersignParticipation.")
class CountersignParticipationPayload:
    proposal: ParticipationProposal | None = strawberry.field(description="The proposal, signed by both.")
    participation: Participation | None = strawberry.field(description="The participation that follows from it.")


@fed.type
class ParticipationSigningMutations:
    @field(
        "Publish the next version of the terms for providers. What was signed stays in force.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def publish_participation_terms(
        self,
        info: Info,
        input: Annotated[PublishParticipationTermsInput, strawberry.argument(description="The texts.")],  # noqa: A002
    ) -> PublishParticipationTermsPayload | None:
        texts = [publishing.LanguageText(language=each.language, text=each.text) for each in input.texts]
        published = await info.context.write(publish_terms, texts)
        return PublishParticipationTermsPayload(terms=ParticipationTerms.of(published))

    @field(
        "Offer a provider terms to sign under the newest version, also to renew or widen those in force.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def offer_participation(
        self,
        info: Info,
        input: Annotated[OfferParticipationInput, strawberry.argument(description="To whom, and what.")],  # noqa: A002
    ) -> OfferParticipationPayload | None:
        offered = await info.context.write(offer_participation, input.member_id, _terms(input.content))
        return OfferParticipationPayload(proposal=ParticipationProposal.of(offered))

    @field(
        "Ask to take part, or for other terms, as your firm's signatory: asking is your signature. The regulator then "
        "countersigns or refuses.",
        needs=PARTICIPATIONS_ACCEPT,
        extensions=[CHECKED],
    )
    async def request_participation(
        self,
        info: Info,
        input: Annotated[RequestParticipationInput, strawberry.argument(description="What you ask for.")],  # noqa: A002
    ) -> RequestParticipationPayload | None:
        content = _terms(input.content)
        requested = await info.context.write(request_participation, content, terms_hash=input.terms_hash)
        return RequestParticipationPayload(proposal=ParticipationProposal.of(requested))

    @field(
        "Sign what the regulator offered, as your firm's signatory. It is in force once the regulator countersigns.",
        needs=PARTICIPATIONS_ACCEPT,
        extensions=[CHECKED],
    )
    async def accept_participation(
        self,
        info: Info,
        input: Annotated[AcceptParticipationInput, strawberry.argument(description="What you sign.")],  # noqa: A002
    ) -> AcceptParticipationPayload | None:
        accepted = await info.context.write(accept_participation, input.proposal_id, input.content_hash)
        return AcceptParticipationPayload(proposal=ParticipationProposal.of(accepted))

    @field(
        "Countersign what a provider's signatory signed. It takes effect now or at its start, in the place of what "
        "was in force.",
        needs=PARTICIPATIONS_MANAGE,
        extensions=[CHECKED],
    )
    async def countersign_participation(
        self,
        info: Info,
        input: Annotated[CountersignParticipationInput, strawberry.argument(description="What you sign.")],  # noqa: A002
    ) -> CountersignParticipationPayload | None:
        proposal, participation = await info.context.write(
            countersign_participation, input.proposal_id, input.content_hash, fill=fill_keys
        )
        return CountersignParticipationPayload(
            proposal=ParticipationProposal.of(proposal), participation=Participation.of(participation)
        )

    @field("Refuse to sign what the other side offered or signed.", needs=SIGNATORIES, extensions=[CHECKED])
    async def refuse_participation(
        self,
        info: Info,
        input: Annotated[RefuseParticipationInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> RefuseParticipationPayload | None:
        refused = await info.context.write(refuse_participation, input.proposal_id, optional(input.note))
        return RefuseParticipationPayload(proposal=ParticipationProposal.of(refused))

    @field(
        "Take back what your side offered or signed, as long as the other side has not signed.",
        needs=SIGNATORIES,
        extensions=[CHECKED],
    )
    async def withdraw_participation(
        self,
        info: Info,
        input: Annotated[WithdrawParticipationInput, strawberry.argument(description="Which, and why.")],  # noqa: A002
    ) -> WithdrawParticipationPayload | None:
        withdrawn = await info.context.write(withdraw_participation, input.proposal_id, optional(input.note))
        return WithdrawParticipationPayload(proposal=ParticipationProposal.of(withdrawn))


def _terms(content: ParticipationContentInput) -> Terms:
    said: dict[str, Any] = given(content)
    # The reference is that of the version, which the ledger knows.
    return Terms(terms_reference="", **said)
