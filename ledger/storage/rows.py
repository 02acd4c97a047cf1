"""Reading and writing records: each function runs one statement, however many rows there are.

The transaction's present role determines which columns are read: a viewer's role omits those that the viewer may not
read, and system roles read all of them. Batches are sent as one JSON document (docs/adr/0003).
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import chain, compress
from operator import attrgetter, itemgetter, ne
from typing import Any, TypeVar

import orjson
from sqlalchemy import ColumnElement, Executable, Select, Table, TextClause, select, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import IntegrityError

from ledger.errors import ConflictError, LedgerError
from ledger.storage.columns import is_any
from ledger.storage.database import Transaction
from ledger.storage.failures import find_violated_constraint
from ledger.storage.records import (
    Declaration,
    amender_of,
    declaration_of,
    readable_columns,
    reader_of,
    render_columns,
)
from ledger.storage.roles import Role

R = TypeVar("R")
Violations = Mapping[str, Callable[[], LedgerError]]
_dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


def select_records(tx: Transaction, record: type[Any]) -> Select[Any]:
    """A SELECT of the record's columns that the transaction's present role may read."""
    return select(*readable_columns(record, tx.present_role))


async def fetch_records(
    tx: Transaction, record: type[R], statement: Executable, parameters: Mapping[str, Any] | None = None
) -> list[R]:
    """Run a statement whose columns have the names of the record's fields; other columns are ignored."""
    result = await tx.execute(statement, {"as_of": tx.as_of, **(parameters or {})})
    read = reader_of(record, tuple(result.keys()))
    return [read(row) for row in result.all()]


async def write_records(
    tx: Transaction, record: type[R], statement: Executable, parameters: Mapping[str, Any] | None = None
) -> list[R]:
    """Run a statement that writes rows and returns their columns by the names of the record's fields."""
    written = await fetch_records(tx, record, statement, parameters)
    _note_written(tx, written)
    return written


async def find_record(tx: Transaction, record: type[R], *conditions: ColumnElement[bool]) -> R | None:
    """The only record that meets the conditions and that the present role may see, or None."""
    found = await fetch_records(tx, record, select_records(tx, record).where(*conditions).limit(2))
    if len(found) > 1:
        raise RuntimeError(f"More than one {record.__name__} meets conditions that should identify one.")
    return found[0] if found else None


async def lock_records(tx: Transaction, record: type[R], keys: Sequence[str]) -> dict[str, R]:
    """The records with these keys, locked in key order until the transaction ends; unknown keys are omitted."""
    if not keys:
        return {}
    (key,) = declaration_of(record).table.primary_key.columns
    statement = select_records(tx, record).where(is_any(key, sorted(set(keys)))).order_by(key)
    found = await fetch_records(tx, record, statement.with_for_update(key_share=True))
    return {getattr(row, key.name): row for row in found}


async def load_records(
    tx: Transaction, record: type[R], keys: Sequence[str], *conditions: ColumnElement[bool]
) -> dict[str, R]:
    """The records with these keys that meet the conditions and that the present role may see, in one statement."""
    if not keys:
        return {}
    (key,) = declaration_of(record).table.primary_key.columns
    statement = select_records(tx, record).where(is_any(key, sorted(set(keys))), *conditions)
    return {getattr(row, key.name): row for row in await fetch_records(tx, record, statement)}


async def insert_records(
    tx: Transaction,
    records: Sequence[R],
    *,
    more: Sequence[Mapping[str, Any]] | None = None,
    unless: str | None = None,
    violations: Violations | None = None,
) -> None:
    """Insert rows, all or none.

    Shapes: more has, for each record, the columns that are not part of the record. unless names the unique constraint
    or index whose conflicting rows are skipped, leaving the existing row unchanged. violations maps the name of a
    constraint to the error that its violation raises. Errors: those of violations.
    """
    if not records:
        return
    names = _written_names(type(records[0]), more)
    rows = dump_rows(written_rows(records, more))
    try:
        await tx.execute(_insertion(declaration_of(type(records[0])), names, unless=unless), {"rows": rows})
    except IntegrityError as error:
        raise _translate(error, violations or {}) from error
    _note_written(tx, records)


async def insert_and_read(
    tx: Transaction, records: Sequence[R], *, more: Sequence[Mapping[str, Any]] | None = None, unless: str | None = None
) -> list[R]:
    """Insert rows and return them as PostgreSQL stored them, in no particular order.

    unless names the unique constraint or index whose conflicting rows are skipped and not returned; any other
    violation is an error.
    """
    if not records:
        return []
    record = type(records[0])
    names = _written_names(record, more)
    returning = render_columns(record, tx.present_role)
    statement = _insertion(declaration_of(record), names, unless=unless, returning=returning)
    return await write_records(tx, record, statement, {"rows": dump_rows(written_rows(records, more))})


async def insert_new(
    tx: Transaction, records: Sequence[Any], *, unless: str, more: Sequence[Mapping[str, Any]] | None = None
) -> set[str]:
    """Insert rows and return the keys of those that did not conflict under the named constraint or index.

    As insert_and_read, for callers that already have the content of the rows.
    """
    if not records:
        return set()
    declaration = declaration_of(type(records[0]))
    (key,) = declaration.key
    names = _written_names(type(records[0]), more)
    statement = _insertion(declaration, names, unless=unless, returning=key)
    new = set((await tx.execute(statement, {"rows": dump_rows(written_rows(records, more))})).scalars())
    _note_written(tx, [each for each in records if getattr(each, key) in new])
    return new


