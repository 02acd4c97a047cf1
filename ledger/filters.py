"""Declared filters of lists: each field of a filter states, beside its type, which rows it selects.

    class OrderFilter:
        states: Annotated[tuple[OrderState, ...], among("state")] = ()
        issued_after: Annotated[datetime | None, since("issued_at")] = None

A field that is None or has its default selects all rows. A field that filters by something that the viewer may not
read matches nothing, unless `only` excludes the viewer from the filter itself: then the field is ignored.
"""

import typing
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import ColumnElement, Uuid, false

from ledger.identifiers import parse_id
from ledger.storage.columns import is_any
from ledger.storage.markers import Readers
from ledger.storage.records import declaration_of, expression_of
from ledger.storage.roles import Role, may_read

Condition = Callable[[type[Any], Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Filter:
    """The condition that a field's value stands for, and which viewers may filter by it.

    name is the record's field that the condition tests, if there is exactly one: then its readers may filter by it.
    Otherwise readers may, or everyone if that is None.
    """

    condition: Condition
    name: str | None = None
    readers: frozenset[Role] | None = None


def among(name: str) -> Filter:
    """The field's value is one of these."""
    return Filter(
        lambda record, values: is_any(expression_of(record, name), [_plain(record, name, v) for v in values]), name
    )


def equals(name: str) -> Filter:
    """The field has this value; a malformed id matches no row."""
    return Filter(lambda record, value: _equal(record, name, value), name)


def since(name: str) -> Filter:
    """The field's time is at this moment or later."""
    return Filter(lambda record, moment: expression_of(record, name) >= moment, name)


def before(name: str) -> Filter:
    """The field's time is before this moment."""
    return Filter(lambda record, moment: expression_of(record, name) < moment, name)


def where(condition: Condition, *readers: Role) -> Filter:
    """The rows that meet condition(record, value); readers are the viewers that may filter by it; none means all."""
    return Filter(condition, readers=frozenset(readers) or None)


def conditions_of(wanted: Any, record: type[Any], role: Role) -> list[ColumnElement[bool]]:
    """The conditions that a filter's fields impose for a viewer's role."""
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
