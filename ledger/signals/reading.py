"""Fraud signals as each viewer may see them: the regulator all, a carrier its own range's, a provider what it was sent.

A provider never gets a number from here but by load_clear_numbers, where its terms say CLEAR now. An agency reads
none. Source: domain.md, Signals, and Who sees what.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, exists, false, select, text, true

from ledger.errors import TooManyItemsError, UnknownError
from ledger.identifiers import BrandId, MemberId, OfficerId, SignalId, SignalKeyId, parse_id
from ledger.numbers.vocabulary import RiskTier
from ledger.pages import BATCH_SIZE_MAX, Page, PageRequest, cursor_id, decode_cursor, encode_cursor
from ledger.participations.taking_part import may_read_signals, require_signal_reader
from ledger.signals.rules import RISKS_OF_SIGNALS
from ledger.signals.states import SignalState
from ledger.signals.table import FraudSignal as StoredSignal
from ledger.signals.table import fraud_signals, signal_disclosures, signal_recipients
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.storage.database import Transaction
from ledger.storage.records import readable_names
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudSignal:
    """One signal as its viewer may see it. Days are WIB. What is the regulator's alone is None for others.

    e164 is None for every provider: what its terms let it have is read by load_clear_numbers.
    """

    id: SignalId
    category: Category
    risk: RiskTier
    state: SignalState
    corroboration_count: int
    first_seen_on: date
    last_seen_on: date
    valid_until: datetime
    revoked_reason: SignalRevokedReason | None
    raised_at: datetime
    changed_at: datetime
    ended_at: datetime | None
    e164: str | None = None
    epoch: int | None = None
    score: int | None = None
    holder_id: MemberId | None = None
    brand_id: BrandId | None = None
    revoked_by: OfficerId | None = None
    revocation_note: str | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> "FraudSignal":
        """From a row of fraud_signals, with the columns that its viewer may select."""
        reason = row["revoked_reason"]
        kinds = {
            "category": Category(row["category"]),
            "risk": RiskTier(row["risk"]),
            "state": SignalState(row["state"]),
            "revoked_reason": None if reason is None else SignalRevokedReason(reason),
        }
        return cls(**(dict(row) | kinds))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilter:
    """Which signals are wanted; an empty tuple and None ask for all.

    hashes are a provider's own, e164s the regulator's and a carrier's: with what is not the viewer's to ask by,
    nothing is found.
    """

    categories: tuple[Category, ...] = ()
    minimum_risk: RiskTier | None = None
    states: tuple[SignalState, ...] = ()
    hashes: tuple[str, ...] | None = None
    e164s: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalHash:
    """The number's hash under one of the provider's keys."""

    key_id: SignalKeyId
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalContributor:
    """A member that contributed to a signal, for the regulator: how often, and when first and last."""

    member_id: MemberId
    contribution_count: int
    first_recorded_at: datetime
    last_recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRecipient:
    """A member that was sent a signal, for the regulator: since when, and since when in clear, if it was."""

    member_id: MemberId
    disclosed_at: datetime
    number_disclosed_at: datetime | None


_LIVE_HASHES = text("""
SELECT r.signal_id, r.key_id, r.hash FROM signal_recipients r JOIN signal_keys k ON k.id = r.key_id
WHERE r.signal_id = ANY(CAST(:ids AS uuid[])) AND r.member_id = CAST(:me AS uuid)
  AND (k.retired_at IS NULL OR k.retired_at > :as_of)
ORDER BY k.created_at DESC, k.id DESC
""")

_CONTRIBUTORS = text("""
SELECT f.id AS signal_id, x.member_id, count(*) AS contribution_count,
       min(x.recorded_at) AS first_recorded_at, max(x.recorded_at) AS last_recorded_at
FROM fraud_signals f
JOIN signal_contributions x ON x.e164 = f.e164 AND x.epoch = f.epoch AND x.category = f.category
WHERE f.id = ANY(CAST(:ids AS uuid[])) GROUP BY f.id, x.member_id ORDER BY min(x.recorded_at), x.member_id
""")

_RECIPIENTS = text("""
SELECT r.signal_id, r.member_id, min(r.disclosed_at) AS disclosed_at, min(d.disclosed_at) AS number_disclosed_at
FROM signal_recipients r
LEFT JOIN signal_disclosures d ON d.signal_id = r.signal_id AND d.member_id = r.member_id
WHERE r.signal_id = ANY(CAST(:ids AS uuid[]))
GROUP BY r.signal_id, r.member_id ORDER BY min(r.disclosed_at), r.member_id
""")


async def get_signal(tx: Transaction, signal_id: str) -> FraudSignal:
    """One signal. Errors: UnknownError, the same for what is not the viewer's to see."""
    found = (await load_signals(tx, [signal_id])).get(parse_id(signal_id) or "")
    if found is None:
        raise UnknownError(field="id")
    return found


async def list_signals(tx: Transaction, page: PageRequest, wanted: SignalFilter | None = None) -> Page[FraudSignal]:
    """A page of the signals that the viewer may see, newest first, in one statement.

    Errors: ForbiddenError, ParticipationMissingError, TooManyItemsError, CursorInvalidError.
    """
    await require_signal_reader(tx)
    c = fraud_signals.c
    statement = _select(tx.viewer).where(*_conditions(tx.viewer, wanted or SignalFilter()))
    if page.after is not None:
        (last,) = decode_cursor("signals", page.after, length=1)
        statement = statement.where(c.id < cursor_id(last))
    rows = (await tx.execute(statement.order_by(c.id.desc()).limit(page.first + 1))).mappings().all()
    items = [FraudSignal.of(row) for row in rows[: page.first]]
    return Page(items, [encode_cursor("signals", [item.id]) for item in items], len(rows) > page.first)


