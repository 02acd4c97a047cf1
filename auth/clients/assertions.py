"""Client authentication by a signed assertion (private_key_jwt).

Authlib parses and checks; this module adds the rules that it leaves open: algorithms, audience, lifetime and single
use. An assertion's id is stored until the assertion would have expired anyway.

Source: RFC 7523 section 3, RFC 7521 section 5.2, FAPI 2.0 section 5.3.2.1 (our issuer as the only audience).
"""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidClientError
from authlib.oauth2.rfc7523 import JWTBearerClientAssertion
from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from auth.clients.keys import ALGORITHMS, STRONG_ALGORITHMS, find_key
from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import RegisteredClient
from auth.clients.table import used_assertions
from auth.settings import AuthSettings

_COMPACT = re.compile(r"^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")
_JTI_LENGTH_MAX = 256


class ClientAssertion(JWTBearerClientAssertion):  # type: ignore[misc]
    """private_key_jwt for one request."""

    CLIENT_AUTH_METHOD = "private_key_jwt"

    def __init__(self, connection: Connection, settings: AuthSettings, *, as_of: datetime) -> None:
        """Bind to the request's connection and time."""
        super().__init__()
        self._connection = connection
        self._settings = settings
        self._as_of = as_of
        self._takes_endpoint = True

    def extract_assertion(self, assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the header and the unverified claims of a well-formed assertion."""
        if not _COMPACT.match(assertion):
            raise InvalidClientError
        try:
            headers, claims = super().extract_assertion(assertion)
        except (ValueError, RecursionError):
            raise InvalidClientError from None
        # The algorithm is ours to choose, and we support no extension that must be understood (`crit`).
        if headers.get("alg") not in ALGORITHMS or "crit" in headers:
            raise InvalidClientError
        return headers, claims

    def resolve_client_public_key(self, client: RegisteredClient) -> "_Keys | None":
        """Return the client's registered keys; the right one is picked when the signature is checked."""
        return _Keys(client) if client.public_keys is not None else None

    def process_assertion_claims(self, assertion: str, resolve_key: Any) -> dict[str, Any]:
        """Return the claims, verified: signed by a registered key, and made for this use."""
        headers, _ = self.extract_assertion(assertion)
        kid = headers.get("kid")
        if not isinstance(resolve_key, _Keys) or not (kid is None or isinstance(kid, str)):
            raise InvalidClientError
        if headers["alg"] not in resolve_key.algorithms:
            raise InvalidClientError
        key = find_key(resolve_key.document, kid=kid, algorithm=headers["alg"])
        if key is None:
            raise InvalidClientError
        try:
            claims = jwt.decode(assertion, key, algorithms=[headers["alg"]]).claims
        except (JoseError, ValueError, RecursionError):
            raise InvalidClientError from None
        self._takes_endpoint = not resolve_key.is_strict
        self.verify_claims(claims)
        return dict(claims)

    def verify_claims(self, claims: Mapping[str, Any]) -> None:
        """Refuse an assertion that is not from the client itself, for us, currently valid and unused."""
        if not isinstance(claims.get("iss"), str) or claims["iss"] != claims.get("sub"):
            raise InvalidClientError
        audience = claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        # We must be the only audience: any other server named there could use the assertion here.
        if len(audiences) != 1 or audiences[0] not in self.get_audiences():
            raise InvalidClientError
        expires_at = self._verify_times(claims)
        jti = claims.get("jti")
        if not isinstance(jti, str) or not 1 <= len(jti) <= _JTI_LENGTH_MAX:
            raise InvalidClientError
        if not self._record(client_id=claims["sub"], jti=jti, expires_at=expires_at):
            raise InvalidClientError

    def get_audiences(self) -> list[str]:
        """Return the audiences that we accept."""
        endpoints = [self._settings.token_endpoint] if self._takes_endpoint else []
        return [self._settings.issuer, *endpoints]

    def _verify_times(self, claims: Mapping[str, Any]) -> datetime:
        """Return when the assertion expires, if it may be used now. Errors: InvalidClientError."""
        skew = timedelta(seconds=self._settings.token_skew_seconds)
        lifetime = timedelta(seconds=self._settings.assertion_seconds_max)
        expires_at = _read_time(claims, "exp")
        starts_at = _read_time(claims, "nbf")
        issued_at = _read_time(claims, "iat")
        if expires_at is None or not self._as_of - skew < expires_at <= self._as_of + lifetime + skew:
            raise InvalidClientError
        if any(moment is not None and moment > self._as_of + skew for moment in (starts_at, issued_at)):
            raise InvalidClientError
        return expires_at + skew

    def _record(self, *, client_id: str, jti: str, expires_at: datetime) -> bool:
        """Record the use, and return whether it is the first. Of concurrent uses, exactly one is the first."""
        digest = hashlib.sha256(jti.encode("utf-8", "surrogatepass")).digest()
        made = self._connection.execute(
            insert(used_assertions)
            .values(client_id=client_id, assertion_hash=digest, expires_at=expires_at)
            .on_conflict_do_nothing(index_elements=[used_assertions.c.client_id, used_assertions.c.assertion_hash])
            .returning(used_assertions.c.client_id)
        )
        return made.first() is not None


class _Keys:
    """Carries a JWK set through Authlib, which would otherwise pick a key itself."""

    def __init__(self, client: RegisteredClient) -> None:
        self.document = client.public_keys or {"keys": []}
        self.is_strict = ClientPolicy.FAPI_2 in client.policies
        self.algorithms = STRONG_ALGORITHMS if self.is_strict else ALGORITHMS


def _read_time(claims: Mapping[str, Any], name: str) -> datetime | None:
    value = claims.get(name)
    if value is None:
        return None
    # In Python, a Boolean is an integer.
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidClientError
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        raise InvalidClientError from None
