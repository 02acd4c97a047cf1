"""Decides what of an operation the caller may run, from the schema's own declarations, before anything runs.

A query continues without the fields whose scopes the token lacks; a mutation or subscription that lacks any scope is
refused entirely, and so is a query that may not read the schema, or any query if the operator so configures. Each
refusal is reported once, at its outermost field.
Source: Apollo Router's authorization (null and UNAUTHORIZED_FIELD_OR_TYPE), Cosmo's (missing scopes); docs/adr/0030.
"""

from collections.abc import Sequence

from graphql import GraphQLError, OperationType

from gateway.operations.errors import GatewayError
from gateway.operations.executor import make_refusal
from gateway.operations.introspection import INTROSPECTION
from gateway.operations.plans import EntityUse, ProtectedUse, list_entity_types, with_defaults
from gateway.operations.progress import Authorized, Planned, advance
from gateway.operations.protection import Requirement
from gateway.operations.services import Services


class OperationUnauthorizedError(GatewayError):
    """The operation requires scopes that the token lacks."""

    def __init__(self, errors: Sequence[GraphQLError]) -> None:
        """Keep each refusal; the answer lists them, and its status is that of the first."""
        super().__init__()
        self.errors = tuple(errors)


def authorize_fields(planned: Planned, services: Services) -> Authorized:
    """List what the caller is denied, and the entity types of which it may fetch nothing.

    Errors: OperationUnauthorizedError for an operation that is refused entirely.
    """
    plan = planned.plan
    met = {use.requirement: use.requirement.is_met_by(planned.scopes) for use in plan.protected}
    denied = [use for use in plan.protected if not met[use.requirement]]
    variables = with_defaults(planned.operation, planned.request.variables) if plan.entities else {}
    represented = [(use, list(list_entity_types(use, variables))) for use in plan.entities]
    refused = _list_refused({name for _, names in represented for name in names if name}, planned, services)
    errors = [_tell(use, planned) for use in _list_outermost(_without_entities(denied, represented, refused))]
    errors += _tell_entities(represented, refused, planned)
    whole = services.settings.reject_unauthorized or planned.kind is not OperationType.QUERY
    # These fields are never null, so refusing one would leave nothing of the answer.
    whole = whole or any(use.field_name in INTROSPECTION for use in denied)
    if errors and whole:
        raise OperationUnauthorizedError(errors)
    return advance(planned, Authorized, denials=tuple(errors), refused_entities=frozenset(refused))


def _list_refused(names: set[str], planned: Planned, services: Services) -> dict[str, Requirement]:
    needed = {name: services.protection.find_type_requirement(name) for name in names}
    return {name: need for name, need in needed.items() if need is not None and not need.is_met_by(planned.scopes)}


def _without_entities(
    denied: Sequence[ProtectedUse],
    represented: Sequence[tuple[EntityUse, list[str | None]]],
    refused: dict[str, Requirement],
) -> list[ProtectedUse]:
    """Drop the refusals of entity types that no representation names or that _tell_entities reports."""
    names_at = {use.path: {name for name in names if name} for use, names in represented}
    return [
        use
        for use in denied
        if not (use.field_name is None and use.path in names_at)
        and not (use.path[:-1] in names_at and use.type_name not in names_at[use.path[:-1]] - refused.keys())
    ]


def _tell_entities(
    represented: Sequence[tuple[EntityUse, list[str | None]]], refused: dict[str, Requirement], planned: Planned
) -> list[GraphQLError]:
    told: list[GraphQLError] = []
    for use, names in represented:
        for index, name in enumerate(names):
            if name in refused:
                refusal = make_refusal(refused[name], planned.scopes, name)
                told.append(GraphQLError(refusal.message, [use.node], path=[*use.path, index], original_error=refusal))
    return told


def _list_outermost(denied: Sequence[ProtectedUse]) -> list[ProtectedUse]:
    """List the refusals that are not inside another one; a field below a refused field is never reached."""
    places = {use.path for use in denied if use.field_name is not None}
    members = {(use.path, use.type_name) for use in denied if use.field_name is None}
    outermost = []
    for use in denied:
        above = [use.path[:length] for length in range(1, len(use.path))]
        inside_member = use.field_name is not None and any((path, use.type_name) in members for path in above)
        if not any(path in places for path in above) and not inside_member:
            outermost.append(use)
    return outermost


def _tell(use: ProtectedUse, planned: Planned) -> GraphQLError:
    refusal = make_refusal(use.requirement, planned.scopes, use.coordinate)
    return GraphQLError(refusal.message, [use.node], path=list(use.path), original_error=refusal)
