"""Referrals to providers, their responses and transfers; each instrument's outcome for a complaint."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_OUTCOMES = "'BLOCKED', 'NOT_ACTIONABLE', 'NUMBER_ALREADY_DEAD', 'WITHDRAWN'"
_OUTCOMES_AFTER = (
    "'BLOCKED', 'ACCOUNT_ACTIONED', 'NO_ACCOUNT', 'NO_PROVIDER', 'NOT_ACTIONABLE', 'NUMBER_ALREADY_DEAD', 'WITHDRAWN'"
)
_RESULTS = "'DRAFTED', 'HELD', 'JOINED', 'NOT_DOMESTIC', 'PROTECTED', 'UNALLOCATED', 'HOLDER_UNKNOWN', 'RECYCLED'"
_RESULTS_AFTER = f"{_RESULTS}, 'OFFERED', 'NO_PROVIDER'"
_STANDINGS = "'NOT_ASKED', 'ASKED', 'ACTIONED', 'NOT_ACTIONED'"

_Indexes = tuple[tuple[str, list[str], str | None], ...]
# True of every row: only the lists of all providers' rows ask it.
_ALL = "complaint_count >= 0"
_OF_REFERRALS: _Indexes = (
    ("state_id", ["state", "id"], _ALL),
    ("provider_id_state_id", ["provider_id", "state", "id"], None),
    ("action_id", ["action", "id"], f"action IS NOT NULL AND {_ALL}"),
    ("provider_id_action_id", ["provider_id", "action", "id"], "action IS NOT NULL"),
    ("offered_at_id", ["offered_at", "id"], _ALL),
    ("provider_id_offered_at_id", ["provider_id", "offered_at", "id"], None),
)
_OF_TRANSFERS: _Indexes = (
    ("ground_sent_at", ["ground", "sent_at", "referral_id"], None),
    ("abroad", ["sent_at", "referral_id"], "ground IS NOT NULL"),
    ("at_home", ["sent_at", "referral_id"], "ground IS NULL"),
)
_REQUESTED = "status <> 'CLEAR' OR account_standing <> 'NOT_ASKED'"
_OF_NUMBERS = (
    ("requested", ["e164"], _REQUESTED),
    ("status_e164", ["status", "e164"], _REQUESTED),
    ("account_standing_e164", ["account_standing", "e164"], _REQUESTED),
    ("blocked_sim_live_account", ["e164"], "status = 'BLOCKED' AND account_standing IN ('ASKED', 'NOT_ACTIONED')"),
    ("live_sim_actioned_account", ["e164"], "status <> 'BLOCKED' AND account_standing = 'ACTIONED'"),
)

_FORWARDED_STATES = "'ESCALATED', 'RESOLVED'"
_IS_FORWARDED = f"(r.state IN ({_FORWARDED_STATES}) AND r.outcome IS DISTINCT FROM 'NO_PROVIDER')"
_IS_DUE = "r.state IN ('REOPENED', 'SUBMITTED') AND r.verification_due_at IS NOT NULL"
_KIND = {name: f"r.{name}" for name in ("source_id", "state", "category")}
_DAYS = {
    "day": "(r.filed_at AT TIME ZONE 'Asia/Jakarta')::date",
    **_KIND,
    "region": "(SELECT p.region FROM phone_numbers p WHERE p.e164 = r.e164)",
}
_WATCHED = {
    "referrals": "mark_changes_by_provider_id",
    "referral_responses": "mark_changes_by_provider_id",
    "referral_complaints": "mark_changes",
    "referral_transfers": "mark_changes",
}
_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}


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
    for name, columns, where in _OF_REFERRALS:
        op.create_index(
            f"ix_referrals_{name}", "referrals", columns, postgresql_where=sa.text(where) if where else None
        )
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
    for name, columns, where in _OF_NUMBERS:
        op.create_index(f"ix_phone_numbers_{name}", "phone_numbers", columns, postgresql_where=sa.text(where))
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
    for name, columns, where in _OF_TRANSFERS:
        op.create_index(
            f"ix_referral_transfers_{name}",
            "referral_transfers",
            columns,
            postgresql_where=sa.text(where) if where else None,
        )
    op.add_column("complaint_days", sa.Column("is_forwarded", sa.Boolean(), nullable=True))
    op.execute(f"UPDATE complaint_days SET is_forwarded = state IN ({_FORWARDED_STATES})")
    op.alter_column("complaint_days", "is_forwarded", nullable=False)
    _count_complaints({**_DAYS, "is_forwarded": _IS_FORWARDED})
    _mark_changes()


def _count_complaints(days: dict[str, str]) -> None:
    """Make the function anew that counts complaints as their rows change (0017)."""
    tallies = (
        ("complaint_counts", _KIND, "true"),
        ("complaint_days", days, "true"),
        ("complaint_dues", {**_KIND, "due_hour": "date_trunc('hour', r.verification_due_at, 'UTC')"}, _IS_DUE),
    )
    branches = ""
    for keyword, event in (("IF", "INSERT"), ("ELSIF", "UPDATE"), ("ELSIF", "DELETE")):
        branches += f"  {keyword} TG_OP = '{event}' THEN\n"
        for tally, taken, where in tallies:
            values, listed = ", ".join(f"{sql} AS {name}" for name, sql in taken.items()), ", ".join(taken)
            changed = " UNION ALL ".join(
                f"SELECT {values}, {n} AS n FROM {rows} r WHERE {where}"
                for rows, n, without in (("added", "1", "DELETE"), ("removed", "-1", "INSERT"))
                if event != without
            )
            having = " HAVING sum(n) <> 0" if event == "UPDATE" else ""
            branches += (
                f"    INSERT INTO {tally} ({listed}, n) SELECT {listed}, sum(n) AS n "
                f"FROM ({changed}) changed GROUP BY {listed}{having};\n"
            )
    op.execute(
        "CREATE OR REPLACE FUNCTION tally_complaints() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"
        f"SET search_path = pg_catalog, public, pg_temp AS $$\nBEGIN\n{branches}  END IF;\n  RETURN NULL;\nEND $$"
    )


def _mark_changes() -> None:
    """Let changes of the new tables leave marks (0018): of a provider's rows, for it alone and for everybody."""
    op.execute("""
CREATE FUNCTION mark_changes_by_provider_id() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO public.table_changes (source, audience, n)
    SELECT TG_TABLE_NAME, changed.audience, hashtextextended(gen_random_uuid()::text, 0)
    FROM (SELECT provider_id AS audience FROM added UNION (SELECT NULL::uuid FROM added LIMIT 1)) changed;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO public.table_changes (source, audience, n)
    SELECT TG_TABLE_NAME, changed.audience, hashtextextended(gen_random_uuid()::text, 0)
    FROM (SELECT provider_id AS audience FROM removed UNION SELECT provider_id FROM added
          UNION (SELECT NULL::uuid FROM added LIMIT 1)) changed;
  ELSE
    INSERT INTO public.table_changes (source, audience, n)
    SELECT TG_TABLE_NAME, changed.audience, hashtextextended(gen_random_uuid()::text, 0)
    FROM (SELECT provider_id AS audience FROM removed UNION (SELECT NULL::uuid FROM removed LIMIT 1)) changed;
  END IF;
  RETURN NULL;
END $$
""")
    op.execute("REVOKE EXECUTE ON FUNCTION mark_changes_by_provider_id() FROM PUBLIC")
    for table, function in _WATCHED.items():
        for event, rows in _EVENTS.items():
            op.execute(
                f"CREATE TRIGGER changes_of_{table}_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {rows} FOR EACH STATEMENT EXECUTE FUNCTION {function}()"
            )


def downgrade() -> None:
    _count_complaints(_DAYS)
    op.drop_column("complaint_days", "is_forwarded")
    _replace("forwarding_items", "result", _RESULTS)
    op.drop_table("forwarding_offers")
    for column in ("referral_id", "provider_id", "account_id"):
        op.drop_column("forwarding_items", column)
    _replace("complaints", "outcome", _OUTCOMES)
    for name, _, _ in _OF_NUMBERS:
        op.drop_index(f"ix_phone_numbers_{name}", table_name="phone_numbers")
    op.drop_column("phone_numbers", "account_standing")
    op.drop_column("complaints", "referral_outcome")
    op.drop_column("complaints", "order_outcome")
    op.drop_table("referral_transfers")
    op.drop_table("referral_responses")
    op.drop_table("referral_complaints")
    # Policies of the version that wrote it look numbers up here; the rights are written again after every migration.
    op.execute("DROP TABLE referrals CASCADE")
    op.execute("DROP FUNCTION mark_changes_by_provider_id()")
