"""What the last migration wrote of rights, so that a start and the next migration see whether they still hold."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "schema_rights",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("declared", sa.Text(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_schema_rights_single")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schema_rights")),
    )


def downgrade() -> None:
    op.drop_table("schema_rights")
