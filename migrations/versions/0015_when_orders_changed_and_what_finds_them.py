"""When orders changed, which a trigger keeps whoever writes the event, and indexes for what lists are filtered by."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# The last event that all who may read the order receive. A writer that knows changed_at has written it before, and
# nothing is left to do; a process of the version before has not. Other roles write events of other subjects, and may
# not even look at orders.
DATE_ORDERS = """
CREATE FUNCTION date_orders() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM added WHERE subject = 'BLOCK_ORDER') THEN
    UPDATE block_orders o SET changed_at = e.recorded_at
    FROM (
      SELECT CASE WHEN subject_id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN subject_id::uuid END AS order_id,
             max(recorded_at) AS recorded_at, bool_or(cardinality(audience) > 0) AS is_told
      FROM added WHERE subject = 'BLOCK_ORDER' GROUP BY subject_id
    ) e
    WHERE o.id = e.order_id AND o.changed_at < e.recorded_at AND (e.is_told OR o.issued_at IS NULL);
  END IF;
  RETURN NULL;
END $$
"""
ORDERS_DATED = """
CREATE TRIGGER orders_dated AFTER INSERT ON events
REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION date_orders()
"""
# Entries may have been archived; what they were about is in the rows.
_DATE_PRESENT_ORDERS = """
UPDATE block_orders o SET changed_at = greatest(
  o.drafted_at, o.issued_at, o.executed_at, o.ended_at, o.lift_issued_at, o.lifted_at,
  (SELECT max(a.recorded_at) FROM order_acknowledgements a WHERE a.order_id = o.id),
  (SELECT max(e.recorded_at) FROM events e WHERE e.subject_id = o.id::text AND e.subject = 'BLOCK_ORDER'
   AND (cardinality(e.audience) > 0 OR o.issued_at IS NULL))
)
"""

_SAID_ONCE = "uq_order_acknowledgements_said_once"
_SAID_BEFORE = "uq_order_acknowledgements_carrier_id_order_id_version_kind_reference"
_SAME_REFERENCE = "uq_complaints_source_id_source_reference"

# True of every row: indexes for the lists of all members' rows, which no plan for one member may take.
_ORDERS, _COMPLAINTS = "version >= 1", "occurrence >= 1"
_INDEXES: tuple[tuple[str, str, list[str], str | None], ...] = (
    ("ix_block_orders_executed_at_id", "block_orders", ["executed_at", "id"], f"executed_at IS NOT NULL AND {_ORDERS}"),
    (
        "ix_block_orders_carrier_id_executed_at_id",
        "block_orders",
        ["carrier_id", "executed_at", "id"],
        "executed_at IS NOT NULL",
    ),
    ("ix_block_orders_lifted_at_id", "block_orders", ["lifted_at", "id"], f"lifted_at IS NOT NULL AND {_ORDERS}"),
    (
        "ix_block_orders_carrier_id_lifted_at_id",
        "block_orders",
        ["carrier_id", "lifted_at", "id"],
        "lifted_at IS NOT NULL",
    ),
    ("ix_block_orders_changed_at_id", "block_orders", ["changed_at", "id"], _ORDERS),
    ("ix_block_orders_carrier_id_changed_at_id", "block_orders", ["carrier_id", "changed_at", "id"], None),
    ("ix_block_orders_late", "block_orders", ["due_at", "id"], f"was_late AND {_ORDERS}"),
    ("ix_block_orders_carrier_id_late", "block_orders", ["carrier_id", "due_at", "id"], "was_late"),
    ("ix_order_acknowledgements_carrier_id_recorded_at", "order_acknowledgements", ["carrier_id", "recorded_at"], None),
    (
        "ix_complaints_decided_by_decided_at_id",
        "complaints",
        ["decided_by", "decided_at", "id"],
        "decided_by IS NOT NULL",
    ),
    ("ix_complaints_decided_at_id", "complaints", ["decided_at", "id"], f"decided_at IS NOT NULL AND {_COMPLAINTS}"),
    (
        "ix_complaints_source_id_decided_at_id",
        "complaints",
        ["source_id", "decided_at", "id"],
        "decided_at IS NOT NULL",
    ),
    ("ix_phone_numbers_complaint_count_e164", "phone_numbers", ["complaint_count", "e164"], None),
)


def upgrade() -> None:
    op.add_column(
        "block_orders",
        sa.Column(
            "changed_at",
            sa.DateTime(timezone=True),
            server_default="1970-01-01 00:00:00+00:00",
            nullable=False,
        ),
    )
    op.execute(_DATE_PRESENT_ORDERS)
    op.execute(DATE_ORDERS)
    op.execute(ORDERS_DATED)
    for name, table, columns, where in _INDEXES:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)
    op.create_index(
        "ix_order_acknowledgements_recorded_at",
        "order_acknowledgements",
        ["recorded_at"],
        postgresql_using="brin",
        postgresql_with={"pages_per_range": 16, "autosummarize": "on"},
    )
    op.drop_index("ix_order_acknowledgements_carrier_id", table_name="order_acknowledgements")
    _replace_said(_SAID_BEFORE, _SAID_ONCE, ["reference", "carrier_id", "order_id", "version", "kind"])
    _replace_same_reference(["source_reference", "source_id"])


def downgrade() -> None:
    _replace_same_reference(["source_id", "source_reference"])
    _replace_said(_SAID_ONCE, _SAID_BEFORE, ["carrier_id", "order_id", "version", "kind", "reference"])
    op.create_index("ix_order_acknowledgements_carrier_id", "order_acknowledgements", ["carrier_id"])
    op.drop_index("ix_order_acknowledgements_recorded_at", table_name="order_acknowledgements")
    for name, table, _, _ in reversed(_INDEXES):
        op.drop_index(name, table_name=table)
    op.execute("DROP TRIGGER orders_dated ON events")
    op.execute("DROP FUNCTION date_orders()")
    op.drop_column("block_orders", "changed_at")


def _replace_said(before: str, after: str, columns: list[str]) -> None:
    """The same rule under another name, whose index begins with another column."""
    op.create_unique_constraint(op.f(after), "order_acknowledgements", columns)
    op.drop_constraint(op.f(before), "order_acknowledgements", type_="unique")


def _replace_same_reference(columns: list[str]) -> None:
    op.drop_index(_SAME_REFERENCE, table_name="complaints")
    op.create_index(
        _SAME_REFERENCE,
        "complaints",
        columns,
        unique=True,
        postgresql_where=sa.text("source_reference IS NOT NULL"),
    )
