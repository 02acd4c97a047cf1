"""Settling signals: bringing the signals of numbers into line with the numbers' verified complaints.

Called in the transaction that updates the numbers' verified counts, after the numbers were locked. It raises, changes
and revokes signals (COMPLAINTS_REJECTED), and expires those whose number went to another subscriber, in a number of
statements that doesn't grow with the numbers. Repeating it has no effect. A protected number gets no signal: a caller
who shows a bank's or the police's number is not that bank. A signal that an officer revoked is raised again only by
complaints that were verified afterwards. Source: domain.md, Signals; docs/adr/0060.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, text

from ledger.complaints.states import VERIFIED_STATES
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import SignalId, new_id
from ledger.legal_time import LEGAL_ZONE
from ledger.participations.taking_part import hold_participations
from ledger.policies import SignalPolicy
from ledger.signals.confirming import ask_confirmations
from ledger.signals.disclosure import SignalNews, draft_events, find_recipients, send_signals
from ledger.signals.rules import ComplaintTally, Judgement, judge
from ledger.signals.states import SignalMove, SignalState, next_signal_state
from ledger.signals.table import FraudSignal, fraud_signals
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, insert_records, select_records, update_records
from ledger.viewer import OPERATOR, Viewer
from ledger.vocabulary import Category

_BATCH_ROWS = 500
_TOLD = ("risk", "state", "first_seen_on", "last_seen_on", "valid_until", "corroboration_count")
"""The fields whose changes are announced. A change of the score alone is not, since only the regulator sees it."""

_LOCK_NEXT = text("""
SELECT e164 FROM phone_numbers
WHERE e164 > :after AND (verified_complaint_count > 0 OR EXISTS (
  SELECT 1 FROM fraud_signals f WHERE f.e164 = phone_numbers.e164 AND f.state = 'ACTIVE'))
ORDER BY e164 LIMIT :rows FOR NO KEY UPDATE
""")

# As for risk, complaints of the current epoch count, once per complainant (per source if no complainant is named).
_MEASURE = text("""
WITH asked AS (
  SELECT e164, epoch, holder_id, brand_id, protected_reason FROM phone_numbers WHERE e164 = ANY(:e164s)
), judged AS (
  SELECT e164, epoch, category, max(ended_at) AS revoked_at FROM fraud_signals
  WHERE e164 = ANY(:e164s) AND revoked_by IS NOT NULL GROUP BY e164, epoch, category
), tallied AS (
  SELECT a.e164, a.epoch, c.category,
         count(DISTINCT coalesce(c.complainant_ref, c.source_id::text)) AS complainants,
         min((coalesce(c.incident_at, c.filed_at) AT TIME ZONE :zone)::date) AS first_seen_on,
         max((coalesce(c.incident_at, c.filed_at) AT TIME ZONE :zone)::date) AS last_seen_on,
         max((coalesce(c.decided_at, c.filed_at) AT TIME ZONE :zone)::date) AS confirmed_on
  FROM asked a
  JOIN complaints c ON c.e164 = a.e164 AND c.epoch = a.epoch AND c.state = ANY(CAST(:states AS text[]))
  LEFT JOIN judged j ON j.e164 = c.e164 AND j.epoch = c.epoch AND j.category = c.category
  WHERE a.protected_reason IS NULL AND (j.revoked_at IS NULL OR c.decided_at > j.revoked_at)
  GROUP BY a.e164, a.epoch, c.category
), active AS (
  SELECT id AS signal_id, e164, epoch, category FROM fraud_signals WHERE e164 = ANY(:e164s) AND state = 'ACTIVE'
), paired AS (
  SELECT * FROM tallied FULL JOIN active USING (e164, epoch, category)
)
SELECT p.*, a.epoch AS present_epoch, a.holder_id, a.brand_id,
       (SELECT count(DISTINCT x.member_id) FROM signal_contributions x
        WHERE x.e164 = p.e164 AND x.epoch = p.epoch AND x.category = p.category AND x.state = 'STANDING'
       ) AS corroborators
