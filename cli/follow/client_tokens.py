"""Access tokens for a command that acts as a client: obtained by client credentials and renewed, or a given one.

A secret comes from the environment and a private key from a file, never from an argument; neither is ever printed.
"""

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

from cli.failures import MISUSED, CommandError, FileUnreadableError
from cli.follow.socket import Remedy, StreamEndedError

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_SECONDS = 60
_TIMEOUT_SECONDS = 15
_KEY_BYTES_MAX = 65_536
_OK, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 200, 429, 500

PrivateKey = ECKey | OKPKey | RSAKey


class LoginMissingError(CommandError):
    """There are no client credentials and no token."""

    code = "LOGIN_MISSING"
    exit_code = MISUSED
    hint = "Set JEMBATAN_CLIENT to ID:SECRET (or to the ID, with --private-key FILE), or JEMBATAN_TOKEN to a token."


class Tokens(Protocol):
    """Where tokens come from."""

    is_renewable: bool

    async def obtain(self) -> str:
        """Return a token, a new one if possible. Errors: StreamEndedError."""
        ...


@dataclass(frozen=True, slots=True)
class GivenToken:
    """One token that was obtained elsewhere."""

    token: str
    is_renewable = False

    async def obtain(self) -> str:
        """Return the token."""
        return self.token


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLogin:
    """A client's credentials at a gateway: a secret, or a key with which it signs assertions."""

    url: str
    client_id: str
    secret: str | None = None
    key: PrivateKey | None = None
    is_renewable = True

    async def obtain(self) -> str:
        """Obtain a new token by client credentials. Errors: StreamEndedError."""
        timeout = aiohttp.ClientTimeout(total=_TIMEOUT_SECONDS)
        try:
            async with aiohttp.ClientSession(timeout=timeout, trust_env=True) as http:
                form, headers = {"grant_type": "client_credentials"}, {}
                if self.key is not None:
                    form |= {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": await self._sign(http)}
                else:
                    headers["Authorization"] = aiohttp.encode_basic_auth(self.client_id, self.secret or "")
                async with http.post(f"{self.url}/oauth/token", data=form, headers=headers) as response:
                    return _read_answer(response.status, await response.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            said = f"The gateway can't be reached ({type(error).__name__})."
            raise StreamEndedError("CONNECTION_REFUSED", said, Remedy.COME_BACK) from error

    async def _sign(self, http: aiohttp.ClientSession) -> str:
        """Return an assertion for the issuer that the gateway names."""
        async with http.get(f"{self.url}/.well-known/oauth-authorization-server") as response:
            metadata = _read_object(await response.read())
        now = int(time.time())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": metadata.get("issuer", self.url),
            "jti": secrets.token_urlsafe(16),
            "iat": now,
            "exp": now + _ASSERTION_SECONDS,
        }
        key: Any = self.key
        header = {"alg": _choose_algorithm(key), **({"kid": key.kid} if key.kid else {})}
        return jwt.encode(header, claims, key, algorithms=[header["alg"]])


def read_login(url: str, environment: Mapping[str, str], *, private_key: Path | None) -> Tokens:
    """Read JEMBATAN_CLIENT or JEMBATAN_TOKEN from the environment. Errors: LoginMissingError, FileUnreadableError."""
    client_id, _, secret = environment.get("JEMBATAN_CLIENT", "").strip().partition(":")
    token = environment.get("JEMBATAN_TOKEN", "").strip()
    if client_id and private_key is not None:
        return ClientLogin(url=url, client_id=client_id, key=_read_key(private_key))
    if client_id and secret:
        return ClientLogin(url=url, client_id=client_id, secret=secret)
    if token and not client_id:
        return GivenToken(token)
    raise LoginMissingError


def _read_key(path: Path) -> PrivateKey:
    try:
        with path.open("rb") as stream:
            key: Any = import_key(orjson.loads(stream.read(_KEY_BYTES_MAX)))
    except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
        raise FileUnreadableError(f"{path} can't be read as a private key (JWK).") from error
    if not isinstance(key, PrivateKey) or not key.is_private:
        raise FileUnreadableError(f"{path} can't be read as a private key (JWK).")
    return key


def _choose_algorithm(key: PrivateKey) -> str:
    """Choose the algorithm that the key names, else the one for its type."""
    if isinstance(key, ECKey):
        return {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}.get(key.curve_name, "ES256")
    return str(key.alg or ("EdDSA" if isinstance(key, OKPKey) else "PS256"))


def _read_answer(status: int, content: bytes) -> str:
    answer = _read_object(content)
    if status == _OK and isinstance(answer.get("access_token"), str):
        return str(answer["access_token"])
    if status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS:
        raise StreamEndedError("LOGIN_DELAYED", f"The token endpoint returned {status}.", Remedy.COME_BACK)
    said = str(answer.get("error", status))
    hint = "Check that the client's id and secret or key are correct, and that it is not disabled."
    raise StreamEndedError("LOGIN_REFUSED", f"The gateway refused a token: {said}.", Remedy.GIVE_UP, hint=hint)


def _read_object(content: bytes) -> Mapping[str, Any]:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}
