"""Reading fraud signals: the regulator sees all, a carrier those in its own ranges, a provider those it was sent.

A provider gets numbers only from load_clear_numbers, and only while its terms say CLEAR. An agency sees no signals.
Source: domain.md, Signals, and Who sees what.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar

from sqlalchemy import ColumnElement, TextClause, and_, exists, literal_column, select, text, true

from ledger.errors import TooManyItemsError
from ledger.filters import among, conditions_of, where
from ledger.identifiers import MemberId
from ledger.numbers.vocabulary import RiskTier
from ledger.pages import BATCH_SIZE_MAX, Listing, Page, PageRequest, fetch_page
from ledger.participations.table import in_use, signal_keys
from ledger.participations.taking_part import SIGNAL_READERS, require_signal_reader
from ledger.relations import ToOne, note_of
from ledger.signals.rules import RISKS_OF_SIGNALS
from ledger.signals.states import SignalState
from ledger.signals.table import (
    DisclosedNumber,
    FraudSignal,
    SentSignal,
    fraud_signals,
    signal_disclosures,
    signal_recipients,
)
from ledger.storage.access import ME
from ledger.storage.database import Transaction
from ledger.storage.markers import Columns
from ledger.storage.roles import Role
from ledger.storage.rows import fetch_records, select_records
from ledger.viewer import Viewer, ViewerKind
from ledger.vocabulary import Category

T = TypeVar("T")
_LISTING = Listing("signals", FraudSignal, ("-id",))


def risks_from(minimum: RiskTier) -> tuple[RiskTier, ...]:
    """Return the risks of signals from the minimum upward; all of them for NONE."""
    order = (RiskTier.NONE, *RISKS_OF_SIGNALS)
    return tuple(risk for risk in RISKS_OF_SIGNALS if order.index(risk) >= order.index(minimum))


def _has_risk_from(_record: type[Any], minimum: RiskTier) -> ColumnElement[bool]:
    return fraud_signals.c.risk.in_([risk.value for risk in risks_from(minimum)])


def _was_sent_to_me_as(_record: type[Any], hashes: Sequence[str]) -> ColumnElement[bool]:
    r = signal_recipients.c
    sent = select(r.signal_id).where(r.member_id == literal_column(ME), r.hash.in_(hashes))
    return fraud_signals.c.id.in_(sent)


def visible_signals(viewer: Viewer, c: Columns = fraud_signals.c) -> ColumnElement[bool]:
    """Which signals the viewer may see; row-level security enforces this again, and the participation too."""
    if viewer.kind is ViewerKind.REGULATOR:
        return true()
    if viewer.kind is ViewerKind.CARRIER:
        own = c.holder_id == viewer.member_id
        return own if viewer.brand_id is None else and_(own, c.brand_id == viewer.brand_id)
    r = signal_recipients.c
    return exists().where(r.signal_id == c.id, r.member_id == viewer.member_id)


load_signals = ToOne(FraudSignal, kinds=SIGNAL_READERS, visible=visible_signals, note=note_of(FraudSignal))
"""Signals by id, without those that the viewer may not see."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalFilter:
    """Which signals to return. None, or an empty tuple of categories or states, does not filter.

    hashes are for providers, e164s for the regulator and carriers. A filter that the viewer may not use finds
    nothing.
    """

    categories: Annotated[tuple[Category, ...], among("category")] = ()
    minimum_risk: Annotated[RiskTier | None, where(_has_risk_from)] = None
    states: Annotated[tuple[SignalState, ...], among("state")] = ()
    hashes: Annotated[tuple[str, ...] | None, where(_was_sent_to_me_as, Role.PROVIDER)] = None
    e164s: Annotated[tuple[str, ...] | None, among("e164")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalContributor:
    """A member that contributed to a signal, for the regulator: how often, and when first and last."""

    member_id: MemberId
    contribution_count: int
    first_recorded_at: datetime
    last_recorded_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalRecipient:
    """A member that received a signal, for the regulator: since when, and since when in clear, if at all."""

    member_id: MemberId
    disclosed_at: datetime
    number_disclosed_at: datetime | None


_CONTRIBUTORS = text("""
SELECT f.id AS signal_id, x.member_id, count(*) AS contribution_count,
       min(x.recorded_at) AS first_recorded_at, max(x.recorded_at) AS last_recorded_at
FROM fraud_signals f
JOIN signal_contributions x ON x.e164 = f.e164 AND x.epoch = f.epoch AND x.category = f.category
  AND x.state = 'STANDING'
WHERE f.id = ANY(CAST(:ids AS uuid[])) GROUP BY f.id, x.member_id ORDER BY min(x.recorded_at), x.member_id
""")

_RECIPIENTS = text("""
SELECT r.signal_id, r.member_id, min(r.disclosed_at) AS disclosed_at, min(d.disclosed_at) AS number_disclosed_at
FROM signal_recipients r
LEFT JOIN signal_disclosures d ON d.signal_id = r.signal_id AND d.member_id = r.member_id
WHERE r.signal_id = ANY(CAST(:ids AS uuid[]))
GROUP BY r.signal_id, r.member_id ORDER BY min(r.disclosed_at), r.member_id
""")


async def list_signals(tx: Transaction, page: PageRequest, wanted: SignalFilter | None = None) -> Page[FraudSignal]:
    """Return a page of the signals that the viewer may see, newest first, in one statement.

    Errors: ForbiddenError, ParticipationMissingError, TooManyItemsError, CursorInvalidError.
    """
    await require_signal_reader(tx)
    wanted = wanted or SignalFilter()
    for field, values in (("hashes", wanted.hashes), ("e164s", wanted.e164s)):
        if len(values or ()) > BATCH_SIZE_MAX:
            raise TooManyItemsError(field=field)
    asked = conditions_of(wanted, FraudSignal, tx.present_role)
    return await fetch_page(tx, _LISTING, page, visible_signals(tx.viewer), *asked)


async def are_keys_filled(tx: Transaction) -> bool:
    """Whether a list of signals is whole for the viewer: for a provider, whether each of its keys in use is filled.

    Until then it lacks signals that were raised before the key was made. Errors: as require_signal_reader.
    """
    await require_signal_reader(tx)
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER:
        return True
    k = signal_keys.c
    unfilled = select(k.id).where(k.member_id == tx.viewer.member_id, in_use(k), k.filled_at.is_(None)).limit(1)
    return (await tx.execute(unfilled, {"as_of": tx.as_of})).scalar_one_or_none() is None


async def load_signal_hashes(tx: Transaction, ids: Sequence[str]) -> dict[str, list[SentSignal]]:
    """Return a provider's hashes by signal, under its keys in use, newest first; every given signal has an entry."""
    found: dict[str, list[SentSignal]] = {signal_id: [] for signal_id in ids}
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER:
        return found
    r, k = signal_recipients.c, signal_keys.c
    statement = select_records(tx, SentSignal).join(signal_keys, k.id == r.key_id)
    statement = statement.where(r.signal_id.in_(ids), r.member_id == tx.viewer.member_id, in_use(k))
    for sent in await fetch_records(tx, SentSignal, statement.order_by(k.created_at.desc(), k.id.desc())):
        found[sent.signal_id].append(sent)
    tx.accesses.note_items(fraud_signals.name, [signal_id for signal_id, hashes in found.items() if hashes])
    return found


async def load_clear_numbers(tx: Transaction, ids: Sequence[str]) -> dict[str, str]:
    """Return the numbers, by signal, that a provider's current terms allow it to receive in clear."""
    if tx.viewer.kind is not ViewerKind.OTT_PROVIDER:
        return {}
    c = signal_disclosures.c
    statement = select_records(tx, DisclosedNumber).where(c.signal_id.in_(ids), c.member_id == tx.viewer.member_id)
    found: dict[str, str] = {item.signal_id: item.e164 for item in await fetch_records(tx, DisclosedNumber, statement)}
    tx.accesses.note_items(fraud_signals.name, found)
    return found


async def load_signal_contributors(tx: Transaction, ids: Sequence[str]) -> dict[str, list[SignalContributor]]:
    """Return who contributed to each signal, for the regulator; every given signal has an entry."""
    return await _load_for_staff(tx, SignalContributor, _CONTRIBUTORS, ids)


async def load_signal_recipients(tx: Transaction, ids: Sequence[str]) -> dict[str, list[SignalRecipient]]:
    """Return which providers received each signal, for the regulator; every given signal has an entry."""
    return await _load_for_staff(tx, SignalRecipient, _RECIPIENTS, ids)


async def _load_for_staff(
    tx: Transaction, kind: Callable[..., T], statement: TextClause, ids: Sequence[str]
) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {signal_id: [] for signal_id in ids}
    if tx.viewer.is_regulator:
        for row in (await tx.execute(statement, {"ids": list(ids)})).mappings():
            values = dict(row)
            found[values.pop("signal_id")].append(kind(**values))
    tx.accesses.note_items(fraud_signals.name, [signal_id for signal_id, rows in found.items() if rows])
    return found
