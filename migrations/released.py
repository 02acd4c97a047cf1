"""What the released version uses of the schema, which a later one must still have: processes of both run beside it.

`released_schema.json` is written when a version is released, by `python -m migrations.released`. Until the next one,
tests/architecture/test_released_schema.py compares the records with it; docs/adr/0122.
"""

import json
from pathlib import Path
from typing import Any, TypedDict

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, PrimaryKeyConstraint, Table, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.schema import AddConstraint

from ledger.storage.access import Access, selected_columns
from migrations.metadata import metadata

RELEASED = Path(__file__).with_name("released_schema.json")
_DIALECT = PGDialect()  # type: ignore[no-untyped-call]


class TableForm(TypedDict):
    """What statements that know a table rely on.

    columns have their type, followed by NULL and DEFAULT where they may be NULL and have a default. rules are what can
    refuse a row, by name. rights are the columns of each role and verb, such as `carrier SELECT`.
    """

    columns: dict[str, str]
    rules: dict[str, str]
    rights: dict[str, str]


def describe_schema() -> dict[str, TableForm]:
    """Return what the records declare, by table."""
    return {table.name: _describe_table(table) for table in metadata.sorted_tables}


def _describe_table(table: Table) -> TableForm:
    rights: dict[str, set[str]] = {}
    for rule in table.info["access"]:
        for verb, columns in _list_rights(table, rule).items():
            rights.setdefault(f"{rule.role.value} {verb}", set()).update(columns)
    return {
        "columns": {column.name: _describe_column(column) for column in table.columns},
        "rules": dict(_list_rules(table)),
        "rights": {name: ", ".join(sorted(columns)) for name, columns in rights.items()},
    }


def _describe_column(column: Column[Any]) -> str:
    is_given = column.server_default is not None or column.identity is not None
    words = (column.type.compile(dialect=_DIALECT), "NULL" if column.nullable else "", "DEFAULT" if is_given else "")
    return " ".join(filter(None, words))


def _list_rules(table: Table) -> list[tuple[str, str]]:
    """The constraints that can refuse a row, and unique indexes, by name."""
    found = []
    for rule in table.constraints:
        if isinstance(rule, CheckConstraint):
            text = f"CHECK {rule.sqltext}"
        elif isinstance(rule, ForeignKeyConstraint):
            text = f"FOREIGN KEY ({', '.join(rule.column_keys)}) REFERENCES {rule.referred_table.name}"
        elif isinstance(rule, ExcludeConstraint):
            text = str(AddConstraint(rule).compile(dialect=_DIALECT)).partition(" ADD CONSTRAINT ")[2]
        elif isinstance(rule, UniqueConstraint | PrimaryKeyConstraint):
            text = f"UNIQUE ({', '.join(column.name for column in rule.columns)})"
        else:
            raise TypeError(f"A kind of rule that nothing compares: {rule}")
        found.append((str(rule.name), text))
    for index in table.indexes:
        if index.unique:
            where = index.dialect_options["postgresql"]["where"]
            named = ", ".join(str(part) for part in index.expressions)
            found.append((str(index.name), f"UNIQUE ({named}) WHERE {where}"))
    return found


def _list_rights(table: Table, rule: Access) -> dict[str, list[str]]:
    every = [column.name for column in table.columns]
    rights = {}
    if rule.select is not None:
        rights["SELECT"] = list(selected_columns(table, rule)) or every
    if rule.update is not None:
        rights["UPDATE"] = list(rule.update) or every
    for verb, is_given in (("INSERT", rule.insert), ("DELETE", rule.delete)):
        if is_given:
            rights[verb] = every
    return rights


if __name__ == "__main__":
    RELEASED.write_text(json.dumps(describe_schema(), indent=1, sort_keys=True) + "\n", encoding="utf-8")
