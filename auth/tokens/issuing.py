"""Issuing of access tokens: short-lived ES256 JWTs for one audience, with no more scopes than may be granted.

The final decision about scopes is made here, for every grant, whatever the grant itself checked.

Source: RFC 9068 section 2; RFC 6749 section 3.3.
"""

import secrets
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from joserfc.jwk import KeySet

from auth.clients.registered_clients import RegisteredClient
from auth.officers import ActiveOfficer
from auth.scopes import grant_machine_scopes, grant_officer_scopes, parse_scope, render_scope
from auth.settings import AuthSettings
from auth.tokens.signing_keys import ALGORITHM, SigningKeys


class AccessTokenGenerator(JWTBearerTokenGenerator):  # type: ignore[misc]
    """Generates the one token of one request."""

    def __init__(self, keys: SigningKeys, settings: AuthSettings, *, as_of: datetime) -> None:
        """Bind to the request's time."""
        super().__init__(settings.issuer, alg=ALGORITHM, expires_generator=settings.access_token_seconds)
        self._keys = keys
        self._settings = settings
        self._as_of = as_of
        self.token_id = secrets.token_urlsafe(16)
        self.family_id: str | None = None
        self.key_thumbprint: str | None = None
        self.expires_at = as_of + timedelta(seconds=settings.access_token_seconds)

    def generate(
        self,
        grant_type: str,
        client: RegisteredClient,
        user: ActiveOfficer | None = None,
        scope: str | None = None,
        expires_in: int | None = None,
        include_refresh_token: object = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the token response; the grant adds the refresh token, if any. Errors: InvalidScopeError."""
        granted = _grant_scopes(client, user, scope)
        response: dict[str, Any] = super().generate(
            grant_type, client, user=user, scope=granted, expires_in=expires_in, include_refresh_token=False
        )
        if self.key_thumbprint is not None:
            response["token_type"] = "DPoP"  # noqa: S105 - the name of a scheme, no secret
        return response

    def get_jwks(self) -> KeySet:
        """Return a set of only the current key: of several, Authlib would sign with any."""
        return KeySet([self._keys.current])

    def get_audiences(self, client: RegisteredClient, user: ActiveOfficer | None, scope: str) -> str:  # noqa: ARG002
        """Return our only audience, whatever was requested."""
        return self._settings.token_audience

    def get_jti(self, *_: Any, **__: Any) -> str:
        """Return 128 random bits, by which the token is revoked."""
        return self.token_id

    def get_extra_claims(
        self,
        client: RegisteredClient,
        grant_type: str,  # noqa: ARG002
        user: ActiveOfficer | None,
        scope: str,  # noqa: ARG002
    ) -> dict[str, Any]:
        """Return the times by our own clock, and the bearer's ids in the ledger."""
        issued_at = int(self._as_of.timestamp())
        claims: dict[str, Any] = {
            "iat": issued_at,
            "nbf": issued_at,
            "exp": int(self.expires_at.timestamp()),
            "member_id": client.member_id,
            "member_kind": client.member_kind.value,
        }
        if client.brand_id is not None:
            claims["brand_id"] = client.brand_id
        if user is not None:
            claims |= {"officer_id": user.officer_id, "office_id": user.office_id}
        if self.family_id is not None:
            claims["family_id"] = self.family_id
        if self.key_thumbprint is not None:
            # RFC 9449 section 6.1.
            claims["cnf"] = {"jkt": self.key_thumbprint}
        return claims


def _grant_scopes(client: RegisteredClient, officer: ActiveOfficer | None, scope: str | None) -> str:
    """Return the scopes of the token. Errors: InvalidScopeError, if none remains or one may not be granted."""
    requested = parse_scope(scope) if scope is not None else None
    if officer is None:
        granted = grant_machine_scopes(requested, client_scopes=client.scopes, kind=client.member_kind)
    else:
        granted = grant_officer_scopes(
            requested, client_scopes=client.scopes, officer_scopes=officer.scopes, kind=client.member_kind
        )
    if not granted:
        raise InvalidScopeError("None of these scopes may be granted here, or one of them may not.")
    return render_scope(granted)
