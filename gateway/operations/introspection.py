"""What reading the schema costs: `__schema`, `__type` and `_service`, which no directive of the schema describes.

Introspection weighs the objects that it returns, counted on the schema itself, since declared list sizes would be far
off for it. An object counts once for each time that one of its fields is repeated under other aliases, so that texts
can't be multiplied for nothing. The count stops beyond the limit and nothing is executed. Deprecated members count
whether or not they are asked for.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from graphql import (
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    get_named_type,
    get_nullable_type,
    is_list_type,
    is_object_type,
)

from gateway.operations.literals import read_argument

SERVICE = "_service"
TYPE = "__type"
INTROSPECTION = ("__schema", TYPE, SERVICE)
"""The root fields that read the schema."""
SDL = "sdl"
SDL_WEIGHT = 1_000
"""Weight of the schema as SDL: about as many bytes as so many objects of introspection."""

Collect = Callable[[GraphQLObjectType, Sequence[SelectionSetNode]], Mapping[str, list[FieldNode]]]


def reads_schema_only(operation: OperationDefinitionNode) -> bool:
    """Whether an operation selects nothing but the schema, as GraphiQL, code generators and routers ask for it."""
    return operation.operation is OperationType.QUERY and all(
        isinstance(selection, FieldNode) and selection.name.value in INTROSPECTION
        for selection in operation.selection_set.selections
    )


def weigh_introspection(
    schema: GraphQLSchema,
    nodes: Sequence[FieldNode],
    variables: Mapping[str, Any],
    collect: Collect,
    *,
    weight_max: int,
) -> int:
    """Return the weight of one `__schema` or `__type`; of one that exceeds weight_max, any figure above it.

    Shapes: collect(type, selection sets) returns the fields that are selected of a type, by response key.
    """
    sets = list_selection_sets(nodes)
    info = SimpleNamespace(schema=schema)
    read: dict[tuple[int, ...], tuple[int, list[tuple[GraphQLField, list[SelectionSetNode]]]]] = {}
    weight = 0
    stack = [(type_, value, sets) for type_, value in _list_roots(schema, nodes[0], variables)]
    while stack and weight <= weight_max:
        type_, value, sets = stack.pop()
        key = tuple(map(id, (type_, *sets)))
        if key not in read:
            read[key] = _read_selections(type_, collect(type_, sets))
        own, inner = read[key]
        weight += own
        for field, beneath in inner:
            arguments = {"includeDeprecated": True} if "includeDeprecated" in field.args else {}
            found: Any = field.resolve(value, info, **arguments)  # type: ignore[misc]
            items = found if is_list_type(get_nullable_type(field.type)) else [found]
            returned: Any = get_named_type(field.type)
            stack.extend((returned, item, beneath) for item in items or () if item is not None)
    return weight


def list_selection_sets(nodes: Sequence[FieldNode]) -> list[SelectionSetNode]:
    """List the selections of fields that share a response key."""
    return [node.selection_set for node in nodes if node.selection_set is not None]


def _list_roots(
    schema: GraphQLSchema, node: FieldNode, variables: Mapping[str, Any]
) -> list[tuple[GraphQLObjectType, Any]]:
    kind = "__Type" if node.name.value == TYPE else "__Schema"
    value: Any = schema
    if node.name.value == TYPE:
        name = read_argument(node, "name", variables)
        value = schema.type_map.get(name) if isinstance(name, str) else None
    type_ = schema.type_map[kind]
    return [(type_, value)] if is_object_type(type_) and value is not None else []


def _read_selections(
    type_: GraphQLObjectType, fields: Mapping[str, list[FieldNode]]
) -> tuple[int, list[tuple[GraphQLField, list[SelectionSetNode]]]]:
    """Return what one object weighs, and the fields of it that return objects, with their selections."""
    names = Counter(nodes[0].name.value for nodes in fields.values())
    inner = [
        (type_.fields[nodes[0].name.value], list_selection_sets(nodes))
        for nodes in fields.values()
        if nodes[0].selection_set is not None
    ]
    return max(names.values(), default=1), inner
