"""Who complained. Sealed, shown to an officer for a recorded purpose, known elsewhere as a keyed hash.

Nothing of a complainant may reach an event, a log, a carrier or a provider.
"""

from dataclasses import dataclass

from ledger.identifiers import ComplaintId
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplainantDraft:
    """Who complained, as the source took it down."""

    name: str
    identity_number: str | None = None
    phone: str | None = None
    email: str | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Complainant:
    """Who complained, revealed."""

    complaint_id: ComplaintId
    name: str
    identity_number: str | None
    phone: str | None
    email: str | None
    address: str | None


async def reveal_complainant(tx: Transaction, complaint_id: str, *, purpose: str) -> Complainant:
    """Show an officer who complained; each time is an event with its purpose.

    Errors: ForbiddenError, OfficerRequiredError, UnknownError, PurposeMissingError.
    """
    raise NotImplementedError
