"""Evidence as a source submits it, validated and cleaned. Pure: no storage.

Only media types that can be displayed without executing anything are accepted.
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
    """Evidence of this media type is not accepted."""

    code = "EVIDENCE_TYPE_UNKNOWN"
    hint = f"Use one of {', '.join(sorted(MEDIA_TYPES))}."


class EvidenceEmptyError(InvalidInputError):
    """The evidence is empty."""

    code = "EVIDENCE_EMPTY"


class EvidenceTooLargeError(InvalidInputError):
    """The evidence is too large."""

    code = "EVIDENCE_TOO_LARGE"
    hint = "Send a smaller picture, or a part of the recording. The bound is JEMBATAN_EVIDENCE_BYTES_MAX."


class EvidenceTooManyError(InvalidInputError):
    """There are too many pieces of evidence."""

    code = "EVIDENCE_TOO_MANY"
    hint = "Leave out the less telling ones. The bound is JEMBATAN_EVIDENCE_ITEMS_MAX."


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDraft:
    """A screenshot, recording or document as submitted."""

    media_type: str
    content: bytes
    file_name: str | None = None
    captured_at: datetime | None = None


def check_evidence(drafts: Sequence[EvidenceDraft], policy: FilingPolicy) -> tuple[EvidenceDraft, ...]:
    """Return the drafts with their texts cleaned.

    Errors: EvidenceTooManyError, EvidenceTypeError, EvidenceEmptyError, EvidenceTooLargeError, TimeInvalidError,
    TextInvalidError, TextTooLongError.
    """
    if len(drafts) > policy.evidence_items_max:
        raise EvidenceTooManyError(f"Send at most {policy.evidence_items_max} pieces of evidence.", field="evidence")
    checked = []
    for draft in drafts:
        media_type = draft.media_type.strip().lower() if len(draft.media_type) <= _FILE_NAME_LENGTH_MAX else ""
        if media_type not in MEDIA_TYPES:
            raise EvidenceTypeError(field="evidence.mediaType")
        if not draft.content:
            raise EvidenceEmptyError(field="evidence.content")
        if len(draft.content) > policy.evidence_bytes_max:
            raise EvidenceTooLargeError(
                f"A piece of evidence can have at most {policy.evidence_bytes_max} bytes.", field="evidence.content"
            )
        if draft.captured_at is not None and draft.captured_at.tzinfo is None:
            raise TimeInvalidError("The time needs a UTC offset.", field="evidence.capturedAt")
        file_name = check_optional_text(draft.file_name, field="evidence.fileName", length_max=_FILE_NAME_LENGTH_MAX)
        checked.append(replace(draft, media_type=media_type, file_name=file_name))
    return tuple(checked)


def hash_content(draft: EvidenceDraft) -> str:
    """Return the SHA-256 of the content, in hexadecimal."""
    return hashlib.sha256(draft.content).hexdigest()


def count_evidence_bytes(drafts: Sequence[EvidenceDraft]) -> int:
    """Return the total size of the pieces."""
    return sum(len(draft.content) for draft in drafts)
