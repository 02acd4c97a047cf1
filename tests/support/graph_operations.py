"""Makes valid operations over a schema's queries: any selection that a client might write, with any arguments.

Hypothesis draws each decision, so that what it finds shrinks to a small operation. Every document is valid: a response
key always means one field with one set of arguments and one shape, wherever it is in the document, so that whatever
overlaps can be merged. What is asked for may well be refused, or be nonsense.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_abstract_type,
    is_composite_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
)
from graphql.pyutils import Undefined
from hypothesis import strategies as st

from tests.support.both_ways import Operation
from tests.support.graph_values import EnumName, GraphValues

DEPTH_MAX = 9
ALIASES_MAX = 25
DIRECTIVES_MAX = 12
FRAGMENTS_MAX = 6
ITEMS_MAX = 6_000
"""How many objects an operation may ask for, about: far more would be refused for its cost."""
LEFT_OUT = frozenset({"__schema", "__type", "_service"})
_LIST_LENGTH = 3


@dataclass
class _Fragment:
    name: str
    condition: str
    text: str
    depth: int
    items: int


@dataclass
class _Variable:
    name: str
    type_text: str
    default: str | None


@dataclass
class OperationMaker:
    """Makes one operation. draw is hypothesis' own; is_wanted says which fields may be used, by their coordinates."""

    schema: GraphQLSchema
    values: GraphValues
    draw: Any
    is_wanted: Callable[[str], bool]
    fields_left: int = 20
    aliases: int = 0
    directives: int = 0
    keys: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    variables: dict[str, _Variable] = field(default_factory=dict)
    given: dict[str, Any] = field(default_factory=dict)
    fragments: dict[str, _Fragment] = field(default_factory=dict)

    def make(self) -> Operation:
        """The operation."""
        self.fields_left = self.draw(st.integers(1, 36))
        query = self.schema.query_type
        assert query is not None
        text, _ = self._select(query, 1, 1, count=self.draw(st.sampled_from([1, 1, 1, 2, 3])))
        defined = ", ".join(
            f"${each.name}: {each.type_text}" + ("" if each.default is None else f" = {each.default}")
            for each in self.variables.values()
        )
        name = self.draw(st.sampled_from(["", "Poll", "a_1"]))
        head = f"query {name}{f'({defined})' if defined else ''}" if name or defined else ""
        parts = [f"{head} {text}".strip()]
        parts += [f"fragment {each.name} on {each.condition} {each.text}" for each in self.fragments.values()]
        others = name and self.draw(st.integers(0, 9)) == 0
        if others:
            parts.append("query Other { __typename }")
        if self.draw(st.booleans()):
            parts.reverse()
        return Operation("\n".join(parts), self.given, name if others else None)

    def _chance(self, one_in: int) -> bool:
        return self.draw(st.integers(0, one_in - 1)) == one_in - 1

    def _select(self, parent: Any, depth: int, items: int, *, count: int | None = None) -> tuple[str, int]:
        """A selection set of a composite type, and how many levels of fields it has."""
        wanted = count if count is not None else self.draw(st.integers(1, 6))
        parts, deepest = [], 0
        for _ in range(wanted):
            made = self._select_one(parent, depth, items)
            if made is not None:
                parts.append(made[0])
                deepest = max(deepest, made[1])
        if not parts:
            parts, deepest = ["__typename"], 1
        return "{ " + " ".join(parts) + " }", deepest

    def _select_one(self, parent: Any, depth: int, items: int) -> tuple[str, int] | None:
        self.fields_left -= 1
        if self.fields_left < 0:
            return None
        if self._chance(12):
            return "__typename" + self._directive(), 1
        if is_abstract_type(parent) and not getattr(parent, "fields", None):
            return self._inline(parent, depth, items)
        kind = self.draw(st.integers(0, 11))
        if kind == 11:
            return self._inline(parent, depth, items)
        if kind == 10 and len(self.fragments) < FRAGMENTS_MAX:
            return self._spread(parent, depth, items)
        return self._field(parent, depth, items)

    def _field(self, parent: Any, depth: int, items: int) -> tuple[str, int] | None:
        names = self._list_fields(parent, depth, items)
        if not names:
            return None
        name = self.draw(st.sampled_from(names))
        definition = parent.fields[name]
        arguments, first = self._arguments(f"{parent.name}.{name}", definition, is_nested=items > 1)
        key = self._find_key(name, arguments, definition)
        if key is None:
            return None
        head = (name if key == name else f"{key}: {name}") + arguments + self._directive()
        named = get_named_type(definition.type)
        if not is_composite_type(named):
            return head, 1
        inner, levels = self._select(named, depth + 1, items * _count_items(definition, first))
        return f"{head} {inner}", levels + 1

    def _list_fields(self, parent: Any, depth: int, items: int) -> list[str]:
        """The fields that may be selected here: deep down, or for very many items, only leaves."""
        fields = {
            name: each
            for name, each in parent.fields.items()
            if name not in LEFT_OUT and (is_abstract_type(parent) or self.is_wanted(f"{parent.name}.{name}"))
        }
        if depth >= DEPTH_MAX or items > ITEMS_MAX or (self.fields_left <= 0 and depth > 1):
            return [name for name, each in fields.items() if not is_composite_type(get_named_type(each.type))]
        inner = [name for name in ("nodes", "edges", "node") if name in fields]
        return [*fields, *inner * 3]

    def _find_key(self, name: str, arguments: str, definition: GraphQLField) -> str | None:
        """A response key that has one meaning in all of the document; None where there is no alias left."""
        meaning = (name, arguments, _shape_of(definition))
        odd = (f"x_{name}", f"{name}_", "id", "nodes", "state", "e164")
        wanted = self.draw(st.sampled_from(odd)) if self._chance(15) else name
        for key in (wanted, *(f"{name}_{place}" for place in range(1, 9))):
            if self.keys.get(key, meaning) != meaning:
                continue
            if key != name:
                if self.aliases >= ALIASES_MAX:
                    return None
                self.aliases += 1
            self.keys[key] = meaning
            return key
        return None

    def _inline(self, parent: Any, depth: int, items: int) -> tuple[str, int] | None:
        conditions = [None, *self._list_conditions(parent)]
        if is_abstract_type(parent):
            conditions = conditions[1:]
        condition = self.draw(st.sampled_from(conditions))
        inner, levels = self._select(parent if condition is None else condition, depth, items)
        head = "..." if condition is None else f"... on {condition.name}"
        return f"{head}{self._directive()} {inner}", levels

    def _spread(self, parent: Any, depth: int, items: int) -> tuple[str, int] | None:
        """A named fragment: one that was made before and fits here, or a new one."""
        conditions = self._list_conditions(parent)
        names = {each.name for each in conditions}
        fitting = [
            each
            for each in self.fragments.values()
            if each.condition in names and depth + each.depth <= DEPTH_MAX and items * each.items <= ITEMS_MAX
        ]
        if fitting and self._chance(2):
            return f"...{self.draw(st.sampled_from(fitting)).name}{self._directive()}", 1
        condition = self.draw(st.sampled_from(conditions))
        text, levels = self._select(condition, depth, items)
        name = f"F{len(self.fragments)}"
        self.fragments[name] = _Fragment(name, condition.name, text, levels, 50 if levels > 1 else 1)
        return f"...{name}{self._directive()}", levels

    def _list_conditions(self, parent: Any) -> list[Any]:
        """Types that a fragment in a selection of this type may have."""
        if is_abstract_type(parent):
            return [*self.schema.get_possible_types(parent)]
        interfaces = [
            each
            for each in getattr(parent, "interfaces", ())
            if all(self.is_wanted(f"{parent.name}.{name}") for name in each.fields)
        ]
        return [parent, *interfaces]

    def _directive(self) -> str:
        if self.directives >= DIRECTIVES_MAX or not self._chance(9):
            return ""
        self.directives += 1
        name = self.draw(st.sampled_from(["skip", "include"]))
        if self._chance(2):
            return f" @{name}(if: {self._variable(GraphQLNonNull(GraphQLBoolean), 'if', '', has_default=False)})"
        return f" @{name}(if: {'true' if (name == 'include') != self._chance(5) else 'false'})"

    def _arguments(self, place: str, definition: GraphQLField, *, is_nested: bool) -> tuple[str, int | None]:
        """The arguments of a field as text, and the literal page size among them."""
        given: list[str] = []
        first: int | None = None
        for name, argument in definition.args.items():
            if name == "first" and is_nested and not self._chance(8):
                first = self.draw(st.integers(1, 3))
                given.append(f"first: {first}")
            elif is_required_argument(argument) or self._chance(3):
                given.append(f"{name}: {self._value(argument.type, name, place, argument)}")
        if given and self._chance(4):
            given.reverse()
        return (f"({', '.join(given)})" if given else ""), first

    def _value(self, type_: Any, name: str, place: str, holder: GraphQLArgument | GraphQLInputField | None) -> str:
        """A value for a place of this type as it stands in the document: a literal, or a variable."""
        has_default = holder is not None and holder.default_value is not Undefined
        if self._chance(3):
            return self._variable(type_, name, place, has_default=has_default)
        if not is_non_null_type(type_) and self._chance(12):
            return "null"
        inner = get_nullable_type(type_)
        if is_list_type(inner):
            if self._chance(8):
                # A list of one may be written without brackets, but not as a variable.
                single = GraphQLNonNull(get_nullable_type(inner.of_type))
                return print_literal(self._constant(single, name, place, is_literal=True))
            items = [
                self._value(inner.of_type, name, place, None) for _ in range(self.draw(st.integers(0, _LIST_LENGTH)))
            ]
            return f"[{', '.join(items)}]"
        if isinstance(inner, GraphQLInputObjectType):
            chosen = [
                f"{key}: {self._value(each.type, key, inner.name, each)}"
                for key, each in inner.fields.items()
                if is_non_null_type(each.type) or self._chance(4)
            ]
            return "{" + ", ".join(chosen) + "}"
        return print_literal(self._constant(GraphQLNonNull(inner), name, place, is_literal=True))

    def _constant(self, type_: Any, name: str, place: str, *, is_literal: bool) -> Any:
        """A value of a type as JSON has it, without variables; one that is no literal may be malformed."""
        inner = get_nullable_type(type_)
        if not is_non_null_type(type_) and self._chance(12):
            return None
        if is_list_type(inner):
            length = self.draw(st.integers(0, _LIST_LENGTH))
            return [self._constant(inner.of_type, name, place, is_literal=is_literal) for _ in range(length)]
        if isinstance(inner, GraphQLInputObjectType):
            return {
                key: self._constant(each.type, key, inner.name, is_literal=is_literal)
                for key, each in inner.fields.items()
                if is_non_null_type(each.type) or self._chance(4)
            }
        if isinstance(inner, GraphQLEnumType):
            return EnumName(self.draw(st.sampled_from(list(inner.values))))
        choices = self.values.choose(inner.name, name, place)
        odd = choices.odd if is_literal else (*choices.odd, *choices.malformed)
        is_odd = not choices.usual or (odd and self._chance(10))
        return self.draw(st.sampled_from(odd if is_odd else choices.usual))

    def _variable(self, type_: Any, name: str, place: str, *, has_default: bool) -> str:
        """A variable for a place of this type: an earlier one, or a new one, with or without a default and a value."""
        text, inner = str(type_), get_nullable_type(type_)
        known = [each for each in self.variables.values() if each.type_text == text and each.default is None]
        if known and self._chance(3):
            return f"${self.draw(st.sampled_from(known)).name}"
        variable = f"v{len(self.variables)}"
        default = None
        if self._chance(4):
            default = print_literal(self._constant(GraphQLNonNull(inner), name, place, is_literal=True))
        elif not is_non_null_type(type_) and self._chance(8):
            default = "null"
        may_be_null = not is_non_null_type(type_) or (has_default or default is not None)
        declared = str(inner) if may_be_null and not self._chance(6) else str(GraphQLNonNull(inner))
        if declared.endswith("!") and default == "null":
            default = None
        self.variables[variable] = _Variable(variable, declared, default)
        is_optional = default is not None or not declared.endswith("!")
        if is_optional and self._chance(4):
            return f"${variable}"
        if not declared.endswith("!") and self._chance(8):
            self.given[variable] = None
        else:
            self.given[variable] = self._constant(GraphQLNonNull(inner), name, place, is_literal=False)
        return f"${variable}"


def _shape_of(definition: GraphQLField) -> str:
    """What must be equal where two selections of one response key are merged: the wrappers, and a leaf's type."""
    named = get_named_type(definition.type)
    text = str(definition.type)
    return text.replace(named.name, "{}") if is_composite_type(named) else text


def _count_items(definition: GraphQLField, first: int | None) -> int:
    if "first" in definition.args:
        return 50 if first is None else first
    type_ = get_nullable_type(definition.type)
    return 3 if isinstance(type_, GraphQLList) and get_named_type(type_).name[-4:] != "Edge" else 1


def print_literal(value: Any) -> str:
    """A value as GraphQL writes it."""
    if isinstance(value, EnumName):
        return str(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {print_literal(each)}" for name, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(print_literal, value)) + "]"
    return json.dumps(value)


@st.composite
def operations(
    draw: Any, schema: GraphQLSchema, values: GraphValues, is_wanted: Callable[[str], bool] = lambda _coordinate: True
) -> Operation:
    """Operations that select nothing but wanted fields, and arguments from these values."""
    return OperationMaker(schema, values, draw, is_wanted).make()
