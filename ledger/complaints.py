"""Complaints: what they are, and reading them. Filing and deciding stand in files of their own.

The regulator sees every complaint, a source its own, nobody else any. A chronology is opened only here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from ledger.identifiers import ComplaintId, MemberId, OfficerId
from ledger.pages import Page, PageRequest
from ledger.states import ComplaintState
from ledger.storage.database import Transaction
from ledger.vocabulary import Category, ComplaintOutcome, HoldReason, Medium, RejectionReason, Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """One complaint as its viewer may see it; decision_note and decided_by are the regulator's alone.

    info_request is what an officer asks of the source while the complaint is NEEDS_INFO.
    """

    id: ComplaintId
    ticket_no: str
    source_id: MemberId
    source_reference: str | None
    e164: str | None
    epoch: int | None
    epoch_uncertain: bool
    account_platform: str | None
    account_handle: str | None
    account_url: str | None
    medium: Medium
    category: Category
    incident_at: datetime | None
    loss_rupiah: int | None
    remedy: Remedy
    complainant_ref: str | None
    marks: tuple[HoldReason, ...]
    state: ComplaintState
    rejection_reason: RejectionReason | None
    info_request: str | None
    decision_note: str | None
    outcome: ComplaintOutcome | None
    duplicate_of: ComplaintId | None
    decided_by: OfficerId | None
    filed_at: datetime
    complete_at: datetime | None
    verification_due_at: datetime | None
    decided_at: datetime | None
    resolved_at: datetime | None
    complainant_informed_at: datetime | None

    def is_verification_overdue(self, as_of: datetime) -> bool:
        """Whether it still awaits an officer after its verification was due."""
        is_awaiting = self.state in AWAITING_VERIFICATION
        return is_awaiting and self.verification_due_at is not None and self.verification_due_at < as_of


AWAITING_VERIFICATION = frozenset({ComplaintState.SUBMITTED, ComplaintState.REOPENED})


class ComplaintSort(StrEnum):
    """The orders of a list. VERIFICATION_DUE has only complaints whose clock runs or ran out."""

    FILED_NEWEST = "FILED_NEWEST"
    VERIFICATION_DUE = "VERIFICATION_DUE"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintFilter:
    """Which complaints are wanted; an empty tuple and None ask for all. number is as people write it."""

    states: tuple[ComplaintState, ...] = ()
    categories: tuple[Category, ...] = ()
    number: str | None = None
    source_id: str | None = None
    filed_after: datetime | None = None
    filed_before: datetime | None = None
    is_verification_overdue: bool | None = None
    complainant_ref: str | None = None


async def get_complaint(tx: Transaction, complaint_id: str) -> Complaint:
    """One complaint. Errors: UnknownError."""
    raise NotImplementedError


async def list_complaints(
    tx: Transaction,
    page: PageRequest,
    where: ComplaintFilter | None = None,
    *,
    sort: ComplaintSort = ComplaintSort.FILED_NEWEST,
) -> Page[Complaint]:
    """Complaints that the viewer may see. Errors: ForbiddenError, CursorInvalidError, NumberInvalidError."""
    raise NotImplementedError


async def count_complaints(tx: Transaction, where: ComplaintFilter | None = None) -> int:
    """How many the same list would hold. Errors: as list_complaints."""
    raise NotImplementedError


async def load_complaints(tx: Transaction, ids: Sequence[str]) -> dict[str, Complaint]:
    """Complaints by id, those that the viewer may see."""
    raise NotImplementedError


async def read_chronology(tx: Transaction, complaint_ids: Sequence[str]) -> dict[str, str]:
    """What happened, in the complainant's words, for those complaints that have it (regulator, source)."""
    raise NotImplementedError
