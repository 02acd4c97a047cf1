"""Reveals of complainants: the purpose, encrypted, which the log knows only by a hash."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "complainant_reveals",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("complaint_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("officer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("purpose_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("revealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complainant_reveals_complaint_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_complainant_reveals_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complainant_reveals")),
    )
    op.create_index("ix_complainant_reveals_complaint_id", "complainant_reveals", ["complaint_id"])


def downgrade() -> None:
    op.drop_index("ix_complainant_reveals_complaint_id", table_name="complainant_reveals")
    op.drop_table("complainant_reveals")
