"""What retention erased: a complaint remains without its content, and nothing that names a person is added to it.

Source: docs/adr/0160.
"""

from ledger.complaints.table import Complaint
from ledger.errors import Category, ConflictError, LedgerError, UnknownError
from ledger.identifiers import ComplaintId
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import lock_records


class ComplaintErasedError(ConflictError):
    """The complaint's content was erased on schedule: nothing is left to look at, and nothing can be added to it."""

    code = "COMPLAINT_ERASED"


class EvidenceErasedError(LedgerError):
    """The bytes of this evidence were erased on schedule, with those of its extracts."""

    code = "EVIDENCE_ERASED"
    category = Category.NOT_FOUND


def require_content(complaint: Complaint) -> None:
    """Errors: ComplaintErasedError."""
    if complaint.erased_at is not None:
        raise ComplaintErasedError(field="complaintId")


async def lock_content(tx: Transaction, complaint_id: ComplaintId) -> None:
    """Keep retention from erasing a complaint's content until the transaction ends, in which something is added to it.

    Errors: ComplaintErasedError, UnknownError.
    """
    async with tx.role(Role.TRANSITION):
        locked = await lock_records(tx, Complaint, [complaint_id])
    if complaint_id not in locked:
        raise UnknownError(field="complaintId")
    require_content(locked[complaint_id])
