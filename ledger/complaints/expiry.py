"""Complaints that wait for information and get none: rejected as EVIDENCE_MISSING when their time is over.

A job of the system's own, in batches; safe in several processes at once. Source: domain.md, Complaint.
"""

from datetime import timedelta

from sqlalchemy import text

from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import RejectionReason
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR

_BATCH_ROWS = 500

# Asking for information is recorded as an event of the complaint; its last one is when the waiting began.
_EXPIRE = text("""
WITH waiting AS (
  SELECT c.id FROM complaints c
  WHERE c.state = 'NEEDS_INFO' AND NOT EXISTS (
    SELECT 1 FROM events e
    WHERE e.subject_id = c.id::text AND e.kind = 'COMPLAINT_DECIDED'
      AND e.recorded_at > CAST(:asked_before AS timestamptz))
  ORDER BY c.id LIMIT :rows FOR UPDATE SKIP LOCKED
)
UPDATE complaints c SET state = 'REJECTED', rejection_reason = 'EVIDENCE_MISSING', decided_at = :as_of
FROM waiting w WHERE c.id = w.id
RETURNING c.id, c.source_id
""")


async def expire_information_requests(tx: Transaction) -> int:
    """Reject complaints whose source did not supply what was asked for in time; answers how many, at most 500."""
    asked_before = tx.as_of - timedelta(days=tx.policies.information_due_days)
    async with tx.role(Role.TRANSITION):
        expired = await tx.execute(_EXPIRE, {"asked_before": asked_before, "rows": _BATCH_ROWS, "as_of": tx.as_of})
        events = [
            EventDraft(
                kind=EventKind.COMPLAINT_DECIDED,
                subject=Subject.COMPLAINT,
                subject_id=str(row["id"]),
                state=ComplaintState.REJECTED,
                audience=[MemberId(str(row["source_id"]))],
                payload={"reason": RejectionReason.EVIDENCE_MISSING},
            )
            for row in expired.mappings()
        ]
        await append_events(tx, events, actor=OPERATOR)
    return len(events)
