"""Whether this caller may run one more operation now: a rate for each client, by address without a token."""

import math

from gateway.operations.errors import RateLimitedError
from gateway.operations.progress import Called
from gateway.operations.services import Services


def limit_rate(called: Called, services: Services) -> None:
    """Take one operation from the caller's rate.

    Errors: RateLimitedError (429 with Retry-After), before the body is read.
    """
    limiter = services.anonymous if called.principal is None else services.clients
    wait_seconds = limiter.take(called.client, now_seconds=called.as_of.timestamp())
    if wait_seconds is not None:
        raise RateLimitedError(headers={"Retry-After": str(max(1, math.ceil(wait_seconds)))})
