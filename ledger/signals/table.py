"""The tables of fraud signals, of their recipients, and of members' contributions.

None of them contains a complainant.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import BrandId, ClientId, ContributionId, MemberId, OfficerId, SignalId, SignalKeyId
from ledger.numbers.table import E164_FORM
from ledger.numbers.vocabulary import RiskTier
from ledger.signals.states import SignalState
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.storage.access import EVERYTHING, ME, OF_MY_BRAND, TAKES_PART, TRANSITION_MOVES, Access, reads
from ledger.storage.columns import one_of
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import BIG, KEY, REQUIRED, UNCHECKED, only, references
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
class Contribution:
    """A member's contribution, as recorded. Append-only.

    Its number need not be in phone_numbers: a contribution must leave no trace in the list of numbers.
    """

    id: Annotated[ContributionId, KEY]
    member_id: Annotated[MemberId, references("members.id")]
    reference: str
    e164: str
    epoch: Annotated[int | None, REQUIRED, _REGULATOR_ALONE] = None
    category: Category
    observed_at: datetime | None = None
    client_id: Annotated[ClientId | None, _REGULATOR_ALONE] = None
    recorded_at: datetime


signal_contributions = declare(
    "signal_contributions",
    Contribution,
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    CheckConstraint(E164_FORM, name="e164_form"),
    UniqueConstraint("member_id", "reference"),
    Index("ix_signal_contributions_e164_epoch_category", "e164", "epoch", "category"),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.AGENCY, Role.CARRIER, Role.PROVIDER, rows=_MINE),
        *reads(Role.RETENTION, Role.ARCHIVE, select=("id", "e164")),
        _APPENDED,
    ),
    committed_by=CommittedBy(Subject.SIGNAL_CONTRIBUTION),
)
