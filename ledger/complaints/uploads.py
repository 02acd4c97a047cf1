"""Uploads of evidence: begun, continued from where they stopped, and kept as evidence or expired.

A source begins an upload with its type and size, which count against its client's day, then sends the bytes in as many
requests as it takes. The whole is looked at and hashed before it can be evidence. Nobody but the member that began it
knows an upload.
Source: docs/adr/0156, 0157.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from sqlalchemy import func, select, text, update

from ledger.complaints.content_table import SAME_KEY, EvidenceContent, evidence_contents
from ledger.complaints.contents import Content, delete_contents, read_chunks
from ledger.complaints.evidence_drafts import (
    FILE_NAME_LENGTH_MAX,
    EvidenceDraft,
    EvidenceEmptyError,
    EvidenceTooLargeError,
    EvidenceUploadUsedError,
)
from ledger.complaints.media_types import Examiner, check_media_type
from ledger.errors import Category, ConflictError, LedgerError, UnknownError
from ledger.identifiers import ContentId, new_id, parse_id
from ledger.legal_time import LEGAL_ZONE
from ledger.permissions import require_source
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import find_record, insert_and_read, lock_records
from ledger.texts import check_optional_reference, check_optional_text

_KEY_LENGTH_MAX = 128
_EXPIRED_ROWS = 50


class UploadKeyReusedError(ConflictError):
    """This key names another upload of yours, of another size or type."""

    code = "UPLOAD_KEY_REUSED"
    hint = "Give each upload its own Idempotency-Key; repeating one means the same upload."


class UploadEndedError(ConflictError):
    """The upload that this key names has expired or was ended, and is about to be deleted."""

    code = "UPLOAD_ENDED"
    hint = "Give the new upload a key of its own, or begin it again in some minutes."


class UploadsTooManyError(LedgerError):
    """The client has too many uploads that are not evidence yet."""

    code = "UPLOADS_TOO_MANY"
    hint = "File the complaints that they belong to, or end them with DELETE. The bound is JEMBATAN_UPLOADS_OPEN_MAX."


class UploadQuotaError(LedgerError):
    """The client may begin no upload of this size today."""

    code = "UPLOAD_QUOTA"
    hint = "Wait for the next legal day (WIB). The bound is JEMBATAN_UPLOAD_BYTES_PER_CLIENT_DAILY."


class UploadUnfinishedError(LedgerError):
    """The upload is not whole."""

    code = "UPLOAD_UNFINISHED"
    category = Category.CONFLICT


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadDraft:
    """What a client says of an upload before it sends it. key makes beginning it again the same upload."""

    media_type: str
    size_bytes: int
    file_name: str | None = None
    key: str | None = None


# As for look-ups of numbers: a day that is over is replaced; that of a process with a slower clock counts as present.
_COUNT = text("""
INSERT INTO evidence_quotas AS known (client_id, day, used)
SELECT CAST(:client_id AS text), CAST(:day AS date), CAST(:size AS bigint) WHERE :size <= :limit
ON CONFLICT (client_id) DO UPDATE
  SET day = greatest(known.day, excluded.day),
      used = CASE WHEN known.day < excluded.day THEN excluded.used ELSE known.used + excluded.used END
  WHERE known.day < excluded.day OR known.used + excluded.used <= :limit
