"""Events are found by id and by subject: the index of their audience served no statement, and each event paid for it."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_events_audience", table_name="events", postgresql_using="gin")


def downgrade() -> None:
    op.create_index("ix_events_audience", "events", ["audience"], unique=False, postgresql_using="gin")
