"""What officers decide of complaints. Never a machine; of two officers at once one wins and the other is told.

Verifying writes the number's verified count and risk; nothing here orders a block.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from ledger.complaint_policies import FILING_POLICY, RISK_POLICY, FilingPolicy, RiskPolicy
from ledger.complaints import Complaint
from ledger.errors import Problem
from ledger.states import ComplaintMove, ComplaintState
from ledger.storage.database import Transaction
from ledger.vocabulary import RejectionReason


class Decision(StrEnum):
    """What an officer can say of a complaint."""

    VERIFY = ComplaintMove.VERIFY
    REJECT = ComplaintMove.REJECT
    ASK_INFO = ComplaintMove.ASK_INFO
    MARK_DUPLICATE = ComplaintMove.MARK_DUPLICATE
    REOPEN = ComplaintMove.REOPEN


@dataclass(frozen=True, slots=True, kw_only=True)
class ComplaintDecision:
    """One decision. REJECT needs a reason, ASK_INFO a note (the source reads it), MARK_DUPLICATE the other's id.

    Any other decision's note stays with the regulator.
    """

    complaint_id: str
    decision: Decision
    reason: RejectionReason | None = None
    note: str | None = None
    duplicate_of: str | None = None
    expected_state: ComplaintState | None = None


async def decide_complaints(
    tx: Transaction,
    decisions: Sequence[ComplaintDecision],
    *,
    policy: FilingPolicy = FILING_POLICY,
    risk: RiskPolicy = RISK_POLICY,
) -> list[Complaint | Problem]:
    """Decide complaints, item by item.

    Shapes: 1..1000 decisions; the result has their order and length.
    Errors: NoItemsError, TooManyItemsError, ForbiddenError, OfficerRequiredError, with nothing written.
    """
    raise NotImplementedError


async def record_complainant_informed(tx: Transaction, complaint_ids: Sequence[str]) -> list[Complaint | Problem]:
    """Note that the complainant was told the outcome; the first time stays."""
    raise NotImplementedError
