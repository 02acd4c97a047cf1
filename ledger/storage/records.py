"""Records: one declaration defines both a table and the type of its rows in Python.

A record is a frozen dataclass. A field's type determines its column's type (an id, text, a closed list, a time) and
whether it is nullable; its default is the column's default; `Annotated` carries everything else:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Brand:
        id: Annotated[BrandId, KEY]
        member_id: Annotated[MemberId, references("members.id")]
        slug: str
        contact: Annotated[str | None, only(Role.REGULATOR)] = None
        label: Annotated[str, derived(lambda c: c.slug + func.coalesce(c.contact, ""))] = DERIVED

    brands = declare("brands", Brand, UniqueConstraint("member_id", "slug"), access=[Access(role=Role.REGULATOR, ...)])

A derived field is an SQL expression over the table's columns and is read whenever the row is read. A viewer's role
can't select a column that `only` reserves for other roles; the field is None on the records that it reads. Stored
columns that are not part of the record (sealed values, hashes) are passed to `declare` as plain columns.
Source: docs/adr/0070.
"""

import types
import typing
from collections.abc import Callable, Collection, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Generic, TypeVar

from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    ColumnElement,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Integer,
    Label,
    LargeBinary,
    Table,
    Text,
    Uuid,
    literal_column,
    text,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.schema import SchemaItem
from sqlalchemy.sql.visitors import replacement_traverse

from ledger import identifiers
from ledger.copies import replace, unfinished_of
from ledger.storage.access import Access, reads
from ledger.storage.columns import each_of, one_of
from ledger.storage.commitments import CommittedBy
from ledger.storage.markers import (
    AS_OF,
    KEY,
    REQUIRED,
    SERIAL,
    UNCHECKED,
    UNIQUE,
    Derivation,
    Kind,
    Readers,
    Reference,
    kept_for,
)
from ledger.storage.metadata import metadata
from ledger.storage.roles import Role, may_read

R = TypeVar("R")
_UUID = Uuid(as_uuid=False)

_SQL_TYPES: Mapping[Any, Any] = {
    str: Text(),
    int: Integer(),
    bool: Boolean(),
    bytes: LargeBinary(),
    datetime: DateTime(timezone=True),
    date: Date(),
    identifiers.ClientId: Text(),
    identifiers.Position: BigInteger(),
    **{
        kind: _UUID
        for name, kind in vars(identifiers).items()
        if isinstance(kind, typing.NewType) and name not in {"ClientId", "Position"}
    },
}


@dataclass(frozen=True, slots=True)
class Member:
    """One field of a record, as its annotation defines it."""

    name: str
    convert: Callable[[Any], Any] | None
    """Converts the driver's value to the field's type, if the two differ; never called with None."""
    column: Column[Any] | None
    derivation: Derivation | None
    readers: frozenset[Role] | None
    is_assigned: bool


@dataclass(frozen=True, slots=True, eq=False)
class Declaration(Generic[R]):
    """A record, its table, and its fields in order."""

    record: type[R]
    table: Table
    members: Mapping[str, Member]

    @property
    def key(self) -> tuple[str, ...]:
        """The names of the primary key's columns."""
        return _key_names(self.table)

    @property
    def committed_by(self) -> CommittedBy | None:
        """The subject of the log that the rows belong to, if any."""
        return self.table.info.get("committed_by")

    def stored(self) -> list[str]:
        """The fields that an INSERT writes: all columns except those that PostgreSQL assigns."""
        return [member.name for member in self.members.values() if member.column is not None and not member.is_assigned]


@cache
def _key_names(table: Table) -> tuple[str, ...]:
    return tuple(str(column.name) for column in table.primary_key.columns)


_declarations: dict[type[Any], Declaration[Any]] = {}


def declare(
    name: str,
    record: type[Any],
    *parts: SchemaItem,
    access: Collection[Access] = (),
    committed_by: CommittedBy | None = None,
    is_watched: bool = False,
) -> Table:
    """Create the record's table.

    parts are the columns that are not part of the record, the constraints and the indexes. access defines who may
    access which rows; `only` on the fields defines which columns a viewer may read. committed_by is the subject of the
    log whose entries commit to the rows; the verifier may read such rows whole. is_watched: changes of the rows leave
    marks (ledger/storage/changes.py), by triggers that a revision creates, so that answers which show them have tags.
    """
    hints = typing.get_type_hints(record, include_extras=True)
    members: dict[str, Member] = {}
    checks: list[SchemaItem] = []
    for field in fields(record):
        members[field.name] = _work_out(field, hints[field.name], checks)
    columns = [member.column for member in members.values() if member.column is not None]
    rules = (*access, *reads(Role.VERIFIER)) if committed_by is not None else access
    table = declare_table(name, *columns, *checks, *parts, access=rules)
    if committed_by is not None:
        table.info["committed_by"] = committed_by
    table.info["record"] = record
    table.info["is_watched"] = is_watched
    _declarations[record] = Declaration(record, table, members)
    return table


