"""Encodes an outcome or a failure as status, headers and JSON. It decides only their form.

Source: GraphQL over HTTP, "Response"; docs/adr/0032.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from graphql import GraphQLError, OperationType

from gateway.operations.entity_tags import is_held
from gateway.operations.errors import (
    INTERNAL_MESSAGE,
    PARTIAL_SUCCESS,
    UNAVAILABLE_RETRY_SECONDS,
    Code,
    GatewayError,
    OperationRefusedError,
    find_refusal_status,
)
from gateway.operations.failures import Told, is_unavailable, log_causes, tell_errors, tell_failure
from gateway.operations.lookups import LOOKUPS_LEFT
from gateway.operations.progress import Answer, Executed, Planned, Received
from gateway.operations.services import Services
from ledger.answers import AnswerTooLargeError
from ledger.errors import LedgerError

_VARY = "Accept, Authorization"
_RETRY = {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)}


def encode_response(executed: Executed, services: Services) -> Answer:
    """Return the answer to an operation that ran, unless it is too large, which only its encoding shows exactly."""
    away = _find_unavailable(executed) if executed.outcome.errors else None
    if away is not None:
        return encode_failure(executed, away, services)
    outcome = executed.outcome
    told = tell_errors(outcome.errors, executed.request_id) if outcome.errors else ()
    body = {"data": outcome.data, **({"extensions": outcome.extensions} if outcome.extensions else {})}
    partial = bool(told) and services.settings.http_status_edition == "2026-09" and not executed.media_type.is_legacy
    tag = None if told or executed.transport.is_stream else executed.tag
    described = {} if tag is None else _describe_tag(tag)
    answer = _answer(executed, PARTIAL_SUCCESS if partial else 200, described, told, body)
    bytes_max = services.settings.answer_bytes_max
    if len(answer.body) > bytes_max:
        return encode_failure(executed, AnswerTooLargeError.beyond(bytes_max), services)
    if tag is not None and is_held(tag, executed.if_none_match, any_counts=True):
        return encode_unchanged(tag)
    return answer


def encode_unchanged(tag: str) -> Answer:
    """Return the answer to an operation whose caller holds its result: what it holds is still current."""
    return Answer(status=304, headers={"Vary": _VARY, **_describe_tag(tag)}, body=b"", is_result=True)


def encode_failure(reached: Received, failure: Exception, services: Services) -> Answer:
    """Return the answer to an operation that came this far and no further."""
    told = tell_failure(failure, reached.request_id)
    status, headers = _find_status(reached, failure, services)
    return _answer(reached, status, headers, told)


def _describe_tag(tag: str) -> Mapping[str, str]:
    """A client may keep the answer for itself, and must ask each time whether it still holds."""
    return {"ETag": tag, "Cache-Control": "private, no-cache"}


def _find_unavailable(executed: Executed) -> Exception | None:
    """Find the error that turns the whole answer into a 503, because no part of it is worth keeping.

    A mutation that did part of its work keeps that part; otherwise the client would never learn what was written.
    """
    outcome = executed.outcome
    away = next((error for error in outcome.errors if is_unavailable(error)), None)
    if away is None:
        return None
    done = outcome.data is not None and any(value is not None for value in outcome.data.values())
    return None if done and executed.kind is not OperationType.QUERY else away.original_error


def _find_status(reached: Received, failure: Exception, services: Services) -> tuple[int, Mapping[str, str]]:
    if isinstance(failure, LedgerError):
        if is_unavailable(failure):
            return 503, _RETRY
        return (200 if reached.media_type.is_legacy else 400), {}
    if not isinstance(failure, GatewayError):
        return 500, {}
    headers = dict(failure.headers)
    inner = _find_inner_refusal(failure)
    if inner is not None:
        headers |= _challenge(failure)
    status = find_refusal_status(
        inner or failure,
        edition=services.settings.http_status_edition,
        legacy_media_type=reached.media_type.is_legacy,
    )
    return status, headers


def _find_inner_refusal(failure: GatewayError) -> OperationRefusedError | None:
    """Find the refusal of a field that caused the whole operation to be refused."""
    errors: tuple[GraphQLError, ...] = getattr(failure, "errors", ())
    causes = [error.original_error for error in errors]
    return next((cause for cause in causes if isinstance(cause, OperationRefusedError)), None)


def _challenge(failure: GatewayError) -> Mapping[str, str]:
    """Return what a token would need for this request (RFC 6750 section 3)."""
    errors: tuple[GraphQLError, ...] = getattr(failure, "errors", ())
    causes = [cause for cause in (error.original_error for error in errors) if isinstance(cause, GatewayError)]
    missing = sorted({scope for cause in causes for scope in cause.extensions.get("missingScopes", ())})
    if any(cause.category is Code.UNAUTHENTICATED for cause in causes):
        return {"WWW-Authenticate": 'Bearer realm="jembatan"'}
    return {"WWW-Authenticate": f'Bearer realm="jembatan", error="insufficient_scope", scope="{" ".join(missing)}"'}


def _answer(
    reached: Received,
    status: int,
    headers: Mapping[str, str],
    told: Sequence[Told],
    result: Mapping[str, Any] | None = None,
) -> Answer:
    """Shapes: result holds what accompanies the errors; None where nothing ran."""
    errors: list[Mapping[str, Any]] = [error.body for error in told]
    try:
        encoded = orjson.dumps({**({"errors": errors} if errors else {}), **(result or {})})
    except orjson.JSONEncodeError as error:
        # A resolver returned a value that JSON can't represent; none of it is sent.
        log_causes([error])
        extensions = {"code": Code.INTERNAL_SERVER_ERROR.value, "requestId": reached.request_id}
        status, headers, result, errors = 500, {}, None, [{"message": INTERNAL_MESSAGE, "extensions": extensions}]
        encoded = orjson.dumps({"errors": errors})
    sent = {"Content-Type": reached.media_type.header, "Vary": _VARY, **headers}
    if isinstance(reached, Planned):
        sent["X-Jembatan-Cost"] = str(reached.cost)
    if isinstance(reached, Executed) and reached.lookups is not None:
        sent[LOOKUPS_LEFT] = str(reached.lookups.today.left)
    return Answer(status=status, headers=sent, body=encoded, errors=errors, is_result=result is not None)