async def load_signals(tx: Transaction, ids: Sequence[str]) -> dict[str, FraudSignal]:
    """Signals by id, in one statement; what the viewer may not see is missing."""
    known = sorted({parsed for item in ids if (parsed := parse_id(item))})
    if not known or not may_read_signals(tx.viewer):
        return {}
    rows = await tx.execute(_select(tx.viewer).where(fraud_signals.c.id.in_(known)))
    return {row["id"]: FraudSignal.of(row) for row in rows.mappings()}


async def load_signal_hashes(tx: Transaction, ids: Sequence[str]) -> dict[str, list[SignalHash]]:
    """A provider's own hashes by signal, under its keys in use, the newest first; every asked signal has an entry."""
    found: dict[str, list[SignalHash]] = {signal_id: [] for signal_id in ids}
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER:
        return found
    asked = {"ids": list(ids), "me": tx.viewer.member_id, "as_of": tx.as_of}
    for row in (await tx.execute(_LIVE_HASHES, asked)).mappings():
        found[str(row["signal_id"])].append(SignalHash(key_id=SignalKeyId(str(row["key_id"])), hash=row["hash"]))
    return found


async def load_clear_numbers(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """The numbers, by signal, that a provider's terms of now let it have in clear."""
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER:
        return {}
    c = signal_disclosures.c
    statement = select(c.signal_id, c.e164).where(c.signal_id.in_(list(ids)), c.member_id == tx.viewer.member_id)
    return {row["signal_id"]: row["e164"] for row in (await tx.execute(statement)).mappings()}


async def load_signal_contributors(tx: Transaction, ids: Sequence[str]) -> dict[str, list[SignalContributor]]:
    """Who contributed to each signal, for the regulator; every asked signal has an entry."""
    found: dict[str, list[SignalContributor]] = {signal_id: [] for signal_id in ids}
    if not tx.viewer.is_regulator:
        return found
    for row in (await tx.execute(_CONTRIBUTORS, {"ids": list(ids)})).mappings():
        values = dict(row) | {"member_id": MemberId(str(row["member_id"]))}
        found[str(values.pop("signal_id"))].append(SignalContributor(**values))
    return found


async def load_signal_recipients(tx: Transaction, ids: Sequence[str]) -> dict[str, list[SignalRecipient]]:
    """Which providers were sent each signal, for the regulator; every asked signal has an entry."""
    found: dict[str, list[SignalRecipient]] = {signal_id: [] for signal_id in ids}
    if not tx.viewer.is_regulator:
        return found
    for row in (await tx.execute(_RECIPIENTS, {"ids": list(ids)})).mappings():
        values = dict(row) | {"member_id": MemberId(str(row["member_id"]))}
        found[str(values.pop("signal_id"))].append(SignalRecipient(**values))
    return found


_COLUMNS: Mapping[ViewerKind, Sequence[str]] = {
    ViewerKind.REGULATOR: tuple(column.name for column in fraud_signals.c),
    ViewerKind.CARRIER: readable_names(StoredSignal, Role.CARRIER),
    ViewerKind.OTT_PROVIDER: readable_names(StoredSignal, Role.PROVIDER),
}


def _select(viewer: Viewer) -> Select[Any]:
    columns: list[Column[Any]] = [fraud_signals.c[name] for name in _COLUMNS[viewer.kind]]
    return select(*columns).where(_visible(viewer))


def _visible(viewer: Viewer) -> ColumnElement[bool]:
    """Which signals the viewer may see; row-level security holds the same, and the participation besides."""
    c = fraud_signals.c
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    if viewer.kind is ViewerKind.CARRIER:
        own = c.holder_id == viewer.member_id
        return own if viewer.brand_id is None else and_(own, c.brand_id == viewer.brand_id)
    r = signal_recipients.c
    return exists().where(r.signal_id == c.id, r.member_id == viewer.member_id)


def _conditions(viewer: Viewer, wanted: SignalFilter) -> list[ColumnElement[bool]]:
    c, r = fraud_signals.c, signal_recipients.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.categories:
        conditions.append(c.category.in_([category.value for category in wanted.categories]))
    if wanted.states:
        conditions.append(c.state.in_([state.value for state in wanted.states]))
    if wanted.minimum_risk is not None:
        conditions.append(c.risk.in_([risk.value for risk in risks_from(wanted.minimum_risk)]))
    if wanted.hashes is not None:
        hashes = _check_length(wanted.hashes, field="hashes")
        sent = select(r.signal_id).where(r.member_id == viewer.member_id, r.hash.in_(hashes))
        conditions.append(c.id.in_(sent) if viewer.kind is ViewerKind.OTT_PROVIDER else false())
    if wanted.e164s is not None:
        numbers = _check_length(wanted.e164s, field="e164s")
        conditions.append(c.e164.in_(numbers) if viewer.kind is not ViewerKind.OTT_PROVIDER else false())
    return conditions


def _check_length(values: Sequence[str], *, field: str) -> list[str]:
    if len(values) > BATCH_SIZE_MAX:
        raise TooManyItemsError(field=field)
    return list(values)


def risks_from(minimum: RiskTier) -> tuple[RiskTier, ...]:
    """The risks of signals that are at least so grave; all of them from NONE."""
    order = (RiskTier.NONE, *RISKS_OF_SIGNALS)
    return tuple(risk for risk in RISKS_OF_SIGNALS if order.index(risk) >= order.index(minimum))
