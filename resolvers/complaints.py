"""How fields about complaints get their values."""

from collections.abc import Sequence

from ledger.complaints import (
    complainants,
)
from ledger.complaints import (
    decisions as complaint_deciding,
)
from ledger.complaints import (
    filing as complaint_filing,
)
from ledger.complaints import (
    reading as complaints,
)
from ledger.complaints import (
    supplements as complaint_supplying,
)
from ledger.complaints import (
    tickets as complaint_tickets,
)
from ledger.complaints.complainants import Complainant
from ledger.complaints.decisions import ComplaintDecision
from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.filing import FiledComplaint
from ledger.complaints.reading import Complaint, ComplaintFilter
from ledger.complaints.supplements import Supplement
from ledger.complaints.vocabulary import ComplaintSort
from ledger.errors import Problem, UnknownError
from ledger.identifiers import parse_id
from ledger.pages import Page, PageRequest
from resolvers.context import Context

Results = list[Complaint | Problem]


async def get_complaint(context: Context, complaint_id: str) -> Complaint:
    """One complaint, batched with others of the operation. Errors: UnknownError."""
    known = parse_id(complaint_id)
    complaint = await context.loaders.complaints.load(known) if known else None
    if complaint is None:
        raise UnknownError(field="id")
    return complaint


async def get_complaint_by_ticket(context: Context, ticket_no: str) -> Complaint:
    """One complaint by the number that people say. Errors: UnknownError."""
    return await context.read(lambda tx: complaint_tickets.get_complaint_by_ticket(tx, ticket_no))


async def list_complaints(
    context: Context, page: PageRequest, where: ComplaintFilter, *, sort: ComplaintSort
) -> Page[Complaint]:
    """A page of the complaints that the viewer may see."""
    return await context.read(lambda tx: complaints.list_complaints(tx, page, where, sort=sort))


async def count_complaints(context: Context, where: ComplaintFilter) -> int:
    """How many that list holds."""
    return await context.read(lambda tx: complaints.count_complaints(tx, where))


async def file_complaints(context: Context, drafts: Sequence[ComplaintDraft]) -> list[FiledComplaint | Problem]:
    """File complaints, item by item."""
    return await context.write(lambda tx: complaint_filing.file_complaints(tx, drafts))


async def withdraw_complaints(context: Context, complaint_ids: Sequence[str]) -> Results:
    """Take complaints back, item by item."""
    return await context.write(lambda tx: complaint_supplying.withdraw_complaints(tx, complaint_ids))


async def supply_information(context: Context, supplements: Sequence[Supplement]) -> Results:
    """Answer what an officer asked, item by item."""
    return await context.write(lambda tx: complaint_supplying.supply_information(tx, supplements))


async def decide_complaints(context: Context, decisions: Sequence[ComplaintDecision]) -> Results:
    """Decide complaints, item by item."""
    return await context.write(lambda tx: complaint_deciding.decide_complaints(tx, decisions))


async def record_complainant_informed(context: Context, complaint_ids: Sequence[str]) -> Results:
    """Note that complainants were told the outcome, item by item."""
    return await context.write(lambda tx: complaint_deciding.record_complainant_informed(tx, complaint_ids))


async def reveal_complainant(context: Context, complaint_id: str, *, purpose: str) -> Complainant:
    """Show an officer who complained."""
    return await context.write(lambda tx: complainants.reveal_complainant(tx, complaint_id, purpose=purpose))
