"""Terms that both sides sign, the confirmation of deletion, and invitations of members' officers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


# Members read their own offices and officers from now on, so that changes of these have an audience too.
_MARKED = {
    "offices": "mark_changes_by_member_id",
    "officers": "mark_changes_by_member_id",
    "participation_proposals": "mark_changes_by_member_id",
    "participation_terms": "mark_changes",
    "participation_terms_texts": "mark_changes",
}
_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}


def _mark(table: str, function: str) -> None:
    for event, transition in _EVENTS.items():
        op.execute(
            f"CREATE OR REPLACE TRIGGER changes_of_{table}_{event.lower()} AFTER {event} ON {table} "
            f"REFERENCING {transition} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
        )


def upgrade() -> None:
    op.create_table(
        "participation_terms",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_text", sa.Text(), nullable=False),
        sa.Column("terms_hash", sa.Text(), nullable=False),
        sa.Column("published_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "terms_hash = encode(sha256(convert_to(content_text, 'UTF8')), 'hex')",
            name=op.f("ck_participation_terms_hash_of_text"),
        ),
        sa.CheckConstraint("version > 0", name=op.f("ck_participation_terms_version_positive")),
        sa.ForeignKeyConstraint(["published_by"], ["officers.id"], name=op.f("fk_participation_terms_published_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participation_terms")),
        sa.UniqueConstraint("version", name=op.f("uq_participation_terms_version")),
    )
    op.create_table(
        "participation_terms_texts",
        sa.Column("terms_id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terms_id"], ["participation_terms.id"], name=op.f("fk_participation_terms_texts_terms_id")
        ),
        sa.PrimaryKeyConstraint("terms_id", "place", name=op.f("pk_participation_terms_texts")),
    )
    op.create_index(
        "uq_participation_terms_texts_terms_id", "participation_terms_texts", ["terms_id", "language"], unique=True
    )
    op.create_table(
        "participation_proposals",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("terms_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("terms_hash", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("permitted_uses", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("controller_roles", sa.Text(), nullable=False),
        sa.Column("transfer_basis", sa.Text(), nullable=False),
        sa.Column("transfer_ground", sa.Text(), nullable=True),
        sa.Column("retention_days", sa.Integer(), nullable=False),
        sa.Column("breach_contact", sa.Text(), nullable=False),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("content_text", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("accepted_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("countersigned_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("countersigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_note", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'COUNTERSIGNED') = (countersigned_by IS NOT NULL)",
            name=op.f("ck_participation_proposals_countersigned_signed"),
        ),
        sa.CheckConstraint(
            "categories <@ ARRAY['FRAUD', 'IMPERSONATION', 'FICTITIOUS_INVESTMENT', 'ONLINE_GAMBLING', 'SPAM_ADVERT', 'VOICE_PHISHING', 'EXTORTION', 'ILLEGAL_LENDING_COLLECTION', 'NIK_MISUSE', 'SUBSCRIPTION_FRAUD', 'OTHER']::text[]",
            name=op.f("ck_participation_proposals_categories_known"),
        ),
        sa.CheckConstraint(
            "content_hash = encode(sha256(convert_to(content_text, 'UTF8')), 'hex')",
            name=op.f("ck_participation_proposals_hash_of_text"),
        ),
        sa.CheckConstraint(
            "disclosure IN ('CLEAR', 'HASHED')", name=op.f("ck_participation_proposals_disclosure_known")
        ),
        sa.CheckConstraint(
            "permitted_uses <@ ARRAY['REVIEW_ACCOUNTS', 'LIMIT_ACCOUNTS', 'WARN_USERS', 'DETECT_FRAUD', 'COUNT_CASES']::text[]",
            name=op.f("ck_participation_proposals_permitted_uses_known"),
        ),
        sa.CheckConstraint(
            "proposed_by IN ('PROVIDER', 'REGULATOR')", name=op.f("ck_participation_proposals_proposed_by_known")
        ),
        sa.CheckConstraint(
            "state IN ('OFFERED', 'ACCEPTED', 'COUNTERSIGNED', 'REFUSED', 'WITHDRAWN')",
            name=op.f("ck_participation_proposals_state_known"),
        ),
        sa.CheckConstraint(
            "state NOT IN ('ACCEPTED', 'COUNTERSIGNED') OR accepted_by IS NOT NULL",
            name=op.f("ck_participation_proposals_accepted_signed"),
        ),
        sa.CheckConstraint(
            "transfer_basis IN ('NO_TRANSFER', 'EQUAL_PROTECTION', 'BINDING_SAFEGUARDS', 'CONSENT')",
            name=op.f("ck_participation_proposals_transfer_basis_known"),
        ),
        sa.CheckConstraint(
            "(accepted_by IS NULL) = (accepted_at IS NULL) AND (countersigned_by IS NULL) = (countersigned_at IS NULL)",
            name=op.f("ck_participation_proposals_signatures_dated"),
        ),
        sa.CheckConstraint(
            "accepted_by <> countersigned_by", name=op.f("ck_participation_proposals_signatories_differ")
        ),
        sa.CheckConstraint(
            "cardinality(categories) > 0 AND cardinality(permitted_uses) > 0",
            name=op.f("ck_participation_proposals_content_whole"),
        ),
        sa.CheckConstraint("retention_days > 0", name=op.f("ck_participation_proposals_retention_positive")),
        sa.ForeignKeyConstraint(["accepted_by"], ["officers.id"], name=op.f("fk_participation_proposals_accepted_by")),
        sa.ForeignKeyConstraint(
            ["countersigned_by"], ["officers.id"], name=op.f("fk_participation_proposals_countersigned_by")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_participation_proposals_member_id")),
        sa.ForeignKeyConstraint(["offered_by"], ["officers.id"], name=op.f("fk_participation_proposals_offered_by")),
        sa.ForeignKeyConstraint(
            ["terms_id"], ["participation_terms.id"], name=op.f("fk_participation_proposals_terms_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participation_proposals")),
    )
    op.create_index(
        "ix_participation_proposals_member_id_id", "participation_proposals", ["member_id", "id"], unique=False
    )
    op.create_index(
        "uq_participation_proposals_member_id",
        "participation_proposals",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('ACCEPTED', 'OFFERED')"),
    )
    op.create_table(
        "officer_invitations",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("officer_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("octet_length(token_hash) = 32", name=op.f("ck_officer_invitations_token_hashed")),
        sa.ForeignKeyConstraint(["officer_id"], ["officers.id"], name=op.f("fk_officer_invitations_officer_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_officer_invitations")),
    )
    op.create_index(op.f("ix_officer_invitations_expires_at"), "officer_invitations", ["expires_at"], unique=False)
    op.create_index("uq_officer_invitations_officer_id", "officer_invitations", ["officer_id"], unique=True)
    op.add_column("participations", sa.Column("transfer_basis", sa.Text(), nullable=True))
    op.add_column(
        "participations", sa.Column("permitted_uses", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("participations", sa.Column("retention_days", sa.Integer(), nullable=True))
    op.add_column("participations", sa.Column("breach_contact", sa.Text(), nullable=True))
    op.add_column("participations", sa.Column("agreed_on", sa.Text(), server_default="PAPER", nullable=False))
    op.add_column("participations", sa.Column("proposal_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("participations", sa.Column("terms_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("participations", sa.Column("terms_hash", sa.Text(), nullable=True))
    op.add_column("participations", sa.Column("previous_id", sa.Uuid(as_uuid=False), nullable=True))
    op.add_column("participations", sa.Column("narrowed_by", sa.Text(), nullable=True))
    op.add_column("participations", sa.Column("deletion_expected_by", sa.DateTime(timezone=True), nullable=True))
    op.add_column("participations", sa.Column("deletion_reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("participations", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("participations", sa.Column("deletion_note", sa.Text(), nullable=True))
    op.add_column("participations", sa.Column("deletion_confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("participations", sa.Column("deletion_confirmed_by", sa.Uuid(as_uuid=False), nullable=True))
    op.create_check_constraint(
        op.f("ck_participations_transfer_basis_known"),
        "participations",
        "transfer_basis IN ('NO_TRANSFER', 'EQUAL_PROTECTION', 'BINDING_SAFEGUARDS', 'CONSENT')",
    )
    op.create_check_constraint(
        op.f("ck_participations_permitted_uses_known"),
        "participations",
        "permitted_uses <@ ARRAY['REVIEW_ACCOUNTS', 'LIMIT_ACCOUNTS', 'WARN_USERS', 'DETECT_FRAUD', 'COUNT_CASES']::text[]",
    )
    op.create_check_constraint(
        op.f("ck_participations_agreed_on_known"), "participations", "agreed_on IN ('PAPER', 'BOTH_SIGNED')"
    )
    op.create_check_constraint(
        op.f("ck_participations_narrowed_by_known"), "participations", "narrowed_by IN ('PROVIDER', 'REGULATOR')"
    )
    op.create_check_constraint(
        op.f("ck_participations_signed_whole"),
        "participations",
        "(agreed_on = 'BOTH_SIGNED') = (proposal_id IS NOT NULL) AND (proposal_id IS NULL) = (terms_id IS NULL) AND (terms_id IS NULL) = (terms_hash IS NULL)",
    )
    op.create_check_constraint(
        op.f("ck_participations_retention_positive"), "participations", "retention_days IS NULL OR retention_days > 0"
    )
    op.create_check_constraint(
        op.f("ck_participations_deletion_after_end"),
        "participations",
        "deletion_expected_by IS NULL OR ended_at IS NOT NULL",
    )
    op.create_check_constraint(
        op.f("ck_participations_deletion_told"),
        "participations",
        "deletion_confirmed_at IS NULL OR (deleted_at IS NOT NULL AND deletion_expected_by IS NOT NULL)",
    )
    op.create_index(
        "ix_participations_awaiting_deletion",
        "participations",
        ["deletion_expected_by"],
        unique=False,
        postgresql_where=sa.text("deletion_expected_by IS NOT NULL AND deletion_confirmed_at IS NULL"),
    )
    op.create_index("ix_participations_proposal_id", "participations", ["proposal_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_participations_previous_id"), "participations", "participations", ["previous_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_participations_terms_id"), "participations", "participation_terms", ["terms_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_participations_deletion_confirmed_by"), "participations", "officers", ["deletion_confirmed_by"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_participations_proposal_id"), "participations", "participation_proposals", ["proposal_id"], ["id"]
    )
    for table, function in _MARKED.items():
        _mark(table, function)


def downgrade() -> None:
    for table in ("offices", "officers"):
        _mark(table, "mark_changes")
    op.drop_constraint(op.f("fk_participations_proposal_id"), "participations", type_="foreignkey")
    op.drop_constraint(op.f("fk_participations_deletion_confirmed_by"), "participations", type_="foreignkey")
    op.drop_constraint(op.f("fk_participations_terms_id"), "participations", type_="foreignkey")
    op.drop_constraint(op.f("fk_participations_previous_id"), "participations", type_="foreignkey")
    op.drop_index("ix_participations_proposal_id", table_name="participations")
    op.drop_index(
        "ix_participations_awaiting_deletion",
        table_name="participations",
        postgresql_where=sa.text("deletion_expected_by IS NOT NULL AND deletion_confirmed_at IS NULL"),
    )
    op.drop_constraint(op.f("ck_participations_deletion_told"), "participations", type_="check")
    op.drop_constraint(op.f("ck_participations_deletion_after_end"), "participations", type_="check")
    op.drop_constraint(op.f("ck_participations_signed_whole"), "participations", type_="check")
    op.drop_column("participations", "deletion_confirmed_by")
    op.drop_column("participations", "deletion_confirmed_at")
    op.drop_column("participations", "deletion_note")
    op.drop_column("participations", "deleted_at")
    op.drop_column("participations", "deletion_reminded_at")
    op.drop_column("participations", "deletion_expected_by")
    op.drop_column("participations", "narrowed_by")
    op.drop_column("participations", "previous_id")
    op.drop_column("participations", "terms_hash")
    op.drop_column("participations", "terms_id")
    op.drop_column("participations", "proposal_id")
    op.drop_column("participations", "agreed_on")
    op.drop_column("participations", "breach_contact")
    op.drop_column("participations", "retention_days")
    op.drop_column("participations", "permitted_uses")
    op.drop_column("participations", "transfer_basis")
    op.drop_index(
        "uq_participation_proposals_member_id",
        table_name="participation_proposals",
        postgresql_where=sa.text("state IN ('ACCEPTED', 'OFFERED')"),
    )
    op.drop_index("ix_participation_proposals_member_id_id", table_name="participation_proposals")
    op.drop_table("participation_proposals")
    op.drop_index("uq_participation_terms_texts_terms_id", table_name="participation_terms_texts")
    op.drop_table("participation_terms_texts")
    op.drop_table("participation_terms")
    op.drop_index("uq_officer_invitations_officer_id", table_name="officer_invitations")
    op.drop_index(op.f("ix_officer_invitations_expires_at"), table_name="officer_invitations")
    op.drop_table("officer_invitations")
