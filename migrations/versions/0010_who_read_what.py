"""Who read what, with the seals of it, and what operators did on the command line."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "access_seals",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("sealed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_access_seals_hash_form")),
        sa.CheckConstraint("since < until", name=op.f("ck_access_seals_span")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_seals")),
    )
    op.create_index("uq_access_seals_until", "access_seals", ["until"], unique=True)
    op.create_table(
        "operator_acts",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("act", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("behalf_of", sa.Text(), nullable=True),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("acted_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(behalf_of) BETWEEN 1 AND 64", name=op.f("ck_operator_acts_behalf_of_length")),
        sa.CheckConstraint("char_length(operator) BETWEEN 1 AND 64", name=op.f("ck_operator_acts_operator_length")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_operator_acts")),
    )
    op.create_table(
        "access_records",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("officer_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("listed", sa.Text(), nullable=True),
        sa.Column("subject_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("operation_name", sa.Text(), nullable=True),
        sa.Column("document_hash", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.CheckConstraint("(kind = 'LIST') = (listed IS NOT NULL)", name=op.f("ck_access_records_list_named")),
        sa.CheckConstraint("document_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_access_records_document_hash_form")),
        sa.CheckConstraint(
            "kind IN ('CHRONOLOGY', 'EVIDENCE', 'COMPLAINANT', 'LIST')", name=op.f("ck_access_records_kind_known")
        ),
        sa.CheckConstraint(
            "cardinality(subject_ids) BETWEEN 1 AND 1000", name=op.f("ck_access_records_subjects_bounded")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_access_records_member_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_access_records_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_records")),
    )
    op.create_index("ix_access_records_officer_id_id", "access_records", ["officer_id", "id"], unique=False)
    op.create_index("ix_access_records_recorded_at", "access_records", ["recorded_at"], unique=False)
    op.create_index(
        "ix_access_records_subject_ids", "access_records", ["subject_ids"], unique=False, postgresql_using="gin"
    )


def downgrade() -> None:
    op.drop_index("ix_access_records_subject_ids", table_name="access_records", postgresql_using="gin")
    op.drop_index("ix_access_records_recorded_at", table_name="access_records")
    op.drop_index("ix_access_records_officer_id_id", table_name="access_records")
    op.drop_table("access_records")
    op.drop_table("operator_acts")
    op.drop_index("uq_access_seals_until", table_name="access_seals")
    op.drop_table("access_seals")
