"""Recalls what parsing, validation and authorization found for an operation like this one, so that none of them runs.

An operation is like another if nothing differs that these steps decide by: the document's text, the operation's name,
how it was sent, the scopes of the caller, and the variables on which its plan depends. Only what passed all three is
remembered, so nothing is ever refused here: whatever isn't recalled takes the steps themselves, and is refused there.

What depends on the one request, such as the weight of its variables, is judged for each. What a client may fetch as an
entity depends on the representations that it names, so these operations are never remembered.
Source: docs/adr/0140.
"""

from collections.abc import Hashable

from gateway.operations.plans import list_deciding_variables, with_defaults
from gateway.operations.progress import Authorized, GraphQLRequest, Known, Outline, Read, advance
from gateway.operations.services import Services
from gateway.operations.stages.validate_document import CACHED_TEXT_LENGTH_MAX, weigh_variables
from ledger.errors import LedgerError


def recall_operation(read: Read, services: Services) -> Authorized | None:
    """Return the operation as the three steps would, or None where they have to take it."""
    outline = services.outlines.find((read.text, read.request.operation_name))
    if outline is None:
        return None
    request = read.request.with_variables(outline.declared)
    known = services.known.find(_key(outline, read, request))
    if known is None:
        return None
    cost = known.plan.cost
    if outline.declared:
        try:
            cost += weigh_variables(outline.operation, request.variables, services)
        except LedgerError:
            return None
    if cost > services.settings.cost_max:
        return None
    services.metrics.cost.observe(cost)
    return advance(
        read,
        Authorized,
        request=request,
        document=outline.document,
        operation=outline.operation,
        plan=known.plan,
        cost=cost,
        denials=known.denials,
        refused_entities=frozenset(),
    )


def remember_operation(authorized: Authorized, services: Services) -> None:
    """Remember an operation that passed the three steps, if all that they found is true of every other like it."""
    plan, text = authorized.plan, authorized.text
    if plan.entities or not plan.is_reusable or len(text) > CACHED_TEXT_LENGTH_MAX:
        return
    name = (text, authorized.request.operation_name)
    outline = services.outlines.find(name)
    if outline is None:
        definitions = authorized.operation.variable_definitions or ()
        declared = frozenset(definition.variable.name.value for definition in definitions)
        outline = Outline(authorized.document, authorized.operation, declared)
        services.outlines.keep(name, outline)
    services.known.keep(_key(outline, authorized, authorized.request), Known(plan, authorized.denials))


def _key(outline: Outline, read: Read, request: GraphQLRequest) -> tuple[Hashable, ...]:
    deciding: Hashable = None
    if outline.declared:
        variables = with_defaults(outline.operation, request.variables)
        deciding = list_deciding_variables(outline.operation, variables)
    return outline, read.method == "POST", read.transport.is_stream, read.scopes, deciding
