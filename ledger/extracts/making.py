"""Making extracts: an officer says what to cut out, the gateway cuts it, and what is left is evidence of its own.

The original is not touched. The bytes are read in one transaction and the extract is written in another, since cutting
a picture takes longer than a transaction should.
Source: docs/adr/0159.
"""

import hashlib
from dataclasses import asdict, dataclass

from ledger.canonical import render_canonical
from ledger.complaints.content_table import EvidenceContent
from ledger.complaints.contents import Content, store_content
from ledger.complaints.erased import lock_content
from ledger.complaints.evidence import open_evidence
from ledger.complaints.table import Evidence
from ledger.extracts.cuts import IMAGES, Cuts, RedactionInvalidError, RedactionTooLargeError
from ledger.extracts.table import EvidenceExtract
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import ContentId, ExtractId, new_id
from ledger.permissions import require_officer
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import insert_records

_TEXT, _PNG = "text/plain", "image/png"


@dataclass(frozen=True, slots=True)
class Original:
    """A piece of evidence that is to be redacted, with its bytes."""

    piece: Evidence
    content: bytes


async def open_original(tx: Transaction, evidence_id: str, cuts: Cuts) -> Original:
    """Read the evidence to be redacted, which is noted as every reading is.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, RedactionTypeError, RedactionInvalidError,
    RedactionTooLargeError, EvidenceDamagedError.
    """
    require_officer(tx.viewer)
    piece, opened = await open_evidence(tx, evidence_id)
    cuts.check(piece.media_type)
    if opened.size_bytes > tx.policies.redaction_bytes_max:
        raise RedactionTooLargeError(field="evidenceId")
    content = bytearray()
    while len(content) < opened.size_bytes:
        content += await opened.read(tx, len(content))
    return Original(piece, bytes(content))


async def keep_extract(tx: Transaction, original: Original, cuts: Cuts, content: bytes) -> EvidenceExtract:
    """Keep what was left as an extract, with its own hash and that of the original.

    Errors: ForbiddenError, OfficerRequiredError, RedactionInvalidError if nothing was cut out, ComplaintErasedError if
    retention was faster.
    """
    officer_id = require_officer(tx.viewer)
    await lock_content(tx, original.piece.complaint_id)
    piece, sha256 = original.piece, hashlib.sha256(content).hexdigest()
    if not content or sha256 == piece.sha256 or tx.viewer.member_id is None:
        raise RedactionInvalidError
    stored = EvidenceContent(
        id=ContentId(new_id()),
        member_id=tx.viewer.member_id,
        client_id=tx.viewer.client_id,
        officer_id=officer_id,
        media_type=_PNG if piece.media_type in IMAGES else _TEXT,
        size_bytes=len(content),
        received_bytes=len(content),
        sha256=sha256,
        began_at=tx.as_of,
        expires_at=tx.as_of,
        kept_at=tx.as_of,
    )
    extract = EvidenceExtract(
        id=ExtractId(new_id()),
        evidence_id=piece.id,
        complaint_id=piece.complaint_id,
        content_id=stored.id,
        media_type=stored.media_type,
        size_bytes=stored.size_bytes,
        sha256=sha256,
        original_sha256=piece.sha256,
        cuts=render_canonical(asdict(cuts)),
        made_by=officer_id,
        made_at=tx.as_of,
    )
    said = {"sha256": sha256, "originalSha256": piece.sha256}
    event = EventDraft(
        kind=EventKind.EXTRACT_MADE, subject=Subject.EVIDENCE_EXTRACT, subject_id=extract.id, payload=said
    )
    async with tx.role(Role.TRANSITION):
        await insert_records(tx, [stored])
        await store_content(tx, Content(stored.id, stored.size_bytes), stored.member_id, content)
        await insert_records(tx, [extract])
    await append_events(tx, [event])
    return extract
