"""Evidence for complaints: sealed bytes, with their type and hash. Shown only to the source and the regulator.

The bytes of a piece that came with its complaint are sealed in its row; those of an upload are chunks of their own.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import ColumnElement, select, text, true

from ledger.accesses import AccessKind
from ledger.complaints.contents import Content, read_chunk
from ledger.complaints.erased import EvidenceErasedError
from ledger.complaints.evidence_drafts import EvidenceDraft, count_content_bytes, hash_content
from ledger.complaints.table import Evidence, evidence
from ledger.complaints.uploads import keep_contents
from ledger.errors import UnknownError
from ledger.feed.vocabulary import Subject
from ledger.identifiers import ComplaintId, EvidenceId, MemberId, new_id, parse_id
from ledger.permissions import SOURCES
from ledger.relations import Note, ToMany
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.records import declaration_of
from ledger.storage.rows import dump_rows, find_record
from ledger.viewer import Viewer

_COLUMNS = ", ".join(declaration_of(Evidence).stored())
# The contents travel beside the JSON of the rows: written out in it, they would take several times their size.
_INSERT = text(f"""
INSERT INTO evidence ({_COLUMNS}, content_sealed)
SELECT {_COLUMNS}, content
FROM json_populate_recordset(NULL::evidence, CAST(:rows AS json))
JOIN unnest(CAST(:ids AS uuid[]), CAST(:contents AS bytea[])) AS given(id, content) USING (id)
""")


async def insert_evidence(
    tx: Transaction, source_id: MemberId, drafts: Sequence[tuple[ComplaintId, EvidenceDraft]]
) -> None:
    """Seal and store evidence, each piece with its complaint's id, in one statement."""
    pieces = [
        Evidence(
            id=EvidenceId(new_id()),
            complaint_id=complaint_id,
            source_id=source_id,
            media_type=draft.media_type or "",
            file_name=draft.file_name,
            size_bytes=count_content_bytes(draft),
            sha256=hash_content(draft),
            captured_at=draft.captured_at,
            recorded_at=tx.as_of,
            content_id=draft.upload.id if draft.upload is not None else None,
        )
        for complaint_id, draft in drafts
    ]
    if not pieces:
        return
    parameters = {
        "rows": dump_rows([asdict(piece) for piece in pieces]),
        "ids": [piece.id for piece in pieces],
        "contents": [
            tx.keyring.seal(draft.content or b"", _context(piece.id))
            for piece, (_, draft) in zip(pieces, drafts, strict=True)
        ],
    }
    await keep_contents(tx, [piece.content_id for piece in pieces if piece.content_id is not None])
    await tx.execute(_INSERT, parameters)
    tx.note_written(Subject.COMPLAINT, {piece.complaint_id for piece in pieces})


@dataclass(frozen=True, slots=True)
class OpenedContent:
    """Bytes that may be read: where the chunks are, or the bytes themselves if they came with a complaint."""

    content: Content | None
    inline: bytes = b""

    @property
    def size_bytes(self) -> int:
        """How many bytes there are."""
        return len(self.inline) if self.content is None else self.content.size_bytes

    async def read(self, tx: Transaction, begins: int) -> bytes:
        """Return bytes from this one on, as many as are stored together. Errors: EvidenceDamagedError."""
        return self.inline[begins:] if self.content is None else await read_chunk(tx, self.content, begins)


async def open_evidence(tx: Transaction, evidence_id: str) -> tuple[Evidence, OpenedContent]:
    """Return one piece of evidence, and its bytes or where they are (regulator, source).

    Errors: UnknownError, EvidenceErasedError.
    """
    wanted = parse_id(evidence_id)
    if tx.viewer.kind not in SOURCES or wanted is None:
        raise UnknownError(field="id")
    piece = await find_record(tx, Evidence, evidence.c.id == wanted, _visible(tx.viewer))
    if piece is None:
        raise UnknownError(field="id")
    if piece.erased_at is not None:
        raise EvidenceErasedError(field="id")
    tx.accesses.note(AccessKind.EVIDENCE, [piece.complaint_id, piece.id])
    if piece.content_id is not None:
        return piece, OpenedContent(Content(piece.content_id, piece.size_bytes))
    sealed = await tx.execute(select(evidence.c.content_sealed).where(evidence.c.id == piece.id))
    return piece, OpenedContent(None, tx.keyring.open(sealed.scalar_one(), _context(piece.id)))


def _context(evidence_id: EvidenceId) -> str:
    return f"evidence.content:{evidence_id}"


def _visible(viewer: Viewer, c: Columns = evidence.c) -> ColumnElement[bool]:
    return true() if viewer.is_regulator else c.source_id == viewer.member_id


load_evidence = ToMany(
    Evidence,
    by="complaint_id",
    kinds=SOURCES,
    visible=_visible,
    note=Note(AccessKind.EVIDENCE, None, ("complaint_id",)),
)
"""What is known of the evidence of complaints that the viewer may see, oldest first (regulator, source)."""
