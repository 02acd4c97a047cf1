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
from ledger.referrals.states import REFERRALS
from ledger.storage.database import Transaction

INSTRUMENTS = (BLOCK_ORDERS, REFERRALS)
"""Every kind of instrument that a complaint can lead to."""

_TOLD = "complaints.id, complaints.source_id, complaints.state, complaints.outcome"
_FROM_BEST_TO_LEAST = (
    ComplaintOutcome.BLOCKED,
    ComplaintOutcome.ACCOUNT_ACTIONED,
    ComplaintOutcome.NUMBER_ALREADY_DEAD,
    ComplaintOutcome.NO_ACCOUNT,
    ComplaintOutcome.WITHDRAWN,
    ComplaintOutcome.NOT_ACTIONABLE,
)
_COLUMNS = tuple(each.outcome_column for each in INSTRUMENTS)
"""The outcome of each kind of instrument alone, beside the best of all."""
_RESULTS = " UNION ALL ".join(
    f"SELECT '{each.outcome_column}' AS kind, r.* FROM ({each.results}) r" for each in INSTRUMENTS
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


async def revise_outcomes(tx: Transaction, instrument: Instrument, ids: Sequence[str]) -> list[EventDraft]:
    """Bring resolved complaints behind these instruments into line with an answer that came late; returns the events.

    Only those whose outcome changes are written. Runs under the transition role, after the instruments were written.
    """
    if not ids:
        return []
    return await _write(tx, _revision(instrument), ids, EventKind.COMPLAINT_RESOLVED)


@cache
def _resumption(instrument: Instrument) -> TextClause:
    cleared = ", ".join(f"{name} = NULL" for name in ("outcome", *_COLUMNS))
    return text(f"""
WITH touched AS (
  SELECT c.id FROM complaints c WHERE c.state = 'RESOLVED' AND c.id IN ({instrument.behind})
  ORDER BY c.id FOR UPDATE
), pending AS (
  SELECT t.id FROM touched t JOIN ({_RESULTS}) i ON i.complaint_id = t.id
  GROUP BY t.id HAVING bool_or(i.is_pending)
)
UPDATE complaints SET state = 'ESCALATED', {cleared}, resolved_at = NULL, complainant_informed_at = NULL
FROM pending p WHERE complaints.id = p.id
RETURNING {_TOLD}
""")


@cache
def _resolution(instrument: Instrument) -> TextClause:
    written = ", ".join(f"{name} = s.{name}" for name in ("outcome", *_COLUMNS))
    return text(f"""
WITH {_render_settled(instrument, state="ESCALATED")}
UPDATE complaints SET state = 'RESOLVED', {written}, resolved_at = :as_of
FROM settled s WHERE complaints.id = s.id
RETURNING {_TOLD}
""")


@cache
def _revision(instrument: Instrument) -> TextClause:
    names = ("outcome", *_COLUMNS)
    written = ", ".join(f"{name} = s.{name}" for name in names)
    before, after = (", ".join(f"{table}.{name}" for name in names) for table in ("complaints", "s"))
    return text(f"""
WITH {_render_settled(instrument, state="RESOLVED")}
UPDATE complaints SET {written}, resolved_at = :as_of, complainant_informed_at = NULL
FROM settled s WHERE complaints.id = s.id AND ({before}) IS DISTINCT FROM ({after})
RETURNING {_TOLD}
""")


def _render_settled(instrument: Instrument, *, state: str) -> str:
    """The complaints in that state behind instruments of which none is pending, with their outcomes."""
    ranked = ", ".join(f"'{outcome}'" for outcome in _FROM_BEST_TO_LEAST)
    best = f"(ARRAY[{ranked}])[min(array_position(ARRAY[{ranked}], i.outcome)){{}}]"
    chosen = ", ".join(
        (
            f"{best.format('')} AS outcome",
            *(best.format(f" FILTER (WHERE i.kind = '{name}')") + f" AS {name}" for name in _COLUMNS),
        )
    )
    return f"""touched AS (
  SELECT c.id FROM complaints c WHERE c.state = '{state}' AND c.id IN ({instrument.behind})
  ORDER BY c.id FOR UPDATE
), settled AS (
  SELECT t.id, {chosen}
  FROM touched t JOIN ({_RESULTS}) i ON i.complaint_id = t.id
  GROUP BY t.id HAVING NOT bool_or(i.is_pending)
)"""
