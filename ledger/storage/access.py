"""Who may access which rows, as data: grants and row-level policies, one permissive policy for each role and table.

This is the second line of defence: the ledger's own checks come first, and these policies hold if they are wrong. A
role that is not listed for a table has no rights on it. Only system roles may delete rows; no viewer may. A policy
compares an owner's id on the row itself with a setting that is read once per statement (an InitPlan), so that indexes
stay usable. Each table's rules are declared beside the table; columns that a viewer may not read are marked as such.
Source: design.md section 4; graphql-facts.md, Row-level security costs and traps.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData, Table

from ledger.storage.roles import Role, may_read, role_name

ME = "(SELECT nullif(current_setting('jembatan.member_id', true), '')::uuid)"
MY_BRAND = "(SELECT nullif(current_setting('jembatan.brand_id', true), '')::uuid)"
# A CASE, because with OR the planner assumes that the brand is selective and reads all of a carrier's rows.
OF_MY_BRAND = f"CASE WHEN {MY_BRAND} IS NULL THEN true ELSE brand_id = {MY_BRAND} END"
TAKES_PART = (
    f"(SELECT EXISTS (SELECT 1 FROM participations p WHERE p.member_id = {ME} "
    "AND p.began_at IS NOT NULL AND p.ended_at IS NULL))"
)
"""Whether the viewer has a participation in force; independent of the row, so it is evaluated once per statement."""
ALL_ROWS = "true"
EVERYTHING: tuple[str, ...] = ()
"""Every column; for a viewer's role, every column that is not restricted to other roles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one role may do with one table.

    rows is the condition for rows that are read or changed; written is the condition for a row as written, and
    defaults to rows. changed further restricts which rows may be updated or deleted. select and update list columns,
    or are EVERYTHING.
    """

    role: Role
    rows: str = ALL_ROWS
    written: str | None = None
    changed: str | None = None
    select: Sequence[str] | None = None
    insert: bool = False
    update: Sequence[str] | None = None
    delete: bool = False


def reads(*roles: Role, rows: str = ALL_ROWS, select: Sequence[str] = EVERYTHING) -> list[Access]:
    """These roles may only read."""
    return [Access(role=role, rows=rows, select=select) for role in roles]


WRITTEN_NOW = "xmin"
"""The system column by which a role that may not select every column finds the rows that its transaction wrote."""

TRANSITION_MOVES = Access(role=Role.TRANSITION, select=EVERYTHING, insert=True, update=EVERYTHING)
"""Transitions insert rows and may update every column."""

_DROP_POLICIES = """
DO $$ DECLARE p record; BEGIN
  FOR p IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP POLICY %I ON public.%I', p.policyname, p.tablename);
  END LOOP;
END $$"""


def render_access_statements(metadata: MetaData, *, role_prefix: str) -> list[str]:
    """The statements that revoke all rights and grant exactly the declared ones; they can be run repeatedly."""
    every_role = ", ".join(role_name(role_prefix, role) for role in Role)
    statements = [
        "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        f"GRANT USAGE ON SCHEMA public TO {every_role}",
        _DROP_POLICIES,
    ]
    for table in metadata.sorted_tables:
        statements.append(f"ALTER TABLE {table.name} ENABLE ROW LEVEL SECURITY")
        statements.append(f"REVOKE ALL ON {table.name} FROM PUBLIC, {every_role}")
    for table, rule in declared_access(metadata):
        statements.extend(_render_rule(table, rule, role_name(role_prefix, rule.role)))
    return statements


def declared_access(metadata: MetaData) -> Iterator[tuple[Table, Access]]:
    """Every access rule with its table."""
    for table in metadata.sorted_tables:
        for rule in table.info["access"]:
            yield table, rule


def selected_columns(table: Table, rule: Access) -> Sequence[str]:
    """The columns that a rule lets its role select; EVERYTHING if it is all of them."""
    if rule.select:
        return rule.select
    readable = [column.name for column in table.columns if may_read(column.info.get("readers"), rule.role)]
    return EVERYTHING if len(readable) == len(table.columns) else readable


def _render_rule(table: Table, rule: Access, role: str) -> Iterable[str]:
    if rule.select is not None:
        yield _render_grant("SELECT", selected_columns(table, rule), table, role)
    if rule.update is not None:
        yield _render_grant("UPDATE", rule.update, table, role)
    for verb, is_given in (("INSERT", rule.insert), ("DELETE", rule.delete)):
        if is_given:
            yield f"GRANT {verb} ON {table.name} TO {role}"
    check = f" WITH CHECK ({rule.written or rule.rows})" if rule.insert or rule.update is not None else ""
    yield (
        f"CREATE POLICY {role}_on_{table.name} ON {table.name} AS PERMISSIVE FOR ALL TO {role} "
        f"USING ({rule.rows}){check}"
    )
    for verb, is_given in (("UPDATE", rule.update is not None), ("DELETE", rule.delete)):
        if rule.changed is not None and is_given:
            yield (
                f"CREATE POLICY {role}_{verb.lower()}s_{table.name} ON {table.name} AS RESTRICTIVE FOR {verb} "
                f"TO {role} USING ({rule.changed})" + (" WITH CHECK (true)" if verb == "UPDATE" else "")
            )


def _render_grant(verb: str, columns: Sequence[str], table: Table, role: str) -> str:
    listed = f" ({', '.join(columns)})" if columns else ""
    return f"GRANT {verb}{listed} ON {table.name} TO {role}"
