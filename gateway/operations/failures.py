"""Turns errors into what a client reads and what the log records.

A client reads text written for it, or "Internal server error" and the request id. Each cause is logged once per answer,
with its traceback, however many fields it affected. The text of internal errors is never sent.
"""

import traceback
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from graphql import GraphQLError

from gateway.operations.errors import CODE_OF_CATEGORY, CODE_OF_PROBLEM, INTERNAL_MESSAGE, Code, GatewayError
from ledger.errors import Category, LedgerError

_log = structlog.get_logger("gateway.failures")

CAUSES_LOGGED_MAX = 10
ALIKE_MAX = 10
"""How many errors with the same problem at different items an answer lists."""
_CODES = frozenset(Code)


@dataclass(frozen=True, slots=True)
class Told:
    """One error as the client reads it."""

    body: Mapping[str, Any]
    code: str


def tell_errors(errors: Iterable[GraphQLError], request_id: str, *, refusal: GatewayError | None = None) -> list[Told]:
    """Return the errors of an operation as the client reads them, and log internal causes.

    Shapes: errors without a cause of their own take their code from refusal, where it is given. Of errors with the
    same problem and place, whatever the item, the first few are told, and the last of these says how many more there
    are (`omitted`).
    """
    told: list[Told] = []
    alike: dict[Hashable, list[Told]] = {}
    internal: list[Exception] = []
    for error in errors:
        plain = refusal is not None and error.original_error is None
        message, extensions = describe(refusal if plain and refusal is not None else error)
        if message is INTERNAL_MESSAGE:
            internal.append(error.original_error or error)
        body: dict[str, Any] = {"message": error.message if plain else message}
        same = alike.setdefault((extensions["code"], extensions.get("problem"), _find_place(error)), [])
        if len(same) >= ALIKE_MAX:
            told_of = same[-1].body["extensions"]
            told_of["omitted"] = told_of.get("omitted", 0) + 1
            continue
        if error.locations:
            body["locations"] = [location.formatted for location in error.locations]
        if error.path is not None:
            body["path"] = error.path
        body["extensions"] = {**extensions, "requestId": request_id}
        same.append(Told(body, extensions["code"]))
        told.append(same[-1])
    log_causes(internal)
    return told


def tell_failure(failure: Exception, request_id: str) -> list[Told]:
    """Return the errors of a request that was refused or failed as a whole."""
    several = getattr(failure, "errors", None)
    if several and isinstance(failure, GatewayError):
        return tell_errors(several, request_id, refusal=failure)
    message, extensions = describe(failure)
    if message is INTERNAL_MESSAGE:
        log_causes([failure])
    body: dict[str, Any] = {"message": message}
    locations = extensions.pop("locations", None)
    if locations:
        body["locations"] = locations
    body["extensions"] = {**extensions, "requestId": request_id}
    return [Told(body, extensions["code"])]


def describe(error: Exception) -> tuple[str, dict[str, Any]]:
    """Return the message and extensions of an error that a client may read."""
    cause = error
    while isinstance(cause, GraphQLError) and cause.original_error:  # a scalar's own error is wrapped once more
        cause = cause.original_error
    if isinstance(cause, GatewayError):
        extensions = {"code": cause.category.value, "problem": cause.code, **cause.extensions}
        return cause.message, _with(extensions, hint=cause.hint)
    if isinstance(cause, LedgerError):
        category = CODE_OF_PROBLEM.get(cause.code, CODE_OF_CATEGORY[cause.category]).value
        extensions = {"code": category, "problem": cause.code, **cause.details}
        return cause.message, _with(extensions, field=cause.field, hint=cause.hint)
    if isinstance(cause, GraphQLError):
        # Worded by graphql-core, about an argument, or by a resolver.
        code = (cause.extensions or {}).get("code")
        known = str(code) if code in _CODES else Code.BAD_USER_INPUT.value
        return cause.message, {**(cause.extensions or {}), "code": known}
    return INTERNAL_MESSAGE, {"code": Code.INTERNAL_SERVER_ERROR.value}


def is_unavailable(error: Exception) -> bool:
    """Whether something the operation needs was unavailable, so that the same call may soon succeed."""
    cause = error.original_error if isinstance(error, GraphQLError) and error.original_error else error
    return isinstance(cause, LedgerError) and cause.category is Category.UNAVAILABLE


def log_causes(errors: Iterable[Exception]) -> None:
    """Log each cause once, with how often it occurred; the request id is already bound to the log."""
    counted: dict[tuple[str, str, str], int] = {}
    first: dict[tuple[str, str, str], Exception] = {}
    for error in errors:
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        key = (type(error).__qualname__, where, "" if where else str(error))
        counted[key] = counted.get(key, 0) + 1
        first.setdefault(key, error)
    for key, error in list(first.items())[:CAUSES_LOGGED_MAX]:
        _log.error("internal error", cause=key[0], where=key[1], times=counted[key], exc_info=error)
    if len(first) > CAUSES_LOGGED_MAX:
        _log.error("further internal errors", causes=len(first) - CAUSES_LOGGED_MAX)


def _find_place(error: GraphQLError) -> Hashable:
    """Return the field that an error is about, whatever item it is in; one without a path is like no other."""
    return id(error) if error.path is None else tuple(key for key in error.path if isinstance(key, str))


def _with(extensions: dict[str, Any], **optional: str | None) -> dict[str, Any]:
    return extensions | {name: value for name, value in optional.items() if value is not None}
