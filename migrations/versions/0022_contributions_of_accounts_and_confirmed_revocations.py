"""Contributions that are withdrawn or replaced, and about accounts and links; revocations that are confirmed."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_WATCHED = {
    "fraud_signals": "mark_changes_by_holder_id",
    "signal_contributions": "mark_changes_by_member_id",
    "signal_recipients": "mark_changes_by_member_id",
    "signal_revocation_notices": "mark_changes_by_member_id",
}
_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}
_CHECKS = {
    "account_hash_form": "account_hash ~ '^[0-9a-f]{64}$'",
    "account_kind_known": "account_kind IN ('ACCOUNT', 'GROUP', 'POST', 'UNREAD')",
    "account_whole": (
        "(kind = 'ACCOUNT') = (account_hash IS NOT NULL) AND (account_hash IS NULL) = (platform IS NULL) "
        "AND (account_hash IS NULL) = (handle IS NULL) AND (account_hash IS NULL) = (account_kind IS NULL)"
    ),
    "chain_has_a_first": "(replaces_id IS NULL) = (first_id IS NULL)",
    "ended_unless_standing": "(state = 'STANDING') = (ended_at IS NULL)",
    "kind_known": "kind IN ('NUMBER', 'ACCOUNT', 'LINK')",
    "link_with_url": "(kind = 'LINK') = (url IS NOT NULL)",
    "number_with_epoch": "(kind = 'NUMBER') = (e164 IS NOT NULL) AND (e164 IS NULL) = (epoch IS NULL)",
    "platform_known": (
        "platform IN ('WHATSAPP', 'TELEGRAM', 'FACEBOOK', 'INSTAGRAM', 'TIKTOK', 'X', 'LINE', 'SIGNAL', 'YOUTUBE', "
        "'DISCORD', 'VIBER', 'OTHER')"
    ),
    "state_known": "state IN ('STANDING', 'WITHDRAWN', 'REPLACED')",
    "withdrawal_reason_known": "withdrawal_reason IN ('MISTAKE', 'FALSE_POSITIVE', 'OUTDATED')",
    "withdrawn_with_reason": "(state = 'WITHDRAWN') = (withdrawal_reason IS NOT NULL)",
}
_ENDED = "state IN ('REPLACED', 'WITHDRAWN')"
_OTHERS = "kind IN ('ACCOUNT', 'LINK')"
_INDEXES = (
    ("ix_signal_contributions_account_hash", ["account_hash"], "account_hash IS NOT NULL"),
    ("ix_signal_contributions_ended", ["id"], _ENDED),
    ("ix_signal_contributions_first_id", ["first_id"], "first_id IS NOT NULL"),
    ("ix_signal_contributions_member_id_ended", ["member_id", "id"], _ENDED),
    ("ix_signal_contributions_member_id_id", ["member_id", "id"], None),
    ("ix_signal_contributions_member_id_others", ["member_id", "id"], _OTHERS),
    ("ix_signal_contributions_others", ["id"], _OTHERS),
)
_TEXTS = ("platform", "platform_name", "account_kind", "handle", "account_hash", "url", "withdrawal_reason")
_DEFAULTS = {"kind": "NUMBER", "state": "STANDING"}
_REFERENCES = ("first_id", "replaces_id")


def _list_added() -> list[sa.Column[Any]]:
    return [
        *(sa.Column(name, sa.Text(), server_default=value, nullable=False) for name, value in _DEFAULTS.items()),
        *(sa.Column(name, sa.Text(), nullable=True) for name in _TEXTS),
        *(sa.Column(name, sa.Uuid(as_uuid=False), nullable=True) for name in _REFERENCES),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
    ]


def upgrade() -> None:
    for column in _list_added():
        op.add_column("signal_contributions", column)
    for name in ("e164", "epoch"):
        op.alter_column("signal_contributions", name, nullable=True)
    for name, check in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_signal_contributions_{name}"), "signal_contributions", check)
    for name in _REFERENCES:
        op.create_foreign_key(
            op.f(f"fk_signal_contributions_{name}"), "signal_contributions", "signal_contributions", [name], ["id"]
        )
    op.create_index(
        "uq_signal_contributions_replaces_id",
        "signal_contributions",
        ["replaces_id"],
        unique=True,
        postgresql_where=sa.text("replaces_id IS NOT NULL"),
    )
    for name, columns, condition in _INDEXES:
        where = sa.text(condition) if condition is not None else None
        op.create_index(name, "signal_contributions", columns, unique=False, postgresql_where=where)
    op.create_table(
        "signal_revocation_notices",
        sa.Column("id", sa.Uuid(as_uuid=False), autoincrement=False, nullable=False),
        sa.Column("signal_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("member_id", sa.Uuid(as_uuid=False), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("confirmed_by_client", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "reason IN ('FALSE_POSITIVE', 'COURT', 'RECYCLED', 'REGULATOR_ERROR', 'COMPLAINTS_REJECTED')",
            name=op.f("ck_signal_revocation_notices_reason_known"),
        ),
        sa.ForeignKeyConstraint(
            ["confirmed_by"], ["officers.id"], name=op.f("fk_signal_revocation_notices_confirmed_by")
        ),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_signal_revocation_notices_member_id")),
        sa.ForeignKeyConstraint(
            ["signal_id"], ["fraud_signals.id"], name=op.f("fk_signal_revocation_notices_signal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signal_revocation_notices")),
        sa.UniqueConstraint("signal_id", "member_id", name=op.f("uq_signal_revocation_notices_signal_id_member_id")),
    )
    for name, columns, condition in (
        ("ix_signal_revocation_notices_member_id_id", ["member_id", "id"], None),
        ("ix_signal_revocation_notices_member_id_unconfirmed", ["member_id", "id"], "confirmed_at IS NULL"),
        ("ix_signal_revocation_notices_unconfirmed", ["id"], "confirmed_at IS NULL"),
    ):
        where = sa.text(condition) if condition is not None else None
        op.create_index(name, "signal_revocation_notices", columns, unique=False, postgresql_where=where)
    for table, function in _WATCHED.items():
        for event, rows in _EVENTS.items():
            op.execute(
                f"CREATE TRIGGER changes_of_{table}_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )


def downgrade() -> None:
    for table in ("fraud_signals", "signal_contributions", "signal_recipients"):
        for event in _EVENTS:
            op.execute(f"DROP TRIGGER changes_of_{table}_{event.lower()} ON {table}")
    op.drop_table("signal_revocation_notices")
    for name, _, _ in reversed(_INDEXES):
        op.drop_index(name, table_name="signal_contributions")
    # What the version before can't read is about no number; what it can is kept.
    op.execute("DELETE FROM signal_contributions WHERE kind <> 'NUMBER'")
    for name in ("e164", "epoch"):
        op.alter_column("signal_contributions", name, nullable=False)
    for column in reversed(_list_added()):
        op.drop_column("signal_contributions", column.name)
