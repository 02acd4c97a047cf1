"""Proposed overrides of the numbering plan, and carriers' reports of reassignments, each decided by an officer."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "reassignment_reports",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("carrier_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("brand_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.Text(), server_default="REPORTED", nullable=False),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refusal_reason", sa.Text(), nullable=True),
        sa.Column("ended_order_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "(state = 'REFUSED') = (refusal_reason IS NOT NULL)",
            name=op.f("ck_reassignment_reports_refused_with_reason"),
        ),
        sa.CheckConstraint(
            "(state = 'REPORTED') = (decided_by IS NULL)", name=op.f("ck_reassignment_reports_decided_by_somebody")
        ),
        sa.CheckConstraint("e164 ~ '^[+][1-9][0-9]{1,14}$'", name=op.f("ck_reassignment_reports_e164_form")),
        sa.CheckConstraint(
            "state IN ('REPORTED', 'CONFIRMED', 'REFUSED')", name=op.f("ck_reassignment_reports_state_known")
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)", name=op.f("ck_reassignment_reports_decided_at_some_time")
        ),
        sa.CheckConstraint("epoch >= 2", name=op.f("ck_reassignment_reports_epoch_later")),
        sa.CheckConstraint("starts_at <= reported_at", name=op.f("ck_reassignment_reports_started_before_report")),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_reassignment_reports_brand_id")),
        sa.ForeignKeyConstraint(["carrier_id"], ["members.id"], name=op.f("fk_reassignment_reports_carrier_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fk_reassignment_reports_decided_by")),
        sa.ForeignKeyConstraint(["e164"], ["phone_numbers.e164"], name=op.f("fk_reassignment_reports_e164")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reassignment_reports")),
        sa.UniqueConstraint(
            "e164", "carrier_id", "starts_at", name=op.f("uq_reassignment_reports_e164_carrier_id_starts_at")
        ),
    )
    op.create_index("ix_reassignment_reports_carrier_id_id", "reassignment_reports", ["carrier_id", "id"], unique=False)
    op.create_index("ix_reassignment_reports_state_id", "reassignment_reports", ["state", "id"], unique=False)
    op.create_index(
        "uq_reassignment_reports_open",
        "reassignment_reports",
        ["e164"],
        unique=True,
        postgresql_where=sa.text("state = 'REPORTED'"),
    )
    op.create_table(
        "number_override_proposals",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("holder_before_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("holder_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("brand_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), server_default="PROPOSED", nullable=False),
        sa.Column("proposed_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'PROPOSED') = (decided_by IS NULL)", name=op.f("ck_number_override_proposals_decided_by_somebody")
        ),
        sa.CheckConstraint("e164 ~ '^[+][1-9][0-9]{1,14}$'", name=op.f("ck_number_override_proposals_e164_form")),
        sa.CheckConstraint(
            "state <> 'APPROVED' OR decided_by <> proposed_by", name=op.f("ck_number_override_proposals_four_eyes")
        ),
        sa.CheckConstraint(
            "state IN ('PROPOSED', 'APPROVED', 'DISCARDED')", name=op.f("ck_number_override_proposals_state_known")
        ),
        sa.CheckConstraint(
            "(decided_by IS NULL) = (decided_at IS NULL)",
            name=op.f("ck_number_override_proposals_decided_at_some_time"),
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_number_override_proposals_brand_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["officers.id"], name=op.f("fk_number_override_proposals_decided_by")),
        sa.ForeignKeyConstraint(
            ["holder_before_id"], ["members.id"], name=op.f("fk_number_override_proposals_holder_before_id")
        ),
        sa.ForeignKeyConstraint(["holder_id"], ["members.id"], name=op.f("fk_number_override_proposals_holder_id")),
        sa.ForeignKeyConstraint(["order_id"], ["block_orders.id"], name=op.f("fk_number_override_proposals_order_id")),
        sa.ForeignKeyConstraint(
            ["proposed_by"], ["officers.id"], name=op.f("fk_number_override_proposals_proposed_by")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number_override_proposals")),
    )
    op.create_index("ix_number_override_proposals_e164_id", "number_override_proposals", ["e164", "id"], unique=False)
    op.create_index("ix_number_override_proposals_holder_id_id", "number_override_proposals", ["holder_id", "id"])
    op.create_index("ix_number_override_proposals_order_id", "number_override_proposals", ["order_id"])
    op.create_index("ix_number_override_proposals_state_id", "number_override_proposals", ["state", "id"], unique=False)
    op.create_index(
        "uq_number_override_proposals_open",
        "number_override_proposals",
        ["e164"],
        unique=True,
        postgresql_where=sa.text("state = 'PROPOSED'"),
    )
    op.add_column("number_overrides", sa.Column("proposal_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_foreign_key(
        op.f("fk_number_overrides_proposal_id"),
        "number_overrides",
        "number_override_proposals",
        ["proposal_id"],
        ["id"],
    )
    op.create_index(
        "ix_block_orders_impossible_reason",
        "block_orders",
        ["impossible_reason", "due_at", "id"],
        postgresql_where=sa.text("impossible_reason IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_block_orders_impossible_reason", table_name="block_orders")
    op.drop_constraint(op.f("fk_number_overrides_proposal_id"), "number_overrides", type_="foreignkey")
    op.drop_column("number_overrides", "proposal_id")
    op.drop_index(
        "uq_number_override_proposals_open",
        table_name="number_override_proposals",
        postgresql_where=sa.text("state = 'PROPOSED'"),
    )
    op.drop_index("ix_number_override_proposals_order_id", table_name="number_override_proposals")
    op.drop_index("ix_number_override_proposals_holder_id_id", table_name="number_override_proposals")
    op.drop_index("ix_number_override_proposals_state_id", table_name="number_override_proposals")
    op.drop_index("ix_number_override_proposals_e164_id", table_name="number_override_proposals")
    op.drop_table("number_override_proposals")
    op.drop_index(
        "uq_reassignment_reports_open",
        table_name="reassignment_reports",
        postgresql_where=sa.text("state = 'REPORTED'"),
    )
    op.drop_index("ix_reassignment_reports_state_id", table_name="reassignment_reports")
    op.drop_index("ix_reassignment_reports_carrier_id_id", table_name="reassignment_reports")
    op.drop_table("reassignment_reports")
