"""What a follower needs of the gateway: its address and credentials, a token, a strict client, what an end means."""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from jembatan_client.client import Client
from jembatan_client.exceptions import GraphQLClientError, GraphQLClientGraphQLMultiError
from jembatan_client.exceptions import GraphQLClientInvalidMessageFormat as InvalidMessageError
from websockets.exceptions import ConnectionClosed, InvalidStatus

RENEWED_AFTER = 0.9
"""The part of a token's life after which the next one is fetched."""

TIMEOUT_S = 30.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_UNAUTHORIZED, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 401, 429, 500


@dataclass(frozen=True)
class Login:
    """The gateway's address, and the client's id and secret."""

    url: str
    client_id: str
    secret: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Login":
        """Read JEMBATAN_URL and JEMBATAN_CLIENT (ID:SECRET), or end the program with what is wrong with them."""
        url = environment.get("JEMBATAN_URL", "").rstrip("/")
        client_id, _, secret = environment.get("JEMBATAN_CLIENT", "").partition(":")
        parts = urlsplit(url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            sys.exit("JEMBATAN_URL must be the gateway's address and begin with https; only loopback may use http.")
        if not (client_id and secret):
            sys.exit("JEMBATAN_CLIENT must be the client's ID:SECRET.")
        return cls(url, client_id, secret)


@dataclass(frozen=True)
class Token:
    """A token, and after how many seconds the next one is due."""

    value: str
    renewed_after_s: float


Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """Return the value of a field that is null only beside an error, which would have been raised by now."""
    if value is None:
        raise GraphQLClientError("a field is null without an error")
    return value


class LoginRefusedError(Exception):
    """The gateway gives this client no token."""


async def obtain_token(login: Login) -> Token:
    """Obtain a token by client credentials. Errors: LoginRefusedError, httpx.HTTPError."""
    async with httpx.AsyncClient(timeout=TIMEOUT_S) as http:
        form, basic = {"grant_type": "client_credentials"}, (login.client_id, login.secret)
        response = await http.post(f"{login.url}/oauth/token", data=form, auth=basic)
    if response.status_code == _TOO_MANY_REQUESTS or response.status_code >= _SERVER_ERRORS:
        response.raise_for_status()
    if response.is_error:
        raise LoginRefusedError(f"no token: status {response.status_code} {response.text[:200]}")
    granted = response.json()
    return Token(granted["access_token"], RENEWED_AFTER * granted["expires_in"])


class StrictClient(Client):
    """The generated client passes over errors that come beside data in a stream; this one raises them."""

    async def _handle_ws_message(self, message: Any, *more: Any, **named: Any) -> dict[str, Any] | None:
        payload = json.loads(message).get("payload")
        if isinstance(payload, dict) and payload.get("errors"):
            raise GraphQLClientGraphQLMultiError.from_errors_dicts(payload["errors"], payload.get("data"))
        return await super()._handle_ws_message(message, *more, **named)


def make_client(login: Login, token: Token) -> StrictClient:
    """Make a client that uses the token, over HTTP and WebSocket."""
    bearer = {"Authorization": f"Bearer {token.value}"}
    headers = {**bearer, "Accept": "application/graphql-response+json"}
    return StrictClient(
        url=f"{login.url}/graphql",
        http_client=httpx.AsyncClient(headers=headers, timeout=TIMEOUT_S),  # type: ignore[arg-type]  # its protocol is too narrow
        ws_url=f"ws{login.url.removeprefix('http')}/graphql",
        ws_connection_init_payload=bearer,
    )


class Remedy(Enum):
    """What to do about an end."""

    RETRY = "retry"
    START_OVER = "start over"
    STOP = "stop"


@dataclass(frozen=True)
class End:
    """Why a connection ended, what to do about it, and how long to wait at least."""

    text: str
    remedy: Remedy
    wait_s: float = 0.0


_PASSING = frozenset({"UNAUTHENTICATED", "RATE_LIMITED", "INTERNAL_SERVER_ERROR", "MEMBER_UNAVAILABLE"})
"""An UNAUTHENTICATED passes because every connection begins with a new token; who gets none is stopped there."""

_LOST = frozenset({"CURSOR_EXPIRED", "LOG_RESTORED"})
_CLOSES_TO_STOP = frozenset({1002, 1003, 1007, 4400, 4406, 4409, 4413})


def read_end(error: Exception) -> End:
    """Read what ended a connection. Only what is known to pass does: anything else is a person's work."""
    match error:
        case GraphQLClientGraphQLMultiError():
            return _read_errors([each.original or {} for each in error.errors])
        case ConnectionClosed():
            return _read_close(error)
        case InvalidStatus():
            return _read_status(error.response.status_code)
        case LoginRefusedError() | InvalidMessageError():
            return End(str(error), Remedy.STOP)
    response: httpx.Response | None = getattr(error, "response", None)
    if response is None:  # refused, reset, timed out
        return End(f"the gateway can't be reached ({type(error).__name__} {error})", Remedy.RETRY)
    return _read_response(response)


def _read_close(closed: ConnectionClosed) -> End:
    code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "connection lost")
    return End(f"closed: {code} {reason}", Remedy.STOP if code in _CLOSES_TO_STOP else Remedy.RETRY)


def _read_response(response: httpx.Response) -> End:
    try:
        return _read_errors(response.json()["errors"])
    except (ValueError, LookupError, TypeError):  # not from the gateway, but from what stands before it
        return _read_status(response.status_code)


def _read_errors(errors: list[dict[str, Any]]) -> End:
    told = [error.get("extensions", {}) for error in errors]
    problems = [each.get("problem") or each.get("code") for each in told]
    text = "; ".join(f"{problem}: {error.get('message')}" for problem, error in zip(problems, errors, strict=True))
    wait_s = max((float(each.get("retryAfterSeconds", 0)) for each in told), default=0.0)
    if _LOST & set(problems):
        return End(text, Remedy.START_OVER)
    passes = all(
        each.get("code") in _PASSING or problem == "FEED_RESET" for each, problem in zip(told, problems, strict=True)
    )
    return End(text, Remedy.RETRY if passes else Remedy.STOP, wait_s)


def _read_status(status: int) -> End:
    passes = status in {_UNAUTHORIZED, _TOO_MANY_REQUESTS} or status >= _SERVER_ERRORS
    return End(f"status {status}", Remedy.RETRY if passes else Remedy.STOP)
