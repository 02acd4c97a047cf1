"""The ledger's closed lists as enums of the graph. Names and words are the lists' own; none stands here."""

import inspect

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from ledger.closed_lists import ClosedList


class _Definition:
    """What Strawberry looks for on a class that a type names: made when it first looks, and kept on the list."""

    def __get__(self, _: object, closed_list: type[ClosedList]) -> StrawberryEnumDefinition:
        strawberry.enum(closed_list, name=closed_list.graph_name, description=inspect.getdoc(closed_list))
        definition: StrawberryEnumDefinition = vars(closed_list)["__strawberry_definition__"]
        for value, member in zip(definition.values, closed_list, strict=True):
            value.description = member.sentence
        return definition


ClosedList.__strawberry_definition__ = _Definition()  # type: ignore[attr-defined]
