"""Limits how many operations a caller may run, and how much it is sent: per client, or per address without a token."""

import math
from datetime import datetime

from gateway.operations.errors import RateLimitedError
from gateway.operations.progress import Called
from gateway.operations.services import Services
from ledger.answers import AnswerSize
from ledger.bounds.rates import RateLimiter


def limit_rate(called: Called, services: Services) -> None:
    """Count one operation against the caller's rate limit.

    Errors: RateLimitedError (429 with Retry-After), before the body is read.
    """
    take_rate(_find_limiter(called, services), called.client, called.as_of)


def charge_answer(called: Called, answer: AnswerSize, services: Services) -> None:
    """Count what an answer came to, sent or not: a large one takes as much of the caller's rate as many small ones."""
    settings = services.settings
    weight = min(max(answer.built, answer.read), settings.answer_bytes_max) // settings.answer_bytes_per_operation
    _find_limiter(called, services).charge(called.client, weight, now_seconds=called.as_of.timestamp())


def _find_limiter(called: Called, services: Services) -> RateLimiter:
    return services.anonymous if called.principal is None else services.clients


def take_rate(limiter: RateLimiter, client: str, as_of: datetime) -> None:
    """Count one operation against a rate limit. Errors: RateLimitedError."""
    wait_seconds = limiter.take(client, now_seconds=as_of.timestamp())
    if wait_seconds is not None:
        raise RateLimitedError(headers={"Retry-After": str(max(1, math.ceil(wait_seconds)))})
