"""The tables of the numbering plan, of telephone numbers, and of the epochs in which a number had one subscriber."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, Index, UniqueConstraint

from ledger.identifiers import BrandId, ClientId, MemberId, OverrideId, RangeId
from ledger.numbers.vocabulary import HolderStatus, NumberStatus, ProtectedReason, RangeKind, RiskTier
from ledger.storage.access import ME, TRANSITION_MOVES, reads
from ledger.storage.markers import BIG, KEY, REQUIRED, only, references
from ledger.storage.records import declare
from ledger.storage.roles import Role

E164_FORM = "e164 ~ '^[+][1-9][0-9]{1,14}$'"
"""A short code (159, 1500xxx) is stored with the country code too, so that all numbers have the same form."""

_VALIDITY_ORDER = "valid_until IS NULL OR valid_until > valid_from"
_LOOKED_AFTER = (*reads(Role.REGULATOR, Role.OPERATOR), TRANSITION_MOVES)
_OWN_RANGE = f"holder_id = {ME}"
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
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One number that a different member than its range's holder holds, with the reason."""

    id: Annotated[OverrideId, KEY]
    e164: str
    holder_id: Annotated[MemberId, references("members.id", index=True)]
    brand_id: Annotated[BrandId | None, references("brands.id")] = None
    valid_from: datetime
    valid_until: datetime | None = None
    reason: str


number_overrides = declare(
    "number_overrides",
    Override,
    UniqueConstraint("e164", "valid_from"),
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint(_VALIDITY_ORDER, name="validity_order"),
    access=(*_LOOKED_AFTER, *reads(Role.CARRIER, rows=_OWN_RANGE)),
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
    first_seen_at: Annotated[datetime | None, REQUIRED, _NOT_AGENCIES] = None


phone_numbers = declare(
    "phone_numbers",
    PhoneNumber,
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("(holder_status = 'HELD') = (holder_id IS NOT NULL)", name="holder_when_held"),
    Index("ix_phone_numbers_holder_id_e164", "holder_id", "e164"),
    access=(
        *_LOOKED_AFTER,
        *reads(
            Role.AGENCY,
            rows=f"EXISTS (SELECT 1 FROM complaints c WHERE c.e164 = phone_numbers.e164 AND c.source_id = {ME})",
        ),
        *reads(Role.CARRIER, rows=_OWN_RANGE),
    ),
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
