"""Sums that writers keep without waiting for each other: a table of signed counts, to which everybody only appends.

A count is the sum of `n` over the rows of its dimensions. A writer inserts what its own transaction adds or takes away,
so that no two writers touch the same row, and a snapshot counts exactly what it sees. A job puts rows of the same
dimensions together, which changes no snapshot's sums and waits for no writer.

    declare_sums("order_counts", OrderCount, access=[...])      # OrderCount has the dimensions
    SELECT sum(n) FROM order_counts WHERE state = 'ISSUED'
    await compact(tx, order_counts)
Source: docs/adr/0134.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Index, Table, TextClause, text
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine

from ledger.storage.access import EVERYTHING, Access
from ledger.storage.database import Transaction
from ledger.storage.records import declare
from ledger.storage.roles import Role

COUNT, IS_SUM = "n", "is_sum"
COMPACTED_ROWS_MAX = 10_000
"""How many appended rows one statement puts together."""

_COMPACTS = Access(role=Role.JOBS, select=EVERYTHING, insert=True, delete=True)
_COUNTS = BigInteger()
_declared: dict[str, Table] = {}


def declare_sums(
    name: str, record: type[Any], *parts: SchemaItem, access: Collection[Access] = (), number: TypeEngine[Any] = _COUNTS
) -> Table:
    """Create the table of a record whose fields are the dimensions; `n` is the count, and no row is unique.

    is_sum: the row is of the job's making. There is no foreign key, which would lock the row that it refers to. number
    is the type of `n`, where what is summed is no count.
    """
    table = declare(
        name,
        record,
        Column(COUNT, number, nullable=False),
        Column(IS_SUM, Boolean, nullable=False, server_default=text("false")),
        *parts,
        Index(f"ix_{name}_appended", IS_SUM, postgresql_where=text(f"NOT {IS_SUM}")),
        access=(*access, _COMPACTS),
    )
    _declared[name] = table
    return table


def list_sums() -> Sequence[Table]:
    """The tables of sums of all modules that were imported, by name."""
    return [_declared[name] for name in sorted(_declared)]


def dimensions_of(table: Table) -> tuple[str, ...]:
    """The columns whose values a count is of."""
    return tuple(column.name for column in table.columns if column.name not in {COUNT, IS_SUM})


async def compact(tx: Transaction, table: Table, *, rows_max: int = COMPACTED_ROWS_MAX) -> int:
    """Put the rows that were appended together with the sums of the same dimensions; returns how many were appended.

    One statement takes up at most rows_max of them. Runs under the JOBS role; safe to run again, and beside writers.
    """
    return int((await tx.execute(_compaction(table), {"rows_max": rows_max})).scalar_one())


class Compaction:
    """Compacts every table of sums, one statement each a run. Owned by the task that runs the jobs."""

    def __init__(self, *, rows_max: int = COMPACTED_ROWS_MAX) -> None:
        """Take up at most so many rows of a table in one statement."""
        self._rows_max = rows_max
        self.has_more = False

    async def run(self, tx: Transaction) -> int:
        """Compact each table once; returns how many appended rows there were."""
        found = [await compact(tx, table, rows_max=self._rows_max) for table in list_sums()]
        self.has_more = max(found, default=0) >= self._rows_max
        return sum(found)


# What it deletes and what it inserts is one statement, so that no snapshot sees one without the other.
@cache
def _compaction(table: Table) -> TextClause:
    names = dimensions_of(table)
    listed = ", ".join(names)
    own = ", ".join(f"t.{name}" for name in names)
    same = " AND ".join(
        f"t.{name} IS NOT DISTINCT FROM d.{name}" if table.c[name].nullable else f"t.{name} = d.{name}"
        for name in names
    )
    return text(f"""
WITH appended AS MATERIALIZED (
  SELECT ctid AS place, {listed} FROM {table.name} WHERE NOT {IS_SUM} LIMIT :rows_max
), touched AS MATERIALIZED (
  SELECT DISTINCT {listed} FROM appended
), summed AS MATERIALIZED (
  SELECT t.ctid AS place FROM {table.name} t JOIN touched d ON {same} WHERE t.{IS_SUM}
), gone AS (
  DELETE FROM {table.name} t
  WHERE t.ctid = ANY(ARRAY(SELECT place FROM appended UNION ALL SELECT place FROM summed))
  RETURNING {own}, t.{COUNT}
), put AS (
  INSERT INTO {table.name} ({listed}, {COUNT}, {IS_SUM})
  SELECT {listed}, sum({COUNT}), true FROM gone GROUP BY {listed} HAVING sum({COUNT}) <> 0
)
SELECT count(*) FROM appended
""")
