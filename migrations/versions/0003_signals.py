"""Fraud signals: who participates on which terms, hash keys, signals, their recipients, contributions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "signal_contributions",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "category IN ('FRAUD', 'IMPERSONATION', 'FICTITIOUS_INVESTMENT', 'ONLINE_GAMBLING', 'SPAM_ADVERT', 'VOICE_PHISHING', 'EXTORTION', 'ILLEGAL_LENDING_COLLECTION', 'NIK_MISUSE', 'SUBSCRIPTION_FRAUD', 'OTHER')",
            name=op.f("ck_signal_contributions_category_known"),
        ),
        sa.CheckConstraint("e164 ~ '^[+][1-9][0-9]{1,14}$'", name=op.f("ck_signal_contributions_e164_form")),
        sa.CheckConstraint(
            "length(reference) BETWEEN 1 AND 128", name=op.f("ck_signal_contributions_reference_length")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_signal_contributions_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_contributions")),
        sa.UniqueConstraint("member_id", "reference", name=op.f("uq_signal_contributions_member_id_reference")),
    )
    op.create_index(
        "ix_signal_contributions_e164_epoch_category",
        "signal_contributions",
        ["e164", "epoch", "category"],
        unique=False,
    )
    op.create_table(
        "signal_keys",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("filled_after", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("filled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_signal_keys_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_keys")),
    )
    op.create_index(
        "ix_signal_keys_unfilled", "signal_keys", ["id"], unique=False, postgresql_where=sa.text("filled_at IS NULL")
    )
    op.create_index(
        "uq_signal_keys_member_id",
        "signal_keys",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("retired_at IS NULL"),
    )
    op.create_table(
        "fraud_signals",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("risk", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("score", sa.BigInteger(), nullable=False),
        sa.Column("corroboration_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_seen_on", sa.Date(), nullable=False),
        sa.Column("last_seen_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("holder_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("brand_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("revoked_reason", sa.Text(), nullable=True),
        sa.Column("revoked_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("revocation_note", sa.Text(), nullable=True),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(state = 'ACTIVE') = (ended_at IS NULL)", name=op.f("ck_fraud_signals_ended_unless_active")
        ),
        sa.CheckConstraint(
            "(state = 'REVOKED') = (revoked_reason IS NOT NULL)", name=op.f("ck_fraud_signals_revoked_with_reason")
        ),
        sa.CheckConstraint(
            "category IN ('FRAUD', 'IMPERSONATION', 'FICTITIOUS_INVESTMENT', 'ONLINE_GAMBLING', 'SPAM_ADVERT', 'VOICE_PHISHING', 'EXTORTION', 'ILLEGAL_LENDING_COLLECTION', 'NIK_MISUSE', 'SUBSCRIPTION_FRAUD', 'OTHER')",
            name=op.f("ck_fraud_signals_category_known"),
        ),
        sa.CheckConstraint(
            "revoked_reason IN ('FALSE_POSITIVE', 'COURT', 'RECYCLED', 'REGULATOR_ERROR', 'COMPLAINTS_REJECTED')",
            name=op.f("ck_fraud_signals_revoked_reason_known"),
        ),
        sa.CheckConstraint("risk IN ('MEDIUM', 'HIGH', 'VERY_HIGH')", name=op.f("ck_fraud_signals_risk_known")),
        sa.CheckConstraint("state IN ('ACTIVE', 'EXPIRED', 'REVOKED')", name=op.f("ck_fraud_signals_state_known")),
        sa.CheckConstraint("first_seen_on <= last_seen_on", name=op.f("ck_fraud_signals_seen_order")),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_fraud_signals_brand_id")),
        sa.ForeignKeyConstraint(["e164"], ["phone_numbers.e164"], name=op.f("fk_fraud_signals_e164")),
        sa.ForeignKeyConstraint(["holder_id"], ["members.id"], name=op.f("fk_fraud_signals_holder_id")),
        sa.ForeignKeyConstraint(["revoked_by"], ["officers.id"], name=op.f("fk_fraud_signals_revoked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fraud_signals")),
    )
    op.create_index(
        "ix_fraud_signals_active_id",
        "fraud_signals",
        ["id"],
        unique=False,
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_index("ix_fraud_signals_e164", "fraud_signals", ["e164"], unique=False)
    op.create_index("ix_fraud_signals_holder_id_id", "fraud_signals", ["holder_id", "id"], unique=False)
    op.create_index(
        "ix_fraud_signals_valid_until",
        "fraud_signals",
        ["valid_until", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_index(
        "uq_fraud_signals_active",
        "fraud_signals",
        ["e164", "epoch", "category"],
        unique=True,
        postgresql_where=sa.text("state = 'ACTIVE'"),
    )
    op.create_table(
        "participations",
        sa.Column("id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("terms_reference", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("controller_roles", sa.Text(), nullable=False),
        sa.Column("transfer_ground", sa.Text(), nullable=True),
        sa.Column("disclosure", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("recorded_by_client", sa.Text(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "categories <@ ARRAY['FRAUD', 'IMPERSONATION', 'FICTITIOUS_INVESTMENT', 'ONLINE_GAMBLING', 'SPAM_ADVERT', 'VOICE_PHISHING', 'EXTORTION', 'ILLEGAL_LENDING_COLLECTION', 'NIK_MISUSE', 'SUBSCRIPTION_FRAUD', 'OTHER']::text[]",
            name=op.f("ck_participations_categories_known"),
        ),
        sa.CheckConstraint("disclosure IN ('CLEAR', 'HASHED')", name=op.f("ck_participations_disclosure_known")),
        sa.CheckConstraint(
            "ended_reason IN ('PROVIDER_LEFT', 'REGULATOR_ENDED', 'TERM_OVER', 'TERMS_CHANGED')",
            name=op.f("ck_participations_ended_reason_known"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_reason IS NULL)", name=op.f("ck_participations_ended_with_reason")
        ),
        sa.CheckConstraint("cardinality(categories) > 0", name=op.f("ck_participations_categories_named")),
        sa.CheckConstraint("ends_at IS NULL OR ends_at > starts_at", name=op.f("ck_participations_term_order")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_participations_member_id")),
        sa.ForeignKeyConstraint(["recorded_by"], ["officers.id"], name=op.f("fk_participations_recorded_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_participations")),
    )
    op.create_index("ix_participations_member_id_id", "participations", ["member_id", "id"], unique=False)
    op.create_index(
        "uq_participations_member_id",
        "participations",
        ["member_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "signal_disclosures",
        sa.Column("signal_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "category IN ('FRAUD', 'IMPERSONATION', 'FICTITIOUS_INVESTMENT', 'ONLINE_GAMBLING', 'SPAM_ADVERT', 'VOICE_PHISHING', 'EXTORTION', 'ILLEGAL_LENDING_COLLECTION', 'NIK_MISUSE', 'SUBSCRIPTION_FRAUD', 'OTHER')",
            name=op.f("ck_signal_disclosures_category_known"),
        ),
        sa.CheckConstraint("e164 ~ '^[+][1-9][0-9]{1,14}$'", name=op.f("ck_signal_disclosures_e164_form")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_signal_disclosures_member_id")),
        sa.ForeignKeyConstraint(["signal_id"], ["fraud_signals.id"], name=op.f("fk_signal_disclosures_signal_id")),
        sa.PrimaryKeyConstraint("signal_id", "member_id", name=op.f("pk_signal_disclosures")),
    )
    op.create_table(
        "signal_recipients",
        sa.Column("signal_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("key_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("disclosed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_signal_recipients_hash_form")),
        sa.ForeignKeyConstraint(["key_id"], ["signal_keys.id"], name=op.f("fk_signal_recipients_key_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_signal_recipients_member_id")),
        sa.ForeignKeyConstraint(["signal_id"], ["fraud_signals.id"], name=op.f("fk_signal_recipients_signal_id")),
        sa.PrimaryKeyConstraint("signal_id", "member_id", "key_id", name=op.f("pk_signal_recipients")),
    )
    op.create_index("ix_signal_recipients_member_id_hash", "signal_recipients", ["member_id", "hash"], unique=False)


def downgrade() -> None:
    op.drop_table("signal_recipients")
    op.drop_table("signal_disclosures")
    op.drop_table("participations")
    op.drop_table("fraud_signals")
    op.drop_table("signal_keys")
    op.drop_table("signal_contributions")
