"""Whether this caller may run one more operation now: a rate for each client, by address without a token."""

import math

from gateway.operations.errors import RateLimitedError
from gateway.operations.exchange import Exchange
from gateway.operations.services import Services


async def limit_rate(exchange: Exchange, services: Services) -> Exchange:
    """Take one operation from the caller's rate.

    Errors: RateLimitedError (429 with Retry-After), before the body is read.
    """
    limiter = services.anonymous if exchange.principal is None else services.clients
    client = exchange.peer if exchange.principal is None else exchange.principal.client_id
    wait_seconds = limiter.take(client, now_seconds=exchange.as_of.timestamp())
    if wait_seconds is not None:
        raise RateLimitedError(headers={"Retry-After": str(max(1, math.ceil(wait_seconds)))})
    return exchange
