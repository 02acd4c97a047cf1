"""Evidence as parties upload it, and extracts as officers make them of it, through the ledger's own functions."""

from collections.abc import Sequence
from datetime import datetime

from ledger.complaints.content_table import EvidenceContent
from ledger.complaints.contents import CHUNK_BYTES, Content, append_chunk
from ledger.complaints.uploads import UploadDraft, begin_upload, finish_upload
from ledger.extracts.cuts import Cuts, TextRange, cut_text
from ledger.extracts.making import keep_extract, open_original
from ledger.extracts.table import EvidenceExtract
from ledger.storage.database import Database
from ledger.viewer import Viewer


async def upload(
    database: Database, viewer: Viewer, as_of: datetime, content: bytes, media_type: str = "text/plain"
) -> EvidenceContent:
    """A finished upload of these bytes."""
    async with database.transaction(viewer, as_of=as_of) as tx:
        begun = await begin_upload(tx, UploadDraft(media_type=media_type, size_bytes=len(content)))
        place = Content(begun.id, begun.size_bytes)
        for begins in range(0, len(content), CHUNK_BYTES):
            await append_chunk(tx, place, begins, content[begins : begins + CHUNK_BYTES])
        return await finish_upload(tx, begun, None)


async def make_extract(
    database: Database, officer: Viewer, as_of: datetime, evidence_id: str, *ranges: Sequence[int]
) -> EvidenceExtract:
    """An extract of a text without these ranges."""
    cuts = Cuts(ranges=tuple(TextRange(start=start, end=end) for start, end in ranges))
    async with database.transaction(officer, as_of=as_of) as tx:
        original = await open_original(tx, evidence_id, cuts)
        return await keep_extract(tx, original, cuts, cut_text(original.content, cuts.ranges))
