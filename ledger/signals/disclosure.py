"""Sending signals: to whom, under which hash, and who is notified when one changes or ends.

A signal is sent to each provider whose participation is in force and whose terms name its category, with a hash for
each key in use; the number is included only if the terms say CLEAR. The end of a signal, or that a member no longer
corroborates it, is announced to everyone who ever received it and still takes part, whichever categories their terms
name by then. Runs under the transition role.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select, text

from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import MemberId, SignalId, SignalKeyId
from ledger.numbers.vocabulary import RiskTier
from ledger.participations.keys import open_key
from ledger.participations.table import in_force, in_use, participations, signal_keys
from ledger.participations.vocabulary import Disclosure
from ledger.signals.table import DisclosedNumber, FraudSignal, SentSignal
from ledger.storage.database import Transaction
from ledger.storage.rows import insert_records

_FIND_AUDIENCES = text("""
SELECT s.id AS signal_id, array_agg(DISTINCT p.member_id) AS sent,
       array_agg(DISTINCT p.member_id) FILTER (WHERE s.category = ANY(p.categories)) AS named
FROM fraud_signals s JOIN signal_recipients r ON r.signal_id = s.id
JOIN participations p ON p.member_id = r.member_id AND p.began_at IS NOT NULL AND p.ended_at IS NULL
WHERE s.id = ANY(CAST(:ids AS uuid[])) GROUP BY s.id
""")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recipient:
    """One key in use by a provider that takes part, with what its terms allow."""

    member_id: MemberId
    key_id: SignalKeyId
    key: bytes
    categories: frozenset[str]
    is_clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalNews:
    """A signal after a change, what happened to it, and its previous risk if that may have changed."""

    signal: FraudSignal
    kind: EventKind
    risk_before: RiskTier | None = None


_WEAKENINGS = frozenset({EventKind.SIGNAL_EXPIRED, EventKind.SIGNAL_REVOKED, EventKind.SIGNAL_UNCORROBORATED})
"""What everybody who received the signal must learn, whatever its terms name by then."""


def hash_number(key: bytes, e164: str) -> str:
    """Return the hexadecimal HMAC-SHA256 of the number in E.164, which providers compute in the same way."""
    return hmac.new(key, e164.encode("ascii"), hashlib.sha256).hexdigest()


async def find_recipients(tx: Transaction, *, key_ids: Sequence[SignalKeyId] | None = None) -> list[Recipient]:
    """Return every key in use by providers that take part, or only those with the given ids."""
    p, k = participations.c, signal_keys.c
    statement = (
        select(p.member_id, p.disclosure, p.categories, k.id, k.key_sealed)
        .join(signal_keys, k.member_id == p.member_id)
        .where(in_force(p), in_use(k))
        .order_by(k.id)
    )
    if key_ids is not None:
        statement = statement.where(k.id.in_(key_ids))
    return [
        Recipient(
            member_id=row.member_id,
            key_id=row.id,
            key=open_key(tx, row.id, row.key_sealed),
            categories=frozenset(row.categories),
            is_clear=row.disclosure == Disclosure.CLEAR,
        )
        for row in await tx.execute(statement, {"as_of": tx.as_of})
    ]


async def send_signals(tx: Transaction, signals: Sequence[FraudSignal], recipients: Sequence[Recipient]) -> None:
    """Write each signal's hashes, and its number if the terms allow it; what was sent before is left unchanged."""
    hashes: list[SentSignal] = []
    numbers: dict[tuple[SignalId, MemberId], DisclosedNumber] = {}
    for recipient in recipients:
        for signal in signals:
            if signal.category not in recipient.categories or signal.e164 is None:  # never None for the transition role
                continue
            sent = SentSignal(
                signal_id=signal.id,
                member_id=recipient.member_id,
                key_id=recipient.key_id,
                hash=hash_number(recipient.key, signal.e164),
                disclosed_at=tx.as_of,
            )
            hashes.append(sent)
            if recipient.is_clear:
                numbers[signal.id, recipient.member_id] = DisclosedNumber(
                    signal_id=signal.id,
                    member_id=recipient.member_id,
                    category=signal.category,
                    e164=signal.e164,
                    disclosed_at=tx.as_of,
                )
    await insert_records(tx, hashes, unless="pk_signal_recipients")
    await insert_records(tx, list(numbers.values()), unless="pk_signal_disclosures")


async def draft_events(tx: Transaction, news: Sequence[SignalNews]) -> list[EventDraft]:
    """Return the events of these changes, each with its audience. None contains the number or its complaints."""
    if not news:
        return []
    found = await tx.execute(_FIND_AUDIENCES, {"ids": sorted({item.signal.id for item in news})})
    audiences = {row.signal_id: row for row in found}
    return [_draft_event(item, audiences.get(item.signal.id)) for item in news]


def _draft_event(item: SignalNews, audience: Any) -> EventDraft:
    signal = item.signal
    members: set[MemberId] = set()
    if audience is not None:
        members.update((audience.sent if item.kind in _WEAKENINGS else audience.named) or ())
    if signal.holder_id is not None:
        members.add(signal.holder_id)
    payload: dict[str, Any] = {"category": signal.category, "risk": signal.risk}
    if item.kind is EventKind.SIGNAL_REVOKED:
        payload["reason"] = signal.revoked_reason
    # A subscriber that follows only high risks must learn when a signal drops below them.
    if item.risk_before not in {None, signal.risk}:
        payload["riskBefore"] = item.risk_before
    return EventDraft(
        kind=item.kind,
        subject=Subject.FRAUD_SIGNAL,
        subject_id=signal.id,
        state=signal.state,
        audience=sorted(members),
        brand_id=signal.brand_id,
        payload=payload,
    )
