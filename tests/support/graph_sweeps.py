"""Operations that together select every field of the graph that a query reaches, and which fields one selects."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    get_named_type,
    is_composite_type,
    is_object_type,
    is_required_argument,
    parse,
    visit,
)

from tests.support.both_ways import Operation
from tests.support.graph_operations import LEFT_OUT, print_literal
from tests.support.graph_values import GraphValues

_PAGE = 150
_ITEMS = 4
_NESTED_ITEMS = 2
_NAMES = 3
_THIN = frozenset({"edges", "node", "pageInfo"})
"""Parts of a page, which are selected with no more than the leaves of what they lead to."""


def list_coordinates(graph: GraphQLSchema, document: str) -> set[str]:
    """The schema coordinates of all fields that a document selects, without `__typename`."""
    found: set[str] = set()
    types = TypeInfo(graph)

    class Note(Visitor):
        def enter_field(self, node: Any, *_: Any) -> None:
            parent = types.get_parent_type()
            if parent is not None and node.name.value != "__typename":
                found.add(f"{parent.name}.{node.name.value}")

    visit(parse(document), TypeInfoVisitor(types, Note()))
    return found


@dataclass(frozen=True)
class Sweep:
    """Makes the operations. is_wanted says of each field, by its coordinate, whether it is selected.

    levels is how many types deep everything is selected of each field of Query.
    """

    graph: GraphQLSchema
    values: GraphValues
    is_wanted: Callable[[str], bool] = lambda _coordinate: True
    levels: int = 2

    def list_operations(self) -> Iterator[Operation]:
        """One for each field of Query with all that its type has, then others for what lies deeper."""
        query = self._query()
        reached: set[str] = set()
        for name, definition in self._list_fields(query):
            type_ = get_named_type(definition.type)
            for arguments in self._list_orders(definition):
                yield Operation("{ " + name + arguments + self._select_all(type_, 0) + " }", {})
            for arguments in self._list_arguments(name, definition):
                document = "{ " + name + arguments + self._select_all(type_, self.levels) + " }"
                reached |= list_coordinates(self.graph, document)
                yield Operation(document, {})
        yield from self.list_ways(lambda coordinate: coordinate not in reached)

    def _query(self) -> GraphQLObjectType:
        query = self.graph.query_type
        assert query is not None
        return query

    def _list_fields(self, parent: Any) -> list[tuple[str, GraphQLField]]:
        return [
            (name, definition)
            for name, definition in getattr(parent, "fields", {}).items()
            if name not in LEFT_OUT and self.is_wanted(f"{parent.name}.{name}")
        ]

    def list_ways(self, leads_to: Callable[[str], bool]) -> Iterator[Operation]:
        """One to each of these fields, by the shortest way and with nothing beside it."""
        waiting: deque[tuple[GraphQLObjectType, tuple[tuple[str, GraphQLField], ...]]] = deque([(self._query(), ())])
        seen = {self._query().name}
        while waiting:
            parent, way = waiting.popleft()
            for name, definition in self._list_fields(parent):
                named, step = get_named_type(definition.type), (*way, (name, definition))
                if leads_to(f"{parent.name}.{name}"):
                    yield Operation("{ " + self._render_way(step) + " }", {})
                if is_object_type(named) and named.name not in seen:
                    seen.add(named.name)
                    waiting.append((named, step))

    def _render_way(self, way: Sequence[tuple[str, GraphQLField]]) -> str:
        text = ""
        for place, (name, definition) in reversed(list(enumerate(way))):
            arguments = next(iter(self._list_arguments(name, definition))) if place == 0 else self._bound(definition)
            inner = f" {{ {text} }}" if text else self._select_all(get_named_type(definition.type), 0)
            text = name + arguments + inner
        return text

    def _select_all(self, type_: Any, depth: int) -> str:
        """All fields of a type, and of the types that they lead to, so many levels deep."""
        if not is_composite_type(type_):
            return ""
        parts = ["__typename"]
        for name, definition in self._list_fields(type_):
            named = get_named_type(definition.type)
            if not is_composite_type(named) or depth > 0 or name in _THIN:
                levels = {"nodes": depth, "edges": 0, "node": 0}.get(name, depth - 1)
                parts.append(name + self._bound(definition) + self._select_all(named, levels))
        return " { " + " ".join(parts) + " }"

    def _bound(self, definition: GraphQLField) -> str:
        """The arguments of a nested field: a small page, and what is required."""
        given = [
            f"{key}: {print_literal(self._list_values(key, each, '')[0])}"
            for key, each in definition.args.items()
            if is_required_argument(each)
        ]
        given += [f"first: {_NESTED_ITEMS}"] if "first" in definition.args else []
        return f"({', '.join(given)})" if given else ""

    def _list_arguments(self, name: str, definition: GraphQLField) -> Iterator[str]:
        """Those of a field of Query: of a list none, and a page with a cursor; of one record several names of it."""
        if name == "_entities":
            known = self.values.choose("_Any", "", "")
            yield f"(representations: {print_literal([*known.usual, *known.odd])})"
        elif "first" in definition.args:
            yield f"(first: {_ITEMS})"
            known = self._list_values("after", definition.args["after"], name)
            yield f"(first: 3, after: {print_literal(known[0])})"
        elif not definition.args:
            yield ""
        else:
            yield from self._list_names(name, definition)

    def _list_orders(self, definition: GraphQLField) -> Iterator[str]:
        """The arguments of a long page in each of a list's orders."""
        sort = definition.args.get("sort")
        if sort is not None:
            yield from (f"(first: {_PAGE}, sort: {value})" for value in get_named_type(sort.type).values)
        elif "first" in definition.args:
            yield f"(first: {_PAGE})"

    def _list_names(self, name: str, definition: GraphQLField) -> Iterator[str]:
        kinds = {key: get_named_type(each.type) for key, each in definition.args.items()}
        enums = {key: list(kind.values) for key, kind in kinds.items() if isinstance(kind, GraphQLEnumType)}
        others = {key: each for key, each in definition.args.items() if key not in enums}
        lists = {key: self._list_values(key, each, name) for key, each in others.items()}
        if any(is_required_argument(each) for each in definition.args.values()):
            for place in range(_NAMES):
                given = (f"{key}: {print_literal(known[place % len(known)])}" for key, known in lists.items())
                yield f"({', '.join(given)})"
            return
        for key, known in lists.items():
            for value in known[:_NAMES]:
                yield f"({key}: {print_literal(value)})"
                yield from (
                    f"({key}: {print_literal(value)}, {enum}: {each})" for enum in enums for each in enums[enum]
                )

    def _list_values(self, key: str, argument: GraphQLArgument, name: str) -> Sequence[Any]:
        known = self.values.choose(get_named_type(argument.type).name, key, f"Query.{name}")
        return known.usual or known.odd
