"""What an operation asks for, computed before it runs: its cost, its pages and the protected fields it uses.

The walk follows selections as an executor would: by concrete type, merging fields with the same response key, spreading
each fragment once, and applying `@skip` and `@include`. It therefore visits what would be executed, and its work is
bounded. A plan depends on the caller only in whether it may read the schema: it serves everyone of whom that is equally
true and who sends the same document with the same deciding variables.

Cost (IBM cost directives, as Apollo counts them): a field adds its own `@cost` and those of its arguments and then, for
each item that it may return, the weight of its type (`@cost`, else 1 for an object, 0 for a leaf) and of its selection;
an object in an argument adds 1. A field that is repeated under another alias adds 1 each time, or leaves would be
multiplied for nothing. `@listSize` or the slicing arguments determine how long a list is. What reading the schema costs
is determined in introspection.py.
Source: ibm.github.io/graphql-specs/cost-spec.html; docs/adr/0031.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from graphql import (
    ArgumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    IntValueNode,
    ListTypeNode,
    NamedTypeNode,
    NameNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_object_type,
)

from gateway.operations.costs import CostModel, Sizing
from gateway.operations.errors import IntrospectionRepeatedError, OperationTooComplexError
from gateway.operations.introspection import (
    INTROSPECTION,
    SDL,
    SDL_WEIGHT,
    SERVICE,
    list_selection_sets,
    weigh_introspection,
)
from gateway.operations.literals import ABSENT, read_argument, read_condition, read_value
from gateway.operations.number_arguments import names_numbers
from gateway.operations.protection import Protection, Requirement
from ledger.compiling.selected import Selected
from ledger.pages import PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX

ENTITIES = "_entities"


@dataclass(frozen=True, slots=True)
class ProtectedUse:
    """One place in an operation that selects a protected field, or a protected member of an abstract type.

    Shapes: path holds response keys without list indices; a field_name of None means the type as a whole.
    """

    type_name: str
    field_name: str | None
    path: tuple[str, ...]
    requirement: Requirement
    node: FieldNode

    @property
    def coordinate(self) -> str:
        """The schema coordinate by which clients know the field."""
        return self.type_name if self.field_name is None else f"{self.type_name}.{self.field_name}"


@dataclass(frozen=True, slots=True)
class EntityUse:
    """A selection of `_entities`: its path, and the node whose argument names the types."""

    path: tuple[str, ...]
    node: FieldNode


@dataclass(frozen=True, slots=True)
class LookupUse:
    """A selection of a field whose arguments may name numbers."""

    field: GraphQLField
    node: FieldNode


@dataclass(frozen=True, slots=True)
class Plan:
    """What an operation asks for.

    Shapes: cost excludes the objects in variables. is_constant says that the operation only reads the schema, so that
    its result depends on nothing but the document; is_reusable that the plan doesn't depend on a variable's text. tree
    is what a query selects, merged; number tells the plan from all others of the process.
    """

    cost: int
    protected: tuple[ProtectedUse, ...]
    entities: tuple[EntityUse, ...]
    lookups: tuple[LookupUse, ...] = ()
    is_constant: bool = False
    is_reusable: bool = True
    tree: tuple[Selected, ...] = ()
    number: int = field(default_factory=count().__next__, compare=False)


class Planner:
    """Walks operations of one schema. Holds no state between calls."""

    def __init__(
        self, schema: GraphQLSchema, protection: Protection, costs: CostModel, *, selections_max: int, cost_max: int
    ) -> None:
        """Bind to a schema and to the limits of a walk; counting introspection stops beyond cost_max."""
        self.schema = schema
        self.protection = protection
        self.costs = costs
        self.selections_max = selections_max
        self.cost_max = cost_max

    def plan(
        self,
        operation: OperationDefinitionNode,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        *,
        may_introspect: bool = True,
    ) -> Plan:
        """Return the plan of a valid operation. What may not be read of the schema isn't weighed, since it is refused.

        Errors: OperationTooComplexError, IntrospectionRepeatedError, PageTooLargeError, SlicingArgumentError.
        """
        root = self.schema.get_root_type(operation.operation)
        if root is None:
            return Plan(0, (), ())
        walk = _Walk(self, fragments, variables, may_introspect=may_introspect)
        cost = walk.cost_of_selections(root, [operation.selection_set], (), {})
        is_query = root is self.schema.query_type and not (walk.entities or walk.introspected or walk.is_undecided)
        fixed = not operation.variable_definitions
        return Plan(
            cost,
            tuple(walk.protected.values()),
            tuple(walk.entities),
            tuple(walk.lookups),
            is_constant=fixed and 0 < len(walk.introspected) == walk.roots,
            is_reusable=fixed or not walk.introspected,
            tree=tuple(walk.list_selected(root, [operation.selection_set], ())) if is_query else (),
        )


class _Walk:
    """One walk over one operation."""

    def __init__(
        self,
        planner: Planner,
        fragments: Mapping[str, FragmentDefinitionNode],
        variables: Mapping[str, Any],
        *,
        may_introspect: bool,
    ) -> None:
        self.may_introspect, self.cost_max = may_introspect, planner.cost_max
        self.schema, self.protection, self.costs = planner.schema, planner.protection, planner.costs
        self.fragments, self.variables = fragments, variables
        self.selections_max = planner.selections_max
        self.selections = 0
        self.protected: dict[tuple[str, str | None, tuple[str, ...]], ProtectedUse] = {}
        self.entities: list[EntityUse] = []
        self.lookups: list[LookupUse] = []
        self.introspected: set[str] = set()
        self.is_undecided = False
        """Whether a @skip or @include has a null, of which execution makes an error where it comes upon it."""
        self.roots = 0

    def cost_of_selections(
        self,
        parent: GraphQLObjectType,
        selection_sets: Sequence[SelectionSetNode],
        path: tuple[str, ...],
        sizes: Mapping[str, int],
    ) -> int:
        fields = self._list_fields(parent, selection_sets)
        self.roots = self.roots or len(fields)
        repeated = len(fields) - len({nodes[0].name.value for nodes in fields.values()})
        return repeated + sum(self._cost_of_field(parent, nodes, (*path, key), sizes) for key, nodes in fields.items())

    def list_selected(
        self, parent: GraphQLObjectType, selection_sets: Sequence[SelectionSetNode], path: tuple[str, ...]
    ) -> Iterator[Selected]:
        """List what is selected of a type, by response key, with what is selected of each type that a field returns."""
        self.selections = 0 if not path else self.selections  # this walk visits once more what was counted
        for key, nodes in self._list_fields(parent, selection_sets).items():
            name, below = nodes[0].name.value, (*path, key)
            found = self.schema.get_field(parent, name)
            returned = get_named_type(found.type) if found is not None else None
            types: Sequence[GraphQLObjectType] = ()
            if is_object_type(returned):
                types = (returned,)
            elif is_abstract_type(returned):
                types = self.schema.get_possible_types(returned)
            sets = list_selection_sets(nodes)
            members = {each.name: tuple(self.list_selected(each, sets, below)) for each in types}
            yield Selected(key, name, parent.name, below, members, nodes[0], _read_first(nodes[0]))

    def _cost_of_field(
        self, parent: GraphQLObjectType, nodes: list[FieldNode], path: tuple[str, ...], sizes: Mapping[str, int]
    ) -> int:
        node = nodes[0]
        name = node.name.value
        field = self.schema.get_field(parent, name)
        if field is None or name == "__typename":
            return 0
        requirement = self.protection.find_requirement(parent.name, name)
        if requirement is not None:
            self._note(parent.name, name, path, requirement, node)
        if name in INTROSPECTION and parent is self.schema.query_type:
            return self._cost_of_introspection(field, nodes)
        if name == ENTITIES and parent is self.schema.query_type:
            self.entities.append(EntityUse(path, node))
        given = [argument.name.value for argument in node.arguments or ()]
        if parent is not self.schema.mutation_type and names_numbers(field, given):
            self.lookups.append(LookupUse(field, node))
        sizing = self.costs.size(parent.name, field, node, self.variables, inherited=sizes.get(name))
        inner = self._cost_of_members(field, nodes, path, sizing)
        return self.costs.weigh_field(field, node) + sizing.length * inner

    def _cost_of_introspection(self, field: GraphQLField, nodes: list[FieldNode]) -> int:
        name = nodes[0].name.value
        if name in self.introspected:
            raise IntrospectionRepeatedError(f"The operation selects {name} more than once.")
        self.introspected.add(name)
        if not self.may_introspect:
            return 0
        if name != SERVICE:
            return weigh_introspection(self.schema, nodes, self.variables, self._list_fields, weight_max=self.cost_max)
        returned = get_named_type(field.type)
        fields = self._list_fields(returned, list_selection_sets(nodes)) if is_object_type(returned) else {}
        times = sum(inner[0].name.value == SDL for inner in fields.values())
        if times > 1:
            raise IntrospectionRepeatedError(f"The operation selects {SDL} more than once.")
        return 1 + times * SDL_WEIGHT

    def _cost_of_members(
        self, field: GraphQLField, nodes: list[FieldNode], path: tuple[str, ...], sizing: Sizing
    ) -> int:
        returned = get_named_type(field.type)
        if not is_composite_type(returned):
            return self.costs.weigh_type(returned)
        sets = list_selection_sets(nodes)
        if is_object_type(returned):
            return self.costs.weigh_type(returned) + self.cost_of_selections(returned, sets, path, sizing.inner)
        worst = 0
        for member in self.schema.get_possible_types(returned) if is_abstract_type(returned) else ():
            requirement = self.protection.find_type_requirement(member.name)
            if requirement is not None and self._selects_member(member, sets):
                self._note(member.name, None, path, requirement, nodes[0])
            inner = self.cost_of_selections(member, sets, path, sizing.inner)
            worst = max(worst, self.costs.weigh_type(member) + inner)
        return worst

    def _selects_member(self, member: GraphQLObjectType, selection_sets: Sequence[SelectionSetNode]) -> bool:
        fields = self._list_fields(member, selection_sets)
        return any(nodes[0].name.value != "__typename" for nodes in fields.values())

    def _note(
        self, type_name: str, field_name: str | None, path: tuple[str, ...], requirement: Requirement, node: FieldNode
    ) -> None:
        self.protected.setdefault(
            (type_name, field_name, path), ProtectedUse(type_name, field_name, path, requirement, node)
        )

    def _list_fields(
        self, parent: GraphQLObjectType, selection_sets: Sequence[SelectionSetNode]
    ) -> dict[str, list[FieldNode]]:
        fields: dict[str, list[FieldNode]] = {}
        for selection_set in selection_sets:
            self._collect(parent, selection_set, fields, set())
        return fields

    def _collect(
        self,
        parent: GraphQLObjectType,
        selection_set: SelectionSetNode,
        fields: dict[str, list[FieldNode]],
        spread: set[str],
    ) -> None:
        for selection in selection_set.selections:
            self.selections += 1
            if self.selections > self.selections_max:
                raise OperationTooComplexError(
                    f"The operation selects more than {self.selections_max} fields (JEMBATAN_DOCUMENT_SELECTIONS_MAX)."
                )
            if not self._is_included(selection.directives):
                continue
            if isinstance(selection, FieldNode):
                key = selection.alias.value if selection.alias else selection.name.value
                fields.setdefault(key, []).append(selection)
            elif isinstance(selection, InlineFragmentNode):
                condition = selection.type_condition
                if condition is None or self._applies(parent, condition.name.value):
                    self._collect(parent, selection.selection_set, fields, spread)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                fragment = self.fragments.get(name)
                if fragment is None or name in spread:
                    continue
                spread.add(name)
                if self._applies(parent, fragment.type_condition.name.value):
                    self._collect(parent, fragment.selection_set, fields, spread)

    def _is_included(self, directives: Sequence[Any] | None) -> bool:
        for directive in directives or ():
            if directive.name.value not in {"skip", "include"}:
                continue
            condition = read_condition(directive, self.variables)
            if condition is None:
                self.is_undecided = True
            elif condition is (directive.name.value == "skip"):
                return False
        return True

    def _applies(self, parent: GraphQLObjectType, condition: str) -> bool:
        if condition == parent.name:
            return True
        type_ = self.schema.type_map.get(condition)
        return type_ is not None and is_abstract_type(type_) and self.schema.is_sub_type(type_, parent)


def list_entity_types(use: EntityUse, variables: Mapping[str, Any]) -> Iterator[str | None]:
    """Yield the `__typename` of each representation in an `_entities` selection, in order; None where it is missing."""
    representations = read_argument(use.node, "representations", variables)
    if representations is ABSENT or not isinstance(representations, list):
        return
    for item in representations:
        name = item.get("__typename") if isinstance(item, Mapping) else None
        yield name if isinstance(name, str) else None


def list_deciding_variables(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return a key of the variables that a plan depends on: Booleans, Ints and the lengths of lists.

    IDs, cursors, strings and input objects don't affect a plan, so operations that differ only in these share one.
    """
    key: list[Any] = []
    for definition in operation.variable_definitions or ():
        type_ = definition.type.type if isinstance(definition.type, NonNullTypeNode) else definition.type
        value = variables.get(definition.variable.name.value)
        if isinstance(type_, ListTypeNode):
            key.append(len(value) if isinstance(value, list) else None)
        elif isinstance(type_, NamedTypeNode) and type_.name.value in {"Int", "Boolean"}:
            key.append((type(value).__name__, value if isinstance(value, (int, float)) else None))
    return tuple(key)


def with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the raw variables, with the operation's defaults for those not given."""
    filled = {
        definition.variable.name.value: read_value(definition.default_value, {})
        for definition in operation.variable_definitions or ()
        if definition.default_value is not None
    }
    return filled | dict(variables)


def _read_first(node: FieldNode) -> int | None:
    """How many items of a first page are asked for in the text itself: the default where nothing is said."""
    match tuple(node.arguments or ()):
        case ():
            return PAGE_SIZE_DEFAULT
        case (ArgumentNode(name=NameNode(value="first"), value=IntValueNode(value=digits)),):
            return int(digits) if len(digits) <= len(str(PAGE_SIZE_MAX)) else None
    return None
