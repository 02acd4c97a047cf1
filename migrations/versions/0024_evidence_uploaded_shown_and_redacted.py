"""Evidence is uploaded in chunks, looked at through links, and redacted; notes, claims and assignments of complaints."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

# The functions that leave marks are those of revision 0018.
_WATCHED = {"evidence_extracts": "mark_changes", "extract_releases": "mark_changes_by_member_id"}
_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}


def upgrade() -> None:
    op.create_table(
        "evidence_quotas",
        sa.Column("client_id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("used", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("used >= 1", name=op.f("ck_evidence_quotas_used_positive")),
        sa.PrimaryKeyConstraint("client_id", name=op.f("pk_evidence_quotas")),
    )
    op.create_table(
        "evidence_contents",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("officer_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("upload_key", sa.Text(), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=True),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name=op.f("ck_evidence_contents_sha256_form")),
        sa.CheckConstraint("kept_at IS NULL OR sha256 IS NOT NULL", name=op.f("ck_evidence_contents_kept_whole")),
        sa.CheckConstraint(
            "received_bytes BETWEEN 0 AND size_bytes", name=op.f("ck_evidence_contents_received_bounded")
        ),
        sa.CheckConstraint(
            "sha256 IS NULL OR received_bytes = size_bytes", name=op.f("ck_evidence_contents_hashed_whole")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_evidence_contents_member_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_evidence_contents_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_contents")),
    )
    op.create_index(
        "ix_evidence_contents_client_id",
        "evidence_contents",
        ["client_id"],
        unique=False,
        postgresql_where=sa.text("kept_at IS NULL"),
    )
    op.create_index(
        "ix_evidence_contents_expires_at",
        "evidence_contents",
        ["expires_at"],
        unique=False,
        postgresql_where=sa.text("kept_at IS NULL"),
    )
    op.create_index(
        "uq_evidence_contents_member_id_upload_key",
        "evidence_contents",
        ["member_id", "upload_key"],
        unique=True,
        postgresql_where=sa.text("upload_key IS NOT NULL"),
    )
    op.create_table(
        "complaint_notes",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("complaint_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("officer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("text_digest", sa.Text(), nullable=True),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_complaint_notes_complaint_id")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_complaint_notes_officer_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_notes")),
    )
    op.create_index(op.f("ix_complaint_notes_complaint_id"), "complaint_notes", ["complaint_id"], unique=False)
    op.create_table(
        "evidence_chunks",
        sa.Column("id", sa.Text(), autoincrement=False, nullable=False),
        sa.Column("content_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("begins_at_byte", sa.BigInteger(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("begins_at_byte >= 0", name=op.f("ck_evidence_chunks_begins_within")),
        sa.ForeignKeyConstraint(["content_id"], ["evidence_contents.id"], name=op.f("fk_evidence_chunks_content_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_evidence_chunks_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_chunks")),
        sa.UniqueConstraint("content_id", "begins_at_byte", name="uq_evidence_chunks_content_id_begins_at_byte"),
    )
    op.create_table(
        "evidence_extracts",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("evidence_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("complaint_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("content_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("original_sha256", sa.Text(), nullable=False),
        sa.Column("cuts", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "sha256 ~ '^[0-9a-f]{64}$' AND original_sha256 ~ '^[0-9a-f]{64}$'",
            name=op.f("ck_evidence_extracts_sha256_form"),
        ),
        sa.CheckConstraint("sha256 <> original_sha256", name=op.f("ck_evidence_extracts_not_the_original")),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_evidence_extracts_complaint_id")),
        sa.ForeignKeyConstraint(["content_id"], ["evidence_contents.id"], name=op.f("fk_evidence_extracts_content_id")),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_extracts_evidence_id")),
        sa.ForeignKeyConstraint(["made_by"], ["officers.id"], name=op.f("fk_evidence_extracts_made_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence_extracts")),
    )
    op.create_index(op.f("ix_evidence_extracts_evidence_id"), "evidence_extracts", ["evidence_id"], unique=False)
    op.create_index(op.f("ix_evidence_extracts_complaint_id"), "evidence_extracts", ["complaint_id"], unique=False)
    op.create_index(op.f("ix_evidence_extracts_content_id"), "evidence_extracts", ["content_id"], unique=False)
    op.create_table(
        "extract_releases",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("extract_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("brand_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("released_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_extract_releases_brand_id")),
        sa.ForeignKeyConstraint(["extract_id"], ["evidence_extracts.id"], name=op.f("fk_extract_releases_extract_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_extract_releases_member_id")),
        sa.ForeignKeyConstraint(["order_id"], ["block_orders.id"], name=op.f("fk_extract_releases_order_id")),
        sa.ForeignKeyConstraint(["released_by"], ["officers.id"], name=op.f("fk_extract_releases_released_by")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["officers.id"], name=op.f("fk_extract_releases_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_extract_releases")),
    )
    op.create_index("ix_extract_releases_extract_id", "extract_releases", ["extract_id"], unique=False)
    op.create_index("ix_extract_releases_member_id", "extract_releases", ["member_id"], unique=False)
    op.create_index(
        "uq_extract_releases_extract_id_member_id",
        "extract_releases",
        ["extract_id", "member_id", "order_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.add_column("complaints", sa.Column("claimed_by", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("complaints", sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("complaints", sa.Column("claim_ends_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("complaints", sa.Column("assigned_to", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("complaints", sa.Column("assigned_by", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("complaints", sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_complaints_assigned_to_id",
        "complaints",
        ["assigned_to", "id"],
        unique=False,
        postgresql_where=sa.text("assigned_to IS NOT NULL"),
    )
    op.create_index(
        "ix_complaints_claimed_by_id",
        "complaints",
        ["claimed_by", "id"],
        unique=False,
        postgresql_where=sa.text("claimed_by IS NOT NULL"),
    )
    op.create_index(
        "ix_complaints_claim_ends_at_id",
        "complaints",
        ["claim_ends_at", "id"],
        unique=False,
        postgresql_where=sa.text("claim_ends_at IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_complaints_assigned_by"), "complaints", "officers", ["assigned_by"], ["id"])
    op.create_foreign_key(op.f("fk_complaints_claimed_by"), "complaints", "officers", ["claimed_by"], ["id"])
    op.create_foreign_key(op.f("fk_complaints_assigned_to"), "complaints", "officers", ["assigned_to"], ["id"])
    op.add_column("complaints", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_complaints_unerased",
        "complaints",
        [sa.text("greatest(filed_at, decided_at, resolved_at)"), "id"],
        unique=False,
        postgresql_where=sa.text("erased_at IS NULL AND state IN ('DUPLICATE', 'REJECTED', 'RESOLVED', 'WITHDRAWN')"),
    )
    op.add_column("evidence", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("evidence", sa.Column("content_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_index(op.f("ix_evidence_content_id"), "evidence", ["content_id"], unique=False)
    op.create_foreign_key(op.f("fk_evidence_content_id"), "evidence", "evidence_contents", ["content_id"], ["id"])
    for table, function in _WATCHED.items():
        for event, rows in _EVENTS.items():
            op.execute(
                f"CREATE TRIGGER changes_of_{table}_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_evidence_content_id"), "evidence", type_="foreignkey")
    op.drop_index("ix_complaints_unerased", table_name="complaints")
    op.drop_column("complaints", "erased_at")
    op.drop_constraint(op.f("fk_complaints_assigned_to"), "complaints", type_="foreignkey")
    op.drop_constraint(op.f("fk_complaints_claimed_by"), "complaints", type_="foreignkey")
    op.drop_constraint(op.f("fk_complaints_assigned_by"), "complaints", type_="foreignkey")
    op.drop_index("ix_complaints_claim_ends_at_id", table_name="complaints")
    op.drop_index(
        "ix_complaints_claimed_by_id", table_name="complaints", postgresql_where=sa.text("claimed_by IS NOT NULL")
    )
    op.drop_index(
        "ix_complaints_assigned_to_id", table_name="complaints", postgresql_where=sa.text("assigned_to IS NOT NULL")
    )
    op.drop_column("complaints", "assigned_at")
    op.drop_column("complaints", "assigned_by")
    op.drop_column("complaints", "assigned_to")
    op.drop_column("complaints", "claim_ends_at")
    op.drop_column("complaints", "claimed_at")
    op.drop_column("complaints", "claimed_by")
    # Policies of what is dropped later name it.
    op.execute("DROP TABLE extract_releases CASCADE")
    op.drop_table("evidence_chunks")
    op.execute("DROP TABLE evidence_extracts CASCADE")
    op.drop_table("complaint_notes")
    op.drop_table("evidence_contents")
    op.drop_table("evidence_quotas")
    op.drop_column("evidence", "content_id")
    op.drop_column("evidence", "erased_at")
