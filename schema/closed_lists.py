"""The ledger's closed lists as enums of the graph. Names and descriptions come from the lists; define none here."""

import inspect

import strawberry
from strawberry.types.enum import StrawberryEnumDefinition

from ledger.closed_lists import ClosedList


class _Definition:
    """The definition that Strawberry expects on an enum class; built on first access and cached on the list."""

    def __get__(self, _: object, closed_list: type[ClosedList]) -> StrawberryEnumDefinition:
        strawberry.enum(closed_list, name=closed_list.graph_name, description=inspect.getdoc(closed_list))
        definition: StrawberryEnumDefinition = vars(closed_list)["__strawberry_definition__"]
        for value, member in zip(definition.values, closed_list, strict=True):
            value.description = member.sentence
        return definition


ClosedList.__strawberry_definition__ = _Definition()  # type: ignore[attr-defined]
