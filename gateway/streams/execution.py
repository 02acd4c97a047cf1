"""Executes a batch of messages once for all subscribers that share it, and encodes each result once.

It runs under a neutral principal: with the visibility that all of them have, and without any client or token. The
document was parsed, validated and authorized for each subscriber before; the executor checks each protected field again
(operations/executor.py). No message is ever left out: while the database is unavailable execution is retried, and a
message whose execution fails is sent with its error.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import structlog
from graphql import GraphQLError

from auth.tokens.principal import Principal
from gateway.operations.errors import OperationTimeoutError
from gateway.operations.executor import PREPARED, Prepared
from gateway.operations.failures import is_unavailable, log_causes, tell_errors, tell_failure
from gateway.operations.progress import Document
from gateway.operations.services import Services
from gateway.operations.stages.execute_operation import VariablesRefusedError
from gateway.streams.counts import StreamCounts
from gateway.streams.delivery import Delivery
from gateway.streams.plain import find_plain
from ledger.answers import AnswerSize, AnswerTooLargeError
from ledger.bounds.backoff import Backoff
from ledger.errors import LedgerError
from ledger.identifiers import Position, new_id
from resolvers.sources import EventBatch, Message, Source

_TRIES_MAX = 3
_BACKOFF = Backoff(0.05, 2.0)
_log = structlog.get_logger("gateway.streams")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is executed for every batch. principal is the neutral one."""

    document: Document
    operation_name: str | None
    variables: Mapping[str, Any]
    principal: Principal


class _BatchFailedError(Exception):
    """The batch failed or took too long."""


