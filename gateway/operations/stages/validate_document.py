"""Checks the operation against the schema and the limits: breadth, depth, pages, lists and cost. It runs nothing.

Cheap checks come before GraphQL's own validation, whose work they limit; pages and cost come after it, since they need
the schema's types. Results are cached by the document's text, never by caller.
"""

from collections.abc import Mapping

from graphql import (
    FragmentDefinitionNode,
    GraphQLError,
    ListTypeNode,
    NamedTypeNode,
    NonNullTypeNode,
    OperationDefinitionNode,
    TypeNode,
    specified_rules,
    validate,
)
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from gateway.operations.document_bounds import check_document_bounds
from gateway.operations.errors import DocumentInvalidError, OperationTooComplexError
from gateway.operations.plans import Plan, list_deciding_variables, with_defaults
from gateway.operations.progress import Document, Parsed, Planned, advance
from gateway.operations.services import Services
from gateway.operations.stages.limit_rate import charge_document

CACHED_TEXT_LENGTH_MAX = 16_384
"""The longest document that is kept, parsed and validated."""

# As Strawberry combines them.
_RULES = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)
_ERRORS_MAX = 20


class SeveralErrorsError(DocumentInvalidError):
    """The document is not valid against the schema."""

    def __init__(self, errors: list[GraphQLError]) -> None:
        """Keep each error; the answer lists them."""
        super().__init__(errors[0].message)
        self.errors = tuple(errors[:_ERRORS_MAX])


def validate_document(parsed: Parsed, services: Services) -> Planned:
    """Return the operation with its plan and its cost.

    Errors: DocumentInvalidError with its errors; OperationTooComplexError; IntrospectionRepeatedError;
    PageTooLargeError; SlicingArgumentError; TooManyItemsError.
    """
    document, request, operation = parsed.document, parsed.request, parsed.operation
    variables = with_defaults(operation, request.variables)
    may_introspect = services.protection.may_introspect(parsed.scopes)
    key = (document.text, request.operation_name, may_introspect, list_deciding_variables(operation, variables))
    try:
        if services.documents.find(document.text) is None:
            _check(document, services, hide_suggestions=not may_introspect)
        plan = services.plans.find(key)
        if plan is None:
            charge_document(parsed, document.text, services)
            plan = _plan(parsed, services, variables, may_introspect=may_introspect)
    except RecursionError:
        raise OperationTooComplexError("The document's fragments are nested too deeply.") from None
    if plan.is_reusable and len(document.text) <= CACHED_TEXT_LENGTH_MAX:
        services.plans.keep(key, plan)
    cost = plan.cost + weigh_variables(operation, request.variables, services)
    services.metrics.cost.observe(cost)
    if cost > services.settings.cost_max:
        raise OperationTooComplexError(
            f"The operation's estimated cost is {cost}; at most {services.settings.cost_max} is allowed "
            "(JEMBATAN_COST_MAX).",
            headers={"X-Jembatan-Cost": str(cost)},
            extensions={"cost": cost, "costMax": services.settings.cost_max},
        )
    return advance(parsed, Planned, plan=plan, cost=cost)


def weigh_variables(operation: OperationDefinitionNode, variables: Mapping[str, object], services: Services) -> int:
    """Return the cost of the objects in variables. Variables that the operation doesn't define are ignored."""
    cost = 0
    for definition in operation.variable_definitions or ():
        type_: TypeNode = definition.type
        while isinstance(type_, (ListTypeNode, NonNullTypeNode)):
            type_ = type_.type
        is_entity = isinstance(type_, NamedTypeNode) and type_.name.value == "_Any"
        value = variables.get(definition.variable.name.value)
        cost += services.costs.weigh_input(
            value, items_max=services.settings.representations_max if is_entity else None
        )
    return cost


def _check(document: Document, services: Services, *, hide_suggestions: bool) -> None:
    check_document_bounds(document.node, services.settings)
    errors = validate(services.graph, document.node, _RULES, max_errors=_ERRORS_MAX, hide_suggestions=hide_suggestions)
    if errors:
        raise SeveralErrorsError(errors)
    if len(document.text) <= CACHED_TEXT_LENGTH_MAX:
        services.documents.keep(document.text, document)


def _plan(parsed: Parsed, services: Services, variables: dict[str, object], *, may_introspect: bool) -> Plan:
    fragments = {
        definition.name.value: definition
        for definition in parsed.document.node.definitions
        if isinstance(definition, FragmentDefinitionNode)
    }
    return services.planner.plan(parsed.operation, fragments, variables, may_introspect=may_introspect)
