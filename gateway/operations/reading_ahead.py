"""Reading ahead: what the objects of a list lead to is loaded before the list is completed, level by level.

Then every relationship of every object is known when its field runs, so that none needs a task of its own; without it
the same would be read by the same loaders, in the same statements, from as many tasks as there are objects. Only what
is selected and open to the caller is read. It makes no error: what fails here fails again in each field that needs it.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from graphql import GraphQLList, GraphQLObjectType, get_named_type, is_object_type
from graphql.execution.collect_fields import FieldDetailsList, GroupedFieldSet

from ledger.relations import Linked
from schema.fields import RELATED
from schema.models import Shown
from schema.reads import Related

_DEFINITION = "strawberry-definition"
_ITEMS_MIN = 2

Select = Callable[[GraphQLObjectType, FieldDetailsList], GroupedFieldSet]
IsOpen = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class _Level:
    """Records of one type of the graph, and what is selected of them."""

    type_: GraphQLObjectType
    selected: FieldDetailsList
    rows: Sequence[Any]


@dataclass(frozen=True, slots=True)
class Ahead:
    """What an operation can read ahead. select collects the fields of a type; is_open tells whether one may be read."""

    loaders: Any
    select: Select
    is_open: IsOpen

    def find(self, list_type: GraphQLList[Any], selected: FieldDetailsList, items: Any) -> _Level | None:
        """Return where to begin for a list; None for one that leads nowhere or has a single item."""
        type_ = get_named_type(list_type)
        if not isinstance(items, list) or len(items) < _ITEMS_MIN or not is_object_type(type_):
            return None
        if not isinstance(items[0], Shown) or not any(self._list_related(type_, selected)):
            return None
        return _Level(type_, selected, [item.row for item in items if isinstance(item, Shown)])

    async def read(self, first: _Level) -> None:
        """Load what the records of a level lead to, then what those lead to, and so on as far as is selected."""
        levels = [first]
        while levels:
            steps = [(level, *step) for level in levels for step in self._list_related(level.type_, level.selected)]
            begun = [
                (type_, selected, [self.loaders.of(related.relation).load(key) for key in _list_keys(level, related)])
                for level, type_, selected, related in steps
            ]
            levels = []
            for type_, selected, pending in begun:
                rows: list[Any] = []
                for each in pending:
                    with suppress(Exception):
                        rows.extend(_list_rows(await each))
                if rows:
                    levels.append(_Level(type_, selected, rows))

    def _list_related(
        self, type_: GraphQLObjectType, selected: FieldDetailsList
    ) -> Iterator[tuple[GraphQLObjectType, FieldDetailsList, Related]]:
        for details in self.select(type_, selected).values():
            name = details[0].node.name.value
            field = type_.fields.get(name)
            definition = (field.extensions or {}).get(_DEFINITION) if field is not None else None
            related = definition.metadata.get(RELATED) if definition is not None else None
            if field is None or not isinstance(related, Related) or not self.is_open(type_.name, name):
                continue
            if isinstance(related.relation, Linked):
                continue
            target = get_named_type(field.type)
            if is_object_type(target):
                yield target, details, related


def _list_keys(level: _Level, related: Related) -> Iterable[Any]:
    return dict.fromkeys(key for row in level.rows if (key := getattr(row, related.by)))


def _list_rows(found: Any) -> Sequence[Any]:
    if found is None:
        return ()
    return found if isinstance(found, (list, tuple)) else (found,)