class SharedExecution:
    """One operation, executed batch by batch. It keeps nothing between batches."""

    def __init__(
        self,
        operation: Operation,
        services: Services,
        *,
        gate: asyncio.Semaphore,
        counts: StreamCounts,
        now: Callable[[], datetime],
    ) -> None:
        """The gate limits how many batches of all channels run at the same time."""
        self.operation = operation
        self._services = services
        self._gate = gate
        self.counts = counts
        self._now = now
        self._plain = find_plain(
            operation.document.node,
            operation.operation_name,
            graph=services.graph,
            protection=services.protection,
            scopes=operation.principal.scopes,
        )
        self._is_checked_each_time = True

    async def probe(self) -> Source:
        """Find which entries the operation reports. Errors: refusals of its arguments and its viewer."""
        batch = EventBatch()
        try:
            results = await self._execute(batch, new_id())
        except TimeoutError:
            raise OperationTimeoutError from None
        for result in results:
            raise _find_failure(result)
        if batch.source is None:
            raise RuntimeError("The root field follows nothing.")
        self._is_checked_each_time = batch.source.check is not None
        return batch.source

    async def run(self, messages: Sequence[tuple[Position, Message]]) -> list[Delivery]:
        """Return the deliveries of messages, in their order, none left out.

        It waits while the database is unavailable, until the caller is cancelled. Errors: LedgerError where the viewer
        is refused by now.
        """
        waited = tries = 0
        while True:
            try:
                return await self._run_once(messages)
            except _BatchFailedError as failed:
                tries += 1
                cause = failed.__cause__
                if len(messages) > 1:
                    half = len(messages) // 2
                    return [*await self.run(messages[:half]), *await self.run(messages[half:])]
                if tries >= _TRIES_MAX or isinstance(cause, AnswerTooLargeError):
                    failure = OperationTimeoutError() if isinstance(cause, TimeoutError) else cause or failed
                    return [_encode_failure(messages[0], failure)]
            except LedgerError as error:
                if not is_unavailable(error):
                    raise
                if not waited:
                    _log.warning("stream execution waits", problem=error.code)
                waited += 1
            await asyncio.sleep(_BACKOFF.choose_seconds(waited + tries))

    async def begin(self, position: Position, message: Message) -> Delivery:
        """Return the delivery with which a subscription begins. Errors: LedgerError, also during an outage.

        Nothing was answered yet, so that a client can be told to come back instead of being kept waiting.
        """
        try:
            [delivery] = await self._run_once([(position, message)])
        except _BatchFailedError:
            [delivery] = await self.run([(position, message)])
        return delivery

    async def read(self, work: Callable[[Any], Any]) -> Any:
        """Read from the ledger as the neutral viewer. Errors: what the work raises."""
        async with self._gate, asyncio.timeout(self._services.settings.operation_timeout_seconds):
            context_manager = self._services.make_context(self.operation.principal, self._now(), new_id())
            async with context_manager as context:
                return await context.read(work)

    async def _run_once(self, messages: Sequence[tuple[Position, Message]]) -> list[Delivery]:
        """Errors: _BatchFailedError from its cause; LedgerError."""
        answered = self._answer_plain(messages)
        if answered is not None:
            return answered
        request_id = new_id()
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                results = await self._execute(EventBatch([message for _, message in messages]), request_id)
                self._check(results, len(messages))
                encoded = [
                    self._encode(place, message, result, request_id)
                    for (place, message), result in zip(messages, results, strict=True)
                ]
            except LedgerError as error:
                if error.code == "STATEMENT_TIMEOUT" or isinstance(error, AnswerTooLargeError):
                    raise _BatchFailedError from error
                raise
            except Exception as error:
                log_causes([error])
                raise _BatchFailedError from error
        self.counts.executed += len(encoded)
        return encoded

    def _answer_plain(self, messages: Sequence[tuple[Position, Message]]) -> list[Delivery] | None:
        """Return the deliveries of messages that need no executor; None for those that do."""
        plain, left = self._plain, self._services.settings.answer_bytes_max
        if plain is None or self._is_checked_each_time:
            return None
        answered: list[Delivery] = []
        for position, message in messages:
            try:
                data = plain.answer(message)
            except Exception:  # noqa: BLE001 - whatever it is, the executor runs into it again, and tells it
                return None
            encoded = orjson.dumps({"data": data, "extensions": {"cursor": message.cursor}})
            left -= len(encoded)
            if left < 0:
                return None
            answered.append(Delivery(position, message.cursor, encoded, asyncio.get_running_loop().time()))
        self.counts.executions += 1
        self.counts.executed += len(answered)
        return answered

    def _check(self, results: Sequence[Any], expected: int) -> None:
        """Errors: what kept the batch from being complete, or the unavailability of what may soon be back."""
        for result in results:
            for error in result.errors or ():
                if is_unavailable(error):
                    raise error.original_error or error
            if result.data is None and result.errors and all(error.path is None for error in result.errors):
                raise _find_failure(result)
        if len(results) != expected:
            raise RuntimeError("The root field returned a different number of messages than it was given.")

    def _encode(self, position: Position, message: Message, result: Any, request_id: str) -> Delivery:
        """Errors: AnswerTooLargeError."""
        told = tell_errors(result.errors or (), request_id)
        body: dict[str, Any] = {"errors": [error.body for error in told]} if told else {}
        body["data"] = result.data
        body["extensions"] = {**(result.extensions or {}), "cursor": message.cursor}
        encoded = orjson.dumps(body)
        bytes_max = self._services.settings.answer_bytes_max
        if len(encoded) > bytes_max:
            raise AnswerTooLargeError.beyond(bytes_max)
        return Delivery(position, message.cursor, encoded, asyncio.get_running_loop().time())

    async def _execute(self, batch: EventBatch, request_id: str) -> list[Any]:
        operation, services = self.operation, self._services
        answer = AnswerSize(services.settings.answer_bytes_max)
        prepared = Prepared(
            document=operation.document,
            protection=services.protection,
            scopes=operation.principal.scopes,
            answer=answer,
        )
        async with self._gate, asyncio.timeout(services.settings.operation_timeout_seconds):
            self.counts.executions += 1
            async with services.make_context(operation.principal, self._now(), request_id) as context:
                context.batch, context.answer = batch, answer
                stream = await services.schema.subscribe(
                    operation.document.text,
                    variable_values=dict(operation.variables),
                    context_value=context,
                    operation_name=operation.operation_name,
                    operation_extensions={PREPARED: prepared},
                )
                async with aclosing(stream):
                    results = []
                    async for result in stream:
                        # One bound for the batch, which is halved until each message is within it or alone.
                        answer.check()
                        results.append(result)
                await context.record_accesses(document=operation.document.text, operation_name=operation.operation_name)
                return results


def _find_failure(result: Any) -> Exception:
    """Find why an operation gave a result without running a field."""
    errors: tuple[GraphQLError, ...] = tuple(result.errors or ())
    if not errors:
        return RuntimeError("The root field returned results for an empty batch.")
    cause = errors[0].original_error
    if cause is None or isinstance(cause, GraphQLError):
        return VariablesRefusedError(errors)
    return cause


def _encode_failure(message: tuple[Position, Message], failure: BaseException) -> Delivery:
    """Encode the failure of an event that can't be executed, so that subscribers learn that there was one."""
    cause = failure if isinstance(failure, Exception) else RuntimeError()
    errors = [error.body for error in tell_failure(cause, new_id())]
    position, told = message
    body = {"errors": errors, "data": None, "extensions": {"cursor": told.cursor}}
    return Delivery(position, told.cursor, orjson.dumps(body), asyncio.get_running_loop().time())
