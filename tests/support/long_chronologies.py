"""Complaints with chronologies as long as they may be."""

from datetime import datetime

from ledger.complaints.filing import file_complaints
from ledger.storage.database import Database
from tests.support.country import Parties
from tests.support.journeys import complaint_draft

LENGTH = 98_000


async def file_long(database: Database, parties: Parties, as_of: datetime, count: int) -> list[str]:
    """Complaints of the agency whose chronologies differ, so that nothing is shared."""
    drafts = [complaint_draft(f"+62812{n:08d}", chronology=f"{n:05d}" + "x" * (LENGTH - 5)) for n in range(count)]
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        return [filed.complaint.id for filed in await file_complaints(tx, drafts)]
