"""Which numbers a query names, each in its one form: what may count as looked up (lookups.py)."""

from graphql import GraphQLError, GraphQLSchema

from gateway.operations.number_arguments import Named, read_numbers, read_represented_numbers
from gateway.operations.plans import with_defaults
from gateway.operations.progress import Authorized
from schema.scalars import parse_e164


def list_named(authorized: Authorized, graph: GraphQLSchema) -> set[Named]:
    """List the distinct numbers and hashes; what is no number is left out, since execution refuses it."""
    plan = authorized.plan
    if not (plan.lookups or plan.entities):
        return set()
    variables = with_defaults(authorized.operation, authorized.request.variables)
    named: set[Named] = set()
    for use in plan.lookups:
        named.update(read_numbers(use.field, use.node, variables))
    for entities in plan.entities:
        named.update(read_represented_numbers(graph, entities.node, variables))
    return {read for each in named if (read := _read_one(each)) is not None}


def _read_one(named: Named) -> Named | None:
    """Return a number in its one form, so that it counts once however it is written."""
    if not named.is_number:
        return named
    try:
        return Named(parse_e164(named.value), is_number=True)
    except GraphQLError:
        return None
