"""What every program at the gateway needs: its address and credentials, tokens, and which failures pass.

Tokens come by client credentials: the first when it is needed, the next shortly before the last one ends.
"""

import base64
import os
import sys
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx
from jembatan_client.exceptions import GraphQLClientError, GraphQLClientGraphQLMultiError

RENEWED_AFTER = 0.9
"""The part of a token's life after which the next one is fetched."""

KEPT_MAX = 20
"""How many answers are kept: the pages of one poll."""

_PASSING = frozenset({"RATE_LIMITED", "INTERNAL_SERVER_ERROR", "MEMBER_UNAVAILABLE"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_NOT_MODIFIED, _UNAUTHORIZED, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 304, 401, 429, 500


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


Value = TypeVar("Value")


def present(value: Value | None) -> Value:
    """Return the value of a field that is null only beside an error, which would have been raised by now."""
    if value is None:
        raise GraphQLClientError("a field is null without an error")
    return value


class LoginRefusedError(Exception):
    """The gateway gives this client no token."""


class ClientCredentials(httpx.Auth):
    """Adds a token to every request."""

    requires_response_body = True

    def __init__(self, login: Login) -> None:
        basic = base64.b64encode(f"{login.client_id}:{login.secret}".encode()).decode()
        self._url = f"{login.url}/oauth/token"
        self._headers = {"Authorization": f"Basic {basic}"}
        self._token, self._renewed_at = "", 0.0

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the request with a token, and once more with a new one if the gateway no longer takes it."""
        if time.monotonic() >= self._renewed_at:
            yield from self._renew()
        request.headers["Authorization"] = f"Bearer {self._token}"
        response = yield request
        if response.status_code == _UNAUTHORIZED:
            yield from self._renew()
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request

    def _renew(self) -> Generator[httpx.Request, httpx.Response, None]:
        asked_at = time.monotonic()
        form = {"grant_type": "client_credentials"}
        response = yield httpx.Request("POST", self._url, headers=self._headers, data=form)
        if response.status_code == _TOO_MANY_REQUESTS or response.status_code >= _SERVER_ERRORS:
            response.raise_for_status()
        if response.is_error:
            raise LoginRefusedError(f"no token: status {response.status_code} {response.text[:200]}")
        granted = response.json()
        self._token = granted["access_token"]
        self._renewed_at = asked_at + RENEWED_AFTER * granted["expires_in"]


class Revalidating(httpx.HTTPTransport):
    """Keeps answers that have an ETag, and asks whether they still hold before it reads them again."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: dict[bytes, tuple[str, str, bytes]] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; a 304 becomes the answer that was kept."""
        asked = request.read()
        kept = self._kept.get(asked)
        if kept is not None:
            request.headers["If-None-Match"] = kept[0]
        response = super().handle_request(request)
        if response.status_code == _NOT_MODIFIED and kept is not None:
            response.close()
            return httpx.Response(200, headers={"Content-Type": kept[1]}, content=kept[2])
        if "ETag" in response.headers:
            self._kept[asked] = (response.headers["ETag"], response.headers["Content-Type"], response.read())
            if len(self._kept) > KEPT_MAX:
                del self._kept[next(iter(self._kept))]
        return response


@dataclass(frozen=True)
class Failure:
    """Why an operation failed, and whether the same operation may succeed later."""

    text: str
    passes: bool
    wait_s: float = 0.0


def read_failure(error: httpx.HTTPError | GraphQLClientError) -> Failure:
    """Read what an operation raised. Only what is known to pass does: anything else is a person's work."""
    if isinstance(error, GraphQLClientGraphQLMultiError):
        return _read_errors([each.original or {} for each in error.errors])
    response: httpx.Response | None = getattr(error, "response", None)
    if response is None:
        return Failure(
            f"the gateway can't be reached ({type(error).__name__} {error})", passes=isinstance(error, httpx.HTTPError)
        )
    try:
        return _read_errors(response.json()["errors"])
    except (ValueError, LookupError, TypeError):  # not from the gateway, but from what stands before it
        status = response.status_code
        return Failure(f"status {status}", passes=status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS)


def _read_errors(errors: list[dict[str, Any]]) -> Failure:
    told = [error.get("extensions", {}) for error in errors]
    text = "; ".join(
        f"{each.get('problem') or each.get('code')}: {error.get('message')}"
        for error, each in zip(errors, told, strict=True)
    )
    wait_s = max((float(each.get("retryAfterSeconds", 0)) for each in told), default=0.0)
    return Failure(text, passes=all(each.get("code") in _PASSING for each in told), wait_s=wait_s)
