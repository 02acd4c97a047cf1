"""Limits how many operations a caller may run: per client, or per address without a token."""

import math
from datetime import datetime

from gateway.operations.errors import RateLimitedError
from gateway.operations.progress import Called
from gateway.operations.services import Services
from ledger.bounds.rates import RateLimiter


def limit_rate(called: Called, services: Services) -> None:
    """Count one operation against the caller's rate limit.

    Errors: RateLimitedError (429 with Retry-After), before the body is read.
    """
    take_rate(services.anonymous if called.principal is None else services.clients, called.client, called.as_of)


def take_rate(limiter: RateLimiter, client: str, as_of: datetime) -> None:
    """Count one operation against a rate limit. Errors: RateLimitedError."""
    wait_seconds = limiter.take(client, now_seconds=as_of.timestamp())
    if wait_seconds is not None:
        raise RateLimitedError(headers={"Retry-After": str(max(1, math.ceil(wait_seconds)))})
