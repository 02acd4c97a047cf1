"""Evidence as a source submits it, validated and cleaned. Pure: no storage.

A piece is given with its bytes, if they are few, or names an upload of them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from ledger.complaints.media_types import check_media_type, examine
from ledger.errors import ConflictError, InvalidInputError, TimeInvalidError
from ledger.identifiers import ContentId
from ledger.policies import FilingPolicy
from ledger.texts import check_optional_text

FILE_NAME_LENGTH_MAX = 255


class EvidenceUploadUnknownError(InvalidInputError):
    """You have no such upload, or it has expired."""

    code = "EVIDENCE_UPLOAD_UNKNOWN"
    hint = "Upload the file again, and file the complaint with the new upload's id."


class EvidenceUploadUnfinishedError(InvalidInputError):
    """The upload is not whole yet."""

    code = "EVIDENCE_UPLOAD_UNFINISHED"
    hint = "Continue it from the offset that HEAD tells, then file the complaint."


class EvidenceUploadUsedError(ConflictError):
    """The upload is evidence already; each upload becomes one piece of evidence."""

    code = "EVIDENCE_UPLOAD_USED"
    hint = "Upload the file once for each complaint."


class EvidenceFormError(InvalidInputError):
    """A piece of evidence takes either its content and its media type, or an upload's id."""

    code = "EVIDENCE_FORM"


class EvidenceEmptyError(InvalidInputError):
    """The evidence is empty."""

    code = "EVIDENCE_EMPTY"


class EvidenceTooLargeError(InvalidInputError):
    """The evidence is too large."""

    code = "EVIDENCE_TOO_LARGE"
    hint = "Upload it instead, and name the upload. The bound is JEMBATAN_EVIDENCE_BYTES_MAX."


class EvidenceTooManyError(InvalidInputError):
    """There are too many pieces of evidence."""

    code = "EVIDENCE_TOO_MANY"
    hint = "Leave out the less telling ones. The bound is JEMBATAN_EVIDENCE_ITEMS_MAX."


class Uploaded(Protocol):
    """What a draft needs of an upload."""

    @property
    def id(self) -> ContentId:
        """Its id."""

    @property
    def media_type(self) -> str:
        """As declared."""

    @property
    def file_name(self) -> str | None:
        """As declared."""

    @property
    def size_bytes(self) -> int:
        """As declared."""

    @property
    def sha256(self) -> str | None:
        """Its hash, once it is whole."""

    @property
    def kept_at(self) -> datetime | None:
        """When it became evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceDraft:
    """A screenshot, recording or document as submitted: its content with its media type, or the id of its upload.

    upload is what the id names, once it was looked up; None if the source has no such upload.
    """

    media_type: str | None = None
    content: bytes | None = None
    upload_id: str | None = None
    file_name: str | None = None
    captured_at: datetime | None = None
    upload: Uploaded | None = None


def check_evidence(drafts: Sequence[EvidenceDraft], policy: FilingPolicy) -> tuple[EvidenceDraft, ...]:
    """Return the drafts with their texts cleaned.

    Errors: EvidenceTooManyError, EvidenceFormError, EvidenceUploadUnknownError, EvidenceUploadUnfinishedError,
    EvidenceTypeError, EvidenceTypeMismatchError, EvidenceAmbiguousError, EvidenceEmptyError, EvidenceTooLargeError,
    TimeInvalidError, TextInvalidError, TextTooLongError.
    """
    if len(drafts) > policy.evidence_items_max:
        raise EvidenceTooManyError(f"Send at most {policy.evidence_items_max} pieces of evidence.", field="evidence")
    return tuple(_check(draft, policy) for draft in drafts)


def _check(draft: EvidenceDraft, policy: FilingPolicy) -> EvidenceDraft:
    file_name = check_optional_text(draft.file_name, field="evidence.fileName", length_max=FILE_NAME_LENGTH_MAX)
    if draft.captured_at is not None and draft.captured_at.tzinfo is None:
        raise TimeInvalidError("The time needs a UTC offset.", field="evidence.capturedAt")
    if draft.upload_id is not None:
        return _check_uploaded(replace(draft, file_name=file_name))
    if draft.media_type is None or draft.content is None:
        raise EvidenceFormError(field="evidence.content" if draft.content is None else "evidence.mediaType")
    media_type = check_media_type(draft.media_type, field="evidence.mediaType")
    if not draft.content:
        raise EvidenceEmptyError(field="evidence.content")
    if len(draft.content) > policy.evidence_bytes_max:
        raise EvidenceTooLargeError(
            f"A piece of evidence can have at most {policy.evidence_bytes_max} bytes.", field="evidence.content"
        )
    examine(draft.content, media_type, field="evidence.mediaType")
    return replace(draft, media_type=media_type, file_name=file_name)


def _check_uploaded(draft: EvidenceDraft) -> EvidenceDraft:
    if draft.media_type is not None or draft.content is not None:
        raise EvidenceFormError(field="evidence.uploadId")
    if draft.upload is None:
        raise EvidenceUploadUnknownError(field="evidence.uploadId")
    if draft.upload.sha256 is None:
        raise EvidenceUploadUnfinishedError(field="evidence.uploadId")
    return replace(draft, media_type=draft.upload.media_type, file_name=draft.file_name or draft.upload.file_name)


def hash_content(draft: EvidenceDraft) -> str:
    """Return the SHA-256 of the content, in hexadecimal."""
    if draft.upload is not None and draft.upload.sha256 is not None:
        return draft.upload.sha256
    return hashlib.sha256(draft.content or b"").hexdigest()


def count_content_bytes(draft: EvidenceDraft) -> int:
    """Return how many bytes a checked piece has."""
    return draft.upload.size_bytes if draft.upload is not None else len(draft.content or b"")


def count_evidence_bytes(drafts: Sequence[EvidenceDraft]) -> int:
    """Return the total size of the pieces that came with the call; uploads were sent before."""
    return sum(len(draft.content or b"") for draft in drafts)
