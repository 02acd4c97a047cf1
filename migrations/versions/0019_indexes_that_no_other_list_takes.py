"""Indexes for one list each, and marks of the links between orders and complaints, which compiled reads follow."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

# True of every row: only the lists of all members' rows ask it.
_ORDERS, _COMPLAINTS = "version >= 1", "occurrence >= 1"
_AWAITED = "state IN ('ISSUED', 'LIFT_ISSUED', 'PARTIAL', 'RECEIVED')"
_UNFINISHED = "state IN ('DRAFT', 'ISSUED', 'LIFT_ISSUED', 'PARTIAL', 'RECEIVED')"
_Indexes = tuple[tuple[str, str, list[str], str | None], ...]
_INDEXES: _Indexes = (
    ("ix_block_orders_carrier_id_id", "block_orders", ["carrier_id", "id"], None),
    ("ix_block_orders_carrier_id_awaited", "block_orders", ["carrier_id", "due_at", "id"], _AWAITED),
    ("ix_block_orders_unfinished", "block_orders", ["due_at", "id"], f"{_UNFINISHED} AND {_ORDERS}"),
    ("ix_block_orders_issued_at_id", "block_orders", ["issued_at", "id"], f"issued_at IS NOT NULL AND {_ORDERS}"),
    (
        "ix_block_orders_carrier_id_issued_at_id",
        "block_orders",
        ["carrier_id", "issued_at", "id"],
        "issued_at IS NOT NULL",
    ),
    (
        "ix_order_acknowledgements_order_id_carrier_id_id",
        "order_acknowledgements",
        ["order_id", "carrier_id", "id"],
        None,
    ),
    (
        "ix_complaints_source_id_verification_due_at_id",
        "complaints",
        ["source_id", "verification_due_at", "id"],
        None,
    ),
    ("ix_complaints_filed_at_id", "complaints", ["filed_at", "id"], _COMPLAINTS),
    ("ix_complaints_source_id_filed_at_id", "complaints", ["source_id", "filed_at", "id"], None),
)
_NARROWED: _Indexes = (
    ("ix_block_orders_due_at_id", "block_orders", ["due_at", "id"], _ORDERS),
    ("ix_complaints_verification_due_at_id", "complaints", ["verification_due_at", "id"], _COMPLAINTS),
)
"""Indexes that keep their names and get a condition."""
_DROPPED: _Indexes = (
    ("ix_block_orders_state_due_at_id", "block_orders", ["state", "due_at", "id"], None),
    ("ix_order_acknowledgements_order_id_id", "order_acknowledgements", ["order_id", "id"], None),
)


_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}


def upgrade() -> None:
    for event, rows in _EVENTS.items():
        op.execute(
            f"CREATE TRIGGER changes_of_order_complaints_{event.lower()} AFTER {event} ON order_complaints "
            f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION mark_changes()"
        )
    _drop((*_NARROWED, *_DROPPED))
    _create((*_NARROWED, *_INDEXES))


def downgrade() -> None:
    for event in _EVENTS:
        op.execute(f"DROP TRIGGER changes_of_order_complaints_{event.lower()} ON order_complaints")
    _drop((*_NARROWED, *_INDEXES))
    _create((*((name, table, columns, None) for name, table, columns, _ in _NARROWED), *_DROPPED))


def _create(indexes: _Indexes) -> None:
    for name, table, columns, where in indexes:
        op.create_index(name, table, columns, postgresql_where=sa.text(where) if where else None)


def _drop(indexes: _Indexes) -> None:
    for name, table, _, _ in indexes:
        op.drop_index(name, table_name=table)
