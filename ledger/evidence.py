"""Evidence of complaints: bytes under seal, with their type and hash. Never shown outside source and regulator."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.identifiers import ComplaintId
from ledger.storage.database import Transaction


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


async def load_evidence(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, list[Evidence]]:
    """The evidence of each complaint that the viewer may see, oldest first (regulator, source)."""
    raise NotImplementedError


async def read_evidence(tx: Transaction, evidence_id: str) -> tuple[Evidence, bytes]:
    """One piece with its bytes (regulator, source). Errors: UnknownError."""
    raise NotImplementedError
