"""Tallies: sums of a table's rows by some of their values, which triggers keep whoever writes the table.

    @dataclass(frozen=True, slots=True, kw_only=True)
    class OrderCount:
        carrier_id: MemberId
        state: Annotated[OrderState, UNCHECKED]
        day: Annotated[date, taken("(r.issued_at AT TIME ZONE 'Asia/Jakarta')::date")]

    declare_tally("order_counts", OrderCount, of="block_orders", where="r.issued_at IS NOT NULL", access=[...])

A dimension is the column of the same name of the row `r`, or what `taken` says. The triggers stand in a revision: each
runs once for a statement and appends the differences by group (ledger/storage/sums.py). What they keep is compared with
what is declared here by recounting (ledger/storage/recounts.py).
Source: docs/adr/0134.
"""

import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table
from sqlalchemy.schema import SchemaItem

from ledger.storage.access import Access, reads
from ledger.storage.roles import Role
from ledger.storage.sums import COUNT, declare_sums, dimensions_of

_ALL = "true"


@dataclass(frozen=True, slots=True)
class Taken:
    """The SQL expression of a dimension, over the row `r`; it must not depend on the time or the session."""

    sql: str


def taken(sql: str) -> Taken:
    """The dimension has the value of this SQL expression over the row `r`."""
    return Taken(sql)


@dataclass(frozen=True, slots=True)
class Tally:
    """A table of sums, whose rows it counts, which of them, and how each dimension follows from a row `r`."""

    table: Table
    source: str
    where: str
    expressions: Mapping[str, str]

    @property
    def listed(self) -> str:
        """The dimensions, as a list of columns."""
        return ", ".join(self.expressions)

    def recount(self) -> str:
        """A SELECT of what the sums lack of the truth, by dimensions; no row if they are right."""
        values = ", ".join(f"{sql} AS {name}" for name, sql in self.expressions.items())
        return (
            f"SELECT {self.listed}, sum({COUNT}) AS {COUNT} FROM ("
            f"SELECT {values}, 1 AS {COUNT} FROM {self.source} r WHERE {self.where} "
            f"UNION ALL SELECT {self.listed}, -{COUNT} FROM {self.table.name}"
            f") differing GROUP BY {self.listed} HAVING sum({COUNT}) <> 0"
        )


_tallies: dict[str, Tally] = {}


def declare_tally(
    name: str,
    record: type[Any],
    *parts: SchemaItem,
    of: str,
    where: str = _ALL,
    access: Collection[Access] = (),
) -> Table:
    """Create the table of a tally of the rows of another table that meet the condition over `r`.

    The verifier, which recounts it, must be able to read that table.
    """
    table = declare_sums(name, record, *parts, access=(*access, *reads(Role.VERIFIER)))
    hints = typing.get_type_hints(record, include_extras=True)
    expressions = {each: f"r.{each}" for each in dimensions_of(table)}
    for each, hint in hints.items():
        for marker in typing.get_args(hint)[1:]:
            if isinstance(marker, Taken):
                expressions[each] = marker.sql
    _tallies[name] = Tally(table, of, where, expressions)
    return table


def list_tallies() -> Sequence[Tally]:
    """The tallies of all modules that were imported, by name."""
    return [_tallies[name] for name in sorted(_tallies)]
