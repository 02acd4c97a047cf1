"""How each periodic job ended last, for whoever runs the installation."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_outcomes",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("failures >= 0", name=op.f("ck_job_outcomes_failures_not_negative")),
        sa.CheckConstraint("(failed_at IS NULL) = (error IS NULL)", name=op.f("ck_job_outcomes_failure_whole")),
        sa.CheckConstraint("failures = 0 OR failed_at IS NOT NULL", name=op.f("ck_job_outcomes_failures_told")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_job_outcomes")),
    )


def downgrade() -> None:
    op.drop_table("job_outcomes")
