"""Who may touch which rows, as data: grants and row-level policies, one policy for each role and table.

This is the second line: the ledger's own checks come first, and this holds when they are wrong. A role that is not
named for a table has no right on it at all. Nobody may delete a row, nor change an event or an acknowledgement. A
policy compares an owner's id that stands on the row itself with a setting read once a statement (an InitPlan), so
that indexes stay usable. Each table's rules stand beside the table; what a viewer may not read of a row is said at
the column.
Source: design.md section 4; graphql-facts.md, Row-level security costs and traps.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import MetaData, Table

from ledger.storage.roles import Role, may_read, role_name

ME = "(SELECT nullif(current_setting('jembatan.member_id', true), '')::uuid)"
MY_BRAND = "(SELECT nullif(current_setting('jembatan.brand_id', true), '')::uuid)"
# As a CASE: with OR the planner takes the brand for selective, and reads all of a carrier's rows.
OF_MY_BRAND = f"CASE WHEN {MY_BRAND} IS NULL THEN true ELSE brand_id = {MY_BRAND} END"
TAKES_PART = (
    f"(SELECT EXISTS (SELECT 1 FROM participations p WHERE p.member_id = {ME} "
    "AND p.began_at IS NOT NULL AND p.ended_at IS NULL))"
)
"""Whether the viewer has a participation in force; it depends on no row, so that it is asked once a statement."""
ALL_ROWS = "true"
EVERYTHING: tuple[str, ...] = ()
"""Every column, of a viewer every column that is not kept for others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What one role may do with one table.

    rows is the condition for every row that is read or changed, written that for a row as it is written
    (rows, where it is None). changed narrows further which of the rows may be updated or deleted. select and update
    name columns, or are EVERYTHING.
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
    """These roles may read, and nothing else."""
    return [Access(role=role, rows=rows, select=select) for role in roles]


TRANSITION_MOVES = Access(role=Role.TRANSITION, select=EVERYTHING, insert=True, update=EVERYTHING)
"""Transitions add rows and change every column."""

_DROP_POLICIES = """
DO $$ DECLARE p record; BEGIN
  FOR p IN SELECT policyname, tablename FROM pg_policies WHERE schemaname = 'public' LOOP
    EXECUTE format('DROP POLICY %I ON public.%I', p.policyname, p.tablename);
  END LOOP;
END $$"""


def render_access_statements(metadata: MetaData, *, role_prefix: str) -> list[str]:
    """The statements that take every right away and give exactly the declared ones; they can be run again."""
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
    """Every rule with its table."""
    for table in metadata.sorted_tables:
        for rule in table.info["access"]:
            yield table, rule


def selected_columns(table: Table, rule: Access) -> Sequence[str]:
    """The columns that a rule lets its role select; EVERYTHING where it is all of them."""
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
