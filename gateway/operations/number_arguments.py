"""Where a query names numbers: in arguments of type E164 or marked as looked up, inside inputs and lists too.

A new filter by a number therefore counts without anybody having to think of it. Pure; see lookups.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    GraphQLArgument,
    GraphQLField,
    GraphQLInputField,
    GraphQLSchema,
    get_named_type,
    is_input_object_type,
    is_object_type,
)

from gateway.operations.literals import read_argument
from schema.fields import LOOKED_UP

_NUMBER = "E164"
_BACKREF = "strawberry-definition"


@dataclass(frozen=True, slots=True)
class Named:
    """A value that an operation names: a number as written, or what stands for one, such as its hash."""

    value: str
    is_number: bool


def names_numbers(field: GraphQLField, given: Iterable[str]) -> bool:
    """Whether any of the given arguments of a field may name a number. What isn't given has a default of ours."""
    return any(_may_name(field.args[name], frozenset()) for name in given)


def read_numbers(field: GraphQLField, node: FieldNode, variables: Mapping[str, Any]) -> Iterator[Named]:
    """Yield what a selection of the field names, unchecked and with repetitions."""
    for name, argument in field.args.items():
        yield from _read(argument, read_argument(node, name, variables))


def read_represented_numbers(schema: GraphQLSchema, node: FieldNode, variables: Mapping[str, Any]) -> Iterator[Named]:
    """Yield the numbers in the representations of `_entities`, by the types of their fields."""
    given = read_argument(node, "representations", variables)
    for item in given if isinstance(given, list) else ():
        type_name = item.get("__typename") if isinstance(item, Mapping) else None
        type_ = schema.type_map.get(type_name) if isinstance(type_name, str) else None
        if not is_object_type(type_):
            continue
        for name, value in item.items():
            field = type_.fields.get(name)
            if field is not None and isinstance(value, str) and get_named_type(field.type).name == _NUMBER:
                yield Named(value, is_number=True)


def _may_name(holder: GraphQLArgument | GraphQLInputField, above: frozenset[str]) -> bool:
    type_ = get_named_type(holder.type)
    if type_.name == _NUMBER or _is_marked(holder):
        return True
    if not is_input_object_type(type_) or type_.name in above:
        return False
    return any(_may_name(inner, above | {type_.name}) for inner in type_.fields.values())


def _read(holder: GraphQLArgument | GraphQLInputField, value: Any) -> Iterator[Named]:
    if isinstance(value, list):
        for item in value:
            yield from _read(holder, item)
        return
    type_ = get_named_type(holder.type)
    if isinstance(value, str) and (type_.name == _NUMBER or _is_marked(holder)):
        yield Named(value, is_number=type_.name == _NUMBER)
    elif isinstance(value, Mapping) and is_input_object_type(type_):
        for name, inner in value.items():
            if name in type_.fields:
                yield from _read(type_.fields[name], inner)


def _is_marked(holder: GraphQLArgument | GraphQLInputField) -> bool:
    metadata = getattr(holder.extensions.get(_BACKREF), "metadata", None) or {}
    return all(metadata.get(key) == value for key, value in LOOKED_UP.items())
