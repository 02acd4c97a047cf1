"""The tables of extracts and of their releases. A carrier or a provider sees an extract while it is released to it.

It learns nothing of the complaint, the original but for its hash, or of who else has the extract.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, text

from ledger.complaints.contents import digest_content
from ledger.complaints.table import OF_ERASABLE
from ledger.feed.vocabulary import Subject
from ledger.identifiers import (
    BrandId,
    ComplaintId,
    ContentId,
    EvidenceId,
    ExtractId,
    MemberId,
    OfficerId,
    OrderId,
    ReleaseId,
)
from ledger.storage.access import EVERYTHING, ME, OF_MY_BRAND, Access, reads
from ledger.storage.commitments import CommittedBy, Elsewhere
from ledger.storage.markers import BIG, KEY, REQUIRED, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role

STILL_RELEASED = "uq_extract_releases_extract_id_member_id"
_REGULATOR_ALONE = only(Role.REGULATOR)
_RELEASED = "id IN (SELECT extract_id FROM extract_releases WHERE withdrawn_at IS NULL)"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceExtract:
    """A redacted extract: its own hash, and that of the original. cuts says what was taken out, as canonical text.

    erased_at: retention erased its bytes, with the original's; it has no content then.
    """

    id: Annotated[ExtractId, KEY]
    evidence_id: Annotated[EvidenceId | None, references("evidence.id", index=True), REQUIRED, _REGULATOR_ALONE] = None
    complaint_id: Annotated[ComplaintId | None, references("complaints.id", index=True), REQUIRED, _REGULATOR_ALONE] = (
        None
    )
    content_id: Annotated[ContentId | None, references("evidence_contents.id", index=True)] = None
    media_type: str
    size_bytes: Annotated[int, BIG]
    sha256: str
    original_sha256: str
    cuts: Annotated[str | None, REQUIRED, _REGULATOR_ALONE] = None
    made_by: Annotated[OfficerId | None, references("officers.id"), REQUIRED, _REGULATOR_ALONE] = None
    made_at: datetime
    erased_at: datetime | None = None


evidence_extracts = declare(
    "evidence_extracts",
    EvidenceExtract,
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$' AND original_sha256 ~ '^[0-9a-f]{64}$'", name="sha256_form"),
    CheckConstraint("sha256 <> original_sha256", name="not_the_original"),
    access=(
        Access(role=Role.TRANSITION, select=EVERYTHING, insert=True),
        *reads(Role.REGULATOR),
        *reads(Role.CARRIER, Role.PROVIDER, rows=_RELEASED),
        Access(
            role=Role.RETENTION,
            select=("id", "complaint_id", "content_id", "erased_at"),
            update=("content_id", "erased_at"),
            changed=OF_ERASABLE,
        ),
    ),
    committed_by=CommittedBy(
        Subject.EVIDENCE_EXTRACT,
        elsewhere=Elsewhere("content_id", size="size_bytes", digest="sha256", compute=digest_content),
    ),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractRelease:
    """That an extract was released to a member, why, and until when. A carrier's is for one of its orders."""

    id: Annotated[ReleaseId, KEY]
    extract_id: Annotated[ExtractId, references("evidence_extracts.id")]
    member_id: Annotated[MemberId, references("members.id")]
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    order_id: Annotated[OrderId | None, references("block_orders.id")] = None
    reason: Annotated[str | None, _REGULATOR_ALONE] = None
    released_by: Annotated[OfficerId | None, references("officers.id"), REQUIRED, _REGULATOR_ALONE] = None
    released_at: datetime
    withdrawn_by: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    withdrawn_at: datetime | None = None


extract_releases = declare(
    "extract_releases",
    ExtractRelease,
    Index(
        STILL_RELEASED,
        "extract_id",
        "member_id",
        "order_id",
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=text("withdrawn_at IS NULL"),
    ),
    Index("ix_extract_releases_member_id", "member_id"),
    Index("ix_extract_releases_extract_id", "extract_id"),
    access=(
        Access(role=Role.TRANSITION, select=EVERYTHING, insert=True, update=("withdrawn_by", "withdrawn_at")),
        *reads(Role.REGULATOR),
        *reads(Role.CARRIER, rows=f"member_id = {ME} AND {OF_MY_BRAND}"),
        *reads(Role.PROVIDER, rows=f"member_id = {ME}"),
        Access(
            role=Role.RETENTION,
            select=("extract_id", "member_id", "withdrawn_at"),
            update=("reason",),
            changed="extract_id IN (SELECT id FROM evidence_extracts WHERE erased_at IS NOT NULL)",
        ),
    ),
    committed_by=CommittedBy(Subject.EVIDENCE_EXTRACT, "extract_id"),
    is_watched=True,
)
