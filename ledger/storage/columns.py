"""How columns are declared: UUIDs as text in Python, times in UTC, closed lists as text under a CHECK.

Native enums are not used: their operators are not leakproof, so row-level security prevents the use of an index.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    DateTime,
    ForeignKey,
    Text,
    Uuid,
    any_,
    bindparam,
    false,
)
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.identifiers import parse_id


def id_column(name: str = "id", *, primary_key: bool = True) -> Column[str]:
    """A UUIDv7, read and written as text."""
    return Column(name, Uuid(as_uuid=False), primary_key=primary_key, nullable=False)


def reference(
    name: str, target: str, *, nullable: bool = False, index: bool = False, primary_key: bool = False
) -> Column[str]:
    """A foreign key to `table.column`; the rows that it references are never deleted."""
    return Column(
        name, Uuid(as_uuid=False), ForeignKey(target), nullable=nullable, index=index, primary_key=primary_key
    )


def holds_id(column: ColumnElement[str], sent: str) -> ColumnElement[bool]:
    """The condition that the column equals the id that a client sent; a malformed id matches no row."""
    known = parse_id(sent)
    return column == known if known is not None else false()


def is_any(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """The condition that the column holds one of the values, which travel as one parameter, however many there are."""
    return column == any_(bindparam(None, list(values), type_=ARRAY(column.type)))


def is_one_of(column: ColumnElement[Any], values: Iterable[str]) -> ColumnElement[bool]:
    """The condition that the column holds one of these values of a closed list, which are part of the statement.

    An index that has only the rows of some values serves a statement for which they are known.
    """
    listed = bindparam(None, sorted(values), column.type, expanding=True, literal_execute=True)
    return column.in_(listed)


def moment(name: str, *, nullable: bool = False) -> Column[Any]:
    """A time in UTC."""
    return Column(name, DateTime(timezone=True), nullable=nullable)


def one_of(column: str, values: Iterable[str], *, name: str | None = None) -> CheckConstraint:
    """The column holds one of the values, or NULL if it is nullable."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=name or f"{column}_known")


def each_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """Every element of the text array is one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} <@ ARRAY[{listed}]::text[]", name=f"{column}_known")


def text_list(name: str) -> Column[Any]:
    """A list of short texts, empty by default."""
    return Column(name, ARRAY(Text), nullable=False, server_default="{}")
