"""Inputs: made of what graphql-core read, as Strawberry makes them, with what it works out anew for each value known.

Strawberry resolves the type and converts the name of every field of an input for each of the thousand items of a batch.
"""

from collections.abc import Mapping
from dataclasses import MISSING
from typing import Any

from strawberry.schema import BaseSchema
from strawberry.types.arguments import InputContext
from strawberry.types.base import (
    StrawberryContainer,
    StrawberryObjectDefinition,
    StrawberryOptional,
    has_object_definition,
)
from strawberry.types.lazy_type import LazyType


def make_inputs_known(schema: BaseSchema) -> None:
    """Give every input of a complete schema a function that makes it."""
    converter = schema.schema_converter
    for known in converter.type_map.values():
        definition = known.definition
        if isinstance(definition, StrawberryObjectDefinition) and definition.is_input:
            definition.from_input = _Maker(definition, converter.config.name_converter.from_field)


class _Maker:
    """Makes the values of one input."""

    def __init__(self, definition: StrawberryObjectDefinition, name_of: Any) -> None:
        self._absent = dict.fromkeys(
            field.python_name
            for field in definition.fields
            if field.default_value is MISSING and field.default_factory is MISSING
        )
        self._plain: dict[str, str] = {}
        self._others: dict[str, tuple[str, Any]] = {}
        for field in definition.fields:
            kind = field.resolve_type(type_definition=definition)
            within = kind.of_type if isinstance(kind, StrawberryOptional) else kind
            if isinstance(within, StrawberryContainer | LazyType) or has_object_definition(within):
                self._others[name_of(field)] = field.python_name, kind
            else:
                self._plain[name_of(field)] = field.python_name

    def __call__(self, made: type, given: Mapping[str, Any], context: InputContext) -> Any:
        values = dict(self._absent)
        for name, value in given.items():
            plain = self._plain.get(name)
            if plain is not None:
                values[plain] = value
                continue
            python_name, kind = self._others[name]
            values[python_name] = context.convert(value, kind, name)
        return made(**values)
