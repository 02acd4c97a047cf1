"""Resolving complaints: when every instrument of a complaint has ended, and with which outcome; and resuming them.

No single kind of instrument decides: a complaint is resolved when none of any kind is pending, with the best outcome.
"""

from collections.abc import Sequence
from functools import cache

from sqlalchemy import TextClause, text

from ledger.complaints.moves import complaint_event
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.instruments import Instrument
from ledger.orders.states import BLOCK_ORDERS
from ledger.storage.database import Transaction

INSTRUMENTS = (BLOCK_ORDERS,)
"""Every kind of instrument that a complaint can lead to."""

_TOLD = "complaints.id, complaints.source_id, complaints.state, complaints.outcome"
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
    return await _write(tx, _resolution(instrument), ids, EventKind.COMPLAINT_RESOLVED)


async def resume_complaints(tx: Transaction, instrument: Instrument, ids: Sequence[str]) -> list[EventDraft]:
    """Take back the outcome of complaints behind these instruments of which one is pending again; returns the events.

    Runs under the transition role, after the instruments have been written.
    """
    if not ids:
        return []
    return await _write(tx, _resumption(instrument), ids, EventKind.COMPLAINT_RESUMED)


async def _write(tx: Transaction, statement: TextClause, ids: Sequence[str], kind: EventKind) -> list[EventDraft]:
    """Run one of the two statements, which return what the events say of each complaint and no more."""
    written = (await tx.execute(statement, {"ids": list(ids), "as_of": tx.as_of})).all()
    tx.note_written(Subject.COMPLAINT, [row.id for row in written])
    return [
        complaint_event(row, kind, **({"outcome": row.outcome} if row.outcome is not None else {})) for row in written
    ]


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
RETURNING {_TOLD}
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
RETURNING {_TOLD}
""")
