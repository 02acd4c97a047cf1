"""What an SDL asks of a token, read from its text as a router reads it, independently of the gateway's own reading."""

from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

from graphql import ListTypeNode, NonNullTypeNode, parse

Alternatives = frozenset[frozenset[str]]
"""Sets of scopes of which any one suffices, none of them contained in another. The empty set is any token."""


def read_alternatives(sdl: str) -> dict[str, Alternatives]:
    """What each object type and each of its fields requires in all, by coordinate; what is open is left out.

    A field requires what is declared by itself, its type, its parent, the parent's interfaces and their fields.
    """
    types = {t.name.value: t for t in parse(sdl).definitions if hasattr(t, "name") and hasattr(t, "fields")}
    needed: dict[str, list[Alternatives]] = {}
    for name, type_ in types.items():
        if type_.kind != "object_type_definition":
            continue
        above = [types[interface.name.value] for interface in type_.interfaces or ()]
        own = [*_list_declared(type_), *(one for interface in above for one in _list_declared(interface))]
        needed[name] = own
        for field in type_.fields or ():
            returned = types.get(_name_of(field.type))
            inherited = [f for interface in above for f in interface.fields if f.name.value == field.name.value]
            needed[f"{name}.{field.name.value}"] = [
                *own,
                *(one for holder in (field, *inherited) for one in _list_declared(holder)),
                *(_list_declared(returned) if returned is not None else ()),
            ]
    return {coordinate: combine(groups) for coordinate, groups in needed.items() if groups}


def count_alternatives(sdl: str) -> dict[str, int]:
    """How many alternatives a composition library writes out for each field: its own times those of its type."""
    types = {t.name.value: t for t in parse(sdl).definitions if hasattr(t, "name") and hasattr(t, "fields")}
    counted: dict[str, int] = {}
    for name, type_ in types.items():
        for field in type_.fields or ():
            returned = types.get(_name_of(field.type))
            counts = [len(group) for holder in (field, returned) if holder for group in _list_declared(holder)]
            total = 1
            for count in counts:
                total *= count
            counted[f"{name}.{field.name.value}"] = total
    return counted


def combine(groups: Iterable[Iterable[frozenset[str]]]) -> Alternatives:
    """The alternatives of meeting every group, without those that contain another."""
    merged = {frozenset[str]().union(*chosen) for chosen in product(*groups)}
    return frozenset(one for one in merged if not any(other < one for other in merged))


def _list_declared(holder: Any) -> Iterator[Alternatives]:
    for directive in getattr(holder, "directives", None) or ():
        if directive.name.value == "authenticated":
            yield frozenset({frozenset[str]()})
        if directive.name.value == "requiresScopes":
            (argument,) = directive.arguments
            yield frozenset(frozenset(scope.value for scope in chosen.values) for chosen in argument.value.values)


def _name_of(type_: Any) -> str:
    while isinstance(type_, ListTypeNode | NonNullTypeNode):
        type_ = type_.type
    return type_.name.value