async def update_records(tx: Transaction, changes: Sequence[tuple[R, R]]) -> list[R]:
    """Write the differences between the old and the new record of each pair; returns the updated rows in that order.

    The old records are the rows as this transaction locked them: only what is written and what is derived is read back.
    Errors: ConflictError if a row no longer exists.
    """
    if not changes:
        return []
    declaration = declaration_of(type(changes[0][0]))
    stored = declaration.stored()
    read = attrgetter(*stored)
    differing = [tuple(compress(stored, map(ne, read(old), read(new)))) for old, new in changes]
    written = frozenset(chain.from_iterable(differing))
    changed = tuple(name for name in stored if name in written)
    if not changed:
        return [new for _, new in changes]
    key = declaration.key
    rows = [{name: getattr(new, name) for name in (*key, *changed)} for _, new in changes]
    parameters = {"rows": dump_rows(rows), "as_of": tx.as_of}
    result = await tx.execute(_update(declaration, changed, tx.present_role), parameters)
    names = tuple(result.keys())
    amend, read_key = amender_of(declaration.record, names), itemgetter(*map(names.index, key))
    found = {read_key(row): row for row in result}
    if len(found) != len(changes):
        raise ConflictError("A record was changed concurrently; nothing was written.")
    without = declaration.committed_by.without if declaration.committed_by is not None else frozenset()
    proving = [not without.issuperset(each) for each in differing]
    _note_written(tx, [new for _, new in compress(changes, proving)])
    key_of = attrgetter(*key)
    return [amend(new, found[key_of(new)]) for _, new in changes]


def _note_written(tx: Transaction, records: Sequence[Any]) -> None:
    by = declaration_of(type(records[0])).committed_by if records else None
    if by is not None:
        tx.note_written(by.subject, [getattr(each, by.column) for each in records])


def dump_rows(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as the JSON text that json_populate_recordset reads."""
    return orjson.dumps(list(rows), default=_dump_value).decode()


def _dump_value(value: Any) -> Any:
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} has no JSON form.")


def _written_names(record: type[Any], more: Sequence[Mapping[str, Any]] | None) -> tuple[str, ...]:
    return (*declaration_of(record).stored(), *(more[0] if more else ()))


def written_rows(records: Sequence[Any], more: Sequence[Mapping[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The records as rows to insert. None is omitted, since a missing key becomes NULL."""
    names = declaration_of(type(records[0])).stored()
    rows = [{name: value for name in names if (value := getattr(record, name)) is not None} for record in records]
    if more is not None:
        for row, added in zip(rows, more, strict=True):
            row.update(added)
    return rows


@cache
def _insertion(
    declaration: Declaration[Any], names: tuple[str, ...], *, unless: str | None = None, returning: str | None = None
) -> TextClause:
    table = declaration.table.name
    listed = ", ".join(names)
    statement = (
        f"INSERT INTO {table} ({listed}) SELECT {listed} "
        f"FROM json_populate_recordset(NULL::{table}, CAST(:rows AS json))"
    )
    if unless is not None:
        statement += f" ON CONFLICT {_render_target(declaration.table, unless)} DO NOTHING"
    if returning is not None:
        statement += f" RETURNING {returning}"
    return text(statement)


@cache
def _update(declaration: Declaration[Any], changed: tuple[str, ...], role: Role) -> TextClause:
    table = declaration.table
    given = ", ".join(f"{name} {table.columns[name].type.compile(_dialect)}" for name in (*declaration.key, *changed))
    written = ", ".join(f"{name} = changed.{name}" for name in changed)
    matched = " AND ".join(f"{table.name}.{name} = changed.{name}" for name in declaration.key)
    derived = [member.name for member in declaration.members.values() if member.derivation is not None]
    returning = render_columns(declaration.record, role, (*declaration.key, *changed, *derived))
    return text(
        f"UPDATE {table.name} SET {written} FROM json_to_recordset(CAST(:rows AS json)) AS changed({given}) "
        f"WHERE {matched} RETURNING {returning}"
    )


def _render_target(table: Table, name: str) -> str:
    """The conflict target for a unique constraint or index. Errors: LookupError."""
    for index in table.indexes:
        if index.name == name and index.unique:
            where = index.dialect_options["postgresql"]["where"]
            rendered = f" WHERE {where.compile(dialect=_dialect)}" if where is not None else ""
            return f"({', '.join(column.name for column in index.columns)}){rendered}"
    for constraint in table.constraints:
        if _dialect.identifier_preparer.format_constraint(constraint) == name:
            return f"ON CONSTRAINT {name}"
    raise LookupError(f"{table.name} has no unique constraint or index {name}.")


def _translate(error: IntegrityError, violations: Violations) -> Exception:
    """The domain error for the violated constraint; if the constraint is not listed, the original error."""
    make = violations.get(find_violated_constraint(error) or "")
    return error if make is None else make()
