"""Reading extracts: the regulator sees all of them, a carrier or a provider those that are released to it."""

from dataclasses import dataclass
from typing import Annotated

from sqlalchemy import ColumnElement, select, true

from ledger.accesses import AccessKind
from ledger.complaints.contents import Content
from ledger.complaints.erased import EvidenceErasedError
from ledger.complaints.evidence import OpenedContent
from ledger.errors import UnknownError
from ledger.extracts.table import EvidenceExtract, ExtractRelease, evidence_extracts, extract_releases
from ledger.filters import equals
from ledger.identifiers import parse_id
from ledger.lists import RecordList
from ledger.pages import Listing, Page, PageRequest
from ledger.relations import Note, ToMany, note_of
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.rows import find_record
from ledger.viewer import Viewer, ViewerKind

EXTRACT_VIEWERS = frozenset({ViewerKind.REGULATOR, ViewerKind.CARRIER, ViewerKind.OTT_PROVIDER})
_REGULATOR_ALONE = frozenset({ViewerKind.REGULATOR})


def _is_released(viewer: Viewer, c: Columns = evidence_extracts.c) -> ColumnElement[bool]:
    if viewer.is_regulator:
        return true()
    r = extract_releases.c
    return c.id.in_(select(r.extract_id).where(r.member_id == viewer.member_id, r.withdrawn_at.is_(None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractFilter:
    """Which extracts to return; None does not filter. evidence_id finds nothing for anyone but the regulator."""

    evidence_id: Annotated[str | None, equals("evidence_id")] = None
    sha256: Annotated[str | None, equals("sha256")] = None


EXTRACTS = RecordList(
    EvidenceExtract,
    {"NEWEST": Listing("evidence_extracts", EvidenceExtract, ("-id",))},
    ExtractFilter,
    visible=_is_released,
    kinds=EXTRACT_VIEWERS,
)
load_extracts_of_evidence = ToMany(
    EvidenceExtract,
    by="evidence_id",
    kinds=_REGULATOR_ALONE,
    note=Note(AccessKind.EVIDENCE, None, ("complaint_id",)),
)
"""The extracts of pieces of evidence, oldest first (regulator)."""
load_releases = ToMany(ExtractRelease, by="extract_id", kinds=_REGULATOR_ALONE, note=note_of(ExtractRelease))
"""To whom extracts were released, oldest first (regulator)."""


async def list_extracts(
    tx: Transaction, page: PageRequest, wanted: ExtractFilter | None = None
) -> Page[EvidenceExtract]:
    """Return a page of the extracts that the viewer may see. Errors: ForbiddenError, CursorInvalidError."""
    return await EXTRACTS.fetch(tx, page, wanted)


async def open_extract(tx: Transaction, extract_id: str) -> tuple[EvidenceExtract, OpenedContent]:
    """Return one extract and where its bytes are. Errors: UnknownError, EvidenceErasedError."""
    wanted = parse_id(extract_id)
    if tx.viewer.kind not in EXTRACT_VIEWERS or wanted is None:
        raise UnknownError(field="id")
    found = await find_record(tx, EvidenceExtract, evidence_extracts.c.id == wanted, _is_released(tx.viewer))
    if found is None:
        raise UnknownError(field="id")
    if found.content_id is None:
        raise EvidenceErasedError(field="id")
    ids = [found.id] if found.complaint_id is None else [found.complaint_id, found.id]
    tx.accesses.note(AccessKind.EVIDENCE, ids)
    return found, OpenedContent(Content(found.content_id, found.size_bytes))
