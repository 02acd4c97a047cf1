"""Reads what was compiled of an operation, after its look-ups were counted, and splices the texts into the answer.

An operation that is compiled as a whole takes one round trip, which counts its look-ups too; otherwise what is compiled
is read on the snapshot that the other fields will use.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.operations.compiling import NOTHING, Prepared
from gateway.operations.lookups import count_operation, find_count, judge
from gateway.operations.progress import Authorized
from gateway.operations.services import Services
from ledger.accesses import Accesses
from ledger.answers import AnswerSize
from ledger.numbers.lookups import CountedLookups, LookupCount
from ledger.storage.wire import FailedStatementError, Statement

_logger = logging.getLogger(__name__)
Row = Sequence[bytes | None] | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """The root fields that were read, in the operation's order. is_whole: they are all of them."""

    data: Mapping[str, Any]
    is_whole: bool


async def read_compiled(
    context: Any, authorized: Authorized, answer: AnswerSize, services: Services
) -> tuple[Compiled | None, CountedLookups | None]:
    """Count what the operation looks up, and read what is compiled of it; None where that is nothing.

    Errors: LookupsExhaustedError; AnswerTooLargeError; UnavailableError.
    """
    count = find_count(context, authorized, services)
    compiler, principal = services.compiler, authorized.principal
    prepared = NOTHING
    if compiler is not None and principal is not None:
        prepared = compiler.prepare(authorized, principal.viewer)
    if principal is None or not prepared.calls:
        lookups = None if count is None else await count_operation(context, count, authorized, services)
        return None, lookups
    bytes_max = services.settings.answer_bytes_max
    statements = prepared.bind(principal.viewer, authorized.as_of, bytes_max=bytes_max)
    counted: CountedLookups | None = None
    rows: Sequence[Row] | None = None
    try:
        if prepared.is_whole and context.has_direct_reads:
            counted, rows = await _read_directly(context, statements, count)
        else:
            if count is not None:
                counted = await count_operation(context, count, authorized, services)
            rows = await context.read_texts(statements)
    except FailedStatementError as error:
        # The ordinary way can still answer; what is wrong with the statement is for us to find out.
        _logger.exception("compiled_read_failed", extra={"sqlstate": error.sqlstate})
        services.metrics.compiled.labels("failed").inc(len(statements))
        return None, counted or await _count_once(context, error, count, authorized, services)
    if counted is not None and prepared.is_whole and context.has_direct_reads:
        judge(counted, authorized, services)
    data = _splice(prepared, rows, answer, context.accesses)
    services.metrics.compiled.labels("unsure" if data is None else "compiled").inc(len(statements))
    if data is None:
        return None, counted
    in_order = {each.key: data[each.key] for each in authorized.plan.tree if each.key in data}
    return Compiled(in_order, prepared.is_whole), counted


async def _count_once(
    context: Any,
    error: FailedStatementError,
    count: LookupCount | None,
    authorized: Authorized,
    services: Services,
) -> CountedLookups | None:
    """Count after a read failed, unless the count was committed before it did."""
    if count is None:
        return None
    if len(error.rows) > 1:
        return judge(count.read(error.rows[1] or ()), authorized, services)
    return await count_operation(context, count, authorized, services)


async def _read_directly(
    context: Any, statements: Sequence[Statement], count: LookupCount | None
) -> tuple[CountedLookups | None, Sequence[Row]]:
    rows: list[Row] = await context.read_directly(statements, before=None if count is None else count.statement)
    if count is None:
        return None, rows
    first, *rest = rows
    return count.read(first or ()), rest


def _splice(prepared: Prepared, rows: Sequence[Row], answer: AnswerSize, accesses: Accesses) -> dict[str, Any] | None:
    """The root fields from their rows; None if any of them needs the ordinary way. Errors: AnswerTooLargeError."""
    texts: list[bytes] = []
    for call, row in zip(prepared.calls, rows, strict=True):
        size, text = row or (None, None)
        if size is None:
            return None
        answer.built += int(size)
        answer.check()
        if text is None or call.program.is_unsure(text):
            return None
        texts.append(text)
    read = {
        call.key: orjson.Fragment(call.program.read(text, accesses, is_continued=call.is_continued))
        for call, text in zip(prepared.calls, texts, strict=True)
    }
    return {**prepared.data, **read}
