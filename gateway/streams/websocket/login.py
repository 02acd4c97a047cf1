"""Who a WebSocket speaks for: by its upgrade's Authorization header, or by what connection_init carries.

A browser can't set headers of an upgrade, so the payload may hold what the header would. Both together must be the
same: a proxy that adds one and a page that adds another would not agree on who calls.
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
    """What the upgrade said: its Authorization header, and whom that was verified to be. Both or neither."""

    credentials: str | None = None
    principal: Principal | None = None


async def choose_principal(
    login: Login, payload: Mapping[str, Any], received: Received, services: Services
) -> Principal | Refusal | None:
    """Whom the socket speaks for, None for nobody, or why it is closed. It raises nothing but cancellation.

    Shapes: received is without credentials, by whose time a token in the payload is judged.
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
    except Exception as failure:  # noqa: BLE001 - whatever it was, the socket ends with a code
        if is_unavailable(failure):
            return TRY_AGAIN
        log_causes([failure])
        return INTERNAL


def _normalize(credentials: str) -> tuple[str, str]:
    """Scheme and token; the scheme's case means nothing."""
    scheme, _, token = credentials.strip().partition(" ")
    return scheme.lower(), token.strip()