def declare_table(name: str, *parts: SchemaItem, access: Collection[Access] = ()) -> Table:
    """Create a table that has no record type, because only dedicated SQL statements use its rows."""
    return Table(name, metadata, *parts, info={"access": tuple(access)})


def declaration_of(record: type[R]) -> Declaration[R]:
    """The declaration of a record. Errors: KeyError for a class that was not declared."""
    return _declarations[record]


def _work_out(field: "Field[Any]", hint: Any, checks: list[SchemaItem]) -> Member:
    markers: tuple[Any, ...] = ()
    if typing.get_origin(hint) is typing.Annotated:
        hint, *more = typing.get_args(hint)
        markers = tuple(more)
    kind, is_optional = _strip_none(hint)
    readers = _find(markers, Readers)
    derivation = _find(markers, Derivation)
    column = None if derivation else _make_column(field, kind, markers, is_optional=is_optional)
    if column is not None and UNCHECKED not in markers:
        _append_check(field.name, kind, checks)
    return Member(
        name=field.name,
        convert=_find_converter(kind),
        column=column,
        derivation=derivation,
        readers=readers.roles if readers else None,
        is_assigned=SERIAL in markers,
    )


def _make_column(field: "Field[Any]", kind: Any, markers: tuple[Any, ...], *, is_optional: bool) -> Column[Any]:
    reference = _find(markers, Reference)
    readers = _find(markers, Readers)
    extras: list[Any] = [ForeignKey(reference.target)] if reference else []
    is_serial = SERIAL in markers
    if is_serial:
        extras.append(Identity(always=True))
    is_key = KEY in markers
    return Column(
        field.name,
        _sql_type(kind, markers),
        *extras,
        primary_key=is_key,
        autoincrement=False if is_key and not is_serial else "auto",
        nullable=is_optional and REQUIRED not in markers,
        index=True if reference and reference.index else None,
        unique=True if UNIQUE in markers else None,
        server_default=_render_default(field),
        info=kept_for(*readers.roles) if readers else {},
    )


def _find(markers: tuple[Any, ...], kind: type[R]) -> R | None:
    return next((marker for marker in markers if isinstance(marker, kind)), None)


def _strip_none(hint: Any) -> tuple[Any, bool]:
    if typing.get_origin(hint) in {typing.Union, types.UnionType}:
        kinds = [kind for kind in typing.get_args(hint) if kind is not type(None)]
        (kind,) = kinds
        return kind, True
    return hint, False


def _sql_type(kind: Any, markers: tuple[Any, ...]) -> Any:
    told = _find(markers, Kind)
    if told is not None:
        return told.sql
    if typing.get_origin(kind) is tuple:
        element = typing.get_args(kind)[0]
        return ARRAY(_SQL_TYPES.get(element, Text()))
    if typing.get_origin(kind) is not None and issubclass(typing.get_origin(kind), Mapping):
        return JSONB()
    return _SQL_TYPES.get(kind, Text())


def _append_check(name: str, kind: Any, checks: list[SchemaItem]) -> None:
    if _is_closed_list(kind):
        checks.append(one_of(name, kind))
    elif typing.get_origin(kind) is tuple and _is_closed_list(typing.get_args(kind)[0]):
        checks.append(each_of(name, typing.get_args(kind)[0]))


def _is_closed_list(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, StrEnum)


def _render_default(field: "Field[Any]") -> Any:
    value = field.default
    if value is MISSING or value is None:
        return None
    if isinstance(value, bool):
        return text("true" if value else "false")
    if isinstance(value, int):
        return text(str(value))
    if isinstance(value, tuple):
        return "{}"
    return str(value)


def _find_converter(kind: Any) -> Callable[[Any], Any] | None:
    if _is_closed_list(kind):
        return _converter_of(kind)
    if typing.get_origin(kind) is tuple:
        element = _find_converter(typing.get_args(kind)[0])
        return tuple if element is None else lambda values: tuple(map(element, values))
    return None


def _converter_of(kind: type[StrEnum]) -> Callable[[Any], Any]:
    members = {member.value: member for member in kind}
    if getattr(kind, "later_values", None) is not None:
        return kind
    return members.__getitem__


def expression_of(record: type[Any], name: str) -> ColumnElement[Any]:
    """A field of a record as an SQL expression: its column, or the expression that it is derived from."""
    return _expression(declaration_of(record), name)


