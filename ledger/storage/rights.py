"""Who may touch which rows, as data: grants and row-level policies, one policy for each role and table.

This is the second line: the ledger's own checks come first, and this holds when they are wrong. A role that is
not named for a table has no right on it at all. Nobody may delete a row, nor change an event or an
acknowledgement. A policy compares an owner's id that stands on the row itself with a setting read once a
statement (an InitPlan), so that indexes stay usable.

Source: design.md section 4; graphql-facts.md, Row-level security costs and traps.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ledger.storage.access import EVERYTHING, ME, MY_BRAND, Access
from ledger.storage.access_feed import FEED_ACCESS
from ledger.storage.access_retention import RETENTION_ACCESS
from ledger.storage.access_signals import SIGNAL_ACCESS
from ledger.storage.roles import Role, role_name

# As a CASE: with OR the planner takes the brand for selective, and reads all of a carrier's orders.
_OWN_ORDER = (
    f"carrier_id = {ME} AND issued_at IS NOT NULL "
    f"AND CASE WHEN {MY_BRAND} IS NULL THEN true ELSE brand_id = {MY_BRAND} END"
)
_OWN = f"carrier_id = {ME}"
_OWN_SOURCE = f"source_id = {ME}"
_SELF_OR_REGULATOR = f"id = {ME} OR kind = 'REGULATOR'"
_SELF_MEMBER = f"member_id = {ME}"
_MEMBER_COLUMNS = ("id", "slug", "kind", "legal_name", "internet_access", "admitted_at", "suspended_at")
ORDER_COLUMNS_OF_CARRIER = (
    "id", "order_serial", "version", "directive_id", "supersedes_id", "carrier_id", "brand_id", "e164", "epoch",
    "category", "scope", "legal_basis", "summary", "subscriber_notice", "complaint_count", "state",
    "impossible_reason", "last_acknowledgement", "drafted_at", "issued_at", "due_at", "executed_at", "effective_at",
    "was_late", "ended_at", "lift_basis", "lift_issued_at", "lifted_at",
)  # fmt: skip
NUMBER_COLUMNS_OF_CARRIER = (
    "e164", "region", "is_domestic", "protected_reason", "holder_status", "holder_id", "brand_id", "epoch", "status",
    "is_disputed", "risk", "first_seen_at",
)  # fmt: skip
NUMBER_COLUMNS_OF_AGENCY = ("e164", "region", "is_domestic", "protected_reason", "holder_status", "status", "risk")
COMPLAINT_COLUMNS_OF_AGENCY = (
    "id", "ticket_serial", "source_id", "source_reference", "content_hash", "occurrence", "e164", "epoch",
    "epoch_uncertain", "account_platform", "account_handle", "account_url", "medium", "category", "incident_at",
    "loss_rupiah", "remedy", "chronology_sealed", "complainant_ref", "marks", "state", "rejection_reason",
    "info_request", "outcome", "duplicate_of", "filed_at", "complete_at", "verification_due_at", "decided_at",
    "resolved_at", "complainant_informed_at",
)  # fmt: skip
_AGENCY_NUMBERS = f"EXISTS (SELECT 1 FROM complaints c WHERE c.e164 = phone_numbers.e164 AND c.source_id = {ME})"


def _reads(role: Role, tables: Iterable[str]) -> list[Access]:
    return [Access(table=table, role=role, select=EVERYTHING) for table in tables]


_MEMBERSHIP = ("members", "brands", "offices", "officers")
_PLAN = ("numbering_ranges", "number_overrides")
_NUMBERS = ("phone_numbers", "number_epochs")
_ORDERS = ("block_orders", "block_order_versions", "order_complaints", "order_acknowledgements", "order_extensions")
_FORWARDING = ("forwarding_runs", "forwarding_items")

LEDGER_ACCESS: tuple[Access, ...] = (
    # The regulator sees everything but complainants' data, and files complaints of its own.
    *_reads(Role.REGULATOR, (*_MEMBERSHIP, *_PLAN, *_NUMBERS, *_ORDERS, *_FORWARDING)),
    Access(table="complaints", role=Role.REGULATOR, written=_OWN_SOURCE, select=EVERYTHING, insert=True),
    Access(table="evidence", role=Role.REGULATOR, written=_OWN_SOURCE, select=EVERYTHING, insert=True),
    Access(table="complainants", role=Role.REGULATOR, rows=_OWN_SOURCE, insert=True),
    # An agency sees and files its own complaints.
    Access(table="members", role=Role.AGENCY, rows=_SELF_OR_REGULATOR, select=_MEMBER_COLUMNS),
    Access(table="phone_numbers", role=Role.AGENCY, rows=_AGENCY_NUMBERS, select=NUMBER_COLUMNS_OF_AGENCY),
    Access(table="complaints", role=Role.AGENCY, rows=_OWN_SOURCE, select=COMPLAINT_COLUMNS_OF_AGENCY, insert=True),
    Access(table="complainants", role=Role.AGENCY, rows=_OWN_SOURCE, select=EVERYTHING, insert=True),
    Access(table="evidence", role=Role.AGENCY, rows=_OWN_SOURCE, select=EVERYTHING, insert=True),
    # A carrier sees the orders addressed to it once they are issued, and says what it did.
    Access(table="members", role=Role.CARRIER, rows=_SELF_OR_REGULATOR, select=_MEMBER_COLUMNS),
    Access(table="brands", role=Role.CARRIER, rows=_SELF_MEMBER, select=EVERYTHING),
    Access(table="numbering_ranges", role=Role.CARRIER, rows=f"holder_id = {ME}", select=EVERYTHING),
    Access(table="number_overrides", role=Role.CARRIER, rows=f"holder_id = {ME}", select=EVERYTHING),
    Access(table="phone_numbers", role=Role.CARRIER, rows=f"holder_id = {ME}", select=NUMBER_COLUMNS_OF_CARRIER),
    Access(table="block_orders", role=Role.CARRIER, rows=_OWN_ORDER, select=ORDER_COLUMNS_OF_CARRIER),
    Access(table="block_order_versions", role=Role.CARRIER, rows=_OWN, select=EVERYTHING),
    Access(table="order_acknowledgements", role=Role.CARRIER, rows=_OWN, select=EVERYTHING, insert=True),
    Access(table="order_extensions", role=Role.CARRIER, rows=_OWN, select=EVERYTHING, insert=True),
    # A provider sees itself; referrals and signals come with their own tables.
    Access(table="members", role=Role.PROVIDER, rows=_SELF_OR_REGULATOR, select=_MEMBER_COLUMNS),
    Access(table="brands", role=Role.PROVIDER, rows=_SELF_MEMBER, select=EVERYTHING),
    # The operator looks after members and the numbering plan.
    *_reads(Role.OPERATOR, (*_MEMBERSHIP, *_PLAN, *_NUMBERS)),
    # Transitions: every state that moves.
    *(
        Access(table=table, role=Role.TRANSITION, select=EVERYTHING, insert=True, update=EVERYTHING)
        for table in (
            *_MEMBERSHIP,
            *_PLAN,
            *_NUMBERS,
            *_FORWARDING,
            "block_orders",
            "block_order_versions",
            "order_complaints",
        )
    ),
    Access(table="complaints", role=Role.TRANSITION, select=EVERYTHING, update=EVERYTHING),
    Access(table="evidence", role=Role.TRANSITION, select=("id", "complaint_id", "source_id", "sha256")),
    Access(table="order_acknowledgements", role=Role.TRANSITION, select=EVERYTHING),
    Access(table="order_extensions", role=Role.TRANSITION, select=EVERYTHING, update=EVERYTHING),
    # One reading of one complainant, for a recorded purpose.
    Access(table="complainants", role=Role.REVEAL, select=EVERYTHING),
    Access(table="complainant_reveals", role=Role.TRANSITION, insert=True),
    *_reads(Role.REGULATOR, ("complainant_reveals",)),
    Access(table="complainant_reveals", role=Role.JOBS, select=("id", "purpose_sealed"), update=("purpose_sealed",)),
    # Tokens carry who a member and an officer are.
    *_reads(Role.AUTH, _MEMBERSHIP),
    # Start-up checks and re-encryption.
    Access(table="keyring_checks", role=Role.JOBS, select=EVERYTHING, insert=True, delete=True),
    Access(table="complaints", role=Role.JOBS, select=("id", "chronology_sealed"), update=("chronology_sealed",)),
    Access(
        table="complainants", role=Role.JOBS, select=("complaint_id", "identity_sealed"), update=("identity_sealed",)
    ),
    Access(table="evidence", role=Role.JOBS, select=("id", "content_sealed"), update=("content_sealed",)),
    *FEED_ACCESS,
    *SIGNAL_ACCESS,
    *RETENTION_ACCESS,
)


@dataclass(frozen=True, slots=True)
class AccessPlan:
    """Every table's access, ready to be written into a database."""

    tables: Sequence[str]
    rules: Sequence[Access] = field(default=LEDGER_ACCESS)


