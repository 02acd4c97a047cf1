"""Executes the operation within its time limit, leaving out the refused fields.

The context is made for this operation alone and is exited after it, whatever happened. A result that depends on nothing
but the document is executed and encoded once, and kept.
"""

from dataclasses import replace

import orjson
from graphql import GraphQLError
from strawberry.types.graphql import OperationType

from gateway.operations.compiled_reads import read_compiled
from gateway.operations.errors import VariablesInvalidError
from gateway.operations.executor import PREPARED, Prepared, find_reported_key, list_reported
from gateway.operations.places import hold_place
from gateway.operations.progress import Authorized, Executed, Outcome, advance
from gateway.operations.services import Services
from gateway.operations.stages.limit_rate import charge_answer, charge_cost
from ledger.answers import AnswerSize
from ledger.errors import LedgerError
from ledger.numbers.lookups import CountedLookups

_CONSTANT_BYTES_MAX = 1_048_576
_ALLOWED = (OperationType.QUERY, OperationType.MUTATION)


class VariablesRefusedError(VariablesInvalidError):
    """The variables don't match the operation."""

    def __init__(self, errors: tuple[GraphQLError, ...]) -> None:
        """Keep each error, with why the ledger refuses the value; the answer lists them."""
        super().__init__(errors[0].message)
        self.errors = tuple(GraphQLError(e.message, e.nodes, original_error=_find_cause(e)) for e in errors)


async def execute_operation(authorized: Authorized, services: Services) -> Executed:
    """Run a query or a mutation.

    Errors: OverloadedError, OperationTimeoutError, VariablesRefusedError, AnswerTooLargeError, LookupsExhaustedError. A
    failure inside a field is part of the outcome.
    """
    key = (authorized.document.text, authorized.request.operation_name)
    if authorized.plan.is_constant and (known := services.constants.find(key)) is not None:
        return advance(authorized, Executed, outcome=known, lookups=None, tag=None)
    async with hold_place(services):
        charge_cost(authorized, services)
        answer = AnswerSize(services.settings.answer_bytes_max)
        try:
            outcome, lookups, tag = await _execute(authorized, answer, services)
        finally:
            charge_answer(authorized, answer, services)
    if authorized.plan.is_constant and outcome.data is not None and not outcome.errors:
        encoded = {name: orjson.dumps(value) for name, value in outcome.data.items()}
        outcome = Outcome(data={name: orjson.Fragment(value) for name, value in encoded.items()})
        if len(authorized.document.text) + sum(map(len, encoded.values())) <= _CONSTANT_BYTES_MAX:
            services.constants.keep(key, outcome)
    return advance(authorized, Executed, outcome=outcome, lookups=lookups, tag=tag)


async def _execute(
    authorized: Authorized, answer: AnswerSize, services: Services
) -> tuple[Outcome, CountedLookups | None, str | None]:
    request, document = authorized.request, authorized.document
    prepared = Prepared(
        document=document,
        protection=services.protection,
        scopes=authorized.scopes,
        reported=list_reported(authorized.denials),
        refused_entities=authorized.refused_entities,
        answer=answer,
    )
    async with services.make_context(authorized.principal, authorized.as_of, authorized.request_id) as context:
        context.answer = answer
        compiled, lookups = await read_compiled(context, authorized, answer, services)
        if compiled is not None and compiled.is_whole:
            await context.record_accesses(document=document.text, operation_name=authorized.operation_name)
            return Outcome(data=compiled.data, errors=authorized.denials), lookups, compiled.tag
        prepared = replace(prepared, spliced=compiled.data if compiled is not None else {})
        result = await services.schema.execute(
            document.text,
            variable_values=dict(request.variables),
            context_value=context,
            operation_name=request.operation_name,
            allowed_operation_types=_ALLOWED,
            # The client's own extensions never replace what the stages prepared.
            operation_extensions={**request.extensions, PREPARED: prepared},
        )
        await context.record_accesses(document=document.text, operation_name=authorized.operation_name)
    # Nothing of a result that was cut off is sent: what is missing would look like what doesn't exist.
    answer.check()
    errors = tuple(result.errors or ())
    if result.data is None and errors and all(_is_of_request(error) for error in errors):
        # graphql-core ran no field: after validation, it can only have refused a variable's value.
        raise VariablesRefusedError(errors)
    if result.data is None and errors and all(error.path is None for error in errors):
        # Execution failed before any field ran: an internal fault, without a partial answer.
        raise errors[0].original_error or errors[0]
    told = {find_reported_key(error) for error in authorized.denials}
    fresh = tuple(error for error in errors if (key := find_reported_key(error)) is None or key not in told)
    outcome = Outcome(data=result.data, errors=(*authorized.denials, *fresh), extensions=result.extensions or {})
    return outcome, lookups, None


def _find_cause(error: GraphQLError) -> LedgerError | None:
    """Return why the ledger refuses a variable's value, which graphql-core and the scalar each wrap."""
    cause = error.original_error.original_error if isinstance(error.original_error, GraphQLError) else None
    return cause if isinstance(cause, LedgerError) else None


def _is_of_request(error: GraphQLError) -> bool:
    return error.path is None and (error.original_error is None or isinstance(error.original_error, GraphQLError))
