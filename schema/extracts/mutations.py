"""Making, releasing and withdrawing redacted extracts."""

from typing import Annotated

import strawberry
import strawberry.federation as fed
from strawberry import UNSET

from ledger.extracts.cuts import Cuts, Region, TextRange
from ledger.extracts.releasing import ReleaseDraft, release_extract, withdraw_release
from resolvers.redacting import redact_evidence
from schema.authority import EVIDENCE_RELEASE
from schema.extracts.types import EvidenceExtract, ExtractRelease
from schema.fields import field
from schema.info import Info
from schema.models import given
from schema.texts import CHECKED


@fed.input(description="A rectangle of a picture as it is shown, in pixels from its upper left corner.")
class RegionInput:
    x: int = strawberry.field(description="Its left edge.")
    y: int = strawberry.field(description="Its upper edge.")
    width: int = strawberry.field(description="Its width.")
    height: int = strawberry.field(description="Its height.")


@fed.input(description="A range of a text, in characters (code points).")
class TextRangeInput:
    start: int = strawberry.field(description="The first character.")
    end: int = strawberry.field(description="The character behind the last one.")


@fed.input(description="What to cut out of a piece of evidence: regions of a picture, or ranges of a text.")
class RedactEvidenceInput:
    evidence_id: strawberry.ID = strawberry.field(description="The evidence.")
    regions: list[RegionInput] | None = strawberry.field(
        description="Regions of a picture to black out, at most 200.", default=UNSET
    )
    ranges: list[TextRangeInput] | None = strawberry.field(
        description="Ranges of a text to take out, at most 200.", default=UNSET
    )


@fed.input(description="To whom an extract is released, and why.")
class ReleaseExtractInput:
    extract_id: strawberry.ID = strawberry.field(description="The extract.")
    member_id: strawberry.ID = strawberry.field(description="The carrier or the provider.")
    order_id: strawberry.ID | None = strawberry.field(
        description="The carrier's issued order about the complaint; required for a carrier.", default=UNSET
    )
    reason: str = strawberry.field(description="Why; only the regulator sees it.")


@fed.input(description="Which release to withdraw.")
class WithdrawExtractInput:
    release_id: strawberry.ID = strawberry.field(description="The release.")


@fed.type(description="The result of redactEvidence.")
class RedactEvidencePayload:
    extract: EvidenceExtract | None = strawberry.field(description="The extract.")


@fed.type(description="The result of releaseExtract.")
class ReleaseExtractPayload:
    release: ExtractRelease | None = strawberry.field(description="The release.")


@fed.type(description="The result of withdrawExtract.")
class WithdrawExtractPayload:
    release: ExtractRelease | None = strawberry.field(description="The release as it is now.")


@fed.type
class ExtractMutations:
    @field(
        "Make a redacted extract of a piece of evidence: pixels or text are cut out for good, and metadata are left "
        "behind. Only officers can do this.",
        needs=EVIDENCE_RELEASE,
    )
    async def redact_evidence(
        self,
        info: Info,
        input: Annotated[RedactEvidenceInput, strawberry.argument(description="What to cut out.")],  # noqa: A002
    ) -> RedactEvidencePayload | None:
        cuts = Cuts(
            regions=tuple(Region(**given(each)) for each in input.regions or ()),
            ranges=tuple(TextRange(**given(each)) for each in input.ranges or ()),
        )
        extract = await redact_evidence(info.context, input.evidence_id, cuts)
        return RedactEvidencePayload(extract=EvidenceExtract.of(extract))

    @field(
        "Release an extract to a carrier, for an issued order of its own about the complaint, or to a provider that "
        "takes part. Only officers can do this.",
        needs=EVIDENCE_RELEASE,
        extensions=[CHECKED],
    )
    async def release_extract(
        self,
        info: Info,
        input: Annotated[ReleaseExtractInput, strawberry.argument(description="To whom, and why.")],  # noqa: A002
    ) -> ReleaseExtractPayload | None:
        release = await info.context.write(release_extract, ReleaseDraft(**given(input)))
        return ReleaseExtractPayload(release=ExtractRelease.of(release))

    @field(
        "Withdraw an extract from a member, at once. Only officers can do this.",
        needs=EVIDENCE_RELEASE,
        extensions=[CHECKED],
    )
    async def withdraw_extract(
        self,
        info: Info,
        input: Annotated[WithdrawExtractInput, strawberry.argument(description="Which release.")],  # noqa: A002
    ) -> WithdrawExtractPayload | None:
        return WithdrawExtractPayload(
            release=ExtractRelease.of(await info.context.write(withdraw_release, input.release_id))
        )
