"""The tables of referrals, of the complaints behind them, of providers' responses, and of what was transferred.

No column of them, and no other table's, can hold a due time, a lateness or a sanction of a referral, and no order
refers to one: tests/integration/ledger/referrals/test_impossible.py tries.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from sqlalchemy import CheckConstraint, ColumnElement, Index, UniqueConstraint, case, literal_column, text

from ledger.feed.vocabulary import Subject
from ledger.identifiers import (
    AccountId,
    ClientId,
    ComplaintId,
    MemberId,
    OfficeId,
    OfficerId,
    ParticipationId,
    ReferralId,
    ReferralResponseId,
)
from ledger.referrals.states import PENDING_STATES, STATUS_OF_STATE, ReferralState
from ledger.referrals.vocabulary import (
    DeclineReason,
    ReferralAction,
    ReferralGround,
    ResponseKind,
    ResponseMark,
    TransferredField,
    WithdrawalReason,
)
from ledger.serial_numbers import render_serial_no
from ledger.storage.access import EVERYTHING, ME, TAKES_PART, TRANSITION_MOVES, Access, reads
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import (
    ASSIGNED,
    BIG,
    DERIVED,
    KEY,
    REQUIRED,
    SERIAL,
    UNIQUE,
    Columns,
    derived,
    only,
    references,
)
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.vocabulary import BlockRequestStatus, Category

_OFFICE = only(Role.REGULATOR)
_MINE = f"provider_id = {ME} AND {TAKES_PART}"
_PENDING = ", ".join(f"'{state}'" for state in sorted(PENDING_STATES))
_OF_EVERY_PROVIDER = "complaint_count >= 0"


def _status(c: Columns) -> ColumnElement[Any]:
    return case({state.value: status.value for state, status in STATUS_OF_STATE.items()}, value=c.state)


@dataclass(frozen=True, slots=True, kw_only=True)
class Referral:
    """One referral as the viewer may see it. Fields that only the regulator may see are None for a provider.

    It is about an account or a number; of an account that is a number whose complaints are known it has both. about
    identifies the one or the other. Units: incident_on and reply_hoped_by are legal days (WIB). reply_hoped_by is a
    courtesy: nothing but a lapse follows from it. standing_response_id is the latest response that moved the state.
    action and ground stay after a reversal. office_id and offered_by are those of the officer who offered it, or
    approved the offer of a run.
    """

    id: Annotated[ReferralId, KEY]
    referral_serial: Annotated[int, BIG, SERIAL, UNIQUE] = ASSIGNED
    referral_no: Annotated[str, derived(lambda c: render_serial_no("R", c.offered_at, c.referral_serial))] = DERIVED
    provider_id: Annotated[MemberId, references("members.id")]
    participation_id: Annotated[ParticipationId, references("participations.id", index=True)]
    about: Annotated[str | None, REQUIRED, _OFFICE]
    account_id: Annotated[AccountId | None, references("accounts.id")] = None
    e164: Annotated[str | None, references("phone_numbers.e164")] = None
    epoch: Annotated[int | None, _OFFICE] = None
    category: Category
    summary: str
    incident_on: date | None = None
    complaint_count: int
    state: ReferralState = ReferralState.OFFERED
    status: Annotated[BlockRequestStatus, derived(_status)] = DERIVED
    action: ReferralAction | None = None
    ground: ReferralGround | None = None
    decline_reason: DeclineReason | None = None
    standing_response_id: ReferralResponseId | None = None
    office_id: Annotated[OfficeId | None, REQUIRED, references("offices.id"), _OFFICE]
    offered_by: Annotated[OfficerId | None, REQUIRED, references("officers.id"), _OFFICE]
    offered_at: datetime
    issued_at: Annotated[datetime, derived(lambda c: c.offered_at)] = DERIVED
    reply_hoped_by: date
    received_at: datetime | None = None
    answered_at: datetime | None = None
    effective_at: datetime | None = None
    ended_at: datetime | None = None
    withdrawal_reason: WithdrawalReason | None = None
    withdrawal_note: Annotated[str | None, _OFFICE] = None
    withdrawn_by: Annotated[OfficerId | None, references("officers.id"), _OFFICE] = None
    changed_at: datetime


OPEN_ONE = "uq_referrals_open"
"""At most one referral of an account, or of a number and epoch, to a provider awaits an answer."""

referrals = declare(
    "referrals",
    Referral,
    CheckConstraint("e164 IS NOT NULL OR account_id IS NOT NULL", name="number_or_account"),
    CheckConstraint("(e164 IS NULL) = (epoch IS NULL)", name="epoch_with_number"),
    CheckConstraint("(action IS NULL) = (ground IS NULL)", name="action_with_ground"),
    CheckConstraint("(state IN ('ACTIONED', 'REVERSED')) = (action IS NOT NULL)", name="actioned_by_action"),
    CheckConstraint("decline_reason IS NULL OR state = 'DECLINED'", name="declined_with_reason"),
    CheckConstraint("(state = 'WITHDRAWN') = (withdrawal_reason IS NOT NULL)", name="withdrawn_with_reason"),
    CheckConstraint("complaint_count >= 1", name="on_complaints"),
    Index(
        OPEN_ONE,
        "about",
        "provider_id",
        unique=True,
        postgresql_where=text(f"state IN ({_PENDING})"),
    ),
    Index("ix_referrals_about", "about"),
    Index("ix_referrals_e164", "e164"),
    Index("ix_referrals_account_id", "account_id", postgresql_where=text("account_id IS NOT NULL")),
    Index("ix_referrals_provider_id_id", "provider_id", "id"),
    Index("ix_referrals_state_id", "state", "id", postgresql_where=text(_OF_EVERY_PROVIDER)),
    Index("ix_referrals_provider_id_state_id", "provider_id", "state", "id"),
    Index(
        "ix_referrals_action_id",
        "action",
        "id",
        postgresql_where=text(f"action IS NOT NULL AND {_OF_EVERY_PROVIDER}"),
    ),
    Index(
        "ix_referrals_provider_id_action_id", "provider_id", "action", "id", postgresql_where=text("action IS NOT NULL")
    ),
    Index("ix_referrals_offered_at_id", "offered_at", "id", postgresql_where=text(_OF_EVERY_PROVIDER)),
    Index("ix_referrals_provider_id_offered_at_id", "provider_id", "offered_at", "id"),
    Index("ix_referrals_lapsing", "reply_hoped_by", "id", postgresql_where=text(f"state IN ({_PENDING})")),
    Index("ix_referrals_changed_at_id", "changed_at", "id", postgresql_where=text(_OF_EVERY_PROVIDER)),
    Index("ix_referrals_provider_id_changed_at_id", "provider_id", "changed_at", "id"),
    Index(
        "ix_referrals_answered_at_id",
        "answered_at",
        "id",
        postgresql_where=text(f"answered_at IS NOT NULL AND {_OF_EVERY_PROVIDER}"),
    ),
    Index(
        "ix_referrals_provider_id_answered_at_id",
        "provider_id",
        "answered_at",
        "id",
        postgresql_where=text("answered_at IS NOT NULL"),
    ),
    access=(
        *reads(Role.REGULATOR),
        *reads(Role.PROVIDER, rows=_MINE),
        *reads(Role.RETENTION, Role.ARCHIVE, select=("id", "e164")),
        TRANSITION_MOVES,
    ),
    committed_by=CommittedBy(Subject.REFERRAL),
    is_watched=True,
)

OF_EVERY_PROVIDER = referrals.c.complaint_count >= literal_column("0")
"""True of every referral, as OF_EVERY_CARRIER is of orders: for who reads all providers' referrals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralComplaint:
    """A link between a referral and a complaint behind it."""

    referral_id: Annotated[ReferralId, KEY, references("referrals.id")]
    complaint_id: Annotated[ComplaintId, KEY, references("complaints.id")]
    joined_at: datetime


