"""The refresh token grant: a new access token for an officer's client, with a new refresh token.

Of concurrent uses one wins. A second use within a few seconds is only refused, since it may be a client's retry; a
later one revokes the whole family. The scope must never widen.

Source: RFC 6749 section 6, RFC 9700 section 4.14.2, RFC 9449 section 5 (a public client's token is bound to its key).
"""

from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import RefreshTokenGrant as AuthlibRefreshTokenGrant

from auth.clients.registered_clients import RegisteredClient
from auth.officers import ActiveOfficer, find_officer
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest
from auth.scopes import OFFLINE_ACCESS, parse_scope, render_scope
from auth.tokens.refresh_tokens import RefreshToken, find_refresh_token, rotate_refresh_token
from auth.tokens.revocations import revoke_family


class RefreshTokenGrant(AuthlibRefreshTokenGrant):  # type: ignore[misc]
    """Refresh tokens are rows; whoever uses one locks it and its family first."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "private_key_jwt", "none")

    server: AuthorizationServer
    request: ProtocolRequest

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken | None:
        """Return the token, if this client can use it now; a replay revokes its family, which the refusal commits."""
        found = find_refresh_token(self.server.connection, refresh_token)
        client: RegisteredClient = self.request.client
        # Any other client must not be able to revoke anything with a token that it has seen.
        if found is None or not found.check_client(client):
            return None
        if found.used_at is not None and not found.is_revoked and not self._is_double(found.used_at):
            revoke_family(self.server.connection, found.family_id, settings=self.server.settings, as_of=self._as_of)
        return found if found.is_live(self._as_of) else None

    def authenticate_user(self, refresh_token: RefreshToken) -> ActiveOfficer:
        """Return the officer, unless disabled in the meantime. Errors: InvalidGrantError."""
        officer = find_officer(self.server.connection, refresh_token.officer_id, settings=self.server.settings)
        if officer is None or officer.member_id != self.request.client.member_id:
            raise InvalidGrantError("The officer may no longer act.")
        return officer

    def issue_token(self, user: ActiveOfficer, refresh_token: RefreshToken) -> dict[str, Any]:
        """Return the token response, with the next refresh token, which keeps the whole scope that was granted."""
        self._check_key(refresh_token)
        granted = parse_scope(refresh_token.scope)
        requested = parse_scope(self.request.payload.scope or refresh_token.scope) - {OFFLINE_ACCESS}
        if not requested or not requested <= granted:
            raise InvalidScopeError("A refresh can't widen the scope.")
        self.server.tokens.family_id = refresh_token.family_id
        token: dict[str, Any] = self.generate_token(
            user=user, scope=render_scope(requested), include_refresh_token=False
        )
        token["refresh_token"] = rotate_refresh_token(
            self.server.connection, refresh_token, settings=self.server.settings, as_of=self._as_of
        )
        return token

    def _check_key(self, refresh_token: RefreshToken) -> None:
        """Require a key: of a public client the same one, of a client that authenticates any."""
        shown = self.server.tokens.key_thumbprint
        is_public = self.request.client.auth_method == "none"
        expected = refresh_token.key_thumbprint
        if expected is not None and (shown is None or (is_public and shown != expected)):
            raise InvalidGrantError("The refresh token is bound to a key.")

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        """Do nothing: the token was used up when the next one was created."""

    def _validate_token_scope(self, token: RefreshToken) -> None:
        """Do nothing: Authlib's check doesn't know offline_access; issue_token has ours."""

    @property
    def _as_of(self) -> datetime:
        return self.server.as_of

    def _is_double(self, used_at: datetime) -> bool:
        """Return whether this repeats a request that was answered a moment ago."""
        return self._as_of - used_at <= timedelta(seconds=self.server.settings.refresh_double_seconds)
