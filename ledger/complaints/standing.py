"""How complaints stand: how many wait, and for whom. Counts alone, in one statement, for metrics and for operators."""

from dataclasses import dataclass

from sqlalchemy import and_, func, select

from ledger.complaints.states import AWAITING_VERIFICATION, ComplaintState
from ledger.complaints.table import Complaint, complaints
from ledger.complaints.vocabulary import ORDERABLE_REMEDIES
from ledger.storage.database import Transaction
from ledger.storage.records import expression_of

_WAITING = (*sorted(AWAITING_VERIFICATION), ComplaintState.NEEDS_INFO, ComplaintState.VERIFIED)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintStanding:
    """Complaints that wait. verified_unforwarded ask for a number to be blocked, and no order has taken them up."""

    awaiting_verification: int
    verification_overdue: int
    needs_info: int
    verified_unforwarded: int


async def count_waiting_complaints(tx: Transaction) -> ComplaintStanding:
    """Count in one statement. Runs under the REGULATOR role, for the installation and not for a viewer."""
    c = complaints.c
    is_forwardable = and_(
        c.state == ComplaintState.VERIFIED.value, c.remedy.in_([each.value for each in sorted(ORDERABLE_REMEDIES)])
    )
    awaits = c.state.in_([state.value for state in sorted(AWAITING_VERIFICATION)])
    counted = await tx.execute(
        select(
            func.count().filter(awaits).label("awaiting_verification"),
            func.count().filter(expression_of(Complaint, "is_verification_overdue")).label("verification_overdue"),
            func.count().filter(c.state == ComplaintState.NEEDS_INFO.value).label("needs_info"),
            func.count().filter(is_forwardable).label("verified_unforwarded"),
        ).where(c.state.in_([state.value for state in _WAITING])),
        {"as_of": tx.as_of},
    )
    return ComplaintStanding(**counted.mappings().one())
