"""The tables of evidence's bytes as they are uploaded: contents, their sealed chunks, and what a client sent in a day.

A content is an upload until a complaint or an extract keeps it. Its bytes are chunks of at most CHUNK_BYTES, each
sealed in the context of its content, its place and the content's whole size: so no chunk can be cut off, swapped, moved
or taken from another content without the next reader noticing.
Source: docs/adr/0156.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text

from ledger.identifiers import ClientId, ContentId, MemberId, OfficerId
from ledger.storage.access import EVERYTHING, ME, TRANSITION_MOVES, Access, reads
from ledger.storage.markers import BIG, KEY, references
from ledger.storage.records import declare
from ledger.storage.roles import Role

SAME_KEY = "uq_evidence_contents_member_id_upload_key"
_OWN = f"member_id = {ME}"
_IS_OVER = (
    "CASE WHEN kept_at IS NULL THEN expires_at < now() "
    "ELSE NOT EXISTS (SELECT 1 FROM evidence e WHERE e.content_id = evidence_contents.id) "
    "AND NOT EXISTS (SELECT 1 FROM evidence_extracts x WHERE x.content_id = evidence_contents.id) END"
)
"""Whether retention may delete a content: it never became evidence, or nothing is made of it any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceContent:
    """One content: what its client declared, how much of it has arrived, and, once it is whole, its SHA-256.

    upload_key is the client's own name for it, by which beginning it again is the same upload. kept_at is when it
    became evidence; one that never does expires.
    """

    id: Annotated[ContentId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    client_id: ClientId | None = None
    officer_id: Annotated[OfficerId | None, references("officers.id")] = None
    upload_key: str | None = None
    media_type: str
    file_name: str | None = None
    size_bytes: Annotated[int, BIG]
    received_bytes: Annotated[int, BIG] = 0
    sha256: str | None = None
    began_at: datetime
    expires_at: datetime
    kept_at: datetime | None = None


evidence_contents = declare(
    "evidence_contents",
    EvidenceContent,
    CheckConstraint("received_bytes BETWEEN 0 AND size_bytes", name="received_bounded"),
    CheckConstraint("sha256 IS NULL OR received_bytes = size_bytes", name="hashed_whole"),
    CheckConstraint("kept_at IS NULL OR sha256 IS NOT NULL", name="kept_whole"),
    CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256_form"),
    Index(SAME_KEY, "member_id", "upload_key", unique=True, postgresql_where=text("upload_key IS NOT NULL")),
    Index("ix_evidence_contents_expires_at", "expires_at", postgresql_where=text("kept_at IS NULL")),
    Index("ix_evidence_contents_client_id", "client_id", postgresql_where=text("kept_at IS NULL")),
    access=(
        Access(role=Role.REGULATOR, rows=_OWN, select=EVERYTHING, insert=True),
        Access(role=Role.AGENCY, rows=_OWN, select=EVERYTHING, insert=True),
        TRANSITION_MOVES,
        # Locking a row takes the right to update it.
        Access(
            role=Role.RETENTION,
            rows=_IS_OVER,
            select=("id", "kept_at", "expires_at"),
            update=("expires_at",),
            delete=True,
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceChunk:
    """One sealed chunk. Its id says its place: the content's id, where the chunk begins, and the content's size."""

    id: Annotated[str, KEY]
    content_id: Annotated[ContentId, references("evidence_contents.id")]
    member_id: Annotated[MemberId, references("members.id")]
    begins_at_byte: Annotated[int, BIG]
    content_sealed: bytes


evidence_chunks = declare(
    "evidence_chunks",
    EvidenceChunk,
    UniqueConstraint("content_id", "begins_at_byte", name="uq_evidence_chunks_content_id_begins_at_byte"),
    CheckConstraint("begins_at_byte >= 0", name="begins_within"),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.AGENCY, rows=_OWN),
        # Of evidence they see extracts alone, and of those the ones that were released to them.
        *reads(Role.CARRIER, Role.PROVIDER, rows="content_id IN (SELECT content_id FROM evidence_extracts)"),
        *reads(Role.VERIFIER),
        Access(role=Role.TRANSITION, select=EVERYTHING, insert=True),
        Access(role=Role.JOBS, select=("id", "content_sealed"), update=("content_sealed",)),
        Access(
            role=Role.RETENTION,
            rows="content_id IN (SELECT id FROM evidence_contents)",
            select=("id", "content_id"),
            delete=True,
        ),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceQuota:
    """How many bytes of uploads a client began on a legal day; the next day uses the row again."""

    client_id: Annotated[ClientId, KEY]
    day: date
    used: Annotated[int, BIG]


evidence_quotas = declare(
    "evidence_quotas",
    EvidenceQuota,
    CheckConstraint("used >= 1", name="used_positive"),
    access=(TRANSITION_MOVES,),
)
