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
from gateway.operations.entity_tags import Tagging
from gateway.operations.lookups import count_operation, find_count, judge_count
from gateway.operations.progress import Authorized
from gateway.operations.services import Services
from ledger.accesses import Accesses
from ledger.answers import AnswerSize
from ledger.compiling.programs import Program
from ledger.numbers.lookups import CountedLookups, LookupCount
from ledger.storage.wire import FailedStatementError, Statement

_logger = logging.getLogger(__name__)
Row = Sequence[bytes | None] | None


@dataclass(frozen=True, slots=True)
class Compiled:
    """The root fields that were read, in the operation's order. is_whole: they are all of them; tag is the answer's."""

    data: Mapping[str, Any]
    is_whole: bool
    tag: str | None = None


async def read_compiled(
    context: Any, authorized: Authorized, answer: AnswerSize, services: Services
) -> tuple[Compiled | None, CountedLookups | None]:
    """Count what the operation looks up, and read what is compiled of it; None where that is nothing.

    Errors: LookupsExhaustedError; AnswerTooLargeError; UnavailableError.
    """
    count = find_count(context, authorized, services)
    prepared = _prepare(authorized, services)
    if not prepared.calls or authorized.principal is None:
        return None, await count_operation(context, count, authorized, services)
    # Together they are no larger than an answer may be; what takes more than its share is resolved the ordinary way.
    share = services.settings.answer_bytes_max // len(prepared.calls)
    statements = prepared.bind(authorized.principal.viewer, authorized.as_of, bytes_max=share)
    if prepared.is_whole and context.has_direct_reads:
        told, rows = await _read_directly(context, statements, count)
        if told and count is not None:
            counted: CountedLookups | None = judge_count(count.read(told[0] or ()), authorized, services)
        else:
            counted = await count_operation(context, count, authorized, services)
    else:
        counted = await count_operation(context, count, authorized, services)
        rows = await _read_beside(context, statements)
    version = None
    if prepared.tagging is not None and rows is not None and rows[0] is not None:
        *first, version = rows[0]
        rows = [first, *rows[1:]]
    data = None if rows is None else _splice(prepared, rows, answer, context.accesses)
    outcome = "failed" if rows is None else "unsure" if data is None else "compiled"
    services.metrics.compiled.labels(outcome).inc(len(statements))
    if data is None:
        return None, counted
    in_order = {each.key: data[each.key] for each in authorized.plan.tree if each.key in data}
    # What is recorded must be recorded each time that it is shown.
    tag = None if context.has_accesses_to_record else _tag(context, prepared.tagging, authorized, version)
    return Compiled(in_order, prepared.is_whole, tag), counted


async def read_tag(context: Any, authorized: Authorized, services: Services) -> str | None:
    """The tag that the answer would have now, in one round trip; None if it has none, or that can't be told without it.

    Errors: UnavailableError.
    """
    tagging = _prepare(authorized, services).tagging
    if tagging is None:
        return None
    statements = [(tagging.version, ())]
    if context.has_direct_reads:
        _, rows = await _read_directly(context, statements, None)
    else:
        rows = await _read_beside(context, statements)
    row = rows[0] if rows else None
    return _tag(context, tagging, authorized, row[0] if row else None)


def _tag(context: Any, tagging: Tagging | None, authorized: Authorized, version: bytes | None) -> str | None:
    if tagging is None or authorized.principal is None or version is None:
        return None
    recorded_items_max = context.database.policies.access_list_items
    return tagging.tag(authorized, authorized.principal, version, recorded_items_max=recorded_items_max)


def _prepare(authorized: Authorized, services: Services) -> Prepared:
    if services.compiler is None or authorized.principal is None:
        return NOTHING
    return services.compiler.prepare(authorized, authorized.principal.viewer)


async def _read_directly(
    context: Any, statements: Sequence[Statement], count: LookupCount | None
) -> tuple[Sequence[Row], Sequence[Row] | None]:
    """The row of the count, if there is one and it was committed, and the rows; None if a statement failed."""
    before = None if count is None else count.statement
    try:
        rows: list[Row] = await context.read_directly(statements, before=before)
    except FailedStatementError as error:
        _log_failure(error)
        return (() if count is None else error.rows[1:2]), None
    return ((), rows) if count is None else (rows[:1], rows[1:])


async def _read_beside(context: Any, statements: Sequence[Statement]) -> Sequence[Row] | None:
    """The rows, on the operation's snapshot; None if a statement failed."""
    try:
        rows: list[Row] = await context.read_texts(statements)
    except FailedStatementError as error:
        _log_failure(error)
        return None
    return rows


def _log_failure(error: FailedStatementError) -> None:
    """Log what is wrong with a statement, for us to find out: the ordinary way can still answer."""
    _logger.error("compiled_read_failed", exc_info=error, extra={"sqlstate": error.sqlstate})


def _splice(prepared: Prepared, rows: Sequence[Row], answer: AnswerSize, accesses: Accesses) -> dict[str, Any] | None:
    """The root fields from their rows; None if any of them needs the ordinary way. Errors: AnswerTooLargeError."""
    if any(row is None or row[0] is None for row in rows):
        return None
    found = [row for row in rows if row is not None]
    if not any(call.program.notes for call in prepared.calls):
        # What is known to be too large needs no other way; marks of what was shown would count as if they were sent.
        answer.check_size(sum(int(size or 0) for size, _ in found))
    texts = [text for _, text in found if text is not None]
    if len(texts) < len(found) or any(Program.is_unsure(text) for text in texts):
        return None
    read = {
        call.key: call.program.read(text, accesses, is_continued=call.is_continued)
        for call, text in zip(prepared.calls, texts, strict=True)
    }
    answer.built += sum(map(len, read.values()))
    answer.check()
    return {**prepared.data, **{key: orjson.Fragment(text) for key, text in read.items()}}
