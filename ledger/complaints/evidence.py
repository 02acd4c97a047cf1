"""Evidence of complaints: bytes under seal, with their type and hash. Never shown outside source and regulator.

Only types that a viewer can show without running anything are taken.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, select, text, true

from ledger.complaints.table import evidence
from ledger.errors import InvalidInputError, TimeInvalidError, UnknownError
from ledger.identifiers import ComplaintId, MemberId, new_id, parse_id
from ledger.permissions import SOURCES
from ledger.policies import FilingPolicy
from ledger.storage.database import Transaction
from ledger.texts import check_optional_text
from ledger.viewer import Viewer

MEDIA_TYPES = frozenset(
    {
        "application/pdf", "audio/aac", "audio/amr", "audio/mp4", "audio/mpeg", "audio/ogg", "audio/wav", "audio/webm",
        "image/gif", "image/heic", "image/jpeg", "image/png", "image/webp", "text/plain", "video/mp4", "video/webm",
    }
)  # fmt: skip
_FILE_NAME_LENGTH_MAX = 255


class EvidenceTypeError(InvalidInputError):
    """Evidence of this type is not taken."""

    code = "EVIDENCE_TYPE_UNKNOWN"
    hint = f"One of {', '.join(sorted(MEDIA_TYPES))}."


class EvidenceEmptyError(InvalidInputError):
    """The evidence has no bytes."""

    code = "EVIDENCE_EMPTY"


class EvidenceTooLargeError(InvalidInputError):
    """The evidence is larger than is taken."""

    code = "EVIDENCE_TOO_LARGE"


class EvidenceTooManyError(InvalidInputError):
    """There are more pieces of evidence than are taken."""

    code = "EVIDENCE_TOO_MANY"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDraft:
    """A screenshot, a recording or a document as it was handed in."""

    media_type: str
    content: bytes
    file_name: str | None = None
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What is known of one piece of evidence without opening it."""

    id: str
    complaint_id: ComplaintId
    media_type: str
    file_name: str | None
    size_bytes: int
    sha256: str
    captured_at: datetime | None
    recorded_at: datetime


_INSERT = text("""
INSERT INTO evidence
  (id, complaint_id, source_id, media_type, file_name, size_bytes, sha256, content_sealed, captured_at, recorded_at)
SELECT d.id, d.complaint_id, CAST(:source_id AS uuid), d.media_type, d.file_name, d.size_bytes, d.sha256,
       d.content_sealed, d.captured_at, CAST(:recorded_at AS timestamptz)
FROM unnest(CAST(:ids AS uuid[]), CAST(:complaint_ids AS uuid[]), CAST(:media_types AS text[]),
            CAST(:file_names AS text[]), CAST(:sizes AS bigint[]), CAST(:hashes AS text[]),
            CAST(:contents AS bytea[]), CAST(:captured AS timestamptz[]))
  AS d(id, complaint_id, media_type, file_name, size_bytes, sha256, content_sealed, captured_at)
""")
_SHOWN = [column for column in evidence.c if column.name not in {"content_sealed", "source_id"}]


def check_evidence(drafts: Sequence[EvidenceDraft], policy: FilingPolicy) -> tuple[EvidenceDraft, ...]:
    """The drafts with their texts cleaned.

    Errors: EvidenceTooManyError, EvidenceTypeError, EvidenceEmptyError, EvidenceTooLargeError, TimeInvalidError,
    TextInvalidError, TextTooLongError.
    """
    if len(drafts) > policy.evidence_items_max:
        raise EvidenceTooManyError(f"At most {policy.evidence_items_max} pieces of evidence.", field="evidence")
    checked = []
    for draft in drafts:
        media_type = draft.media_type.strip().lower() if len(draft.media_type) <= _FILE_NAME_LENGTH_MAX else ""
        if media_type not in MEDIA_TYPES:
            raise EvidenceTypeError(field="evidence.mediaType")
        if not draft.content:
            raise EvidenceEmptyError(field="evidence.content")
        if len(draft.content) > policy.evidence_bytes_max:
            raise EvidenceTooLargeError(
                f"One piece of evidence has at most {policy.evidence_bytes_max} bytes.", field="evidence.content"
            )
        if draft.captured_at is not None and draft.captured_at.tzinfo is None:
            raise TimeInvalidError("The time needs its zone.", field="evidence.capturedAt")
        file_name = check_optional_text(draft.file_name, field="evidence.fileName", length_max=_FILE_NAME_LENGTH_MAX)
        checked.append(
            EvidenceDraft(
                media_type=media_type, content=draft.content, file_name=file_name, captured_at=draft.captured_at
            )
        )
    return tuple(checked)


def hash_content(draft: EvidenceDraft) -> str:
    """SHA-256 of the bytes, in hex."""
    return hashlib.sha256(draft.content).hexdigest()


def _context(evidence_id: str) -> str:
    return f"evidence.content:{evidence_id}"


async def insert_evidence(tx: Transaction, source_id: MemberId, drafts: Sequence[tuple[str, EvidenceDraft]]) -> None:
    """Seal and keep evidence, given by complaint id, in one statement."""
    if not drafts:
        return
    ids = [new_id() for _ in drafts]
    pieces = [draft for _, draft in drafts]
    parameters: dict[str, Any] = {
        "source_id": source_id,
        "recorded_at": tx.as_of,
        "ids": ids,
        "complaint_ids": [complaint_id for complaint_id, _ in drafts],
        "media_types": [piece.media_type for piece in pieces],
        "file_names": [piece.file_name for piece in pieces],
        "sizes": [len(piece.content) for piece in pieces],
        "hashes": [hash_content(piece) for piece in pieces],
        "contents": [
            tx.keyring.seal(piece.content, _context(evidence_id))
            for evidence_id, piece in zip(ids, pieces, strict=True)
        ],
        "captured": [piece.captured_at for piece in pieces],
    }
    await tx.execute(_INSERT, parameters)


async def load_evidence(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, list[Evidence]]:
    """The evidence of each complaint that the viewer may see, oldest first (regulator, source)."""
    found: dict[str, list[Evidence]] = {complaint_id: [] for complaint_id in complaint_ids}
    wanted = sorted({parsed for parsed in map(parse_id, complaint_ids) if parsed is not None})
    if tx.viewer.kind not in SOURCES or not wanted:
        return found
    statement = select(*_SHOWN).where(evidence.c.complaint_id.in_(wanted), _visible(tx.viewer)).order_by(evidence.c.id)
    for row in (await tx.execute(statement)).mappings():
        found.setdefault(row["complaint_id"], []).append(Evidence(**row))
    return found


async def read_evidence(tx: Transaction, evidence_id: str) -> tuple[Evidence, bytes]:
    """One piece with its bytes (regulator, source). Errors: UnknownError."""
    wanted = parse_id(evidence_id)
    if tx.viewer.kind not in SOURCES or wanted is None:
        raise UnknownError(field="id")
    statement = select(*_SHOWN, evidence.c.content_sealed).where(evidence.c.id == wanted, _visible(tx.viewer))
    row = (await tx.execute(statement)).mappings().one_or_none()
    if row is None:
        raise UnknownError(field="id")
    content = tx.keyring.open(row["content_sealed"], _context(wanted))
    return _evidence(row), content


def _evidence(row: RowMapping) -> Evidence:
    return Evidence(**{column.name: row[column.name] for column in _SHOWN})


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    return true() if viewer.is_regulator else evidence.c.source_id == viewer.member_id