referral_complaints = declare(
    "referral_complaints",
    ReferralComplaint,
    Index("ix_referral_complaints_complaint_id", "complaint_id"),
    access=(*reads(Role.REGULATOR), TRANSITION_MOVES),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralResponse:
    """One response as recorded. effective_at is by the provider's clock, recorded_at by ours.

    reason is why it declined, if it said so.
    """

    id: Annotated[ReferralResponseId, KEY]
    referral_id: Annotated[ReferralId, references("referrals.id")]
    provider_id: Annotated[MemberId, references("members.id")]
    kind: ResponseKind
    action: ReferralAction | None = None
    ground: ReferralGround | None = None
    reason: DeclineReason | None = None
    reference: str
    note: str | None = None
    effective_at: datetime
    recorded_at: datetime
    moved_state: bool
    mark: ResponseMark | None = None
    client_id: Annotated[ClientId | None, _OFFICE] = None


referral_responses = declare(
    "referral_responses",
    ReferralResponse,
    CheckConstraint("moved_state = (mark IS NULL)", name="unmoved_with_mark"),
    CheckConstraint("(kind = 'ACTIONED') = (action IS NOT NULL)", name="actioned_by_action"),
    CheckConstraint("(action IS NULL) = (ground IS NULL)", name="action_with_ground"),
    CheckConstraint("reason IS NULL OR kind = 'DECLINED'", name="declined_with_reason"),
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    # The reference comes first, so that responses are found by it too.
    UniqueConstraint("reference", "provider_id", "referral_id", "kind", name="uq_referral_responses_said_once"),
    Index("ix_referral_responses_referral_id_id", "referral_id", "id"),
    Index("ix_referral_responses_provider_id", "provider_id"),
    access=(
        *reads(Role.REGULATOR, Role.TRANSITION),
        Access(role=Role.PROVIDER, rows=_MINE, select=EVERYTHING, insert=True),
    ),
    committed_by=CommittedBy(Subject.REFERRAL, "referral_id"),
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferralTransfer:
    """What a provider was given by a referral, when, and on which ground, for the record of data protection.

    ground is the legal ground of transfer abroad that the provider's terms name; None if they name none, because
    nothing leaves the country.
    """

    referral_id: Annotated[ReferralId, KEY, references("referrals.id")]
    provider_id: Annotated[MemberId, references("members.id")]
    participation_id: Annotated[ParticipationId, references("participations.id", index=True)]
    ground: str | None = None
    is_abroad: Annotated[bool, derived(lambda c: c.ground.is_not(None))] = DERIVED
    fields: tuple[TransferredField, ...]
    sent_at: datetime


referral_transfers = declare(
    "referral_transfers",
    ReferralTransfer,
    Index("ix_referral_transfers_sent_at_referral_id", "sent_at", "referral_id"),
    Index("ix_referral_transfers_provider_id_sent_at", "provider_id", "sent_at", "referral_id"),
    Index("ix_referral_transfers_ground_sent_at", "ground", "sent_at", "referral_id"),
    Index("ix_referral_transfers_abroad", "sent_at", "referral_id", postgresql_where=text("ground IS NOT NULL")),
    Index("ix_referral_transfers_at_home", "sent_at", "referral_id", postgresql_where=text("ground IS NULL")),
    access=(*reads(Role.REGULATOR), Access(role=Role.TRANSITION, select=EVERYTHING, insert=True)),
    committed_by=CommittedBy(Subject.REFERRAL, "referral_id"),
    is_watched=True,
)
