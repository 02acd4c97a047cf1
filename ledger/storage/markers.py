"""What a field of a record says beside its type: markers for `Annotated`, and their form for plain columns."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, DateTime, bindparam
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from ledger.storage.roles import Role

Columns = ReadOnlyColumnCollection[str, Column[Any]]

AS_OF = bindparam("as_of", type_=DateTime(timezone=True))
"""The operation's time, for expressions that depend on it; the code that runs the statement binds it."""

DERIVED: Any = None
"""The value of a derived field on a record that was created in Python and not read."""
ASSIGNED: Any = None
"""The value of a column that PostgreSQL assigns, on a record that was created in Python and not read."""


class Mark(Enum):
    """What a column is, where its type doesn't say it."""

    KEY = auto()
    """It is part of the primary key."""
    REQUIRED = auto()
    """It is NOT NULL although the field may be None, since `only` hides it from some roles."""
    SERIAL = auto()
    """PostgreSQL assigns its value from a sequence."""
    UNCHECKED = auto()
    """Its closed list is extended by later versions, so that no CHECK restricts its values."""
    UNIQUE = auto()
    """No two rows have the same value."""


KEY, REQUIRED, SERIAL, UNCHECKED, UNIQUE = Mark


@dataclass(frozen=True, slots=True)
class Kind:
    """The column's SQL type, if it does not follow from the field's type."""

    sql: Any


BIG = Kind(BigInteger())


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key to `table.column`; the rows that it references are never deleted."""

    target: str
    index: bool


@dataclass(frozen=True, slots=True)
class Readers:
    """The viewers' roles that may read the column."""

    roles: frozenset[Role]


@dataclass(frozen=True, slots=True)
class Derivation:
    """The field is not a column but an expression over the table's columns."""

    expression: Callable[[Columns], ColumnElement[Any]]


def references(target: str, *, index: bool = False) -> Reference:
    """A foreign key to `table.column`; the rows that it references are never deleted."""
    return Reference(target, index)


def only(*roles: Role) -> Readers:
    """Of the viewers' roles, only these may read the column."""
    return Readers(frozenset(roles))


def kept_for(*roles: Role) -> dict[str, Any]:
    """The equivalent of `only` for a plain column, as its `info`."""
    return {"readers": frozenset(roles)}


def derived(expression: Callable[[Columns], ColumnElement[Any]]) -> Derivation:
    """The field has the value of this expression over the table's columns."""
    return Derivation(expression)
