"""An input is what Strawberry makes of the same value, for every input of the graph."""

from typing import Any

import pytest
from graphql import GraphQLInputObjectType, is_input_object_type, is_list_type, is_non_null_type
from strawberry.types.arguments import convert_argument

from schema.graph import schema

CONVERTER = schema.schema_converter
INPUTS = {
    name: known.definition
    for name, known in CONVERTER.type_map.items()
    if isinstance(known.implementation, GraphQLInputObjectType)
}


def value_of(kind: Any, *, depth: int, is_whole: bool) -> Any:
    """A value as graphql-core hands it on; lists have two items, and inputs end at the depth."""
    if is_non_null_type(kind):
        return value_of(kind.of_type, depth=depth, is_whole=is_whole)
    if is_list_type(kind):
        return [value_of(kind.of_type, depth=depth, is_whole=is_whole) for _ in range(2)]
    if not is_input_object_type(kind):
        return f"a {kind}"
    return {
        name: value_of(field.type, depth=depth - 1, is_whole=is_whole)
        for name, field in kind.fields.items()
        if is_non_null_type(field.type) or (is_whole and depth)
    }


def convert(definition: Any, value: Any) -> Any:
    return convert_argument(value, definition.origin, CONVERTER.scalar_registry, CONVERTER.config)


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("given", ["every field", "what is required", "null for the rest"])
def test_is_made_as_strawberry_makes_it(name, given, monkeypatch):
    kind = CONVERTER.type_map[name].implementation
    value = value_of(kind, depth=3, is_whole=given == "every field")
    if given == "null for the rest":
        value |= {field: None for field in kind.fields if field not in value}
    ours = convert(INPUTS[name], value)
    for definition in INPUTS.values():
        monkeypatch.setattr(definition, "from_input", None)
    assert (type(ours), ours) == (INPUTS[name].origin, convert(INPUTS[name], value))


def test_has_a_function_of_its_own_in_the_served_graph():
    assert len(INPUTS) > 30
    assert all(definition.from_input is not None for definition in INPUTS.values())
