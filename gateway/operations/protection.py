"""What each field requires of a token, read once from the schema's own declarations.

`@authenticated` and `@requiresScopes` are read as the Python values that the SDL is printed from, so that what is
published and what is enforced can't differ, whatever name an `@link` gives the directives. A field requires all that is
declared by itself, by its parent type and the interfaces of that type, by the same field of those interfaces, and by
the type it returns.

This module decides nothing about a caller beyond comparing scopes, and never looks at data.
Source: Apollo Federation 2.9, authorization directives; docs/adr/0030.
"""

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLField,
    GraphQLNamedType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_introspection_type,
    is_list_type,
    is_non_null_type,
    is_object_type,
)
from strawberry.federation.schema_directives import Authenticated, Key, Policy, Requires, RequiresScopes

from auth.scopes import BY_KIND
from gateway.operations.introspection import INTROSPECTION

_BACKREF = "strawberry-definition"

ScopeSet = frozenset[str]


@dataclass(frozen=True, slots=True)
class Requirement:
    """What a token must satisfy: it must exist and hold, of each group, at least one complete set of scopes."""

    groups: frozenset[frozenset[ScopeSet]] = frozenset()

    def is_met_by(self, scopes: ScopeSet | None) -> bool:
        """Whether a token with these scopes suffices. None means no token, which never does."""
        return scopes is not None and all(any(chosen <= scopes for chosen in group) for group in self.groups)

    def list_missing(self, scopes: ScopeSet) -> list[str]:
        """Return the fewest scopes that would have to be added; on a tie, those that most member kinds may hold."""
        missing: set[str] = set()
        for group in self.groups:
            missing |= min((chosen - scopes for chosen in group), key=_rank_lack)
        return sorted(missing)

    def implies(self, other: "Requirement | None") -> bool:
        """Whether every token that meets this requirement also meets the other."""
        if other is None:
            return True
        return all(
            any(all(any(need <= have for need in wanted) for have in group) for group in self.groups) or not wanted
            for wanted in other.groups
        )


class Protection:
    """The requirements of a schema's fields, by concrete parent type and field name. Immutable."""

    def __init__(self, schema: GraphQLSchema, *, introspection: Requirement | None = None) -> None:
        """Read every declaration of the schema; introspection is what reading the schema itself requires."""
        self._schema = schema
        self._introspection = introspection
        self._types: dict[str, Requirement | None] = {
            name: _combine(_read(type_)) for name, type_ in schema.type_map.items()
        }
        objects = [t for t in schema.type_map.values() if is_object_type(t) and not is_introspection_type(t)]
        self._types |= {type_.name: self._with_interfaces(type_) for type_ in objects}
        self._fields: dict[tuple[str, str], Requirement] = {}
        for type_ in objects:
            self._read_fields(type_)
        if introspection is not None and schema.query_type is not None:
            self._fields |= {(schema.query_type.name, name): introspection for name in INTROSPECTION}

    def may_introspect(self, scopes: ScopeSet | None) -> bool:
        """Whether a caller may read the schema, whole or by the suggestions in errors."""
        return self._introspection is None or self._introspection.is_met_by(scopes)

    def find_requirement(self, type_name: str, field_name: str) -> Requirement | None:
        """Return what a field of a concrete type requires, or None where it is open."""
        return self._fields.get((type_name, field_name))

    def find_type_requirement(self, type_name: str) -> Requirement | None:
        """Return what a type itself requires, including its interfaces, or None where it is open."""
        return self._types.get(type_name)

    @property
    def fields(self) -> Mapping[tuple[str, str], Requirement]:
        """All protected fields."""
        return self._fields

    def _with_interfaces(self, type_: GraphQLObjectType) -> Requirement | None:
        return _all_of([self._types[type_.name], *(self._types[interface.name] for interface in type_.interfaces)])

    def _read_fields(self, type_: GraphQLObjectType) -> None:
        for name, field in type_.fields.items():
            needed = _all_of(
                [
                    self._types[type_.name],
                    self._types.get(get_named_type(field.type).name),
                    _combine(_read(field)),
                    *(_combine(_read(i.fields[name])) for i in type_.interfaces if name in i.fields),
                ]
            )
            if needed is not None:
                self._fields[type_.name, name] = needed


def _rank_lack(lack: AbstractSet[str]) -> tuple[int, int, list[str]]:
    return len(lack), -sum(lack <= holdable for holdable in BY_KIND.values()), sorted(lack)


