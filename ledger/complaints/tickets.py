"""Finding a complaint by the number that people say on the phone.

A number that names nothing and one that names another's complaint look the same.
"""

import re

from sqlalchemy import select

from ledger.complaints.reading import Complaint, complaint_of, shown_columns
from ledger.complaints.table import complaints
from ledger.errors import UnknownError
from ledger.permissions import SOURCES
from ledger.storage.database import Transaction

_TICKET_NO = re.compile(r"T-[0-9]{4}-([0-9]{7,12})")


async def get_complaint_by_ticket(tx: Transaction, ticket_no: str) -> Complaint:
    """One complaint, in one statement. Errors: UnknownError, the same for what is not the viewer's to see."""
    said = ticket_no.strip().upper()
    match = _TICKET_NO.fullmatch(said)
    if match is None or tx.viewer.kind not in SOURCES:
        raise UnknownError(field="ticketNo")
    statement = select(*shown_columns(tx.viewer)).where(complaints.c.ticket_serial == int(match[1]))
    if not tx.viewer.is_regulator:
        statement = statement.where(complaints.c.source_id == tx.viewer.member_id)
    row = (await tx.execute(statement)).mappings().one_or_none()
    found = complaint_of(row) if row is not None else None
    if found is None or found.ticket_no != said:
        raise UnknownError(field="ticketNo")
    return found
