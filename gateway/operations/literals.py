"""Argument values as a document and its raw variables give them, before coercion; only for judging an operation.

What is executed is always coerced again by graphql-core, which refuses what doesn't fit its type.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphql import DirectiveNode, FieldNode, ListValueNode, NullValueNode, ObjectValueNode, ValueNode, VariableNode
from graphql.utilities import value_from_ast_untyped


class _Absent:
    """The type of ABSENT."""


ABSENT: Final = _Absent()


def read_argument(node: FieldNode | DirectiveNode, name: str, variables: Mapping[str, Any]) -> Any:
    """The value given for an argument, or ABSENT where none is given."""
    for argument in node.arguments or ():
        if argument.name.value == name:
            return read_value(argument.value, variables)
    return ABSENT


def read_value(node: ValueNode, variables: Mapping[str, Any]) -> Any:
    """The plain Python value of a literal, its variables put in; ABSENT for a variable that is not given."""
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
    """The `if` of a @skip or @include; None where it is no Boolean, which coercion will refuse."""
    value = read_argument(directive, "if", variables)
    return value if isinstance(value, bool) else None


def read_int(value: Any) -> int | None:
    """An Int as GraphQL coerces it, or None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    # GraphQL takes 5.0 for an Int, so a bound that looked at integers only could be walked around.
    return int(value) if isinstance(value, float) and value.is_integer() else None
