"""Who calls: a valid access token's principal, or nobody. Decides nothing about what they may do.

A token is read from the Authorization header alone. One that is there and not valid refuses the request: going on
without it would answer with nulls what the client believes itself entitled to.
Source: RFC 6750 sections 2.1 and 3.
"""

import math
import re
from dataclasses import replace

import structlog

from gateway.errors import MalformedRequestError, RateLimitedError, TokenInvalidError
from gateway.exchange import Exchange
from gateway.services import Services

_log = structlog.get_logger("gateway.authentication")
_BEARER = re.compile(r"^bearer +([A-Za-z0-9._~+/-]+=*)$", re.IGNORECASE)
_TOKEN_CHARS_MAX = 8_192
_REALM = 'Bearer realm="jembatan"'


async def authenticate_caller(exchange: Exchange, services: Services) -> Exchange:
    """Fill in the principal.

    Errors: TokenInvalidError (401 with a challenge), MalformedRequestError for two Authorization headers,
    RateLimitedError for too many bad tokens.
    """
    if not exchange.authorization:
        return exchange
    if len(exchange.authorization) > 1:
        raise MalformedRequestError("The Authorization header stands in the request more than once.")
    header = exchange.authorization[0].strip()
    matched = _BEARER.match(header) if len(header) <= _TOKEN_CHARS_MAX else None
    if matched is None:
        raise TokenInvalidError(
            "The Authorization header must be Bearer and an access token.",
            headers={"WWW-Authenticate": f'{_REALM}, error="invalid_request"'},
        )
    verdict = await services.verify_token(matched.group(1), exchange.as_of)
    if not verdict:
        # The reason goes to the log, not to whoever holds a token that is not theirs.
        _log.info("token refused", reason=str(verdict.reason))
        _slow_down(exchange, services)
        raise TokenInvalidError(headers={"WWW-Authenticate": f'{_REALM}, error="invalid_token"'})
    return replace(exchange, principal=verdict.principal)


def _slow_down(exchange: Exchange, services: Services) -> None:
    """An address that sends bad tokens uses up the rate of callers without one."""
    wait_seconds = services.anonymous.take(exchange.peer, now_seconds=exchange.as_of.timestamp())
    if wait_seconds is not None:
        raise RateLimitedError(headers={"Retry-After": str(max(1, math.ceil(wait_seconds)))})
