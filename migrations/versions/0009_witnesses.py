"""What stands beside the log: its witnesses, their cosignatures, and announced restores from a backup."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feed_witnesses",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("verifier_key", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("registered_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("registered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_feed_witnesses_member_id")),
        sa.ForeignKeyConstraint(["registered_by"], ["officers.id"], name=op.f("fk_feed_witnesses_registered_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_witnesses")),
        sa.UniqueConstraint("public_key", name=op.f("uq_feed_witnesses_public_key")),
    )
    op.create_index("ix_feed_witnesses_member_id", "feed_witnesses", ["member_id"])
    op.create_table(
        "feed_cosignatures",
        sa.Column("witness_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("tree_size", sa.BigInteger(), nullable=False),
        sa.Column("witness", sa.Text(), nullable=False),
        sa.Column("verifier_key", sa.Text(), nullable=False),
        sa.Column("line", sa.Text(), nullable=False),
        sa.Column("cosigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["witness_id"], ["feed_witnesses.id"], name=op.f("fk_feed_cosignatures_witness_id")),
        sa.ForeignKeyConstraint(
            ["tree_size"], ["feed_checkpoints.tree_size"], name=op.f("fk_feed_cosignatures_tree_size")
        ),
        sa.PrimaryKeyConstraint("witness_id", "tree_size", name=op.f("pk_feed_cosignatures")),
    )
    op.create_index("ix_feed_cosignatures_tree_size", "feed_cosignatures", ["tree_size"])
    op.create_table(
        "log_restorations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("restored_to", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("operator_name", sa.Text(), nullable=False),
        sa.Column("announced_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("restored_to >= 0", name=op.f("ck_log_restorations_restored_to_real")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_restorations")),
    )


def downgrade() -> None:
    op.drop_table("log_restorations")
    op.drop_index("ix_feed_cosignatures_tree_size", table_name="feed_cosignatures")
    op.drop_table("feed_cosignatures")
    op.drop_index("ix_feed_witnesses_member_id", table_name="feed_witnesses")
    op.drop_table("feed_witnesses")