RETURNING used
""")


async def begin_upload(tx: Transaction, draft: UploadDraft) -> EvidenceContent:
    """Begin an upload for the viewer's own member, or return the one that its key names.

    Errors: ForbiddenError, EvidenceTypeError, EvidenceEmptyError, EvidenceTooLargeError, TextInvalidError,
    TextTooLongError, UploadKeyReusedError, UploadEndedError, UploadQuotaError, UploadsTooManyError; nothing is
    written then.
    """
    member_id = require_source(tx.viewer)
    policy = tx.policies
    if draft.size_bytes < 1:
        raise EvidenceEmptyError(field="Upload-Length")
    if draft.size_bytes > policy.upload_bytes_max:
        raise EvidenceTooLargeError(
            f"An upload can have at most {policy.upload_bytes_max} bytes.",
            field="Upload-Length",
            hint="Send a smaller picture, or a part of the recording. The bound is JEMBATAN_UPLOAD_BYTES_MAX.",
        )
    content = EvidenceContent(
        id=ContentId(new_id()),
        member_id=member_id,
        client_id=tx.viewer.client_id,
        officer_id=tx.viewer.officer_id,
        upload_key=check_optional_reference(draft.key, field="Idempotency-Key", length_max=_KEY_LENGTH_MAX),
        media_type=check_media_type(draft.media_type, field="filetype"),
        file_name=check_optional_text(draft.file_name, field="filename", length_max=FILE_NAME_LENGTH_MAX),
        size_bytes=draft.size_bytes,
        began_at=tx.as_of,
        expires_at=tx.as_of + timedelta(hours=policy.upload_hours),
    )
    known = await _find_same(tx, content)
    if known is not None:
        return known
    await _count(tx, content)
    inserted = await insert_and_read(tx, [content], unless=SAME_KEY if content.upload_key is not None else None)
    if inserted:
        return inserted[0]
    # Another request with the same key was faster. What this one counted stays counted.
    known = await _find_same(tx, content)
    if known is None:
        raise UploadKeyReusedError(field="Idempotency-Key")
    return known


async def find_upload(tx: Transaction, upload_id: str) -> EvidenceContent:
    """Return an upload of the viewer's own member that has not expired. Errors: ForbiddenError, UnknownError."""
    member_id = require_source(tx.viewer)
    c = evidence_contents.c
    wanted = parse_id(upload_id)
    found = None
    if wanted is not None:
        found = await find_record(tx, EvidenceContent, c.id == wanted, c.member_id == member_id)
    if found is None or (found.kept_at is None and found.expires_at <= tx.as_of):
        raise UnknownError(field="id")
    return found


async def finish_upload(tx: Transaction, upload: EvidenceContent, sha256: str | None) -> EvidenceContent:
    """Mark an upload as whole, so that it can be evidence.

    sha256 is None if its bytes came in several requests, none of which saw them all: then they are read once more.
    Errors: EvidenceTypeMismatchError, EvidenceAmbiguousError, EvidenceDamagedError, UploadUnfinishedError.
    """
    digest = sha256 if sha256 is not None else await examine_upload(tx, upload)
    c = evidence_contents.c
    finish = (
        update(evidence_contents)
        .where(c.id == upload.id, c.received_bytes == c.size_bytes, c.sha256.is_(None))
        .values(sha256=digest)
    )
    async with tx.role(Role.TRANSITION):
        finished = await tx.execute(finish)
    found = await find_upload(tx, upload.id)
    if finished.rowcount != 1 and found.sha256 != digest:
        raise UploadUnfinishedError
    return found


async def end_upload(tx: Transaction, upload_id: str) -> None:
    """End an upload that is not evidence; its bytes are deleted soon. Errors: ForbiddenError, UnknownError."""
    upload = await find_upload(tx, upload_id)
    c = evidence_contents.c
    end = update(evidence_contents).where(c.id == upload.id, c.kept_at.is_(None)).values(expires_at=tx.as_of)
    async with tx.role(Role.TRANSITION):
        ended = await tx.execute(end)
    if ended.rowcount != 1:
        raise UnknownError(field="id")


async def find_uploaded(tx: Transaction, drafts: Sequence[EvidenceDraft]) -> dict[str, EvidenceContent]:
    """Lock the viewer's own uploads that drafts name, until the transaction ends; those that expired are left out."""
    wanted = {known for draft in drafts if draft.upload_id is not None and (known := parse_id(draft.upload_id))}
    if not wanted:
        return {}
    async with tx.role(Role.TRANSITION):
        locked = await lock_records(tx, EvidenceContent, sorted(wanted))
    return {
        upload_id: upload
        for upload_id, upload in locked.items()
        if upload.member_id == tx.viewer.member_id and (upload.kept_at is not None or upload.expires_at > tx.as_of)
    }