FROM paired p JOIN asked a ON a.e164 = p.e164
ORDER BY p.e164, p.category, p.epoch
""")


async def settle_signals(tx: Transaction, e164s: Sequence[str], *, actor: Viewer | None = None) -> int:
    """Bring the signals of numbers into line with their verified complaints. Returns how many changed.

    The numbers are already locked. The actor of the events is the transaction's viewer unless another is given.
    """
    if not e164s:
        return 0
    wanted = sorted(set(e164s))
    parameters = {"e164s": wanted, "states": sorted(VERIFIED_STATES), "zone": LEGAL_ZONE.key}
    async with tx.role(Role.TRANSITION):
        await hold_participations(tx)
        active = await _lock_active(tx, wanted)
        measured = await tx.execute(_MEASURE, parameters)
        settled = [found for row in measured if (found := _settle(tx, row, active.get(row.signal_id))) is not None]
        await insert_records(tx, [item.after for item in settled if item.before is None])
        await update_records(tx, [(item.before, item.after) for item in settled if item.before is not None])
        news = [told for item in settled if (told := item.news()) is not None]
        sent = [item.signal for item in news if item.signal.state is SignalState.ACTIVE]
        if sent:
            await send_signals(tx, sent, await find_recipients(tx))
        await ask_confirmations(tx, [item.signal for item in news if item.signal.state is SignalState.REVOKED])
        await append_events(tx, await draft_events(tx, news), actor=actor)
    return len(settled)


async def _lock_active(tx: Transaction, e164s: Sequence[str]) -> dict[str, FraudSignal]:
    c = fraud_signals.c
    statement = select_records(tx, FraudSignal).where(c.e164.in_(e164s), c.state == SignalState.ACTIVE.value)
    found = await fetch_records(tx, FraudSignal, statement.order_by(c.id).with_for_update(key_share=True))
    return {signal.id: signal for signal in found}


async def settle_next_signals(tx: Transaction, *, after: str | None) -> tuple[int, str | None]:
    """Settle the next 500 numbers after the given one, as is due after an upgrade or a change of settings.

    Returns how many signals changed, and the last number, or None when there are no more. Safe to repeat.
    """
    async with tx.role(Role.TRANSITION):
        found = await tx.execute(_LOCK_NEXT, {"after": after or "", "rows": _BATCH_ROWS})
        e164s = list(found.scalars())
        changed = await settle_signals(tx, e164s, actor=OPERATOR)
    return changed, e164s[-1] if e164s else None


@dataclass(frozen=True, slots=True)
class _Settled:
    """A signal before (None if it is new) and after, and what happened to it (None if it is not announced)."""

    before: FraudSignal | None
    after: FraudSignal
    kind: EventKind | None

    def news(self) -> SignalNews | None:
        """Return what is announced about it, if anything."""
        if self.kind is None:
            return None
        risk_before = self.before.risk if self.before is not None else None
        return SignalNews(signal=self.after, kind=self.kind, risk_before=risk_before)


def _settle(tx: Transaction, row: Row[Any], active: FraudSignal | None) -> _Settled | None:
    """Settle the signal of one number, epoch and category; None if nothing changes."""
    wanted = _judge(row, tx.policies)
    if active is not None:
        return _settle_active(tx, row, active, wanted)
    # A signal that would have expired already is of no use to anyone.
    if wanted is None or wanted.valid_until <= tx.as_of:
        return None
    raised = FraudSignal(
        id=SignalId(new_id()),
        e164=row.e164,
        epoch=row.epoch,
        category=Category(row.category),
        state=SignalState.ACTIVE,
        corroboration_count=row.corroborators,
        holder_id=row.holder_id,
        brand_id=row.brand_id,
        raised_at=tx.as_of,
        changed_at=tx.as_of,
        **asdict(wanted),
    )
    return _Settled(None, raised, EventKind.SIGNAL_RAISED)


def _settle_active(tx: Transaction, row: Row[Any], before: FraudSignal, wanted: Judgement | None) -> _Settled | None:
    if row.epoch != row.present_epoch:
        return _Settled(before, end_signal(before, SignalMove.EXPIRE, at=tx.as_of), EventKind.SIGNAL_EXPIRED)
    if wanted is None:
        ended = end_signal(before, SignalMove.REVOKE, at=tx.as_of)
        ended = replace(ended, revoked_reason=SignalRevokedReason.COMPLAINTS_REJECTED)
        return _Settled(before, ended, EventKind.SIGNAL_REVOKED)
    after = replace(before, corroboration_count=row.corroborators, **asdict(wanted))
    if after == before:
        return None
    if all(getattr(after, name) == getattr(before, name) for name in _TOLD):
        return _Settled(before, after, None)
    return _Settled(before, replace(after, changed_at=tx.as_of), EventKind.SIGNAL_CHANGED)


def _judge(row: Row[Any], policy: SignalPolicy) -> Judgement | None:
    if row.complainants is None:
        return None
    tally = ComplaintTally(
        complainants=row.complainants,
        first_seen_on=row.first_seen_on,
        last_seen_on=row.last_seen_on,
        confirmed_on=row.confirmed_on,
    )
    return judge(tally, Category(row.category), policy)


def end_signal(signal: FraudSignal, move: SignalMove, *, at: datetime) -> FraudSignal:
    """Return the signal as expired or revoked. Errors: StateConflictError."""
    return replace(signal, state=next_signal_state(signal.state, move), changed_at=at, ended_at=at)
