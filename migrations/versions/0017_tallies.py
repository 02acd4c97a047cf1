"""Tallies of orders and complaints: triggers keep them, whoever writes, and what is there is counted once."""

from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


class _Dimension(NamedTuple):
    """A column of a tally, and the SQL that it follows from, if that is not the column of the same name of a row r."""

    name: str
    type: sa.types.TypeEngine[Any]
    taken: str | None = None
    is_nullable: bool = False


class _Tally(NamedTuple):
    name: str
    source: str
    where: str
    indexed: str | None
    dimensions: tuple[_Dimension, ...]


_UUID, _TEXT, _FLAG, _MOMENT = sa.Uuid(as_uuid=False), sa.Text(), sa.Boolean(), sa.DateTime(timezone=True)
_OWED = "r.state IN ('ISSUED', 'LIFT_ISSUED', 'PARTIAL', 'RECEIVED')"
_ISSUED_ON = "(r.issued_at AT TIME ZONE 'Asia/Jakarta')::date"
_FILED_ON = "(r.filed_at AT TIME ZONE 'Asia/Jakarta')::date"
_TOOK = "(r.executed_at - r.issued_at)"
_CLASS = (
    f"CASE WHEN {_TOOK} IS NOT NULL THEN "
    f"floor(ln(greatest(extract(epoch FROM {_TOOK})::float8, 1)) / 0.09531017980432493)::integer END"
)
_CARRIER, _BRAND = _Dimension("carrier_id", _UUID), _Dimension("brand_id", _UUID, is_nullable=True)
_SOURCE, _STATE, _CATEGORY = (
    _Dimension("source_id", _UUID),
    _Dimension("state", _TEXT),
    _Dimension("category", _TEXT),
)
_LATE = _Dimension("was_late", _FLAG)
_TALLIES = (
    _Tally(
        "complaint_counts",
        "complaints",
        "true",
        None,
        (_SOURCE, _STATE, _CATEGORY),
    ),
    _Tally(
        "complaint_days",
        "complaints",
        "true",
        "day",
        (
            _Dimension("day", sa.Date(), _FILED_ON),
            _SOURCE,
            _STATE,
            _CATEGORY,
            _Dimension(
                "region", _TEXT, "(SELECT p.region FROM phone_numbers p WHERE p.e164 = r.e164)", is_nullable=True
            ),
        ),
    ),
    _Tally(
        "complaint_dues",
        "complaints",
        "r.state IN ('REOPENED', 'SUBMITTED') AND r.verification_due_at IS NOT NULL",
        "due_hour",
        (
            _SOURCE,
            _STATE,
            _CATEGORY,
            _Dimension("due_hour", _MOMENT, "date_trunc('hour', r.verification_due_at, 'UTC')"),
        ),
    ),
    _Tally(
        "order_counts",
        "block_orders",
        "true",
        None,
        (_CARRIER, _BRAND, _STATE, _CATEGORY, _LATE, _Dimension("impossible_reason", _TEXT, is_nullable=True)),
    ),
    _Tally(
        "order_days",
        "block_orders",
        "r.issued_at IS NOT NULL",
        "day",
        (
            _Dimension("day", sa.Date(), _ISSUED_ON),
            _CARRIER,
            _BRAND,
            _CATEGORY,
            _Dimension("is_open", _FLAG, _OWED),
            _LATE,
            _Dimension("seconds_class", sa.Integer(), _CLASS, is_nullable=True),
        ),
    ),
    _Tally(
        "order_dues",
        "block_orders",
        f"{_OWED} AND r.due_at IS NOT NULL",
        "due_hour",
        (
            _Dimension("day", sa.Date(), _ISSUED_ON),
            _CARRIER,
            _BRAND,
            _STATE,
            _CATEGORY,
            _LATE,
            _Dimension("due_hour", _MOMENT, "date_trunc('hour', r.due_at, 'UTC')"),
        ),
    ),
)
_SOURCES = ("block_orders", "complaints")
_ADDED, _REMOVED = "NEW TABLE AS added", "OLD TABLE AS removed"
_CHANGES = {"INSERT": (_ADDED,), "UPDATE": (_REMOVED, _ADDED), "DELETE": (_REMOVED,)}


def _list(tally: _Tally) -> str:
    return ", ".join(each.name for each in tally.dimensions)


def _select(tally: _Tally, rows: str, n: str) -> str:
    values = ", ".join(f"{each.taken or f'r.{each.name}'} AS {each.name}" for each in tally.dimensions)
    return f"SELECT {values}, {n} AS n FROM {rows} r WHERE {tally.where}"


def _append(tally: _Tally, changed: str, having: str = "") -> str:
    listed = _list(tally)
    return (
        f"INSERT INTO {tally.name} ({listed}, n) SELECT {listed}, sum(n) AS n "
        f"FROM ({changed}) changed GROUP BY {listed}{having}"
    )


def _count_changes(tally: _Tally, operation: str) -> str:
    """What is added less what is removed, by group, without the groups in which nothing changes."""
    added, removed = _select(tally, "added", "1"), _select(tally, "removed", "-1")
    if operation == "UPDATE":
        return _append(tally, f"{added} UNION ALL {removed}", " HAVING sum(n) <> 0")
    return _append(tally, added if operation == "INSERT" else removed)


def _create_triggers(source: str) -> None:
    name = f"tally_{source}"
    branches = "".join(
        f"  {'IF' if operation == 'INSERT' else 'ELSIF'} TG_OP = '{operation}' THEN\n"
        + "".join(f"    {_count_changes(tally, operation)};\n" for tally in _TALLIES if tally.source == source)
        for operation in _CHANGES
    )
    # As the owner of the tables: who writes a row may write no count. Nobody may make a trigger of his own of it.
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER\n"
        f"SET search_path = pg_catalog, public, pg_temp AS $$\nBEGIN\n{branches}  END IF;\n  RETURN NULL;\nEND $$"
    )
    op.execute(f"REVOKE EXECUTE ON FUNCTION {name}() FROM PUBLIC")
    for operation, tables in _CHANGES.items():
        op.execute(
            f"CREATE TRIGGER {name}_{operation.lower()} AFTER {operation} ON {source} "
            f"REFERENCING {' '.join(tables)} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def upgrade() -> None:
    for tally in _TALLIES:
        op.create_table(
            tally.name,
            *(sa.Column(each.name, each.type, nullable=each.is_nullable) for each in tally.dimensions),
            sa.Column("n", sa.BigInteger(), nullable=False),
            sa.Column("is_sum", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
        op.execute(_append(tally, _select(tally, tally.source, "1")))
        op.create_index(f"ix_{tally.name}_appended", tally.name, ["is_sum"], postgresql_where=sa.text("NOT is_sum"))
        if tally.indexed is not None:
            op.create_index(f"ix_{tally.name}_{tally.indexed}", tally.name, [tally.indexed])
    for source in _SOURCES:
        _create_triggers(source)
    op.create_table(
        "tally_recounts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("recounted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("differences", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_tally_recounts")),
        sa.CheckConstraint("differences >= 0", name=op.f("ck_tally_recounts_differences_not_negative")),
    )


def downgrade() -> None:
    op.drop_table("tally_recounts")
    for source in reversed(_SOURCES):
        for operation in _CHANGES:
            op.execute(f"DROP TRIGGER tally_{source}_{operation.lower()} ON {source}")
        op.execute(f"DROP FUNCTION tally_{source}()")
    for tally in reversed(_TALLIES):
        op.drop_table(tally.name)