def check_declarations(schema: GraphQLSchema) -> list[str]:
    """List what is wrong with the schema's declarations, one sentence each; the list is empty for a safe schema.

    A protected field must be nullable, or refusing it would null its parent; an entity must require at least what the
    root fields that return it require, or `_entities` would bypass them; a field that `@requires` another must require
    what that one does; `@policy` isn't enforced here, so it must not be declared.
    """
    protection = Protection(schema)
    return [
        *_list_non_null(schema, protection),
        *_list_open_entities(schema, protection),
        *_list_leaking_requires(schema, protection),
        *_list_policies(schema),
    ]


def _list_non_null(schema: GraphQLSchema, protection: Protection) -> Iterator[str]:
    roots = {t.name for t in (schema.mutation_type, schema.subscription_type) if t}
    for type_ in schema.type_map.values():
        # A mutation or subscription that lacks a scope is refused entirely, so nothing is ever nulled at its root.
        if not is_object_type(type_) or type_.name in roots or is_introspection_type(type_):
            continue
        for name, field in type_.fields.items():
            if not is_non_null_type(field.type):
                continue
            needed = protection.find_requirement(type_.name, name)
            parent = protection.find_type_requirement(type_.name)
            # A field of a protected type is reached only through a field that requires the same and is refused first.
            if needed is not None and not (parent is not None and parent.implies(needed)):
                yield f"{type_.name}.{name} needs a scope, or its type does, and must be nullable."
            returned = get_named_type(field.type)
            if is_abstract_type(returned) and not _has_nullable_item(field):
                members = [
                    m.name for m in schema.get_possible_types(returned) if protection.find_type_requirement(m.name)
                ]
                if members and needed is None and parent is None:
                    yield f"{type_.name}.{name} may be {members[0]}, which needs a scope, and must be nullable."


def _has_nullable_item(field: GraphQLField) -> bool:
    type_ = field.type.of_type if is_non_null_type(field.type) else field.type
    return is_list_type(type_) and not is_non_null_type(type_.of_type)


def _list_open_entities(schema: GraphQLSchema, protection: Protection) -> Iterator[str]:
    if schema.query_type is None or "_entities" not in schema.query_type.fields:
        return
    for name, field in schema.query_type.fields.items():
        returned = get_named_type(field.type)
        needed = protection.find_requirement(schema.query_type.name, name)
        if needed is None or not any(isinstance(directive, Key) for directive in _directives(returned)):
            continue
        own = protection.find_type_requirement(returned.name)
        if own is None or not own.implies(needed):
            yield f"{returned.name} is an entity and must itself declare what Query.{name} needs."


def _list_leaking_requires(schema: GraphQLSchema, protection: Protection) -> Iterator[str]:
    for type_ in schema.type_map.values():
        if not is_object_type(type_):
            continue
        for name, field in type_.fields.items():
            for directive in _directives(field):
                if isinstance(directive, Requires):
                    for read in str(directive.fields).replace("{", " ").replace("}", " ").split():
                        needed = protection.find_requirement(type_.name, read)
                        own = protection.find_requirement(type_.name, name)
                        if needed is not None and (own is None or not own.implies(needed)):
                            yield f"{type_.name}.{name} requires {read} and must need what that needs."


def _list_policies(schema: GraphQLSchema) -> Iterator[str]:
    for type_ in schema.type_map.values():
        holders: Iterable[Any] = (type_, *getattr(type_, "fields", {}).values())
        if any(isinstance(directive, Policy) for holder in holders for directive in _directives(holder)):
            yield f"{type_.name} declares @policy, which is not enforced here."


def _directives(holder: GraphQLNamedType | GraphQLField) -> Iterable[object]:
    definition = holder.extensions.get(_BACKREF)
    return getattr(definition, "directives", None) or ()


def _read(holder: GraphQLNamedType | GraphQLField) -> list[Requirement]:
    found: list[Requirement] = []
    for directive in _directives(holder):
        if isinstance(directive, Authenticated):
            found.append(Requirement())
        elif isinstance(directive, RequiresScopes):
            alternatives = frozenset(
                frozenset(str(getattr(s, "value", s)) for s in chosen) for chosen in directive.scopes
            )
            found.append(Requirement(frozenset({alternatives})))
    return found


def _combine(parts: list[Requirement]) -> Requirement | None:
    return _all_of(parts)


def _all_of(parts: Iterable[Requirement | None]) -> Requirement | None:
    needed = [part for part in parts if part is not None]
    return Requirement(frozenset[frozenset[ScopeSet]]().union(*(part.groups for part in needed))) if needed else None
