"""Plain fields: leaves that are read from an attribute and written down, with nothing else that could run.

Most of an answer consists of them, and for each one graphql-core's way (a path, a resolver with its arguments and
wrappers, the completion of a value of any type) costs far more than reading it. Only what is certain is done here: a
field with a resolver, an argument or an extension isn't plain, and a value whose type isn't exactly one of those
expected takes the ordinary way, as does whatever fails, so that every error is made there. It decides nothing about a
caller.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import EnumMeta
from inspect import CO_ITERABLE_COROUTINE
from operator import attrgetter
from types import GeneratorType
from typing import Any, TypeGuard
from weakref import WeakKeyDictionary

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLID,
    GraphQLInt,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    is_leaf_type,
    is_non_null_type,
)

_DEFINITION = "strawberry-definition"
_INTS = range(-(2**31), 2**31)

Write = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class PlainField:
    """How a plain field is read from an object, and how its value is written, by the value's exact type."""

    read: Callable[[Any], Any]
    writes: Mapping[type, Write]
    is_required: bool


class PlainFields:
    """The plain fields of a schema, worked out when they are first selected."""

    def __init__(self) -> None:
        """Nothing is worked out yet."""
        self._fields: dict[tuple[str, str], PlainField | None] = {}
        self._writes: dict[str, Mapping[type, Write]] = {}

    def find(self, parent: GraphQLObjectType, name: str) -> PlainField | None:
        """Return how a field of an object type is read and written; None if it isn't plain."""
        key = parent.name, name
        if key not in self._fields:
            field = parent.fields.get(name)
            self._fields[key] = self._work_out(field) if field is not None else None
        return self._fields[key]

    def find_writes(self, leaf: GraphQLScalarType | GraphQLEnumType) -> Mapping[type, Write]:
        """Return how the values of a leaf type are written, by their exact types; others take the type's own way."""
        writes = self._writes.get(leaf.name)
        if writes is None:
            writes = self._writes[leaf.name] = _list_writes(leaf)
        return writes

    def _work_out(self, field: GraphQLField) -> PlainField | None:
        definition = (field.extensions or {}).get(_DEFINITION)
        is_required = is_non_null_type(field.type)
        leaf: Any = field.type.of_type if is_non_null_type(field.type) else field.type
        if definition is None or field.args or not is_leaf_type(leaf):
            return None
        # Both are asked: what wraps a resolver afterwards doesn't change the definition.
        if not definition.is_basic_field or not getattr(field.resolve, "_is_default", False):
            return None
        if definition.default_resolver is not getattr:
            return None
        writes = self.find_writes(leaf)
        return PlainField(attrgetter(definition.python_name), writes, is_required) if writes else None


_known: WeakKeyDictionary[GraphQLSchema, PlainFields] = WeakKeyDictionary()


def plain_fields_of(schema: GraphQLSchema) -> PlainFields:
    """Return the plain fields of a schema."""
    found = _known.get(schema)
    if found is None:
        found = _known[schema] = PlainFields()
    return found


def _list_writes(leaf: GraphQLScalarType | GraphQLEnumType) -> Mapping[type, Write]:
    if isinstance(leaf, GraphQLEnumType):
        return _list_enum_writes(leaf)
    if leaf is GraphQLString or leaf is GraphQLID:
        return {str: _keep}
    if leaf is GraphQLInt:
        return {int: _keep_int}
    if leaf is GraphQLBoolean:
        return {bool: _keep}
    if leaf.extensions.get(_DEFINITION) is None:
        return {}
    # What the graph's own scalars are made of; anything else, such as an awaitable, is left to the ordinary way.
    return dict.fromkeys((str, int, bytes, date, datetime), leaf.coerce_output_value)


def _list_enum_writes(leaf: GraphQLEnumType) -> Mapping[type, Write]:
    kind = getattr(leaf, "wrapped_cls", None)
    if not isinstance(kind, EnumMeta):
        return {}
    members: list[Any] = list(kind)
    # As Strawberry writes a member, searching each time: by the first name whose value is the member's.
    named = {
        member: next(name for name, value in leaf.values.items() if value.value == member.value) for member in members
    }
    return {kind: named.__getitem__}


def _keep(value: Any) -> Any:
    return value


def _keep_int(value: int) -> int:
    if value not in _INTS:
        raise OverflowError(value)
    return value


_awaitable_types: dict[type, bool] = {}


def is_awaitable(value: Any) -> TypeGuard[Awaitable[Any]]:
    """Return whether a value can be awaited, as its type says, which is asked once for each type.

    `await` asks the type, too. Asking the object would ask what it shows for an attribute that it doesn't have.
    """
    kind = type(value)
    found = _awaitable_types.get(kind)
    if found is None:
        found = _awaitable_types[kind] = hasattr(kind, "__await__")
    return found or (kind is GeneratorType and bool(value.gi_code.co_flags & CO_ITERABLE_COROUTINE))
