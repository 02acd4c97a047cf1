"""Accounts as things of their own, which complaints are about, and which member runs which platform."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_WATCHED = {"accounts": "mark_changes", "member_platforms": "mark_changes_by_member_id"}
_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("key_hash", sa.Text(), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("platform_name", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("handle", sa.Text(), nullable=False),
        sa.Column("e164", sa.Text(), nullable=True),
        sa.Column("risk", sa.Text(), server_default="NONE", nullable=False),
        sa.Column("complaint_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("verified_complaint_count", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("(platform = 'OTHER') = (platform_name <> '')", name=op.f("ck_accounts_named_if_other")),
        sa.CheckConstraint("e164 ~ '^[+][1-9][0-9]{1,14}$'", name=op.f("ck_accounts_e164_form")),
        sa.CheckConstraint("key_hash ~ '^[0-9a-f]{64}$'", name=op.f("ck_accounts_key_hash_form")),
        sa.CheckConstraint("kind = 'ACCOUNT' OR e164 IS NULL", name=op.f("ck_accounts_number_of_an_account")),
        sa.CheckConstraint("kind IN ('ACCOUNT', 'GROUP', 'POST', 'UNREAD')", name=op.f("ck_accounts_kind_known")),
        sa.CheckConstraint("platform <> 'OTHER' OR kind <> 'ACCOUNT'", name=op.f("ck_accounts_other_is_not_read")),
        sa.CheckConstraint(
            "platform IN ('WHATSAPP', 'TELEGRAM', 'FACEBOOK', 'INSTAGRAM', 'TIKTOK', 'X', 'LINE', 'SIGNAL', 'YOUTUBE', 'DISCORD', 'VIBER', 'OTHER')",
            name=op.f("ck_accounts_platform_known"),
        ),
        sa.CheckConstraint("risk IN ('NONE', 'MEDIUM', 'HIGH', 'VERY_HIGH')", name=op.f("ck_accounts_risk_known")),
        sa.CheckConstraint("first_seen_at <= last_seen_at", name=op.f("ck_accounts_seen_order")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_accounts_key_hash")),
    )
    op.create_index("ix_accounts_complaint_count_id", "accounts", ["complaint_count", "id"], unique=False)
    op.create_index(
        "ix_accounts_e164", "accounts", ["e164"], unique=False, postgresql_where=sa.text("e164 IS NOT NULL")
    )
    op.create_index("ix_accounts_last_seen_at_id", "accounts", ["last_seen_at", "id"], unique=False)
    op.create_index("ix_accounts_kind_id", "accounts", ["kind", "id"], unique=False)
    op.create_index(
        "ix_accounts_platform_complaint_count_id", "accounts", ["platform", "complaint_count", "id"], unique=False
    )
    op.create_index("ix_accounts_platform_id", "accounts", ["platform", "id"], unique=False)
    op.create_index(
        "ix_accounts_platform_last_seen_at_id", "accounts", ["platform", "last_seen_at", "id"], unique=False
    )
    op.create_index("ix_accounts_risk_id", "accounts", ["risk", "id"], unique=False)
    op.create_table(
        "member_platforms",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("platform", sa.Text(), nullable=False),
        sa.Column("platform_name", sa.Text(), server_default="", nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(platform = 'OTHER') = (platform_name <> '')", name=op.f("ck_member_platforms_named_if_other")
        ),
        sa.CheckConstraint(
            "platform IN ('WHATSAPP', 'TELEGRAM', 'FACEBOOK', 'INSTAGRAM', 'TIKTOK', 'X', 'LINE', 'SIGNAL', 'YOUTUBE', 'DISCORD', 'VIBER', 'OTHER')",
            name=op.f("ck_member_platforms_platform_known"),
        ),
        sa.CheckConstraint("ended_at >= began_at", name=op.f("ck_member_platforms_term_order")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_member_platforms_member_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_member_platforms")),
    )
    op.create_index(op.f("ix_member_platforms_member_id"), "member_platforms", ["member_id"], unique=False)
    op.create_index(
        "uq_member_platforms_platform",
        "member_platforms",
        ["platform", "platform_name"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.add_column("complaints", sa.Column("account_id", sa.Uuid(as_uuid=False), nullable=True))
    op.create_index(
        "ix_complaints_account_id_id",
        "complaints",
        ["account_id", "id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_complaints_source_id_account_id",
        "complaints",
        ["source_id", "account_id"],
        unique=False,
        postgresql_where=sa.text("account_id IS NOT NULL"),
    )
    op.create_index(
        "ix_complaints_unbound",
        "complaints",
        ["id"],
        unique=False,
        postgresql_where=sa.text("account_platform IS NOT NULL AND account_id IS NULL"),
    )
    op.create_foreign_key(op.f("fk_complaints_account_id"), "complaints", "accounts", ["account_id"], ["id"])
    for table, function in _WATCHED.items():
        for event, rows in _EVENTS.items():
            op.execute(
                f"CREATE TRIGGER changes_of_{table}_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )


def downgrade() -> None:
    # The policies of accounts look at the other two, so they go first.
    op.drop_constraint(op.f("fk_complaints_account_id"), "complaints", type_="foreignkey")
    op.drop_table("accounts")
    op.drop_table("member_platforms")
    op.drop_index("ix_complaints_unbound", table_name="complaints")
    op.drop_index("ix_complaints_source_id_account_id", table_name="complaints")
    op.drop_index("ix_complaints_account_id_id", table_name="complaints")
    op.drop_column("complaints", "account_id")
