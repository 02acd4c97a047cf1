"""Evidence as a source hands it in, checked and cleaned. Pure: no storage.

Only types that a viewer can show without running anything are taken.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ledger.errors import InvalidInputError, TimeInvalidError
from ledger.policies import FilingPolicy
from ledger.texts import check_optional_text

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
        checked.append(replace(draft, media_type=media_type, file_name=file_name))
    return tuple(checked)


def hash_content(draft: EvidenceDraft) -> str:
    """SHA-256 of the bytes, in hex."""
    return hashlib.sha256(draft.content).hexdigest()


def count_evidence_bytes(drafts: Sequence[EvidenceDraft]) -> int:
    """The size of several pieces together."""
    return sum(len(draft.content) for draft in drafts)
