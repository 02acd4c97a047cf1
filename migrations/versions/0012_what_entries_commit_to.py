"""What entries commit to: the hashes of the rows that changed, and digests of sealed values. Earlier events have none."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("content", postgresql.JSONB(), nullable=True))
    op.add_column("events", sa.Column("content_salt", sa.LargeBinary(), nullable=True))
    op.add_column("complainants", sa.Column("identity_digest", sa.Text(), nullable=True))
    op.add_column("complainant_reveals", sa.Column("purpose_digest", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("complainant_reveals", "purpose_digest")
    op.drop_column("complainants", "identity_digest")
    op.drop_column("events", "content_salt")
    op.drop_column("events", "content")
