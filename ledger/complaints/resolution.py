"""Resolving complaints: when every instrument of a complaint has ended, and with which outcome; and resuming them.

No single kind of instrument decides: a complaint is resolved when none of any kind is pending, with the best outcome.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import TextClause, text

from ledger.complaints.moves import complaint_event
from ledger.complaints.table import Complaint
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind
from ledger.instruments import Instrument
from ledger.orders.states import BLOCK_ORDERS
from ledger.storage.database import Transaction
from ledger.storage.records import render_columns
from ledger.storage.roles import Role
from ledger.storage.rows import write_records

INSTRUMENTS = (BLOCK_ORDERS,)
"""Every kind of instrument that a complaint can lead to."""

_FROM_BEST_TO_LEAST = (
    ComplaintOutcome.BLOCKED,
    ComplaintOutcome.NUMBER_ALREADY_DEAD,
    ComplaintOutcome.WITHDRAWN,
    ComplaintOutcome.NOT_ACTIONABLE,
)


async def resolve_complaints(tx: Transaction, instrument: Instrument, ids: Sequence[str]) -> list[EventDraft]:
    """Resolve the complaints behind these instruments that have no pending instrument left, and return the events.

    Runs under the transition role, after the instruments have been written.
    """
    if not ids:
        return []
    resolved = await write_records(tx, Complaint, _resolution(instrument), {"ids": list(ids)})
    return [
        complaint_event(complaint, EventKind.COMPLAINT_RESOLVED, outcome=complaint.outcome) for complaint in resolved
    ]


async def resume_complaints(tx: Transaction, instrument: Instrument, ids: Sequence[str]) -> list[EventDraft]:
    """Take back the outcome of complaints behind these instruments of which one is pending again; returns the events.

    Runs under the transition role, after the instruments have been written.
    """
    if not ids:
        return []
    resumed = await write_records(tx, Complaint, _resumption(instrument), {"ids": list(ids)})
    return [complaint_event(complaint, EventKind.COMPLAINT_RESUMED) for complaint in resumed]


@cache
def _resumption(instrument: Instrument) -> TextClause:
    results = " UNION ALL ".join(each.results for each in INSTRUMENTS)
    return text(f"""
WITH touched AS (
  SELECT c.id FROM complaints c WHERE c.state = 'RESOLVED' AND c.id IN ({instrument.behind})
  ORDER BY c.id FOR UPDATE
), pending AS (
  SELECT t.id FROM touched t JOIN ({results}) i ON i.complaint_id = t.id
  GROUP BY t.id HAVING bool_or(i.is_pending)
)
UPDATE complaints SET state = 'ESCALATED', outcome = NULL, resolved_at = NULL, complainant_informed_at = NULL
FROM pending p WHERE complaints.id = p.id
RETURNING {render_columns(Complaint, Role.TRANSITION)}
""")


@cache
def _resolution(instrument: Instrument) -> TextClause:
    ranked = ", ".join(f"'{outcome}'" for outcome in _FROM_BEST_TO_LEAST)
    results = " UNION ALL ".join(each.results for each in INSTRUMENTS)
    return text(f"""
WITH touched AS (
  SELECT c.id FROM complaints c WHERE c.state = 'ESCALATED' AND c.id IN ({instrument.behind})
  ORDER BY c.id FOR UPDATE
), settled AS (
  SELECT t.id, (ARRAY[{ranked}])[min(array_position(ARRAY[{ranked}], i.outcome))] AS outcome
  FROM touched t JOIN ({results}) i ON i.complaint_id = t.id
  GROUP BY t.id HAVING NOT bool_or(i.is_pending)
)
UPDATE complaints SET state = 'RESOLVED', outcome = s.outcome, resolved_at = :as_of
FROM settled s WHERE complaints.id = s.id
RETURNING {render_columns(Complaint, Role.TRANSITION)}
""")
