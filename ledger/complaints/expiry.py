"""Rejecting complaints as EVIDENCE_MISSING when the information that an officer requested does not arrive in time.

A periodic job in batches, safe to run in several processes concurrently. Source: domain.md, Complaint.
"""

from datetime import timedelta

from sqlalchemy import text

from ledger.complaints.moves import complaint_event
from ledger.complaints.table import Complaint
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.storage.database import Transaction
from ledger.storage.records import render_columns
from ledger.storage.roles import Role
from ledger.storage.rows import write_records
from ledger.viewer import OPERATOR

_BATCH_ROWS = 500

# A request for information is an event of the complaint; the latest such event marks when the waiting began.
_EXPIRE = text(f"""
WITH waiting AS (
  SELECT c.id FROM complaints c
  WHERE c.state = 'NEEDS_INFO' AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.subject_id = c.id::text AND e.kind = 'COMPLAINT_DECIDED'
      AND e.recorded_at > CAST(:asked_before AS timestamptz))
  ORDER BY c.id LIMIT :rows FOR UPDATE SKIP LOCKED
)
UPDATE complaints SET state = 'REJECTED', rejection_reason = 'EVIDENCE_MISSING', decided_at = :as_of
FROM waiting w WHERE complaints.id = w.id
RETURNING {render_columns(Complaint, Role.TRANSITION)}
""")


async def expire_information_requests(tx: Transaction) -> int:
    """Reject complaints whose source did not supply the information in time. Returns how many, at most 500."""
    asked_before = tx.as_of - timedelta(days=tx.policies.information_due_days)
    async with tx.role(Role.TRANSITION):
        expired = await write_records(tx, Complaint, _EXPIRE, {"asked_before": asked_before, "rows": _BATCH_ROWS})
        events = [
            complaint_event(complaint, EventKind.COMPLAINT_DECIDED, reason=complaint.rejection_reason)
            for complaint in expired
        ]
        await append_events(tx, events, actor=OPERATOR)
    return len(expired)