@cache
def _expression(declaration: Declaration[Any], name: str) -> ColumnElement[Any]:
    member = declaration.members[name]
    if member.derivation is not None:
        return member.derivation.expression(declaration.table.c)
    return declaration.table.c[name]


def readable_columns(record: type[Any], role: Role) -> tuple[ColumnElement[Any], ...]:
    """The columns and derived expressions of a record that a role may read, each labelled with its field's name."""
    return _readable(declaration_of(record), role)


@cache
def _readable(declaration: Declaration[Any], role: Role) -> tuple[ColumnElement[Any], ...]:
    found: list[ColumnElement[Any]] = []
    for member in declaration.members.values():
        if not may_read(member.readers, role):
            continue
        expression = _expression(declaration, member.name)
        found.append(expression if member.derivation is None else expression.label(member.name))
    return tuple(found)


_dialect = postgresql.dialect(paramstyle="named")  # type: ignore[no-untyped-call]


def render_columns(record: type[Any], role: Role, names: tuple[str, ...] | None = None) -> str:
    """The same as SQL text, for the list of a SELECT or RETURNING on the unaliased table; of these fields if given."""
    return _render(declaration_of(record), role, names)


@cache
def _render(declaration: Declaration[Any], role: Role, names: tuple[str, ...] | None) -> str:
    rendered = []
    for column in _readable(declaration, role):
        if names is not None and column.name not in names:
            continue
        if isinstance(column, Label):
            expression = replacement_traverse(column.element, {}, _name_clock)
            compiled = expression.compile(dialect=_dialect, compile_kwargs={"literal_binds": True})
            rendered.append(f"({compiled}) AS {column.name}")
        else:
            rendered.append(f"{declaration.table.name}.{column.name}")
    return ", ".join(rendered)


def _name_clock(element: Any, **_: Any) -> ColumnElement[Any] | None:
    """The time as a named parameter, since its value is not known yet and can't be rendered as a literal."""
    is_clock = isinstance(element, BindParameter) and element.key == AS_OF.key
    return literal_column("CAST(:as_of AS timestamptz)") if is_clock else None


def reader_of(record: type[R], names: tuple[str, ...]) -> Callable[[Any], R]:
    """A function that converts rows with these column names to records; fields that the rows lack are None."""
    return _reader(declaration_of(record), names)


@cache
def _reader(declaration: Declaration[R], names: tuple[str, ...]) -> Callable[[Any], R]:
    """Compile the function, as `dataclasses` compiles `__init__`, which takes far longer for a frozen class.

    It fills an object of a class that has the same slots and isn't frozen, which then becomes one of the frozen class.
    """
    record = declaration.record
    places = {name: place for place, name in enumerate(names)}
    scope: dict[str, Any] = {"unfinished": unfinished_of(record), "record": record}
    lines = []
    for name, member in declaration.members.items():
        place = places.get(name)
        if place is None:
            lines.append(f" made.{name} = None")
        elif member.convert is None:
            lines.append(f" made.{name} = row[{place}]")
        else:
            scope[f"convert_{place}"] = member.convert
            lines.append(f" value = row[{place}]; made.{name} = None if value is None else convert_{place}(value)")
    source = "\n".join(["def read(row):", " made = unfinished()", *lines, " made.__class__ = record", " return made"])
    exec(compile(source, __file__, "exec"), scope)  # noqa: S102 - of nothing but the names of a record's fields
    read: Callable[[Any], R] = scope["read"]
    return read


def amender_of(record: type[R], names: tuple[str, ...]) -> Callable[[R, Any], R]:
    """A function that returns a record with what a row with these column names says of it; others are passed over."""
    return _amender(declaration_of(record), names)


@cache
def _amender(declaration: Declaration[R], names: tuple[str, ...]) -> Callable[[R, Any], R]:
    told = [
        (name, place, declaration.members[name].convert)
        for place, name in enumerate(names)
        if name in declaration.members
    ]

    def amend(record: R, row: Any) -> R:
        values = {
            name: row[place] if convert is None or row[place] is None else convert(row[place])
            for name, place, convert in told
        }
        return replace(record, **values)  # type: ignore[type-var]

    return amend


def hide(record: R, role: Role) -> R:
    """The record as a viewer's role may read it: fields that it may not read are None."""
    hidden = _hidden(declaration_of(type(record)), role)
    return replace(record, **hidden) if hidden else record  # type: ignore[type-var]


@cache
def _hidden(declaration: Declaration[Any], role: Role) -> Mapping[str, None]:
    return dict.fromkeys(member.name for member in declaration.members.values() if not may_read(member.readers, role))
