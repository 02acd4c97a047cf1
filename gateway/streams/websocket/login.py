"""Authenticates a WebSocket, by its upgrade's Authorization header or by what connection_init carries.

A browser can't set headers on an upgrade, so the payload may contain what the header would. If both are given they must
be the same: a proxy that adds one and a page that adds another would not agree on who calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from auth.tokens.principal import Principal
from gateway.operations.errors import MalformedRequestError, RateLimitedError, TokenInvalidError
from gateway.operations.failures import is_unavailable, log_causes
from gateway.operations.progress import Received
from gateway.operations.services import Services
from gateway.operations.stages.authenticate_caller import authenticate_caller
from gateway.streams.websocket.messages import (
    FORBIDDEN,
    INTERNAL,
    RATE_LIMITED,
    TOKENS_DIFFER,
    TRY_AGAIN,
    CloseCode,
    Refusal,
)

_NAMES = ("Authorization", "authorization")


@dataclass(frozen=True, slots=True)
class Login:
    """What the upgrade contained: its Authorization header, and the principal it belongs to. Both or neither."""

    credentials: str | None = None
    principal: Principal | None = None


async def choose_principal(
    login: Login, payload: Mapping[str, Any], received: Received, services: Services
) -> Principal | Refusal | None:
    """Return whom the socket acts for, None for an anonymous caller, or why it is closed. Raises only cancellation.

    Shapes: received has no credentials; a token in the payload is verified as of its time.
    """
    given = [payload[name] for name in _NAMES if payload.get(name) is not None]
    if not given:
        return login.principal
    if not all(isinstance(credentials, str) for credentials in given):
        return Refusal(CloseCode.BAD_MESSAGE, "Authorization is not a string.")
    known = [*given, login.credentials] if login.credentials is not None else given
    if len({_normalize(credentials) for credentials in known}) > 1:
        return TOKENS_DIFFER
    if login.credentials is not None:
        return login.principal
    return await _verify(replace(received, authorization=(given[0],)), services)


async def _verify(received: Received, services: Services) -> Principal | Refusal | None:
    try:
        return (await authenticate_caller(received, services)).principal
    except RateLimitedError:
        return RATE_LIMITED
    except (TokenInvalidError, MalformedRequestError):
        return FORBIDDEN
    except Exception as failure:  # noqa: BLE001 - whatever failed, the socket ends with a code
        if is_unavailable(failure):
            return TRY_AGAIN
        log_causes([failure])
        return INTERNAL


def _normalize(credentials: str) -> tuple[str, str]:
    """Return scheme and token; the scheme's case has no meaning."""
    scheme, _, token = credentials.strip().partition(" ")
    return scheme.lower(), token.strip()
