"""Filters of lists, declared: each field of a filter says which rows it asks for, beside its type.

    class OrderFilter:
        states: Annotated[tuple[OrderState, ...], among("state")] = ()
        issued_after: Annotated[datetime | None, since("issued_at")] = None

A field that has its default, or None, asks for all rows. One that asks by what the viewer may not read finds nothing,
unless `only` says that it means nothing to the viewer: then it is passed over.
"""

import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Uuid, false

from ledger.identifiers import parse_id
from ledger.storage.records import Readers, declaration_of, expression_of
from ledger.storage.roles import Role, may_read

Condition = Callable[[type[Any], Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Filter:
    """The condition that a field's value stands for, and which viewers may ask by it: readers, or those of `name`.

    name is the record's field that the condition looks at, if it is one alone.
    """

    condition: Condition
    name: str | None = None
    readers: frozenset[Role] | None = None


def among(name: str) -> Filter:
    """The field's value is one of these."""
    return Filter(
        lambda record, values: expression_of(record, name).in_([_plain(record, name, v) for v in values]), name
    )


def equals(name: str) -> Filter:
    """The field has this value; an id that can name nothing equals none."""
    return Filter(lambda record, value: _equal(record, name, value), name)


def since(name: str) -> Filter:
    """The field's time is this moment or a later one."""
    return Filter(lambda record, moment: expression_of(record, name) >= moment, name)


def before(name: str) -> Filter:
    """The field's time is earlier than this moment."""
    return Filter(lambda record, moment: expression_of(record, name) < moment, name)


def where(condition: Condition, *readers: Role) -> Filter:
    """What condition(record, value) says; readers are the viewers that may ask by it, all where none is named."""
    return Filter(condition, readers=frozenset(readers) or None)


def conditions_of(wanted: Any, record: type[Any], role: Role) -> list[ColumnElement[bool]]:
    """The conditions that a filter's fields come to for a viewer's role."""
    found: list[ColumnElement[bool]] = []
    for name, filter_, readers, default in _declared(type(wanted)):
        value = getattr(wanted, name)
        if value is None or value == default or not may_read(readers, role):
            continue
        found.append(filter_.condition(record, value) if _is_readable(record, filter_, role) else false())
    return found


def _is_readable(record: type[Any], filter_: Filter, role: Role) -> bool:
    readers = filter_.readers if filter_.name is None else declaration_of(record).members[filter_.name].readers
    return may_read(readers, role)


def _equal(record: type[Any], name: str, value: Any) -> ColumnElement[bool]:
    expression = expression_of(record, name)
    wanted = parse_id(value) if isinstance(expression.type, Uuid) else value
    return false() if wanted is None else expression.__eq__(wanted)


def _plain(record: type[Any], name: str, value: Any) -> Any:
    return parse_id(value) if isinstance(expression_of(record, name).type, Uuid) else getattr(value, "value", value)


_Declared = tuple[str, Filter, frozenset[Role] | None, Any]
_known: dict[type[Any], Sequence[_Declared]] = {}


def _declared(kind: type[Any]) -> Sequence[_Declared]:
    if kind not in _known:
        _known[kind] = list(_read_declared(kind))
    return _known[kind]


def _read_declared(kind: type[Any]) -> Iterator[_Declared]:
    hints = typing.get_type_hints(kind, include_extras=True)
    for field in fields(kind):
        markers = typing.get_args(hints[field.name])[1:]
        filter_ = next(marker for marker in markers if isinstance(marker, Filter))
        readers = next((marker.roles for marker in markers if isinstance(marker, Readers)), None)
        yield field.name, filter_, readers, field.default
