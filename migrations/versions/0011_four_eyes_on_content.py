"""Four eyes on content: proposals of issued orders, what drafts rest on, manifests' hashes, and emergencies."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_BASES = "'APPEAL', 'COURT', 'POLICE', 'REGULATOR_ERROR', 'RECYCLED'"

# Known people, and one for each source whose complaints name nobody.
_COUNT_COMPLAINANTS = """
UPDATE block_orders o
SET drafted_complaint_count = o.complaint_count, drafted_complainant_count = j.complainants
FROM (
  SELECT oc.order_id,
         count(DISTINCT c.complainant_ref) + count(DISTINCT c.source_id) FILTER (WHERE c.complainant_ref IS NULL)
           AS complainants
  FROM order_complaints oc JOIN complaints c ON c.id = oc.complaint_id GROUP BY oc.order_id
) j
WHERE j.order_id = o.id
"""


def upgrade() -> None:
    for column in (
        sa.Column("drafted_complaint_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("drafted_complainant_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("is_emergency", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("emergency_note", sa.Text(), nullable=True),
        sa.Column("confirmation_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("lift_drafted_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("lift_confirmed_by", sa.Uuid(as_uuid=False), nullable=True),
    ):
        op.add_column("block_orders", column)
    for name in ("ended_by", "lift_drafted_by", "lift_confirmed_by"):
        op.create_foreign_key(op.f(f"fk_block_orders_{name}"), "block_orders", "officers", [name], ["id"])
    op.execute(_COUNT_COMPLAINANTS)
    _replace_lift_bases(f"{_BASES}, 'UNCONFIRMED'")
    _replace_issued_with_due_time("due_at IS NOT NULL AND (approved_by IS NOT NULL OR is_emergency)")
    op.create_check_constraint(
        op.f("ck_block_orders_lift_four_eyes"), "block_orders", "lift_drafted_by <> lift_issued_by"
    )
    op.create_check_constraint(
        op.f("ck_block_orders_lift_confirmed_by_another"), "block_orders", "lift_issued_by <> lift_confirmed_by"
    )
    op.create_index(
        "ix_block_orders_confirmation_due_at",
        "block_orders",
        ["confirmation_due_at"],
        postgresql_where=sa.text("confirmation_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_block_orders_lift_drafted_at",
        "block_orders",
        ["lift_drafted_at"],
        postgresql_where=sa.text("lift_drafted_at IS NOT NULL AND lift_issued_at IS NULL"),
    )
    op.alter_column("block_order_versions", "issued_by", nullable=True)
    op.add_column(
        "forwarding_items", sa.Column("complainant_count", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("forwarding_items", sa.Column("content_hash", sa.Text(), nullable=True))
    op.create_table(
        "order_proposals",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="PENDING", nullable=False),
        sa.Column("office_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("drafted_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("scope", sa.Text(), nullable=True),
        sa.Column("legal_basis", sa.Text(), nullable=True),
        sa.Column("summary", sa.Text(), nullable=True),
        sa.Column("subscriber_notice", sa.Text(), nullable=True),
        sa.Column("lift_basis", sa.Text(), nullable=True),
        sa.Column("lift_note", sa.Text(), nullable=True),
        sa.Column("return_reason", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("discard_note", sa.Text(), nullable=True),
        sa.CheckConstraint("kind IN ('NEXT_VERSION', 'LIFT')", name=op.f("ck_order_proposals_kind_known")),
        sa.CheckConstraint(
            "state IN ('PENDING', 'APPROVED', 'DISCARDED')", name=op.f("ck_order_proposals_state_known")
        ),
        sa.CheckConstraint(
            "scope IN ('OUTGOING_VOICE_SMS', 'ALL_SERVICES', 'DEACTIVATE')", name=op.f("ck_order_proposals_scope_known")
        ),
        sa.CheckConstraint(
            f"lift_basis IN ({_BASES}, 'UNCONFIRMED')", name=op.f("ck_order_proposals_lift_basis_known")
        ),
        sa.CheckConstraint(
            "state <> 'APPROVED' OR (decided_by IS NOT NULL AND decided_by <> drafted_by)",
            name=op.f("ck_order_proposals_four_eyes"),
        ),
        sa.CheckConstraint(
            "(kind = 'LIFT') = (lift_basis IS NOT NULL AND lift_note IS NOT NULL)",
            name=op.f("ck_order_proposals_lift_has_basis"),
        ),
        sa.CheckConstraint(
            "(kind = 'NEXT_VERSION') = (scope IS NOT NULL)", name=op.f("ck_order_proposals_next_version_has_scope")
        ),
        sa.ForeignKeyConstraint(["order_id"], ["block_orders.id"], name=op.f("fk_order_proposals_order_id")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_order_proposals_office_id")),
        sa.ForeignKeyConstraint(["drafted_by"], ["officers.id"], name=op.f("fk_order_proposals_drafted_by")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fk_order_proposals_decided_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_order_proposals")),
    )
    op.create_index("ix_order_proposals_order_id", "order_proposals", ["order_id"])
    op.create_index(
        "uq_order_proposals_pending",
        "order_proposals",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("state = 'PENDING'"),
    )


def downgrade() -> None:
    op.drop_table("order_proposals")
    op.drop_column("forwarding_items", "content_hash")
    op.drop_column("forwarding_items", "complainant_count")
    op.alter_column("block_order_versions", "issued_by", nullable=False)
    op.drop_index("ix_block_orders_lift_drafted_at", table_name="block_orders")
    op.drop_index("ix_block_orders_confirmation_due_at", table_name="block_orders")
    op.drop_constraint(op.f("ck_block_orders_lift_confirmed_by_another"), "block_orders")
    op.drop_constraint(op.f("ck_block_orders_lift_four_eyes"), "block_orders")
    _replace_issued_with_due_time("due_at IS NOT NULL AND approved_by IS NOT NULL")
    _replace_lift_bases(_BASES)
    for column in (
        "lift_confirmed_by",
        "lift_drafted_by",
        "ended_by",
        "confirmation_due_at",
        "emergency_note",
        "is_emergency",
        "drafted_complainant_count",
        "drafted_complaint_count",
    ):
        op.drop_column("block_orders", column)


def _replace_lift_bases(bases: str) -> None:
    op.drop_constraint(op.f("ck_block_orders_lift_basis_known"), "block_orders")
    op.create_check_constraint(op.f("ck_block_orders_lift_basis_known"), "block_orders", f"lift_basis IN ({bases})")


def _replace_issued_with_due_time(condition: str) -> None:
    op.drop_constraint(op.f("ck_block_orders_issued_with_due_time"), "block_orders")
    op.create_check_constraint(
        op.f("ck_block_orders_issued_with_due_time"), "block_orders", f"issued_at IS NULL OR ({condition})"
    )
