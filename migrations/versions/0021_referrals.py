"""Referrals to providers, their responses and transfers; each instrument's outcome for a complaint."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_OUTCOMES = "'BLOCKED', 'NOT_ACTIONABLE', 'NUMBER_ALREADY_DEAD', 'WITHDRAWN'"
_OUTCOMES_AFTER = (
    "'BLOCKED', 'ACCOUNT_ACTIONED', 'NO_ACCOUNT', 'NO_PROVIDER', 'NOT_ACTIONABLE', 'NUMBER_ALREADY_DEAD', 'WITHDRAWN'"
)
_RESULTS = "'DRAFTED', 'HELD', 'JOINED', 'NOT_DOMESTIC', 'PROTECTED', 'UNALLOCATED', 'HOLDER_UNKNOWN', 'RECYCLED'"
_RESULTS_AFTER = f"{_RESULTS}, 'OFFERED', 'NO_PROVIDER'"
_STANDINGS = "'NOT_ASKED', 'ASKED', 'ACTIONED', 'NOT_ACTIONED'"


def _restrict(table: str, column: str, values: str) -> None:
    op.create_check_constraint(op.f(f"ck_{table}_{column}_known"), table, f"{column} IN ({values})")


def _replace(table: str, column: str, values: str) -> None:
    op.drop_constraint(op.f(f"ck_{table}_{column}_known"), table)
    _restrict(table, column, values)


def upgrade() -> None:
    op.create_table(
        "referrals",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("referral_serial", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("provider_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("participation_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("e164", sa.Text(), nullable=True),
        sa.Column("epoch", sa.Integer(), nullable=True),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("incident_on", sa.Date(), nullable=True),
        sa.Column("complaint_count", sa.Integer(), nullable=False),
        sa.Column("state", sa.Text(), server_default="OFFERED", nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=True),
        sa.Column("standing_response_id", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("office_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("offered_by", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply_hoped_by", sa.Date(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawal_reason", sa.Text(), nullable=True),
        sa.Column("withdrawal_note", sa.Text(), nullable=True),
        sa.Column("withdrawn_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(state = 'WITHDRAWN') = (withdrawal_reason IS NOT NULL)", name=op.f("ck_referrals_withdrawn_with_reason")
        ),
        sa.CheckConstraint(
            "(state IN ('ACTIONED', 'REVERSED')) = (action IS NOT NULL)", name=op.f("ck_referrals_actioned_by_action")
        ),
        sa.CheckConstraint(
            "action IN ('WARNED', 'LIMITED', 'SUSPENDED', 'BANNED', 'NUMBER_UNLINKED')",
            name=op.f("ck_referrals_action_known"),
        ),
        sa.CheckConstraint(
            "category IN ('FRAUD', 'IMPERSONATION', 'FICTITIOUS_INVESTMENT', 'ONLINE_GAMBLING', 'SPAM_ADVERT', 'VOICE_PHISHING', 'EXTORTION', 'ILLEGAL_LENDING_COLLECTION', 'NIK_MISUSE', 'SUBSCRIPTION_FRAUD', 'OTHER')",
            name=op.f("ck_referrals_category_known"),
        ),
        sa.CheckConstraint(
            "decline_reason IN ('INSUFFICIENT_EVIDENCE', 'NO_POLICY_BREACH', 'JURISDICTION', 'PRIVACY', 'UNSUPPORTED_IDENTIFIER')",
            name=op.f("ck_referrals_decline_reason_known"),
        ),
        sa.CheckConstraint(
            "decline_reason IS NULL OR state = 'DECLINED'", name=op.f("ck_referrals_declined_with_reason")
        ),
        sa.CheckConstraint("ground IN ('OWN_TERMS', 'LAW')", name=op.f("ck_referrals_ground_known")),
        sa.CheckConstraint(
            "state IN ('OFFERED', 'RECEIVED', 'ACTIONED', 'DECLINED', 'NO_ACCOUNT', 'LAPSED', 'WITHDRAWN', 'REVERSED')",
            name=op.f("ck_referrals_state_known"),
        ),
        sa.CheckConstraint(
            "withdrawal_reason IN ('OFFERED_IN_ERROR', 'NO_LONGER_NEEDED', 'COMPLAINT_TAKEN_BACK', 'PARTICIPATION_ENDED', 'NUMBER_REASSIGNED')",
            name=op.f("ck_referrals_withdrawal_reason_known"),
        ),
        sa.CheckConstraint("(action IS NULL) = (ground IS NULL)", name=op.f("ck_referrals_action_with_ground")),
        sa.CheckConstraint("complaint_count >= 1", name=op.f("ck_referrals_on_complaints")),
        sa.CheckConstraint("e164 IS NOT NULL OR account_id IS NOT NULL", name=op.f("ck_referrals_number_or_account")),
        sa.CheckConstraint("(e164 IS NULL) = (epoch IS NULL)", name=op.f("ck_referrals_epoch_with_number")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_referrals_account_id")),
        sa.ForeignKeyConstraint(["e164"], ["phone_numbers.e164"], name=op.f("fk_referrals_e164")),
        sa.ForeignKeyConstraint(["offered_by"], ["officers.id"], name=op.f("fk_referrals_offered_by")),
        sa.ForeignKeyConstraint(["office_id"], ["offices.id"], name=op.f("fk_referrals_office_id")),
        sa.ForeignKeyConstraint(
            ["participation_id"], ["participations.id"], name=op.f("fk_referrals_participation_id")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["members.id"], name=op.f("fk_referrals_provider_id")),
        sa.ForeignKeyConstraint(["withdrawn_by"], ["officers.id"], name=op.f("fk_referrals_withdrawn_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referrals")),
        sa.UniqueConstraint("referral_serial", name=op.f("uq_referrals_referral_serial")),
    )
    op.create_index(
        "ix_referrals_answered_at_id",
        "referrals",
        ["answered_at", "id"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NOT NULL AND complaint_count >= 0"),
    )
    op.create_index(
        "ix_referrals_changed_at_id",
        "referrals",
        ["changed_at", "id"],
        unique=False,
        postgresql_where=sa.text("complaint_count >= 0"),
    )
    op.create_index("ix_referrals_about", "referrals", ["about"], unique=False)
    op.create_index("ix_referrals_e164", "referrals", ["e164"], unique=False)
    op.create_index(
        "ix_referrals_account_id",
        "referrals",
        ["account_id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_referrals_lapsing",
        "referrals",
        ["reply_hoped_by", "id"],
        unique=False,
        postgresql_where=sa.text("state IN ('OFFERED', 'RECEIVED')"),
    )
    op.create_index(op.f("ix_referrals_participation_id"), "referrals", ["participation_id"], unique=False)
    op.create_index(
        "ix_referrals_provider_id_answered_at_id",
        "referrals",
        ["provider_id", "answered_at", "id"],
        unique=False,
        postgresql_where=sa.text("answered_at IS NOT NULL"),
    )
    op.create_index(
        "ix_referrals_provider_id_changed_at_id", "referrals", ["provider_id", "changed_at", "id"], unique=False
    )
    op.create_index("ix_referrals_provider_id_id", "referrals", ["provider_id", "id"], unique=False)
    op.create_index("ix_referrals_state_id", "referrals", ["state", "id"], unique=False)
    op.create_index(
        "uq_referrals_open",
        "referrals",
        ["about", "provider_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('OFFERED', 'RECEIVED')"),
    )
    op.create_table(
        "referral_complaints",
        sa.Column("referral_id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("complaint_id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_referral_complaints_complaint_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_referral_complaints_referral_id")),
        sa.PrimaryKeyConstraint("referral_id", "complaint_id", name=op.f("pk_referral_complaints")),
    )
    op.create_index("ix_referral_complaints_complaint_id", "referral_complaints", ["complaint_id"], unique=False)
    op.create_table(
        "referral_responses",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("referral_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("provider_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=True),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("effective_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("moved_state", sa.Boolean(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=True),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'ACTIONED') = (action IS NOT NULL)", name=op.f("ck_referral_responses_actioned_by_action")
        ),
        sa.CheckConstraint(
            "action IN ('WARNED', 'LIMITED', 'SUSPENDED', 'BANNED', 'NUMBER_UNLINKED')",
            name=op.f("ck_referral_responses_action_known"),
        ),
        sa.CheckConstraint("ground IN ('OWN_TERMS', 'LAW')", name=op.f("ck_referral_responses_ground_known")),
        sa.CheckConstraint(
            "kind IN ('RECEIVED', 'ACTIONED', 'DECLINED', 'NO_ACCOUNT', 'REVERSED')",
            name=op.f("ck_referral_responses_kind_known"),
        ),
        sa.CheckConstraint(
            "mark IN ('REFERRAL_WITHDRAWN', 'STATE_UNMOVED')", name=op.f("ck_referral_responses_mark_known")
        ),
        sa.CheckConstraint(
            "reason IN ('INSUFFICIENT_EVIDENCE', 'NO_POLICY_BREACH', 'JURISDICTION', 'PRIVACY', 'UNSUPPORTED_IDENTIFIER')",
            name=op.f("ck_referral_responses_reason_known"),
        ),
        sa.CheckConstraint(
            "reason IS NULL OR kind = 'DECLINED'", name=op.f("ck_referral_responses_declined_with_reason")
        ),
        sa.CheckConstraint(
            "(action IS NULL) = (ground IS NULL)", name=op.f("ck_referral_responses_action_with_ground")
        ),
        sa.CheckConstraint("length(reference) BETWEEN 1 AND 128", name=op.f("ck_referral_responses_reference_length")),
        sa.CheckConstraint("moved_state = (mark IS NULL)", name=op.f("ck_referral_responses_unmoved_with_mark")),
        sa.ForeignKeyConstraint(["provider_id"], ["members.id"], name=op.f("fk_referral_responses_provider_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_referral_responses_referral_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral_responses")),
        sa.UniqueConstraint("reference", "provider_id", "referral_id", "kind", name="uq_referral_responses_said_once"),
    )
    op.create_index("ix_referral_responses_provider_id", "referral_responses", ["provider_id"], unique=False)
    op.create_index("ix_referral_responses_referral_id_id", "referral_responses", ["referral_id", "id"], unique=False)
    op.create_table(
        "referral_transfers",
        sa.Column("referral_id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("provider_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("participation_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("ground", sa.Text(), nullable=True),
        sa.Column("fields", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "fields <@ ARRAY['NUMBER', 'ACCOUNT', 'CATEGORY', 'INCIDENT_DAY', 'SUMMARY', 'COMPLAINT_COUNT']::text[]",
            name=op.f("ck_referral_transfers_fields_known"),
        ),
        sa.ForeignKeyConstraint(
            ["participation_id"], ["participations.id"], name=op.f("fk_referral_transfers_participation_id")
        ),
        sa.ForeignKeyConstraint(["provider_id"], ["members.id"], name=op.f("fk_referral_transfers_provider_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_referral_transfers_referral_id")),
        sa.PrimaryKeyConstraint("referral_id", name=op.f("pk_referral_transfers")),
    )
    op.create_index(
        op.f("ix_referral_transfers_participation_id"), "referral_transfers", ["participation_id"], unique=False
    )
    op.create_index(
        "ix_referral_transfers_provider_id_sent_at",
        "referral_transfers",
        ["provider_id", "sent_at", "referral_id"],
        unique=False,
    )
    op.create_index(
        "ix_referral_transfers_sent_at_referral_id", "referral_transfers", ["sent_at", "referral_id"], unique=False
    )
    op.add_column("complaints", sa.Column("order_outcome", sa.Text(), nullable=True))
    op.add_column("complaints", sa.Column("referral_outcome", sa.Text(), nullable=True))
    op.add_column("phone_numbers", sa.Column("account_standing", sa.Text(), server_default="NOT_ASKED", nullable=False))
    op.create_index(
        "ix_phone_numbers_account_standing",
        "phone_numbers",
        ["e164", "account_standing"],
        unique=False,
        postgresql_where=sa.text("account_standing <> 'NOT_ASKED'"),
    )
    _restrict("complaints", "order_outcome", _OUTCOMES_AFTER)
    _restrict("complaints", "referral_outcome", _OUTCOMES_AFTER)
    _restrict("phone_numbers", "account_standing", _STANDINGS)
    _replace("complaints", "outcome", _OUTCOMES_AFTER)
    for column, target in (
        ("account_id", "accounts.id"),
        ("provider_id", "members.id"),
        ("referral_id", "referrals.id"),
    ):
        op.add_column("forwarding_items", sa.Column(column, sa.Uuid(as_uuid=False), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_forwarding_items_{column}"), "forwarding_items", target.split(".")[0], [column], ["id"]
        )
    op.create_index(op.f("ix_forwarding_items_referral_id"), "forwarding_items", ["referral_id"], unique=False)
    op.create_table(
        "forwarding_offers",
        sa.Column("run_id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("complaint_id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["complaint_id"], ["complaints.id"], name=op.f("fk_forwarding_offers_complaint_id")),
        sa.ForeignKeyConstraint(["run_id"], ["forwarding_runs.id"], name=op.f("fk_forwarding_offers_run_id")),
        sa.PrimaryKeyConstraint("run_id", "place", "complaint_id", name=op.f("pk_forwarding_offers")),
    )
    op.create_index(op.f("ix_forwarding_offers_complaint_id"), "forwarding_offers", ["complaint_id"], unique=False)
    _replace("forwarding_items", "result", _RESULTS_AFTER)


def downgrade() -> None:
    _replace("forwarding_items", "result", _RESULTS)
    op.drop_table("forwarding_offers")
    for column in ("referral_id", "provider_id", "account_id"):
        op.drop_column("forwarding_items", column)
    _replace("complaints", "outcome", _OUTCOMES)
    op.drop_index(
        "ix_phone_numbers_account_standing",
        table_name="phone_numbers",
        postgresql_where=sa.text("account_standing <> 'NOT_ASKED'"),
    )
    op.drop_column("phone_numbers", "account_standing")
    op.drop_column("complaints", "referral_outcome")
    op.drop_column("complaints", "order_outcome")
    op.drop_table("referral_transfers")
    op.drop_table("referral_responses")
    op.drop_table("referral_complaints")
    # Policies of the version that wrote it look numbers up here; the rights are written again after every migration.
    op.execute("DROP TABLE referrals CASCADE")
