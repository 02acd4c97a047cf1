"""The answer as bytes: status, headers and JSON, of an outcome or of a failure. It decides nothing but their form.

Source: GraphQL over HTTP, "Response"; docs/adr/0032.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
from graphql import GraphQLError, OperationType

from gateway.operations.errors import (
    INTERNAL_MESSAGE,
    PARTIAL_SUCCESS,
    UNAVAILABLE_RETRY_SECONDS,
    Code,
    GatewayError,
    OperationRefusedError,
    find_refusal_status,
)
from gateway.operations.exchange import Answer, Exchange, Outcome
from gateway.operations.failures import is_unavailable, log_causes, tell_errors, tell_failure
from gateway.operations.services import Services
from ledger.errors import LedgerError

_RETRY = {"Retry-After": str(UNAVAILABLE_RETRY_SECONDS)}


async def encode_response(exchange: Exchange, services: Services) -> Exchange:
    """Fill in the answer."""
    if exchange.failure is None and exchange.outcome is not None:
        away = _find_unavailable(exchange, exchange.outcome)
        if away is None:
            return replace(exchange, answer=_encode_outcome(exchange, exchange.outcome, services))
        return replace(exchange, answer=_encode_failure(exchange, away, services))
    failure = exchange.failure or RuntimeError("The operation ended without an outcome.")
    return replace(exchange, answer=_encode_failure(exchange, failure, services))


def _find_unavailable(exchange: Exchange, outcome: Outcome) -> Exception | None:
    """The error that makes the whole answer a 503: nothing that this answer could say is worth keeping.

    A mutation that did part of its work keeps that part, or the client would never learn what was written.
    """
    away = next((error for error in outcome.errors if is_unavailable(error)), None)
    if away is None:
        return None
    is_query = exchange.operation is not None and exchange.operation.operation is OperationType.QUERY
    done = outcome.data is not None and any(value is not None for value in outcome.data.values())
    return None if done and not is_query else away.original_error


def _encode_outcome(exchange: Exchange, outcome: Outcome, services: Services) -> Answer:
    told = tell_errors(outcome.errors, exchange.request_id)
    body: dict[str, Any] = {"errors": [error.body for error in told]} if told else {}
    body["data"] = outcome.data
    if outcome.extensions:
        body["extensions"] = outcome.extensions
    partial = bool(told) and services.settings.http_status_edition == "2026-09" and not exchange.media_type.is_legacy
    return _answer(exchange, PARTIAL_SUCCESS if partial else 200, {}, body, [error.code for error in told])


def _encode_failure(exchange: Exchange, failure: Exception, services: Services) -> Answer:
    told = tell_failure(failure, exchange.request_id)
    status, headers = _find_status(exchange, failure, services)
    return _answer(exchange, status, headers, {"errors": [error.body for error in told]}, [e.code for e in told])


def _find_status(exchange: Exchange, failure: Exception, services: Services) -> tuple[int, Mapping[str, str]]:
    if isinstance(failure, LedgerError):
        if is_unavailable(failure):
            return 503, _RETRY
        return (200 if exchange.media_type.is_legacy else 400), {}
    if not isinstance(failure, GatewayError):
        return 500, {}
    headers = dict(failure.headers)
    inner = _find_inner_refusal(failure)
    if inner is not None:
        headers |= _challenge(failure)
    status = find_refusal_status(
        inner or failure,
        edition=services.settings.http_status_edition,
        legacy_media_type=exchange.media_type.is_legacy,
    )
    return status, headers


def _find_inner_refusal(failure: GatewayError) -> OperationRefusedError | None:
    """The refusal of a field that made an operation be refused whole."""
    errors: tuple[GraphQLError, ...] = getattr(failure, "errors", ())
    causes = [error.original_error for error in errors]
    return next((cause for cause in causes if isinstance(cause, OperationRefusedError)), None)


def _challenge(failure: GatewayError) -> Mapping[str, str]:
    """RFC 6750 section 3: what a token would need for this request."""
    errors: tuple[GraphQLError, ...] = getattr(failure, "errors", ())
    causes = [cause for cause in (error.original_error for error in errors) if isinstance(cause, GatewayError)]
    missing = sorted({scope for cause in causes for scope in cause.extensions.get("missingScopes", ())})
    if any(cause.category is Code.UNAUTHENTICATED for cause in causes):
        return {"WWW-Authenticate": 'Bearer realm="jembatan"'}
    return {"WWW-Authenticate": f'Bearer realm="jembatan", error="insufficient_scope", scope="{" ".join(missing)}"'}


def _answer(
    exchange: Exchange, status: int, headers: Mapping[str, str], body: Mapping[str, Any], codes: list[str]
) -> Answer:
    try:
        encoded = orjson.dumps(body)
    except orjson.JSONEncodeError as error:
        # A value that JSON can't hold came out of a resolver; nothing of it is sent.
        log_causes([error])
        extensions = {"code": Code.INTERNAL_SERVER_ERROR.value, "requestId": exchange.request_id}
        encoded = orjson.dumps({"errors": [{"message": INTERNAL_MESSAGE, "extensions": extensions}]})
        status, codes = 500, [Code.INTERNAL_SERVER_ERROR.value]
    sent = {"Content-Type": exchange.media_type.header, "Vary": "Accept, Authorization", **headers}
    if exchange.cost is not None:
        sent["X-Jembatan-Cost"] = str(exchange.cost)
    return Answer(status=status, headers=sent, body=encoded, codes=tuple(dict.fromkeys(codes)))
