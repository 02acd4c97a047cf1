"""Weights and list lengths, read from the schema's `@cost` and `@listSize`.

This module assesses one field at a time; plans.py walks the operation. A page or list that exceeds its limit is refused
here, before anything is executed.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLNamedType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.federation.schema_directives import Cost, ListSize
from strawberry.types.unset import UNSET

from gateway.operations.document_bounds import too_many_items
from gateway.operations.errors import PageTooLargeError, SlicingArgumentError
from gateway.operations.literals import ABSENT, read_argument, read_int

LIST_SIZE_ASSUMED = 10
"""Length of a list that declares no size of its own."""
_BACKREF = "strawberry-definition"
_PAGE_ARGUMENTS = ("first", "last")
_CONNECTION_FIELDS = ("nodes", "edges")


@dataclass(frozen=True, slots=True)
class Sizing:
    """How many items a field may return, and the lengths that it sets for lists among its subfields."""

    length: int
    inner: Mapping[str, int] = field(default_factory=dict)


class CostModel:
    """The weights and lengths of one schema's fields. Immutable."""

    def __init__(
        self,
        schema: GraphQLSchema,
        *,
        page_size_max: int,
        list_items_max: int,
        list_size_assumed: int = LIST_SIZE_ASSUMED,
    ) -> None:
        """Bind to a schema and to the limits on pages and lists."""
        self.page_size_max = page_size_max
        self.list_items_max = list_items_max
        self.list_size_assumed = list_size_assumed
        self._type_weights = {name: _type_weight(type_) for name, type_ in schema.type_map.items()}

    def weigh_type(self, type_: GraphQLNamedType) -> int:
        """Return the weight of one value of a type."""
        return self._type_weights[type_.name]

    def weigh_field(self, definition: GraphQLField, node: FieldNode) -> int:
        """Return the weight of calling a field once, with its arguments.

        Errors: TooManyItemsError for a list argument that is too long.
        """
        weight = _find_weight(definition) or 0
        for argument in node.arguments or ():
            declared = definition.args.get(argument.name.value)
            if declared is not None:
                weight += _find_weight(declared) or 0
                if not _is_leaf_argument(declared):
                    # Objects in variables are counted once per request, so that one plan serves all their values.
                    weight += self.weigh_input(read_argument(node, argument.name.value, {}))
        return weight

    def weigh_input(self, value: Any, *, items_max: int | None = None) -> int:
        """Count the objects in an argument; items_max limits its lists instead of the general limit.

        Errors: TooManyItemsError.
        """
        bound = items_max or self.list_items_max
        objects = 0
        stack = [value]
        while stack:
            item = stack.pop()
            if isinstance(item, Mapping):
                objects += 1
                stack.extend(item.values())
            elif isinstance(item, list):
                if len(item) > bound:
                    raise too_many_items(len(item), bound, "REPRESENTATIONS_MAX" if items_max else "LIST_ITEMS_MAX")
                stack.extend(item)
        return objects

    def size(
        self,
        parent_name: str,
        definition: GraphQLField,
        node: FieldNode,
        variables: Mapping[str, Any],
        *,
        inherited: int | None,
    ) -> Sizing:
        """Return how long a field's list may be; 1 for a field that is not a list.

        Errors: PageTooLargeError, SlicingArgumentError.
        """
        declared = _find(definition, ListSize)
        sliced = self._read_slice(f"{parent_name}.{node.name.value}", definition, declared, node, variables)
        length = sliced
        if length is None and declared is not None and isinstance(declared.assumed_size, int):
            length = declared.assumed_size
        sized = _names(declared.sized_fields) if declared is not None else ()
        if not _is_list(definition):
            names = sized or _connection_fields(definition)
            known = (
                length if length is not None else self.list_size_assumed if names and _has_page(definition) else None
            )
            return Sizing(1, dict.fromkeys(names, known) if known is not None else {})
        if length is None:
            length = inherited if inherited is not None else self._length_of_argument(node, variables)
        return Sizing(length if length is not None else self.list_size_assumed)

    def _read_slice(
        self,
        coordinate: str,
        definition: GraphQLField,
        declared: ListSize | None,
        node: FieldNode,
        variables: Mapping[str, Any],
    ) -> int | None:
        slicing = _names(declared.slicing_arguments) if declared is not None else ()
        names = dict.fromkeys((*slicing, *(name for name in _PAGE_ARGUMENTS if name in definition.args)))
        given: dict[str, int] = {}
        for name in names:
            value = read_argument(node, name, variables)
            if value is ABSENT and name in definition.args:
                value = _default(definition.args[name])
            asked = len(value) if isinstance(value, list) else read_int(value)
            if asked is not None:
                given[name] = asked
        for name, asked in given.items():
            if asked > self.page_size_max and not isinstance(read_argument(node, name, variables), list):
                raise PageTooLargeError(
                    f"{coordinate} returns at most {self.page_size_max} items per page; {name} asks for {asked}."
                )
            if asked < 0:
                raise PageTooLargeError(f"{coordinate} can't return {asked} items.")
        required = declared is not None and declared.require_one_slicing_argument is not False and slicing
        if required and sum(name in given for name in slicing) != 1:
            raise SlicingArgumentError(f"{coordinate} needs exactly one of {', '.join(slicing)}.")
        return max(given.values()) if given else None

    def _length_of_argument(self, node: FieldNode, variables: Mapping[str, Any]) -> int | None:
        """A batched look-up (ids, numbers, representations) returns as many items as it was asked for."""
        lengths = [
            len(value)
            for argument in node.arguments or ()
            if isinstance(value := read_argument(node, argument.name.value, variables), list)
        ]
        return max(lengths) if lengths else None


def _type_weight(type_: GraphQLNamedType) -> int:
    weight = _find_weight(type_)
    return weight if weight is not None else int(is_composite_type(type_))


def _find_weight(holder: Any) -> int | None:
    declared = _find(holder, Cost)
    return declared.weight if declared is not None else None


def _find(holder: Any, kind: type[Any]) -> Any:
    definition = holder.extensions.get(_BACKREF)
    directives: Iterable[object] = getattr(definition, "directives", None) or ()
    return next((directive for directive in directives if isinstance(directive, kind)), None)


def _names(given: Any) -> tuple[str, ...]:
    return () if given is None or given is UNSET else tuple(given)


def _default(argument: GraphQLArgument) -> Any:
    return argument.default_value


def _is_list(definition: GraphQLField) -> bool:
    type_ = definition.type
    return is_list_type(type_.of_type if is_non_null_type(type_) else type_)


def _is_leaf_argument(argument: GraphQLArgument) -> bool:
    type_ = argument.type
    return (
        not is_list_type(type_.of_type if is_non_null_type(type_) else type_)
        and not hasattr(get_named_type(type_), "fields")
        and get_named_type(type_).name not in {"_Any", "JSON"}
    )


def _has_page(definition: GraphQLField) -> bool:
    return any(name in definition.args for name in _PAGE_ARGUMENTS)


def _connection_fields(definition: GraphQLField) -> tuple[str, ...]:
    returned = get_named_type(definition.type)
    if not is_object_type(returned) or not _has_page(definition):
        return ()
    return tuple(name for name in _CONNECTION_FIELDS if name in returned.fields)
