"""Argument values as a document and its raw variables give them, before coercion; only for assessing an operation.

Whatever is executed is still coerced by graphql-core, which refuses values that don't match their type.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import DirectiveNode, FieldNode, ListValueNode, NullValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.utilities import value_from_ast_untyped


class _Absent:
    """The type of ABSENT."""


ABSENT: Final = _Absent()


def read_argument(node: FieldNode | DirectiveNode, name: str, variables: Mapping[str, Any]) -> Any:
    """Return the value given for an argument, or ABSENT."""
    for argument in node.arguments or ():
        if argument.name.value == name:
            return read_value(argument.value, variables)
    return ABSENT


def read_value(node: ValueNode, variables: Mapping[str, Any]) -> Any:
    """Return a literal as a Python value, with variables substituted; ABSENT for a variable that is not given."""
    if isinstance(node, VariableNode):
        return variables.get(node.name.value, ABSENT)
    if isinstance(node, NullValueNode):
        return None
    if isinstance(node, ListValueNode):
        return [None if (value := read_value(item, variables)) is ABSENT else value for item in node.values]
    if isinstance(node, ObjectValueNode):
        read = {field.name.value: read_value(field.value, variables) for field in node.fields}
        return {name: value for name, value in read.items() if value is not ABSENT}
    return value_from_ast_untyped(node)


def read_condition(directive: DirectiveNode, variables: Mapping[str, Any]) -> bool | None:
    """Return the `if` of a @skip or @include; None where it is not a Boolean, which coercion refuses."""
    value = read_argument(directive, "if", variables)
    return value if isinstance(value, bool) else None


def read_int(value: Any) -> int | None:
    """Return an Int as GraphQL coerces it, or None for any other value."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    # GraphQL accepts 5.0 as an Int, so a limit that checked only integers could be bypassed.
    return int(value) if isinstance(value, float) and value.is_integer() else None
