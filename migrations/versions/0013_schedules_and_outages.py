"""Forwarding on a schedule, which no officer starts; the gateway's heartbeat, its outages and what they extended."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_OFFICERS = (("block_orders", ("office_id", "drafted_by")), ("forwarding_runs", ("office_id", "started_by")))


def upgrade() -> None:
    for table, columns in _OFFICERS:
        for column in columns:
            op.alter_column(table, column, nullable=True)
    op.create_check_constraint(
        op.f("ck_block_orders_emergency_has_drafter"), "block_orders", "drafted_by IS NOT NULL OR NOT is_emergency"
    )
    op.create_check_constraint(
        op.f("ck_forwarding_runs_officer_with_office"),
        "forwarding_runs",
        "(office_id IS NULL) = (started_by IS NULL)",
    )
    op.create_index("ix_forwarding_runs_started_at", "forwarding_runs", ["started_at"])
    op.create_table(
        "scheduled_forwarding",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("done_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_run_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.CheckConstraint("id = 1", name=op.f("ck_scheduled_forwarding_single")),
        sa.ForeignKeyConstraint(
            ["last_run_id"], ["forwarding_runs.id"], name=op.f("fk_scheduled_forwarding_last_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheduled_forwarding")),
    )
    op.create_table(
        "heartbeats",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_heartbeats_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "outages",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("cause IN ('DETECTED', 'DECLARED')", name=op.f("ck_outages_cause_known")),
        sa.CheckConstraint("starts_at < ends_at AND ends_at <= recorded_at", name=op.f("ck_outages_over")),
        sa.CheckConstraint("(cause = 'DECLARED') = (reason IS NOT NULL)", name=op.f("ck_outages_declared_with_reason")),
        postgresql.ExcludeConstraint(
            (sa.text("tstzrange(starts_at, ends_at)"), "&&"), using="gist", name="ex_outages_overlap"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outages")),
    )
    op.create_table(
        "outage_extensions",
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("outage_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("carrier_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("due_before", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_after", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extended_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("due_before < due_after", name=op.f("ck_outage_extensions_later")),
        sa.ForeignKeyConstraint(["order_id"], ["block_orders.id"], name=op.f("fk_outage_extensions_order_id")),
        sa.ForeignKeyConstraint(["outage_id"], ["outages.id"], name=op.f("fk_outage_extensions_outage_id")),
        sa.ForeignKeyConstraint(["carrier_id"], ["members.id"], name=op.f("fk_outage_extensions_carrier_id")),
        sa.PrimaryKeyConstraint("order_id", "outage_id", name=op.f("pk_outage_extensions")),
    )
    op.create_index("ix_outage_extensions_carrier_id", "outage_extensions", ["carrier_id"])


def downgrade() -> None:
    for table in ("outage_extensions", "outages", "heartbeats", "scheduled_forwarding"):
        op.drop_table(table)
    op.drop_index("ix_forwarding_runs_started_at", table_name="forwarding_runs")
    op.drop_constraint(op.f("ck_forwarding_runs_officer_with_office"), "forwarding_runs")
    op.drop_constraint(op.f("ck_block_orders_emergency_has_drafter"), "block_orders")
    for table, columns in _OFFICERS:
        for column in columns:
            op.alter_column(table, column, nullable=False)
