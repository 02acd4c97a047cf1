"""The tables of fraud signals, of their recipients, and of what these were told of a revocation.

None of them contains a complainant.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, UniqueConstraint, case, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import BrandId, ClientId, MemberId, OfficerId, RevocationNoticeId, SignalId, SignalKeyId
from ledger.numbers.table import E164_FORM
from ledger.numbers.vocabulary import RiskTier
from ledger.signals.states import SignalState
from ledger.signals.vocabulary import SignalBasis, SignalRevokedReason
from ledger.storage.access import EVERYTHING, ME, OF_MY_BRAND, TAKES_PART, TRANSITION_MOVES, Access, reads
from ledger.storage.columns import one_of
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import BIG, DERIVED, KEY, REQUIRED, UNCHECKED, Columns, derived, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import Category

_MINE = f"member_id = {ME}"
# A scalar subquery: the planner would hash an EXISTS, and read all that a provider ever received for a single page.
_SENT_TO_ME = (
    f"{TAKES_PART} AND (SELECT true FROM signal_recipients r "
    f"WHERE r.signal_id = fraud_signals.id AND r.member_id = {ME} LIMIT 1)"
)
_CLEAR_TO_ME = (
    f"{_MINE} AND category = ANY (coalesce((SELECT p.categories FROM participations p WHERE p.member_id = {ME} "
    "AND p.began_at IS NOT NULL AND p.ended_at IS NULL AND p.disclosure = 'CLEAR'), '{}'))"
)
_APPENDED = Access(role=Role.TRANSITION, select=EVERYTHING, insert=True)
_REGULATOR_ALONE = only(Role.REGULATOR)
_RANGE_HOLDERS = only(Role.REGULATOR, Role.CARRIER)


def _basis(c: Columns) -> ColumnElement[Any]:
    return case(
        (c.state == SignalState.REVOKED.value, SignalBasis.NOTHING.value),
        (c.corroboration_count > 0, SignalBasis.CORROBORATED.value),
        else_=SignalBasis.VERIFIED_COMPLAINTS.value,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FraudSignal:
    """One signal as the viewer may see it. Days are WIB. Fields that only the regulator may see are None for others.

    e164 is None for every provider; load_clear_numbers reads the numbers that its terms allow. holder_id and brand_id
    are those of the number's range when the signal was raised.
    """

    id: Annotated[SignalId, KEY]
    e164: Annotated[str | None, REQUIRED, references("phone_numbers.e164"), _RANGE_HOLDERS]
    epoch: Annotated[int | None, REQUIRED, _REGULATOR_ALONE]
    category: Category
    risk: Annotated[RiskTier, UNCHECKED]
    state: SignalState
    score: Annotated[int | None, BIG, REQUIRED, _REGULATOR_ALONE]
    corroboration_count: int = 0
    basis: Annotated[SignalBasis, derived(_basis)] = DERIVED
    first_seen_on: date
    last_seen_on: date
    valid_until: datetime
    holder_id: Annotated[MemberId | None, references("members.id"), _RANGE_HOLDERS] = None
    brand_id: Annotated[BrandId | None, references("brands.id"), _RANGE_HOLDERS] = None
    revoked_reason: SignalRevokedReason | None = None
    revoked_by: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    revocation_note: Annotated[str | None, _REGULATOR_ALONE] = None
    raised_at: datetime
    changed_at: datetime
    ended_at: datetime | None = None


fraud_signals = declare(
    "fraud_signals",
    FraudSignal,
    one_of("risk", tuple(tier for tier in RiskTier if tier is not RiskTier.NONE)),
    CheckConstraint("(state = 'REVOKED') = (revoked_reason IS NOT NULL)", name="revoked_with_reason"),
    CheckConstraint("(state = 'ACTIVE') = (ended_at IS NULL)", name="ended_unless_active"),
    CheckConstraint("first_seen_on <= last_seen_on", name="seen_order"),
    Index(
        "uq_fraud_signals_active",
        "e164",
        "epoch",
        "category",
        unique=True,
        postgresql_where=text("state = 'ACTIVE'"),
    ),
    Index("ix_fraud_signals_e164", "e164"),
    Index("ix_fraud_signals_holder_id_id", "holder_id", "id"),
    Index("ix_fraud_signals_valid_until", "valid_until", "id", postgresql_where=text("state = 'ACTIVE'")),
    Index("ix_fraud_signals_active_id", "id", postgresql_where=text("state = 'ACTIVE'")),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.PROVIDER, rows=_SENT_TO_ME),
        *reads(Role.CARRIER, rows=f"holder_id = {ME} AND {OF_MY_BRAND}"),
        *reads(Role.RETENTION, Role.ARCHIVE, select=("id", "e164")),
        TRANSITION_MOVES,
    ),
    # The score follows from the complaints, and a change of it alone is not announced.
    committed_by=CommittedBy(Subject.FRAUD_SIGNAL, without=frozenset({"score"})),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SentSignal:
    """A record that a signal was sent to a provider, with its hash under one of the keys then in use."""

    signal_id: Annotated[SignalId, KEY, references("fraud_signals.id")]
    member_id: Annotated[MemberId, KEY, references("members.id")]
    key_id: Annotated[SignalKeyId, KEY, references("signal_keys.id")]
    hash: str
    disclosed_at: datetime


signal_recipients = declare(
    "signal_recipients",
    SentSignal,
    CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash_form"),
    Index("ix_signal_recipients_member_id_hash", "member_id", "hash"),
    access=(*reads(Role.REGULATOR), *reads(Role.PROVIDER, rows=f"{_MINE} AND {TAKES_PART}"), _APPENDED),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DisclosedNumber:
    """A number disclosed in clear, as the terms allowed then; row-level security checks the current terms."""

    signal_id: Annotated[SignalId, KEY, references("fraud_signals.id")]
    member_id: Annotated[MemberId, KEY, references("members.id")]
    category: Category
    e164: str
    disclosed_at: datetime


signal_disclosures = declare(
    "signal_disclosures",
    DisclosedNumber,
    CheckConstraint(E164_FORM, name="e164_form"),
    access=(*reads(Role.REGULATOR), *reads(Role.PROVIDER, rows=_CLEAR_TO_ME), _APPENDED),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationNotice:
    """That a signal which was sent to a provider was revoked, and when the provider confirmed that it knows.

    There is one for each provider that was sent the signal and took part when it was revoked.
    """

    id: Annotated[RevocationNoticeId, KEY]
    signal_id: Annotated[SignalId, references("fraud_signals.id")]
    member_id: Annotated[MemberId, references("members.id")]
    reason: SignalRevokedReason
    revoked_at: datetime
    confirmed_at: datetime | None = None
    confirmed_by: Annotated[OfficerId | None, references("officers.id"), _REGULATOR_ALONE] = None
    confirmed_by_client: Annotated[ClientId | None, _REGULATOR_ALONE] = None


_UNCONFIRMED = text("confirmed_at IS NULL")

signal_revocation_notices = declare(
    "signal_revocation_notices",
    RevocationNotice,
    UniqueConstraint("signal_id", "member_id"),
    Index("ix_signal_revocation_notices_member_id_id", "member_id", "id"),
    Index("ix_signal_revocation_notices_unconfirmed", "id", postgresql_where=_UNCONFIRMED),
    Index("ix_signal_revocation_notices_member_id_unconfirmed", "member_id", "id", postgresql_where=_UNCONFIRMED),
    access=(
        *reads(Role.REGULATOR),
        # Not only while it takes part: what was sent before it left still has to be undone.
        *reads(Role.PROVIDER, rows=_MINE),
        TRANSITION_MOVES,
    ),
    committed_by=CommittedBy(Subject.FRAUD_SIGNAL, "signal_id"),
    is_watched=True,
)