def name_uploaded(draft: EvidenceDraft, uploads: dict[str, EvidenceContent]) -> EvidenceDraft:
    """Return the draft with the upload that it names, if there is one."""
    if draft.upload_id is None:
        return draft
    return replace(draft, upload=uploads.get(parse_id(draft.upload_id) or ""))


def take_uploads(drafts: Sequence[EvidenceDraft], taken: set[str]) -> None:
    """Note that these uploads become evidence. Errors: EvidenceUploadUsedError for one that already is, or is taken."""
    named = [draft.upload for draft in drafts if draft.upload is not None]
    ids = [upload.id for upload in named]
    if any(upload.kept_at is not None for upload in named) or len({*ids}) < len(ids) or not taken.isdisjoint(ids):
        raise EvidenceUploadUsedError(field="evidence.uploadId")
    taken.update(ids)


async def keep_contents(tx: Transaction, content_ids: Sequence[ContentId]) -> None:
    """Make contents evidence, so that they don't expire. Errors: RuntimeError if one is already."""
    if not content_ids:
        return
    c = evidence_contents.c
    keep = update(evidence_contents).where(c.id.in_(content_ids), c.kept_at.is_(None)).values(kept_at=tx.as_of)
    async with tx.role(Role.TRANSITION):
        kept = await tx.execute(keep)
    if kept.rowcount != len(content_ids):
        raise RuntimeError("An upload that this transaction locked is evidence already.")


async def delete_expired_uploads(tx: Transaction) -> int:
    """Delete uploads that never became evidence, with their bytes; returns how many, at most 50.

    Runs under the RETENTION role; safe to run again.
    """
    c = evidence_contents.c
    over = select(c.id).where(c.kept_at.is_(None), c.expires_at <= tx.as_of).order_by(c.expires_at)
    found = (await tx.execute(over.limit(_EXPIRED_ROWS).with_for_update(skip_locked=True))).scalars().all()
    if not found:
        return 0
    return await delete_contents(tx, found)


async def _find_same(tx: Transaction, content: EvidenceContent) -> EvidenceContent | None:
    if content.upload_key is None:
        return None
    c = evidence_contents.c
    known = await find_record(tx, EvidenceContent, c.member_id == content.member_id, c.upload_key == content.upload_key)
    if known is None:
        return None
    if known.kept_at is None and known.expires_at <= content.began_at:
        raise UploadEndedError(field="Idempotency-Key")
    if (known.size_bytes, known.media_type) != (content.size_bytes, content.media_type):
        raise UploadKeyReusedError(field="Idempotency-Key")
    return known


async def _count(tx: Transaction, content: EvidenceContent) -> None:
    """Count an upload against its client's day and its open uploads; the client's row is locked by the first."""
    limit = tx.policies.upload_bytes_per_client_daily
    day = tx.as_of.astimezone(LEGAL_ZONE).date()
    counted = {"client_id": content.client_id or "", "day": day, "size": content.size_bytes, "limit": limit}
    c = evidence_contents.c
    is_open = (c.client_id == content.client_id, c.kept_at.is_(None), c.expires_at > tx.as_of)
    async with tx.role(Role.TRANSITION):
        used = (await tx.execute(_COUNT, counted)).scalar_one_or_none()
        open_count = (await tx.execute(select(func.count()).where(*is_open))).scalar_one()
    if used is None:
        resets_at = datetime.combine(day + timedelta(days=1), time(), LEGAL_ZONE)
        raise UploadQuotaError(details={"resetsAt": resets_at.isoformat(), "bytesPerDay": limit})
    if open_count >= tx.policies.uploads_open_max:
        raise UploadsTooManyError


async def examine_upload(tx: Transaction, upload: EvidenceContent) -> str:
    """Return the SHA-256 of an upload whose bytes are there, of its type.

    Errors: EvidenceTypeMismatchError, EvidenceAmbiguousError, EvidenceDamagedError.
    """
    examiner = Examiner(upload.media_type, field="filetype")
    async for chunk in read_chunks(tx, Content(upload.id, upload.size_bytes)):
        examiner.feed(chunk)
    return examiner.finish()
