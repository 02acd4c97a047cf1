"""Marks of changes: triggers append them, whoever writes, so that a reader can tell that nothing was changed."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# The tables, and the column that names the member who may see the row, where there is one.
_WATCHED: tuple[tuple[str, str | None], ...] = (
    ("block_orders", "carrier_id"),
    ("brands", "member_id"),
    ("complaints", "source_id"),
    ("evidence", "source_id"),
    ("members", None),
    ("number_override_proposals", None),
    ("numbering_ranges", "holder_id"),
    ("offices", None),
    ("officers", None),
    ("order_acknowledgements", "carrier_id"),
    ("order_extensions", "carrier_id"),
    ("order_proposals", None),
    ("outage_extensions", "carrier_id"),
    ("outages", None),
    ("participations", "member_id"),
    ("phone_numbers", "holder_id"),
    ("reassignment_reports", "carrier_id"),
)
_EVENTS = {
    "INSERT": "NEW TABLE AS added",
    "UPDATE": "OLD TABLE AS removed NEW TABLE AS added",
    "DELETE": "OLD TABLE AS removed",
}


def _name(audience: str | None) -> str:
    return "mark_changes" if audience is None else f"mark_changes_by_{audience}"


def _append(audience: str | None, *rows: str) -> str:
    """One mark for each audience of the rows and one for everybody; none for a statement that changed no row.

    A mark is 64 bits of the server's strong random source.
    """
    whose = [f"SELECT {audience} AS audience FROM {each}" for each in rows] if audience is not None else []
    everybody = " UNION ".join([*whose, f"(SELECT NULL::uuid FROM {rows[-1]} LIMIT 1)"])
    return (
        "INSERT INTO public.table_changes (source, audience, n) "
        "SELECT TG_TABLE_NAME, changed.audience, hashtextextended(gen_random_uuid()::text, 0) "
        f"FROM ({everybody}) changed(audience);"
    )


def _create_function(audience: str | None) -> None:
    # As the owner of the tables: who writes a row may write no mark. Nobody may make a trigger of his own of it.
    op.execute(f"""
CREATE FUNCTION {_name(audience)}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    {_append(audience, "added")}
  ELSIF TG_OP = 'UPDATE' THEN
    {_append(audience, "removed", "added")}
  ELSE
    {_append(audience, "removed")}
  END IF;
  RETURN NULL;
END $$
""")
    op.execute(f"REVOKE EXECUTE ON FUNCTION {_name(audience)}() FROM PUBLIC")


def upgrade() -> None:
    op.create_table(
        "table_changes",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("audience", sa.Uuid(as_uuid=False), nullable=True),
        sa.Column("n", sa.Numeric(), nullable=False),
        sa.Column("is_sum", sa.Boolean(), server_default=sa.text("false"), nullable=False),
    )
    op.create_index("ix_table_changes_source_audience", "table_changes", ["source", "audience"])
    op.create_index("ix_table_changes_appended", "table_changes", ["is_sum"], postgresql_where=sa.text("NOT is_sum"))
    for audience in sorted({audience for _, audience in _WATCHED}, key=str):
        _create_function(audience)
    for table, audience in _WATCHED:
        for event, transition in _EVENTS.items():
            op.execute(
                f"CREATE TRIGGER changes_of_{table}_{event.lower()} AFTER {event} ON {table} "
                f"REFERENCING {transition} FOR EACH STATEMENT EXECUTE FUNCTION {_name(audience)}()"
            )


def downgrade() -> None:
    for table, _ in reversed(_WATCHED):
        for event in _EVENTS:
            op.execute(f"DROP TRIGGER changes_of_{table}_{event.lower()} ON {table}")
    for audience in sorted({audience for _, audience in _WATCHED}, key=str):
        op.execute(f"DROP FUNCTION {_name(audience)}()")
    op.drop_table("table_changes")
