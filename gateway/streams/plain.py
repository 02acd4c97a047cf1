"""Answers messages without an executor, where every field that an operation selects is an attribute of what is sent.

Most subscribers ask for an event's own fields: nothing is read for them, and nothing can be refused that was not
refused before. Everything else is the executor's: fragments, directives, arguments, fields with resolvers, lists,
interfaces, a scope that the channel lacks, and a value that doesn't fit its type. Both ways give the same bytes.
Source: docs/adr/0147.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    get_nullable_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.types.field import StrawberryField

from gateway.operations.plain_fields import PlainField, PlainFields, plain_fields_of
from gateway.operations.protection import Protection, ScopeSet
from gateway.streams.keys import AFTER
from resolvers.sources import Message
from schema.fields import TOLD

_DEFINITION = "strawberry-definition"
_TYPENAME = "__typename"

Complete = Callable[[Any], Any]
"""Makes of a value what is encoded. Errors: UnfitError, or whatever its type raises."""


class UnfitError(Exception):
    """A value doesn't fit its type: the executor says what is wrong with it."""


class _OrdinaryError(Exception):
    """The operation is not plain."""


@dataclass(frozen=True, slots=True)
class PlainMessages:
    """One operation whose messages are answered here. Made only by find_plain."""

    key: str
    tell: Callable[[Message], object]
    complete: Complete

    def answer(self, message: Message) -> dict[str, Any]:
        """Return the data of one message. Errors: UnfitError, or what a value's type raises: then ask the executor."""
        return {self.key: self.complete(self.tell(message))}


def find_plain(
    document: DocumentNode,
    operation_name: str | None,
    *,
    graph: GraphQLSchema,
    protection: Protection,
    scopes: ScopeSet | None,
) -> PlainMessages | None:
    """Return how a valid subscription's messages are answered here; None for those that the executor answers."""
    try:
        [operation] = (
            each
            for each in document.definitions
            if isinstance(each, OperationDefinitionNode)
            and (operation_name is None or (each.name is not None and each.name.value == operation_name))
        )
        return _Finder(graph, protection, scopes, plain_fields_of(graph)).find(operation)
    except (_OrdinaryError, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _Finder:
    graph: GraphQLSchema
    protection: Protection
    scopes: ScopeSet | None
    plain_fields: PlainFields

    def find(self, operation: OperationDefinitionNode) -> PlainMessages:
        [node] = self._list_fields(operation.selection_set)
        root = self.graph.subscription_type
        if operation.directives or root is None or any(each.name.value != AFTER for each in node.arguments or ()):
            raise _OrdinaryError
        field = self._get_field(root, node)
        tell = _read_definition(field).metadata.get(TOLD)
        if tell is None:
            raise _OrdinaryError
        return PlainMessages(_key(node), tell, self._make_complete(field.type, node))

    def _list_fields(self, selections: SelectionSetNode | None) -> list[FieldNode]:
        nodes = [] if selections is None else list(selections.selections)
        fields = [node for node in nodes if isinstance(node, FieldNode) and not node.directives]
        if len(fields) < len(nodes) or len({_key(node) for node in fields}) < len(nodes):
            raise _OrdinaryError
        return fields

    def _get_field(self, parent: GraphQLObjectType, node: FieldNode) -> GraphQLField:
        name = node.name.value
        field: GraphQLField | None = parent.fields.get(name)
        requirement = self.protection.find_requirement(parent.name, name)
        if field is None or (requirement is not None and not requirement.is_met_by(self.scopes)):
            raise _OrdinaryError
        return field

    def _make_complete(self, type_: GraphQLOutputType, node: FieldNode) -> Complete:
        named: Any = get_nullable_type(type_)
        if not is_object_type(named) or named.is_type_of:
            raise _OrdinaryError
        complete = self._complete_object(named, node)
        return _require(complete) if is_non_null_type(type_) else _allow_null(complete)

    def _complete_object(self, type_: GraphQLObjectType, node: FieldNode) -> Complete:
        requirement = self.protection.find_type_requirement(type_.name)
        if requirement is not None and not requirement.is_met_by(self.scopes):
            raise _OrdinaryError
        readers = list(self._list_readers(type_, node))

        def complete(value: Any) -> dict[str, Any]:
            return {key: finish(read(value)) for key, read, finish in readers}

        return complete

    def _list_readers(
        self, type_: GraphQLObjectType, node: FieldNode
    ) -> Iterator[tuple[str, Callable[[Any], Any], Complete]]:
        """Yield of each field its key, how it is read, and what makes of that what is encoded."""
        for child in self._list_fields(node.selection_set):
            if child.name.value == _TYPENAME:
                yield _key(child), lambda _value: type_.name, str
                continue
            field = self._get_field(type_, child)
            plain = self.plain_fields.find(type_, child.name.value)
            if plain is not None:
                yield _key(child), plain.read, _complete_plain(plain)
                continue
            definition = _read_definition(field)
            if child.arguments or not definition.is_basic_field or definition.extensions:
                raise _OrdinaryError
            yield _key(child), attrgetter(definition.python_name), self._make_complete(field.type, child)


def _key(node: FieldNode) -> str:
    return node.alias.value if node.alias is not None else node.name.value


def _read_definition(field: GraphQLField) -> StrawberryField:
    definition = field.extensions.get(_DEFINITION)
    if not isinstance(definition, StrawberryField):
        raise _OrdinaryError
    return definition


def _complete_plain(field: PlainField) -> Complete:
    writes, is_required = field.writes, field.is_required

    def complete(value: Any) -> Any:
        write = writes.get(type(value))
        if write is not None:
            return write(value)
        if value is None and not is_required:
            return None
        raise UnfitError

    return complete


def _require(complete: Complete) -> Complete:
    def finish(value: Any) -> Any:
        if value is None:
            raise UnfitError
        return complete(value)

    return finish


def _allow_null(complete: Complete) -> Complete:
    return lambda value: None if value is None else complete(value)
