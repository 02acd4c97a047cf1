"""What carriers said of their orders (append-only), and their requests for more time."""

from sqlalchemy import Boolean, CheckConstraint, Column, Index, Integer, Table, Text, UniqueConstraint, text

from ledger.orders.states import ExtensionState
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.storage.columns import id_column, moment, one_of, reference
from ledger.storage.metadata import metadata

order_acknowledgements = Table(
    "order_acknowledgements",
    metadata,
    id_column(),
    reference("order_id", "block_orders.id"),
    reference("carrier_id", "members.id", index=True),
    Column("version", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("reason", Text),
    Column("reference", Text, nullable=False),
    Column("note", Text),
    moment("until", nullable=True),
    moment("effective_at"),
    moment("recorded_at"),
    Column("is_late", Boolean, nullable=False, server_default=text("false")),
    Column("moved_state", Boolean, nullable=False),
    Column("mark", Text),
    Column("client_id", Text),
    one_of("kind", AcknowledgementKind),
    one_of("mark", ("STALE_VERSION", "ORDER_WITHDRAWN", "STATE_UNMOVED")),
    CheckConstraint("moved_state = (mark IS NULL) OR kind = 'EXTENSION_REQUESTED'", name="unmoved_with_mark"),
    CheckConstraint("length(reference) BETWEEN 1 AND 128", name="reference_length"),
    UniqueConstraint("carrier_id", "order_id", "version", "kind", "reference"),
    Index("ix_order_acknowledgements_order_id_id", "order_id", "id"),
)

order_extensions = Table(
    "order_extensions",
    metadata,
    id_column(),
    reference("order_id", "block_orders.id", index=True),
    reference("carrier_id", "members.id", index=True),
    reference("acknowledgement_id", "order_acknowledgements.id"),
    moment("until"),
    Column("reason", Text),
    moment("requested_at"),
    Column("state", Text, nullable=False, server_default=text("'REQUESTED'")),
    reference("decided_by", "officers.id", nullable=True),
    moment("decided_at", nullable=True),
    moment("due_before", nullable=True),
    one_of("state", ExtensionState),
    UniqueConstraint("acknowledgement_id"),
)
