"""The tables of the numbering plan, of telephone numbers, and of the epochs in which a number had one subscriber."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any

from sqlalchemy import (
    CheckConstraint,
    ColumnElement,
    Index,
    UniqueConstraint,
    and_,
    case,
    literal_column,
    not_,
    or_,
    text,
    true,
)

from ledger.identifiers import (
    BrandId,
    ClientId,
    MemberId,
    OfficerId,
    OrderId,
    OverrideId,
    OverrideProposalId,
    RangeId,
)
from ledger.numbers.states import OverrideState
from ledger.numbers.vocabulary import (
    AccountStanding,
    BlockRequestGap,
    HolderStatus,
    NumberStatus,
    ProtectedReason,
    RangeKind,
    RiskTier,
)
from ledger.storage.access import ME, OF_MY_BRAND, TRANSITION_MOVES, reads
from ledger.storage.markers import BIG, DERIVED, KEY, REQUIRED, Columns, derived, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind

E164_FORM = "e164 ~ '^[+][1-9][0-9]{1,14}$'"
"""A short code (159, 1500xxx) is stored with the country code too, so that all numbers have the same form."""

_VALIDITY_ORDER = "valid_until IS NULL OR valid_until > valid_from"
_LOOKED_AFTER = (*reads(Role.REGULATOR, Role.OPERATOR), TRANSITION_MOVES)
_OWN_RANGE = f"holder_id = {ME} AND {OF_MY_BRAND}"
_NOT_CARRIERS = only(Role.REGULATOR, Role.OPERATOR)
_NOT_AGENCIES = only(Role.REGULATOR, Role.OPERATOR, Role.CARRIER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """A range of the plan and its validity; valid_until is exclusive."""

    id: Annotated[RangeId, KEY]
    prefix: str
    holder_id: Annotated[MemberId | None, references("members.id", index=True)] = None
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    holder_name: str | None = None
    kind: RangeKind
    valid_from: datetime
    valid_until: datetime | None = None


numbering_ranges = declare(
    "numbering_ranges",
    Range,
    UniqueConstraint("prefix", "valid_from"),
    CheckConstraint("prefix ~ '^[+][1-9][0-9]{1,14}$'", name="prefix_form"),
    CheckConstraint(_VALIDITY_ORDER, name="validity_order"),
    access=(*_LOOKED_AFTER, *reads(Role.CARRIER, rows=_OWN_RANGE)),
    is_watched=True,
)


OPEN_PROPOSAL = "uq_number_override_proposals_open"
"""At most one proposal is open for a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideProposal:
    """An officer's proposal that another member than now holds a number, and the other officer's decision.

    holder_before_id is the holder by the plan when it was proposed or revised. valid_from is None for the time of the
    approval. order_id is the order whose carrier said that it does not hold the number. nonce makes the hash of the
    content unguessable, so that the log can keep it.
    """

    id: Annotated[OverrideProposalId, KEY]
    e164: str
    order_id: Annotated[OrderId | None, references("block_orders.id", index=True)] = None
    holder_before_id: Annotated[MemberId | None, references("members.id")] = None
    holder_id: Annotated[MemberId, references("members.id")]
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    valid_from: datetime | None = None
    reason: str
    nonce: str
    state: OverrideState = OverrideState.PROPOSED
    proposed_by: Annotated[OfficerId, references("officers.id")]
    proposed_at: datetime
    decided_by: Annotated[OfficerId | None, references("officers.id")] = None
    decided_at: datetime | None = None


