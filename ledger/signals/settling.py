"""Settling signals: what the verified complaints of numbers come to is what their signals are.

Called in the transaction that settles the numbers' verified counts, after they were locked. Raises, changes, revokes
(COMPLAINTS_REJECTED) and, where the number went to another subscriber, expires; set by set, in a number of statements
that doesn't grow with the numbers. Runs again without effect. A protected number gets no signal: whoever calls as a
bank's or the police's number is not that bank. What an officer revoked is raised again only by complaints that were
verified afterwards. Source: domain.md, Signals; docs/adr/0060.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import text

from ledger.complaints.states import VERIFIED_STATES
from ledger.feed.events import append_events
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import new_id
from ledger.legal_time import LEGAL_ZONE
from ledger.participations.taking_part import hold_participations
from ledger.policies import SignalPolicy
from ledger.signals.disclosure import Row, SignalNews, draft_events, find_recipients, send_signals
from ledger.signals.rules import Judgement, Standing, judge
from ledger.signals.states import SignalMove, SignalState, next_signal_state
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.storage.database import Transaction
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR, Viewer
from ledger.vocabulary import Category

SIGNAL_COLUMNS = (
    "id", "e164", "epoch", "category", "risk", "state", "score", "corroboration_count", "first_seen_on",
    "last_seen_on", "valid_until", "holder_id", "brand_id", "revoked_reason", "revoked_by", "revocation_note",
    "raised_at", "changed_at", "ended_at",
)  # fmt: skip
_BATCH_ROWS = 500
_TOLD = ("risk", "state", "first_seen_on", "last_seen_on", "valid_until", "corroboration_count")
"""What a change is told of; the score alone moves silently, since it is the regulator's."""

_LOCK = text("""
SELECT id FROM fraud_signals WHERE e164 = ANY(:e164s) AND state = 'ACTIVE' ORDER BY id FOR NO KEY UPDATE
""")

_LOCK_NEXT = text("""
SELECT e164 FROM phone_numbers
WHERE e164 > :after AND (verified_complaint_count > 0 OR EXISTS (
  SELECT 1 FROM fraud_signals f WHERE f.e164 = phone_numbers.e164 AND f.state = 'ACTIVE'))
ORDER BY e164 LIMIT :rows FOR NO KEY UPDATE
""")

# Complaints of the present epoch count, each complainant once (one for each source where there is none), as for risk.
_MEASURE = text("""
WITH asked AS (
  SELECT e164, epoch, holder_id, brand_id, protected_reason FROM phone_numbers WHERE e164 = ANY(:e164s)
), judged AS (
  SELECT e164, epoch, category, max(ended_at) AS revoked_at FROM fraud_signals
  WHERE e164 = ANY(:e164s) AND revoked_by IS NOT NULL GROUP BY e164, epoch, category
), standing AS (
  SELECT a.e164, a.epoch, c.category,
         count(DISTINCT coalesce(c.complainant_ref, c.source_id::text)) AS complainants,
         min((coalesce(c.incident_at, c.filed_at) AT TIME ZONE :zone)::date) AS seen_from,
         max((coalesce(c.incident_at, c.filed_at) AT TIME ZONE :zone)::date) AS seen_to,
         max((coalesce(c.decided_at, c.filed_at) AT TIME ZONE :zone)::date) AS confirmed_on
  FROM asked a
  JOIN complaints c ON c.e164 = a.e164 AND c.epoch = a.epoch AND c.state = ANY(CAST(:states AS text[]))
  LEFT JOIN judged j ON j.e164 = c.e164 AND j.epoch = c.epoch AND j.category = c.category
  WHERE a.protected_reason IS NULL AND (j.revoked_at IS NULL OR c.decided_at > j.revoked_at)
  GROUP BY a.e164, a.epoch, c.category
), active AS (
  SELECT * FROM fraud_signals WHERE e164 = ANY(:e164s) AND state = 'ACTIVE'
), paired AS (
  SELECT coalesce(s.e164, f.e164) AS number, coalesce(s.epoch, f.epoch) AS of_epoch,
         coalesce(s.category, f.category) AS of_category, s.complainants, s.seen_from, s.seen_to, s.confirmed_on, f.*
  FROM standing s FULL JOIN active f ON f.e164 = s.e164 AND f.epoch = s.epoch AND f.category = s.category
)
SELECT p.*, a.epoch AS present_epoch, a.holder_id AS range_holder_id, a.brand_id AS range_brand_id,
       (SELECT count(DISTINCT x.member_id) FROM signal_contributions x
        WHERE x.e164 = p.number AND x.epoch = p.of_epoch AND x.category = p.of_category) AS corroborators
FROM paired p JOIN asked a ON a.e164 = p.number
ORDER BY p.number, p.of_category, p.of_epoch
""")

_WRITE = text(f"""
INSERT INTO fraud_signals ({", ".join(SIGNAL_COLUMNS)})
SELECT {", ".join(SIGNAL_COLUMNS)} FROM json_populate_recordset(NULL::fraud_signals, CAST(:rows AS json))
ON CONFLICT (id) DO UPDATE SET
  {
    ", ".join(
        f"{name} = excluded.{name}"
        for name in (
            "risk",
            "state",
            "score",
            "corroboration_count",
            "first_seen_on",
            "last_seen_on",
            "valid_until",
            "revoked_reason",
            "revoked_by",
            "revocation_note",
            "changed_at",
            "ended_at",
        )
    )
}
""")


