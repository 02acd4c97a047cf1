"""Block orders: the duty's current state, every version as it was issued, and the complaints behind it."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Table,
    Text,
    text,
)

from ledger.orders.states import OPEN_ORDER_STATES, OrderState
from ledger.orders.vocabulary import AcknowledgementKind, BlockScope, ImpossibleReason, LiftBasis
from ledger.storage.columns import each_of, id_column, moment, one_of, reference, text_list
from ledger.storage.metadata import metadata
from ledger.vocabulary import Category, HoldReason

_OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_ORDER_STATES))

block_orders = Table(
    "block_orders",
    metadata,
    id_column(),
    Column("order_serial", BigInteger, Identity(always=True), nullable=False, unique=True),
    Column("version", Integer, nullable=False, server_default=text("1")),
    id_column("directive_id", primary_key=False),
    reference("supersedes_id", "block_orders.id", nullable=True),
    reference("carrier_id", "members.id"),
    reference("brand_id", "brands.id", nullable=True),
    Column("e164", Text, ForeignKey("phone_numbers.e164"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("category", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("summary", Text, nullable=False),
    Column("subscriber_notice", Text, nullable=False),
    Column("complaint_count", Integer, nullable=False, server_default=text("0")),
    Column("state", Text, nullable=False, server_default=OrderState.DRAFT),
    Column("impossible_reason", Text),
    Column("last_acknowledgement", Text),
    reference("office_id", "offices.id"),
    reference("drafted_by", "officers.id"),
    moment("drafted_at"),
    reference("approved_by", "officers.id", nullable=True),
    Column("return_reason", Text),
    text_list("hold_reasons"),
    Column("override_note", Text),
    reference("overridden_by", "officers.id", nullable=True),
    moment("issued_at", nullable=True),
    moment("due_at", nullable=True),
    moment("executed_at", nullable=True),
    moment("effective_at", nullable=True),
    Column("was_late", Boolean, nullable=False, server_default=text("false")),
    moment("ended_at", nullable=True),
    Column("end_note", Text),
    moment("lift_drafted_at", nullable=True),
    Column("lift_basis", Text),
    Column("lift_note", Text),
    reference("lift_issued_by", "officers.id", nullable=True),
    moment("lift_issued_at", nullable=True),
    moment("lifted_at", nullable=True),
    one_of("state", OrderState),
    one_of("category", Category),
    one_of("scope", BlockScope),
    one_of("impossible_reason", ImpossibleReason),
    one_of("lift_basis", LiftBasis),
    one_of("last_acknowledgement", AcknowledgementKind),
    each_of("hold_reasons", HoldReason),
    CheckConstraint("drafted_by <> approved_by", name="four_eyes"),
    CheckConstraint("(state IN ('DRAFT', 'DISCARDED')) = (issued_at IS NULL)", name="issued_once_approved"),
    CheckConstraint(
        "issued_at IS NULL OR (due_at IS NOT NULL AND approved_by IS NOT NULL)", name="issued_with_due_time"
    ),
    CheckConstraint(
        "issued_at IS NULL OR cardinality(hold_reasons) = 0 OR override_note IS NOT NULL", name="held_until_overridden"
    ),
    Index(
        "uq_block_orders_open_number",
        "e164",
        "epoch",
        "carrier_id",
        unique=True,
        postgresql_where=text(f"state IN ({_OPEN})"),
    ),
    Index("ix_block_orders_carrier_id_due_at_id", "carrier_id", "due_at", "id"),
    Index("ix_block_orders_due_at_id", "due_at", "id"),
    Index("ix_block_orders_state_due_at_id", "state", "due_at", "id"),
    Index("ix_block_orders_e164", "e164"),
)

block_order_versions = Table(
    "block_order_versions",
    metadata,
    reference("order_id", "block_orders.id", primary_key=True),
    Column("version", Integer, primary_key=True),
    reference("carrier_id", "members.id", index=True),
    Column("scope", Text, nullable=False),
    Column("legal_basis", Text, nullable=False),
    Column("summary", Text, nullable=False),
    reference("issued_by", "officers.id"),
    moment("issued_at"),
    moment("due_at"),
    Column("is_lift", Boolean, nullable=False, server_default=text("false")),
    one_of("scope", BlockScope),
)

order_complaints = Table(
    "order_complaints",
    metadata,
    reference("order_id", "block_orders.id", primary_key=True),
    reference("complaint_id", "complaints.id", primary_key=True),
    moment("joined_at"),
    Index("ix_order_complaints_complaint_id", "complaint_id"),
)
