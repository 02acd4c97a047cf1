"""What fields of the graph read from the ledger, as data, where they read its records and do nothing else.

Such a field can be compiled into a statement (schema/compiled.py); its resolver is the other way to the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import strawberry.federation as fed

from ledger.lists import RecordList
from ledger.relations import Relation, ToMany, ToOne
from schema.authority import Need
from schema.fields import RELATED
from schema.info import Info

Kind = type[Any] | Callable[[], type[Any]]


@dataclass(frozen=True, slots=True)
class Related:
    """Where a field leads: the relation, and the field of the record whose value it is followed from."""

    relation: Relation[Any]
    by: str


@dataclass(frozen=True, slots=True)
class Embedded:
    """An object that shows fields of the same record, by the names that they have there; null if all of `given` are."""

    fields: Mapping[str, str]
    given: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of a list: the arguments are first and after and may be filter and sort, or the filter's own fields."""

    records: RecordList[Any]


@dataclass(frozen=True, slots=True)
class Named:
    """The one record that the arguments name.

    find returns the conditions for it, or None if there can be none; without it, the argument is the relation's key.
    One argument names it, or those of `together`, of which find says whether they are enough.
    """

    relation: ToOne[Any]
    find: Callable[..., Sequence[Any] | None] | None = None
    together: frozenset[str] = frozenset()


def one(
    description: str,
    kind: Kind,
    relation: ToOne[Any],
    *,
    by: str,
    needs: Need | None = None,
    name: str | None = None,
    directives: Sequence[object] = (),
) -> Any:
    """A field that leads to the one record that a field of this one names, if the viewer may see it.

    kind is the other record's type of the graph, or returns it where that is defined later.
    """

    def show(found: Any) -> Any:
        return None if found is None else _type_of(kind).of(found)

    def resolve(root: Any, info: Info) -> Any:
        key = getattr(root.row, by)
        return info.context.loaders.of(relation).follow(key, show) if key else None

    return _related(resolve, description, Related(relation, by), needs=needs, name=name, directives=directives)


def part(description: str, kind: type[Any], /, *, given: Sequence[str], **fields: str) -> Any:
    """A field whose object shows fields of this record; null if all of those named by `given` are.

    Shapes: fields has the record's name of each field of kind.
    """

    def resolve(root: Any) -> Any:
        row = root.row
        if all(getattr(row, name) is None for name in given):
            return None
        return kind(**{name: getattr(row, held) for name, held in fields.items()})

    return _related(resolve, description, Embedded(fields, tuple(given)), needs=None, name=None, directives=())


def many(
    description: str,
    kind: Kind,
    relation: ToMany[Any],
    *,
    by: str = "id",
    needs: Need | None = None,
    name: str | None = None,
    directives: Sequence[object] = (),
) -> Any:
    """A field that leads to all records that refer to this one by the value of its field; kind as in `one`."""

    def show(found: Any) -> Any:
        shown = _type_of(kind)
        return [shown.of(each) for each in found or ()]

    def resolve(root: Any, info: Info) -> Any:
        return info.context.loaders.of(relation).follow(getattr(root.row, by), show)

    return _related(resolve, description, Related(relation, by), needs=needs, name=name, directives=directives)


def _type_of(kind: Kind) -> Any:
    return kind if isinstance(kind, type) else kind()


def _related(resolve: Callable[..., Any], description: str, related: Related | Embedded, **more: Any) -> Any:
    decorate: Any = fed.field
    needs = more.pop("needs")
    return decorate(
        resolver=resolve,
        description=description,
        metadata={RELATED: related},
        **more,
        **({"requires_scopes": needs} if needs else {}),
    )