async def settle_signals(tx: Transaction, e164s: Sequence[str], *, actor: Viewer | None = None) -> int:
    """Let the signals of numbers be what their verified complaints come to; answers how many changed.

    The numbers are locked already. The actor of the events is the transaction's viewer unless another is given.
    """
    if not e164s:
        return 0
    wanted = sorted(set(e164s))
    parameters = {"e164s": wanted, "states": sorted(VERIFIED_STATES), "zone": LEGAL_ZONE.key}
    async with tx.role(Role.TRANSITION):
        await hold_participations(tx)
        await tx.execute(_LOCK, {"e164s": wanted})
        measured = (await tx.execute(_MEASURE, parameters)).mappings().all()
        settled = [outcome for row in measured if (outcome := _settle(tx, row)) is not None]
        await write_signals(tx, [signal for signal, _ in settled])
        news = [SignalNews(signal=signal, kind=kind) for signal, kind in settled if kind is not None]
        sent = [item.signal for item in news if item.signal["state"] == SignalState.ACTIVE]
        if sent:
            await send_signals(tx, sent, await find_recipients(tx))
        await append_events(tx, await draft_events(tx, news), actor=actor)
    return len(settled)


async def settle_next_signals(tx: Transaction, *, after: str | None) -> tuple[int, str | None]:
    """Settle the next 500 numbers behind this one: what settings that changed, or an upgrade, left to be done.

    Answers how many signals changed, and the last number, None when there are no more. Safe to run again.
    """
    async with tx.role(Role.TRANSITION):
        found = await tx.execute(_LOCK_NEXT, {"after": after or "", "rows": _BATCH_ROWS})
        e164s = list(found.scalars())
        changed = await settle_signals(tx, e164s, actor=OPERATOR)
    return changed, e164s[-1] if e164s else None


async def write_signals(tx: Transaction, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write signals, new and changed, in one statement."""
    if not rows:
        return
    whole = [{name: row[name] for name in SIGNAL_COLUMNS} for row in rows]
    written = await tx.execute(_WRITE, {"rows": orjson.dumps(whole).decode()})
    if written.rowcount != len(rows):
        raise RuntimeError("A signal that was just locked was not there to be changed.")


def _settle(tx: Transaction, row: Mapping[Any, Any]) -> tuple[Row, EventKind | None] | None:
    """The signal as it has to be and what happened to it; None where nothing changes at all."""
    wanted = _judge(row, tx.policies)
    if row["id"] is not None:
        return _settle_active(tx, row, wanted)
    # What held only in the past is not raised: a signal that is over before it begins tells nobody anything.
    if wanted is None or wanted.valid_until <= tx.as_of:
        return None
    return _raise(tx, row, wanted), EventKind.SIGNAL_RAISED


def _settle_active(
    tx: Transaction, row: Mapping[Any, Any], wanted: Judgement | None
) -> tuple[Row, EventKind | None] | None:
    before = read_signal(row)
    if row["epoch"] != row["present_epoch"]:
        return end_signal(before, SignalMove.EXPIRE, at=tx.as_of), EventKind.SIGNAL_EXPIRED
    if wanted is None:
        ended = end_signal(before, SignalMove.REVOKE, at=tx.as_of)
        return ended | {"revoked_reason": SignalRevokedReason.COMPLAINTS_REJECTED.value}, EventKind.SIGNAL_REVOKED
    after = before | _sides(wanted) | {"corroboration_count": row["corroborators"]}
    if after == before:
        return None
    if all(after[name] == before[name] for name in _TOLD):
        return after, None
    return after | {"changed_at": tx.as_of, "risk_before": before["risk"]}, EventKind.SIGNAL_CHANGED


def _judge(row: Mapping[Any, Any], policy: SignalPolicy) -> Judgement | None:
    if row["complainants"] is None:
        return None
    standing = Standing(
        complainants=row["complainants"],
        first_seen_on=row["seen_from"],
        last_seen_on=row["seen_to"],
        confirmed_on=row["confirmed_on"],
    )
    return judge(standing, Category(row["of_category"]), policy)


def _sides(wanted: Judgement) -> Row:
    return {
        "risk": wanted.risk.value,
        "score": wanted.score,
        "first_seen_on": wanted.first_seen_on,
        "last_seen_on": wanted.last_seen_on,
        "valid_until": wanted.valid_until,
    }


def _raise(tx: Transaction, row: Mapping[Any, Any], wanted: Judgement) -> Row:
    held = {"holder_id": row["range_holder_id"], "brand_id": row["range_brand_id"]}
    return _sides(wanted) | {
        "id": new_id(),
        "e164": row["number"],
        "epoch": row["of_epoch"],
        "category": row["of_category"],
        "state": SignalState.ACTIVE.value,
        "corroboration_count": row["corroborators"],
        **{name: None if value is None else str(value) for name, value in held.items()},
        "revoked_reason": None,
        "revoked_by": None,
        "revocation_note": None,
        "raised_at": tx.as_of,
        "changed_at": tx.as_of,
        "ended_at": None,
    }


def read_signal(row: Mapping[Any, Any]) -> Row:
    """A signal's own columns out of a row of a textual statement, its ids as text."""
    signal: Row = {name: row[name] for name in SIGNAL_COLUMNS}
    for name in ("id", "holder_id", "brand_id", "revoked_by"):
        signal[name] = None if signal[name] is None else str(signal[name])
    return signal


def end_signal(signal: Row, move: SignalMove, *, at: Any) -> Row:
    """The signal's row after it expired or was revoked. Errors: StateConflictError."""
    state = next_signal_state(SignalState(signal["state"]), move)
    return signal | {"state": state.value, "changed_at": at, "ended_at": at}
