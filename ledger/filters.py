"""Declared filters of lists: each field of a filter states, beside its type, which rows it selects.

    class OrderFilter:
        states: Annotated[tuple[OrderState, ...], among("state")] = ()
        issued_after: Annotated[datetime | None, since("issued_at")] = None

A field that is None or has its default selects all rows. A field that filters by something that the viewer may not
read matches nothing, unless `only` excludes the viewer from the filter itself: then the field is ignored.

A field may also filter by rows of another table that belong to the record (`some`). All such fields of one filter are
about the same row: one statement between two moments, not one after the first and another before the second.
"""

import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import ColumnElement, Uuid, and_, false, literal_column, not_, select

from ledger.identifiers import parse_id
from ledger.storage.columns import is_any, is_one_of
from ledger.storage.markers import Readers
from ledger.storage.records import declaration_of, expression_of
from ledger.storage.roles import Role, may_read

Condition = Callable[[type[Any], Any], ColumnElement[bool]]


@dataclass(frozen=True, slots=True)
class Related:
    """Rows of another record that belong to one: pairs of their field and the equal field of what they belong to."""

    record: type[Any]
    on: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Filter:
    """The condition that a field's value stands for, and which viewers may filter by it.

    name is the record's field that the condition tests, if there is exactly one: then its readers may filter by it.
    Otherwise readers may, or everyone if that is None.
    through is the related record that the condition and the name are about, if it is not the record itself.
    leads: if the filter leads, as `leading` says, the sort fields in whose order its index has the rows; leads_for says
    for which values it does, and None for all.
    """

    condition: Condition
    name: str | None = None
    readers: frozenset[Role] | None = None
    through: Related | None = None
    leads: frozenset[str] | None = None
    leads_for: Callable[[Any], bool] | None = None


def among(name: str, *, is_literal: bool = False) -> Filter:
    """The field's value is one of these. is_literal, for a closed list: they are part of the statement.

    An index that has the rows of only some of them serves a statement for which they are known.
    """

    def meet(record: type[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        expression, plain = expression_of(record, name), [_plain(record, name, value) for value in values]
        if is_literal:
            return is_one_of(expression, plain)
        return is_any(expression, plain)

    return Filter(meet, name)


def equals(name: str) -> Filter:
    """The field has this value; a malformed id matches no row."""
    return Filter(lambda record, value: _equal(record, name, value), name)


def holds(name: str) -> Filter:
    """The field, a boolean that is never NULL, has this value."""
    return Filter(lambda record, wanted: whether(expression_of(record, name), wanted), name)


def whether(expression: ColumnElement[bool], wanted: bool) -> ColumnElement[bool]:  # noqa: FBT001 - the filter's value
    """The condition itself, or its negation."""
    return expression if wanted else not_(expression)


def at_least(name: str) -> Filter:
    """The field's number is this one or a higher one."""
    return Filter(lambda record, least: expression_of(record, name) >= least, name)


def since(name: str) -> Filter:
    """The field's time is at this moment or later."""
    return Filter(lambda record, moment: expression_of(record, name) >= moment, name)


def before(name: str) -> Filter:
    """The field's time is before this moment."""
    return Filter(lambda record, moment: expression_of(record, name) < moment, name)


def where(condition: Condition, *readers: Role) -> Filter:
    """The rows that meet condition(record, value); readers are the viewers that may filter by it; none means all."""
    return Filter(condition, readers=frozenset(readers) or None)


def some(related: Related, filter_: Filter) -> Filter:
    """The rows to which a related row belongs that meets this filter, and all others through the same relation."""
    return replace(filter_, through=related, leads=frozenset())


def leading(filter_: Filter, *orders: str, when: Callable[[Any], bool] | None = None) -> Filter:
    """The same filter, whose index finds the rows of a list before they are sorted, unless it has the list's order.

    orders are the sort fields of lists in whose order it has the rows, its own field among them. when says for which
    values it leads, if not for all: those of which there are few rows, however long the list is.
    PostgreSQL would otherwise read a long list in its order until it has found enough rows for a page, as if they lay
    scattered evenly: those of one day lie together, at the end.
    """
    return replace(filter_, leads=frozenset({filter_.name or "", *orders}), leads_for=when)


def conditions_of(
    wanted: Any, record: type[Any], role: Role, *, without: str | None = None
) -> list[ColumnElement[bool]]:
    """The conditions that a filter's fields impose for a viewer's role, without those about one field of the record.

    record may be another one that has all fields that the filter is about.
    """
    found: list[ColumnElement[bool]] = []
    through: dict[Related, list[ColumnElement[bool]]] = {}
    for filter_, value in _list_set(wanted, role):
        if without is not None and filter_.name == without:
            continue
        about = filter_.through.record if filter_.through is not None else record
        condition = filter_.condition(about, value) if _is_readable(about, filter_, role) else false()
        (found if filter_.through is None else through.setdefault(filter_.through, [])).append(condition)
    return [*found, *(_exists(record, related, conditions) for related, conditions in through.items())]


def is_led(wanted: Any, role: Role, sort: Sequence[str]) -> bool:
    """Whether a filter is set that leads a list with these sort fields."""
    return any(
        filter_.leads is not None
        and sort[0].removeprefix("-") not in filter_.leads
        and (filter_.leads_for is None or filter_.leads_for(value))
        for filter_, value in _list_set(wanted, role)
    )


def read_set(wanted: Any, role: Role) -> Mapping[str, Any] | None:
    """The values of what is filtered by, by the record's fields; None if a condition is not about one of them alone."""
    values: dict[str, Any] = {}
    for filter_, value in _list_set(wanted, role):
        if filter_.name is None or filter_.through is not None or filter_.name in values:
            return None
        values[filter_.name] = value
    return values


def find_leading(wanted: Any, record: type[Any], role: Role) -> str | None:
    """The field whose index finds the rows, of the first leading filter that is set and that the role may read."""
    led = (filter_ for filter_, _ in _list_set(wanted, role) if filter_.leads and filter_.leads_for is None)
    leading = (filter_ for filter_ in led if filter_.name)
    return next((filter_.name for filter_ in leading if _is_readable(record, filter_, role)), None)


def _list_set(wanted: Any, role: Role) -> Iterator[tuple[Filter, Any]]:
    """The filters that are set and that a viewer's role may filter by, with their values."""
    for name, filter_, readers, default in _declared(type(wanted)):
        value = getattr(wanted, name)
        if value is not None and value != default and may_read(readers, role):
            yield filter_, value


def _exists(record: type[Any], related: Related, conditions: Sequence[ColumnElement[bool]]) -> ColumnElement[bool]:
    own, its = declaration_of(record).table, declaration_of(related.record).table
    joined = and_(*(its.c[theirs] == own.c[ours] for theirs, ours in related.on))
    # Of no column: the viewer may not read all of them.
    return select(literal_column("1")).select_from(its).where(joined, *conditions).correlate(own).exists()


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
