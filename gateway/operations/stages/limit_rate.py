"""Limits how many operations a caller may run, what they cost and how much it is sent.

Callers are told apart by client, or by address if they have no token.
"""

import math
from datetime import datetime

from gateway.operations.errors import RateLimitedError
from gateway.operations.progress import Called, Planned
from gateway.operations.services import Services
from ledger.answers import AnswerSize
from ledger.bounds.rates import RateLimiter

_CHARACTERS_PER_OPERATION = 500
"""How many characters of a document count as one further operation. A client's own documents are soon known."""


def limit_rate(called: Called, services: Services) -> None:
    """Count one operation against the caller's rate limit.

    Errors: RateLimitedError (429 with Retry-After), before the body is read.
    """
    take_rate(_find_limiter(called, services), called.client, called.as_of)


def charge_body(called: Called, size: int, *, services: Services) -> None:
    """Count a body of so many bytes.

    Errors: RateLimitedError if the caller's other operations have come into debt since this one was granted. Otherwise
    all the bodies sent at once would be taken, each granted before any was counted.
    """
    weight = size // services.settings.body_bytes_per_operation
    if weight:
        take_rate(_find_limiter(called, services), called.client, called.as_of, weight=0)
    _charge(called, weight, services)


def charge_document(called: Called, text: str, services: Services) -> None:
    """Count the work on a document that is not known yet, which is done before anything can be refused."""
    _charge(called, len(text) // _CHARACTERS_PER_OPERATION, services)


def charge_cost(planned: Planned, services: Services) -> None:
    """Count what an operation is going to cost: a costly one takes as much of the caller's rate as many cheap ones."""
    _charge(planned, planned.cost // services.settings.cost_per_operation, services)


def charge_answer(planned: Planned, answer: AnswerSize, services: Services) -> None:
    """Count what an answer came to, sent or not, as far as that is more than its cost already counted."""
    settings = services.settings
    weight = min(max(answer.built, answer.read), settings.answer_bytes_max) // settings.bytes_per_operation
    _charge(planned, weight - planned.cost // settings.cost_per_operation, services)


def _charge(called: Called, weight: int, services: Services) -> None:
    if weight > 0:
        _find_limiter(called, services).charge(called.client, weight, now_seconds=called.as_of.timestamp())


def _find_limiter(called: Called, services: Services) -> RateLimiter:
    return services.anonymous if called.principal is None else services.clients


def take_rate(limiter: RateLimiter, client: str, as_of: datetime, *, weight: int = 1) -> None:
    """Count weight operations against a rate limit. Errors: RateLimitedError."""
    wait_seconds = limiter.take(client, weight, now_seconds=as_of.timestamp())
    if wait_seconds is not None:
        raise RateLimitedError(headers={"Retry-After": str(max(1, math.ceil(wait_seconds)))})
