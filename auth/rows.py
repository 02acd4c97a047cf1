"""Rows as records: the columns of a statement become the fields of a dataclass, by name."""

from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import Label, Row, Table

R = TypeVar("R")
AnyRow = Row[*tuple[Any, ...]]


def columns_of(record: type[Any], table: Table, **renamed: str) -> list[Label[Any]]:
    """Return a column of the table for each field: the one of its name, or the one that it is renamed from."""
    return [table.c[renamed.get(field.name, field.name)].label(field.name) for field in fields(record)]


def make_record(record: type[R], row: AnyRow) -> R:
    """Return the row as a record; a column that is not one of its fields, or is missing, raises TypeError."""
    return record(**dict(zip(row._fields, row, strict=True)))


def read_record(record: type[R], row: AnyRow | None) -> R | None:
    """Return the row as a record, or None if there is no row."""
    return make_record(record, row) if row is not None else None
