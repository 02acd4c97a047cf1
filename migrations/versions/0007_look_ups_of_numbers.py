"""Look-ups of numbers by their value: how many each client has made today."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "number_lookups",
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 1", name=op.f("ck_number_lookups_used_positive")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_number_lookups")),
    )


def downgrade() -> None:
    op.drop_table("number_lookups")