_DROP_POLICIES = """
DO $$ DECLARE p record; BEGIN
  FOR p IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP POLICY %I ON public.%I', p.policyname, p.tablename);
  END LOOP;
END $$"""


def render_access_statements(plan: AccessPlan, *, role_prefix: str) -> list[str]:
    """The statements that take every right away and give exactly the declared ones; they can be run again."""
    every_role = ", ".join(role_name(role_prefix, role) for role in Role)
    statements = [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {every_role}",
        _DROP_POLICIES,
    ]
    for table in plan.tables:
        statements.append(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        statements.append(f"REVOKE ALL ON {table} FROM PUBLIC, {every_role}")
    for rule in plan.rules:
        statements.extend(_render_rule(rule, role_name(role_prefix, rule.role)))
    return statements


def _render_rule(rule: Access, role: str) -> list[str]:
    statements = []
    for verb, columns in (("SELECT", rule.select), ("UPDATE", rule.update)):
        if columns is not None:
            listed = f" ({', '.join(columns)})" if columns else ""
            statements.append(f"GRANT {verb}{listed} ON {rule.table} TO {role}")
    for verb, is_given in (("INSERT", rule.insert), ("DELETE", rule.delete)):
        if is_given:
            statements.append(f"GRANT {verb} ON {rule.table} TO {role}")
    check = f" WITH CHECK ({rule.written or rule.rows})" if rule.insert or rule.update is not None else ""
    statements.append(
        f"CREATE POLICY {role}_on_{rule.table} ON {rule.table} AS PERMISSIVE FOR ALL TO {role} "
        f"USING ({rule.rows}){check}"
    )
    if rule.changed is not None:
        statements.extend(
            f"CREATE POLICY {role}_{verb.lower()}s_{rule.table} ON {rule.table} AS RESTRICTIVE FOR {verb} TO {role} "
            f"USING ({rule.changed})" + (" WITH CHECK (true)" if verb == "UPDATE" else "")
            for verb, is_given in (("UPDATE", rule.update is not None), ("DELETE", rule.delete))
            if is_given
        )
    return statements
