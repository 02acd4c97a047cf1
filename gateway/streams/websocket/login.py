"""Authenticates a WebSocket, by its upgrade's Authorization header or by what connection_init carries.

A browser can't set headers on an upgrade, so the payload may contain what the header would. If both are given they must
be the same: a proxy that adds one and a page that adds another would not agree on who calls. A token anywhere else in
the payload is not read, and a client that put it there is told so: as an anonymous caller it would see nothing and
wonder why.
"""

import re
from collections.abc import Iterator, Mapping
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
    TOKEN_MISPLACED,
    TOKENS_DIFFER,
    TRY_AGAIN,
    CloseCode,
    Refusal,
)

_NAMES = ("Authorization", "authorization")
# Where other servers read a token; compared without case, hyphens and underscores.
_TOKEN_NAMES = frozenset(
    {
        "authorization",
        "xauthorization",
        "authtoken",
        "xauthtoken",
        "token",
        "accesstoken",
        "bearertoken",
        "bearer",
        "jwt",
    }
)
_TOKEN = re.compile(r"\s*(?:(?:bearer|dpop)\s+\S|eyJ[\w-]+\.eyJ[\w-]+\.)", re.IGNORECASE)


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
    if not all(isinstance(credentials, str) for credentials in given):
        return Refusal(CloseCode.BAD_MESSAGE, "Authorization is not a string.")
    known = [*given, login.credentials] if login.credentials is not None else given
    if len({_normalize(credentials) for credentials in known}) > 1:
        return TOKENS_DIFFER
    read = {_normalize(credentials)[1] for credentials in known}
    if any(_normalize(token)[1] not in read for token in _list_misplaced(payload)):
        return TOKEN_MISPLACED
    if login.credentials is not None or not given:
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


def _list_misplaced(payload: Mapping[str, Any]) -> Iterator[str]:
    """Yield every text of a payload that is a token by its name or its form, except where tokens are read."""
    stack: list[tuple[str, Any]] = [(name, value) for name, value in payload.items() if name not in _NAMES]
    while stack:
        name, value = stack.pop()
        if isinstance(value, Mapping):
            stack.extend(value.items())
        elif isinstance(value, list):
            stack.extend((name, item) for item in value)
        elif isinstance(value, str) and value.strip():
            is_named = name.lower().replace("-", "").replace("_", "") in _TOKEN_NAMES
            if is_named or _TOKEN.match(value):
                yield value


def _normalize(credentials: str) -> tuple[str, str]:
    """Return scheme and token; the scheme's case has no meaning, and a bare token has none."""
    scheme, _, token = credentials.strip().rpartition(" ")
    return scheme.strip().lower(), token
