"""The numbering plan, telephone numbers, and the epochs in which a number meant one subscriber."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint, text

from ledger.numbers.vocabulary import HolderStatus, NumberStatus, ProtectedReason, RiskTier
from ledger.storage.columns import id_column, moment, one_of, reference
from ledger.storage.metadata import metadata

E164_FORM = "e164 ~ '^[+][1-9][0-9]{1,14}$'"
"""A short code (159, 1500xxx) is kept under its country code too, so that one form serves all."""

numbering_ranges = Table(
    "numbering_ranges",
    metadata,
    id_column(),
    Column("prefix", Text, nullable=False),
    reference("holder_id", "members.id", nullable=True, index=True),
    reference("brand_id", "brands.id", nullable=True),
    Column("holder_name", Text),
    Column("kind", Text, nullable=False),
    moment("valid_from"),
    moment("valid_until", nullable=True),
    UniqueConstraint("prefix", "valid_from"),
    CheckConstraint("prefix ~ '^[+][1-9][0-9]{1,14}$'", name="prefix_form"),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="validity_order"),
    one_of("kind", ("MOBILE", "FIXED", "SATELLITE", "OTHER")),
)

number_overrides = Table(
    "number_overrides",
    metadata,
    id_column(),
    Column("e164", Text, nullable=False),
    reference("holder_id", "members.id", index=True),
    reference("brand_id", "brands.id", nullable=True),
    moment("valid_from"),
    moment("valid_until", nullable=True),
    Column("reason", Text, nullable=False),
    UniqueConstraint("e164", "valid_from"),
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("valid_until IS NULL OR valid_until > valid_from", name="validity_order"),
)

phone_numbers = Table(
    "phone_numbers",
    metadata,
    Column("e164", Text, primary_key=True),
    Column("region", Text),
    Column("is_domestic", Boolean, nullable=False),
    Column("protected_reason", Text),
    Column("holder_status", Text, nullable=False),
    reference("holder_id", "members.id", nullable=True),
    reference("brand_id", "brands.id", nullable=True),
    Column("epoch", Integer, nullable=False, server_default=text("1")),
    Column("status", Text, nullable=False, server_default=NumberStatus.CLEAR),
    Column("is_disputed", Boolean, nullable=False, server_default=text("false")),
    Column("risk", Text, nullable=False, server_default=RiskTier.NONE),
    Column("complaint_count", BigInteger, nullable=False, server_default=text("0")),
    Column("verified_complaint_count", BigInteger, nullable=False, server_default=text("0")),
    moment("first_seen_at"),
    CheckConstraint(E164_FORM, name="e164_form"),
    CheckConstraint("(holder_status = 'HELD') = (holder_id IS NOT NULL)", name="holder_when_held"),
    one_of("holder_status", HolderStatus),
    one_of("status", NumberStatus),
    one_of("risk", RiskTier),
    one_of("protected_reason", ProtectedReason),
    Index("ix_phone_numbers_holder_id_e164", "holder_id", "e164"),
)

number_epochs = Table(
    "number_epochs",
    metadata,
    Column("e164", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True),
    reference("reported_by", "members.id", nullable=True),
    moment("starts_at", nullable=True),
    moment("recorded_at"),
    CheckConstraint("epoch >= 1", name="epoch_positive"),
    CheckConstraint(E164_FORM, name="e164_form"),
)
