"""Sending signals: to whom, under which hash, and who is told when one changes or ends.

A signal is sent to each provider whose participation is in force and whose terms name its category, with a hash for
each key in use; its number goes with it only where the terms say CLEAR. An ending reaches whoever was ever sent the
signal and still takes part, whatever the terms name by then. Runs under the transition role.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import text

from ledger.feed.events import EventDraft
from ledger.feed.vocabulary import EventKind, Subject
from ledger.identifiers import BrandId, MemberId, SignalKeyId
from ledger.participations.vocabulary import Disclosure
from ledger.storage.database import Transaction

Row = dict[str, Any]

_FIND_RECIPIENTS = text("""
SELECT p.member_id, p.disclosure, p.categories, k.id AS key_id, k.key_sealed
FROM participations p JOIN signal_keys k ON k.member_id = p.member_id
WHERE p.began_at IS NOT NULL AND p.ended_at IS NULL
  AND (k.retired_at IS NULL OR k.retired_at > CAST(:as_of AS timestamptz))
  AND (CAST(:key_ids AS uuid[]) IS NULL OR k.id = ANY(CAST(:key_ids AS uuid[])))
ORDER BY k.id
""")

_APPEND_RECIPIENTS = text("""
INSERT INTO signal_recipients (signal_id, member_id, key_id, hash, disclosed_at)
SELECT signal_id, member_id, key_id, hash, :as_of
FROM json_populate_recordset(NULL::signal_recipients, CAST(:rows AS json))
ON CONFLICT DO NOTHING
""")

_APPEND_DISCLOSURES = text("""
INSERT INTO signal_disclosures (signal_id, member_id, category, e164, disclosed_at)
SELECT signal_id, member_id, category, e164, :as_of
FROM json_populate_recordset(NULL::signal_disclosures, CAST(:rows AS json))
ON CONFLICT DO NOTHING
""")

_FIND_AUDIENCES = text("""
SELECT s.id AS signal_id, array_agg(DISTINCT p.member_id) AS sent,
       array_agg(DISTINCT p.member_id) FILTER (WHERE s.category = ANY(p.categories)) AS named
FROM fraud_signals s JOIN signal_recipients r ON r.signal_id = s.id
JOIN participations p ON p.member_id = r.member_id AND p.began_at IS NOT NULL AND p.ended_at IS NULL
WHERE s.id = ANY(CAST(:ids AS uuid[])) GROUP BY s.id
""")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recipient:
    """One key in use of a provider that takes part, with what its terms say."""

    member_id: MemberId
    key_id: SignalKeyId
    key: bytes
    categories: frozenset[str]
    is_clear: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalNews:
    """A signal's row as it is after a change, and what happened to it."""

    signal: Row
    kind: EventKind


_ENDINGS = frozenset({EventKind.SIGNAL_EXPIRED, EventKind.SIGNAL_REVOKED})


def hash_number(key: bytes, e164: str) -> str:
    """HMAC-SHA256 of the number in E.164, as a provider computes it too."""
    return hmac.new(key, e164.encode("ascii"), hashlib.sha256).hexdigest()


def key_context(key_id: str) -> str:
    """What a sealed key is bound to."""
    return f"signal_keys.key:{key_id}"


async def find_recipients(tx: Transaction, *, key_ids: Sequence[str] | None = None) -> list[Recipient]:
    """Every key in use of providers that take part, or those of the given ids among them."""
    found = await tx.execute(_FIND_RECIPIENTS, {"as_of": tx.as_of, "key_ids": None if key_ids is None else [*key_ids]})
    return [
        Recipient(
            member_id=MemberId(str(row["member_id"])),
            key_id=SignalKeyId(str(row["key_id"])),
            key=tx.keyring.open(bytes(row["key_sealed"]), key_context(str(row["key_id"]))),
            categories=frozenset(row["categories"]),
            is_clear=row["disclosure"] == Disclosure.CLEAR,
        )
        for row in found.mappings()
    ]


async def send_signals(tx: Transaction, signals: Sequence[Row], recipients: Sequence[Recipient]) -> None:
    """Write each signal's hashes, and its number where the terms say so; what was sent before stays as it was."""
    hashes, numbers = [], {}
    for recipient in recipients:
        for signal in signals:
            if signal["category"] not in recipient.categories:
                continue
            place = {"signal_id": signal["id"], "member_id": recipient.member_id}
            digest = hash_number(recipient.key, signal["e164"])
            hashes.append(place | {"key_id": recipient.key_id, "hash": digest})
            if recipient.is_clear:
                said = {"category": signal["category"], "e164": signal["e164"]}
                numbers[signal["id"], recipient.member_id] = place | said
    for statement, rows in ((_APPEND_RECIPIENTS, hashes), (_APPEND_DISCLOSURES, [*numbers.values()])):
        if rows:
            await tx.execute(statement, {"rows": orjson.dumps(rows).decode(), "as_of": tx.as_of})


async def draft_events(tx: Transaction, news: Sequence[SignalNews]) -> list[EventDraft]:
    """The events of what happened, each with who may get it; the number and its complaints stand in none."""
    if not news:
        return []
    found = await tx.execute(_FIND_AUDIENCES, {"ids": sorted({item.signal["id"] for item in news})})
    audiences = {str(row["signal_id"]): row for row in found.mappings()}
    return [_draft_event(item, audiences.get(item.signal["id"])) for item in news]


def _draft_event(item: SignalNews, audience: Mapping[Any, Any] | None) -> EventDraft:
    signal = item.signal
    told: Iterable[object] = ()
    if audience is not None:
        told = (audience["sent"] if item.kind in _ENDINGS else audience["named"]) or ()
    members = {MemberId(str(member_id)) for member_id in told}
    if signal["holder_id"] is not None:
        members.add(MemberId(str(signal["holder_id"])))
    payload = {"category": signal["category"], "risk": signal["risk"]}
    if item.kind is EventKind.SIGNAL_REVOKED:
        payload["reason"] = signal["revoked_reason"]
    # Whoever follows grave signals alone must hear of one that is no longer grave.
    if signal.get("risk_before", signal["risk"]) != signal["risk"]:
        payload["riskBefore"] = signal["risk_before"]
    return EventDraft(
        kind=item.kind,
        subject=Subject.FRAUD_SIGNAL,
        subject_id=signal["id"],
        state=signal["state"],
        audience=sorted(members),
        brand_id=None if signal["brand_id"] is None else BrandId(str(signal["brand_id"])),
        payload=payload,
    )
