"""Fraud signals, whom each was sent, and what members contributed. No complainant stands in any of them."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from ledger.numbers.table import E164_FORM
from ledger.numbers.vocabulary import RiskTier
from ledger.signals.states import SignalState
from ledger.signals.vocabulary import SignalRevokedReason
from ledger.storage.columns import id_column, moment, one_of, reference
from ledger.storage.metadata import metadata
from ledger.vocabulary import Category

fraud_signals = Table(
    "fraud_signals",
    metadata,
    id_column(),
    Column("e164", Text, ForeignKey("phone_numbers.e164"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("risk", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("score", BigInteger, nullable=False),
    Column("corroboration_count", Integer, nullable=False, server_default=text("0")),
    Column("first_seen_on", Date, nullable=False),
    Column("last_seen_on", Date, nullable=False),
    moment("valid_until"),
    reference("holder_id", "members.id", nullable=True),
    reference("brand_id", "brands.id", nullable=True),
    Column("revoked_reason", Text),
    reference("revoked_by", "officers.id", nullable=True),
    Column("revocation_note", Text),
    moment("raised_at"),
    moment("changed_at"),
    moment("ended_at", nullable=True),
    one_of("category", Category),
    one_of("risk", tuple(tier for tier in RiskTier if tier is not RiskTier.NONE)),
    one_of("state", SignalState),
    one_of("revoked_reason", SignalRevokedReason),
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
)
"""holder_id and brand_id are those of the number's range when the signal was raised. Days are WIB."""

signal_recipients = Table(
    "signal_recipients",
    metadata,
    reference("signal_id", "fraud_signals.id", primary_key=True),
    reference("member_id", "members.id", primary_key=True),
    reference("key_id", "signal_keys.id", primary_key=True),
    Column("hash", Text, nullable=False),
    moment("disclosed_at"),
    CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name="hash_form"),
    Index("ix_signal_recipients_member_id_hash", "member_id", "hash"),
)
"""Whom a signal was sent, with one hash for each key that was in use."""

signal_disclosures = Table(
    "signal_disclosures",
    metadata,
    reference("signal_id", "fraud_signals.id", primary_key=True),
    reference("member_id", "members.id", primary_key=True),
    Column("category", Text, nullable=False),
    Column("e164", Text, nullable=False),
    moment("disclosed_at"),
    one_of("category", Category),
    CheckConstraint(E164_FORM, name="e164_form"),
)
"""Numbers in clear, for those whose terms said so then; policies ask what the terms say now."""

signal_contributions = Table(
    "signal_contributions",
    metadata,
    id_column(),
    reference("member_id", "members.id"),
    Column("reference", Text, nullable=False),
    Column("e164", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("category", Text, nullable=False),
    moment("observed_at", nullable=True),
    Column("client_id", Text),
    moment("recorded_at"),
    one_of("category", Category),
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    CheckConstraint(E164_FORM, name="e164_form"),
    UniqueConstraint("member_id", "reference"),
    Index("ix_signal_contributions_e164_epoch_category", "e164", "epoch", "category"),
)
"""Append-only. A number here need not be one that we know: contributing must not show in the list of numbers."""