number_override_proposals = declare(
    "number_override_proposals",
    OverrideProposal,
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("state <> 'APPROVED' OR decided_by <> proposed_by", name="four_eyes"),
    CheckConstraint("(state = 'PROPOSED') = (decided_by IS NULL)", name="decided_by_somebody"),
    CheckConstraint("(decided_by IS NULL) = (decided_at IS NULL)", name="decided_at_some_time"),
    Index(OPEN_PROPOSAL, "e164", unique=True, postgresql_where=text("state = 'PROPOSED'")),
    Index("ix_number_override_proposals_state_id", "state", "id"),
    Index("ix_number_override_proposals_e164_id", "e164", "id"),
    Index("ix_number_override_proposals_holder_id_id", "holder_id", "id"),
    access=_LOOKED_AFTER,
    is_watched=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One number that a different member than its range's holder holds, with the reason.

    Overrides are only added, each later than the one before. proposal_id is None for those that are older than
    proposals.
    """

    id: Annotated[OverrideId, KEY]
    proposal_id: Annotated[OverrideProposalId | None, references("number_override_proposals.id")] = None
    e164: str
    holder_id: Annotated[MemberId, references("members.id", index=True)]
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    valid_from: datetime
    valid_until: datetime | None = None
    reason: Annotated[str | None, REQUIRED, _NOT_CARRIERS]


number_overrides = declare(
    "number_overrides",
    Override,
    UniqueConstraint("e164", "valid_from"),
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint(_VALIDITY_ORDER, name="validity_order"),
    access=(*_LOOKED_AFTER, *reads(Role.CARRIER, rows=_OWN_RANGE)),
)


def _one_of(column: ColumnElement[Any], *values: NumberStatus | AccountStanding) -> ColumnElement[bool]:
    # As text, so that a kept plan knows which index has all of the rows.
    return column.in_([literal_column(f"'{value}'") for value in values])


def is_requested(c: Columns) -> ColumnElement[bool]:
    """A number that a carrier was ordered to block, or a provider was asked about."""
    is_clear = _one_of(c.status, NumberStatus.CLEAR)
    return or_(not_(is_clear), not_(_one_of(c.account_standing, AccountStanding.NOT_ASKED)))


def is_blocked_with_live_account(c: Columns) -> ColumnElement[bool]:
    """A number that the carrier blocked while no provider that was asked has acted."""
    not_actioned = _one_of(c.account_standing, AccountStanding.ASKED, AccountStanding.NOT_ACTIONED)
    return and_(_one_of(c.status, NumberStatus.BLOCKED), not_actioned)


def is_live_with_actioned_account(c: Columns) -> ColumnElement[bool]:
    """A number about which a provider acted while no carrier has blocked it."""
    return and_(not_(_one_of(c.status, NumberStatus.BLOCKED)), _one_of(c.account_standing, AccountStanding.ACTIONED))


def _gap(c: Columns) -> ColumnElement[Any]:
    """Where the block of a number and what providers did about it differ; NULL where they don't."""
    return case(
        (is_blocked_with_live_account(c), BlockRequestGap.BLOCKED_SIM_LIVE_ACCOUNT.value),
        (is_live_with_actioned_account(c), BlockRequestGap.LIVE_SIM_ACTIONED_ACCOUNT.value),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneNumber:
    """A number as the viewer may see it; fields that the viewer may not see are None.

    A carrier that asks for a number outside its ranges gets only e164 and risk. Counts and risk are columns
    that transitions write; they are never derived for a viewer.
    """

    e164: Annotated[str, KEY]
    region: str | None = None
    is_domestic: Annotated[bool | None, REQUIRED] = None
    protected_reason: ProtectedReason | None = None
    holder_status: Annotated[HolderStatus | None, REQUIRED] = None
    holder_id: Annotated[MemberId | None, references("members.id"), _NOT_AGENCIES] = None
    brand_id: Annotated[BrandId | None, references("brands.id"), _NOT_AGENCIES] = None
    epoch: Annotated[int | None, REQUIRED, _NOT_AGENCIES] = 1
    status: Annotated[NumberStatus | None, REQUIRED] = NumberStatus.CLEAR
    is_disputed: Annotated[bool | None, REQUIRED, _NOT_AGENCIES] = False
    risk: RiskTier = RiskTier.NONE
    complaint_count: Annotated[int | None, BIG, REQUIRED, only(Role.REGULATOR)] = 0
    verified_complaint_count: Annotated[int | None, BIG, REQUIRED, only(Role.REGULATOR)] = 0
    account_standing: Annotated[AccountStanding | None, REQUIRED, only(Role.REGULATOR)] = AccountStanding.NOT_ASKED
    gap: Annotated[BlockRequestGap | None, derived(_gap), only(Role.REGULATOR)] = DERIVED
    first_seen_at: Annotated[datetime | None, REQUIRED, _NOT_AGENCIES] = None


phone_numbers = declare(
    "phone_numbers",
    PhoneNumber,
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("(holder_status = 'HELD') = (holder_id IS NOT NULL)", name="holder_when_held"),
    Index("ix_phone_numbers_holder_id_e164", "holder_id", "e164"),
    Index("ix_phone_numbers_complaint_count_e164", "complaint_count", "e164"),
    access=(
        *_LOOKED_AFTER,
        *reads(
            Role.AGENCY,
            rows=f"EXISTS (SELECT 1 FROM complaints c WHERE c.e164 = phone_numbers.e164 AND c.source_id = {ME})",
        ),
        *reads(Role.CARRIER, rows=_OWN_RANGE),
        *reads(Role.VERIFIER, select=("e164", "region")),
    ),
    is_watched=True,
)


for _name, _columns, _rows in (
    ("requested", ("e164",), is_requested),
    ("status_e164", ("status", "e164"), is_requested),
    ("account_standing_e164", ("account_standing", "e164"), is_requested),
    ("blocked_sim_live_account", ("e164",), is_blocked_with_live_account),
    ("live_sim_actioned_account", ("e164",), is_live_with_actioned_account),
):
    Index(
        f"ix_phone_numbers_{_name}",
        *(phone_numbers.c[each] for each in _columns),
        postgresql_where=_rows(phone_numbers.c),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberEpoch:
    """A period in which a number has one subscriber. starts_at is None for the first, whose start is unknown."""

    e164: Annotated[str, KEY]
    epoch: Annotated[int, KEY]
    reported_by: Annotated[MemberId | None, references("members.id")] = None
    starts_at: datetime | None = None
    recorded_at: datetime


number_epochs = declare(
    "number_epochs",
    NumberEpoch,
    CheckConstraint("epoch >= 1", name="epoch_positive"),
    CheckConstraint(E164_FORM, name="e164_form"),
    access=_LOOKED_AFTER,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberLookups:
    """How many numbers a client looked up by their value on a legal day; the next day uses the row again."""

    client_id: Annotated[ClientId, KEY]
    day: date
    used: Annotated[int, BIG]


number_lookups = declare(
    "number_lookups",
    NumberLookups,
    CheckConstraint("used >= 1", name="used_positive"),
    access=(TRANSITION_MOVES,),
)


def of_own(viewer: Viewer, columns: Columns) -> ColumnElement[bool]:
    """Limit a carrier to the rows of which it is the holder, and a client of one brand to those of that brand.

    Row-level security enforces this again, and alone limits other viewers.
    """
    if viewer.kind is not ViewerKind.CARRIER:
        return true()
    own = columns.holder_id == viewer.member_id
    return own if viewer.brand_id is None else and_(own, columns.brand_id == viewer.brand_id)
