"""Filing complaints, and what their source may do to them afterwards: withdraw, supply what was asked for.

The same complaint filed again is the first one: by the source's reference, else by its content with the number
of its occurrence. A filing is never half-written: complaint, complainant, evidence, counts and event go together.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ledger.complainants import ComplainantDraft
from ledger.complaint_policies import FILING_POLICY, FilingPolicy
from ledger.complaints import Complaint
from ledger.errors import Problem
from ledger.evidence import EvidenceDraft
from ledger.number_forms import HOME_REGION
from ledger.storage.database import Transaction
from ledger.vocabulary import Category, Medium, Remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintDraft:
    """A complaint to be filed, against a number or an account or both.

    number is as written, read as one of the region. incident_at carries its zone.
    occurrence tells identical complaints without a reference apart: the first is 1.
    """

    medium: Medium
    category: Category
    remedy: Remedy = Remedy.NUMBER_BLOCK
    source_reference: str | None = None
    number: str | None = None
    region: str = HOME_REGION
    account_platform: str | None = None
    account_handle: str | None = None
    account_url: str | None = None
    incident_at: datetime | None = None
    chronology: str | None = None
    loss_rupiah: int | None = None
    complainant: ComplainantDraft | None = None
    evidence: tuple[EvidenceDraft, ...] = ()
    occurrence: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FiledComplaint:
    """What a draft became; was_known where it had been filed before."""

    complaint: Complaint
    was_known: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplement:
    """What a source adds to a complaint that needs information."""

    complaint_id: str
    chronology: str | None = None
    evidence: tuple[EvidenceDraft, ...] = ()


async def file_complaints(
    tx: Transaction, drafts: Sequence[ComplaintDraft], *, policy: FilingPolicy = FILING_POLICY
) -> list[FiledComplaint | Problem]:
    """File complaints for the viewer's own member, item by item.

    Shapes: 1..1000 drafts; the result has the drafts' order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, with nothing written. A draft that can't be taken is a
    Problem in its place; the others are filed.
    Source: domain.md, Complaint; field.md section 1.1.
    """
    raise NotImplementedError


async def withdraw_complaints(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Take back complaints of the viewer's own member."""
    raise NotImplementedError


async def supply_information(
    tx: Transaction, supplements: Sequence[Supplement], *, policy: FilingPolicy = FILING_POLICY
) -> list[Complaint | Problem]:
    """Answer what an officer asked; the complaint is complete again and its clock starts anew."""
    raise NotImplementedError
