"""The authorization code grant with PKCE: an officer acting through a client.

A code can be used once. Of concurrent redemptions one wins; any later one by the same client revokes the tokens of the
first, since a code that is used twice was stolen by one of the two.

Source: RFC 6749 sections 4.1 and 10.5, RFC 7636 (S256 only), RFC 9700 sections 2.1.1 and 4.5.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidGrantError, InvalidRequestError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import AuthorizationCodeGrant as AuthlibAuthorizationCodeGrant
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc7636.challenge import compare_s256_code_challenge
from sqlalchemy import insert, select, update

from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import REFRESH_TOKEN, RegisteredClient
from auth.hashed_secrets import generate_secret, hash_secret
from auth.officers import ActiveOfficer, find_officer
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.pushed_requests import use_pushed_request
from auth.protocol.requests import ProtocolRequest
from auth.protocol.table import authorization_codes
from auth.rows import columns_of, read_record
from auth.scopes import OFFLINE_ACCESS, grant_officer_scopes, parse_scope, render_scope
from auth.tokens.refresh_tokens import open_family
from auth.tokens.revocations import revoke_family
from ledger.identifiers import new_id

S256 = "S256"
_CHALLENGE = re.compile(r"^[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class StoredCode:
    """A code as it is stored."""

    id: str
    officer_id: str
    redirect_uri: str
    scope: str
    code_challenge: str
    is_offline: bool
    key_thumbprint: str | None
    expires_at: datetime
    redeemed_at: datetime | None
    code_challenge_method: ClassVar[str] = S256

    def get_redirect_uri(self) -> str:
        """Return the redirect URI that the code was sent to."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return the scope that the code was granted for."""
        return self.scope


class RequiredS256(CodeChallenge):  # type: ignore[misc]
    """Requires PKCE with S256; Authlib's own class accepts `plain` and requires PKCE of public clients only."""

    SUPPORTED_CODE_CHALLENGE_METHOD = (S256,)
    CODE_CHALLENGE_METHODS = {S256: compare_s256_code_challenge}  # noqa: RUF012 - Authlib's own attribute

    def validate_code_challenge(self, grant: Any, redirect_uri: str) -> None:
        """Refuse a request without a challenge, or with one that S256 can't have produced."""
        parameters = grant.request.payload.data
        # An absent method means `plain` (RFC 7636 section 4.3).
        if parameters.get("code_challenge_method") != S256:
            raise InvalidRequestError("Use PKCE with code_challenge_method=S256.")
        if not _CHALLENGE.match(parameters.get("code_challenge", "")):
            raise InvalidRequestError("The code_challenge is none of S256.")
        super().validate_code_challenge(grant, redirect_uri)


class AuthorizationCodeGrant(AuthlibAuthorizationCodeGrant):  # type: ignore[misc]
    """Codes as rows; whoever redeems locks the row first."""

    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_basic", "private_key_jwt", "none")

    server: AuthorizationServer
    request: ProtocolRequest

    def generate_authorization_code(self) -> str:
        """Return 256 random bits."""
        return generate_secret()

    def create_authorization_response(self, redirect_uri: str, grant_user: ActiveOfficer | None) -> Any:
        """Redirect the officer with a code, for the scopes that officer and client share."""
        if grant_user is None:
            raise AccessDeniedError(redirect_uri=redirect_uri)
        self.request.scope = render_scope(self.grant_scopes(grant_user, redirect_uri=redirect_uri))
        return super().create_authorization_response(redirect_uri, grant_user)

    def grant_scopes(self, officer: ActiveOfficer, *, redirect_uri: str) -> frozenset[str]:
        """Return the scopes that the client would get. Errors: AccessDeniedError, InvalidScopeError."""
        client: RegisteredClient = self.request.client
        if officer.member_id != client.member_id:
            raise AccessDeniedError(redirect_uri=redirect_uri)
        granted = grant_officer_scopes(
            parse_scope(self.request.scope),
            client_scopes=client.scopes,
            officer_scopes=officer.scopes,
            kind=client.member_kind,
        )
        if not granted:
            raise InvalidScopeError("The officer has none of these scopes.", redirect_uri=redirect_uri)
        return granted

    def save_authorization_code(self, code: str, request: ProtocolRequest) -> None:
        """Store the hash of the code and everything that it is bound to."""
        if request.pushed_id is not None:
            use_pushed_request(self.server, request.pushed_id)
        row = {
            "id": new_id(),
            "code_hash": hash_secret(code),
            "client_id": request.client.client_id,
            "officer_id": request.user.officer_id,
            "redirect_uri": request.payload.redirect_uri,
            "scope": request.scope,
            "code_challenge": request.payload.data["code_challenge"],
            "is_offline": wants_refresh_token(request),
            # RFC 9449 section 10.
            "key_thumbprint": request.key_thumbprint or request.payload.data.get("dpop_jkt"),
            "created_at": self._as_of,
            "expires_at": self._as_of + timedelta(seconds=self.server.settings.authorization_code_seconds),
        }
        self.server.connection.execute(insert(authorization_codes).values(row))

    def query_authorization_code(self, code: str, client: RegisteredClient) -> StoredCode | None:
        """Return the code, locked; None if it is unknown, expired, used or another client's."""
        found = read_record(
            StoredCode,
            self.server.connection.execute(
                select(*columns_of(StoredCode, authorization_codes))
                .where(authorization_codes.c.code_hash == hash_secret(code))
                .where(authorization_codes.c.client_id == client.client_id)
                .with_for_update()
            ).first(),
        )
        if found is not None and found.redeemed_at is not None:
            # The code's id is its family's. The refusal that follows commits with it.
            revoke_family(self.server.connection, found.id, settings=self.server.settings, as_of=self._as_of)
            return None
        return found if found is not None and self._as_of < found.expires_at else None

    def authenticate_user(self, authorization_code: StoredCode) -> ActiveOfficer | None:
        """Return the officer, unless disabled in the meantime."""
        officer = find_officer(self.server.connection, authorization_code.officer_id, settings=self.server.settings)
        return officer if officer is not None and officer.member_id == self.request.client.member_id else None

    def create_token_response(self) -> Any:
        """Return the token response, with the first refresh token of a family if one was requested."""
        code: StoredCode = self.request.authorization_code
        self.server.tokens.family_id = code.id
        key_thumbprint = self.server.tokens.key_thumbprint
        if code.key_thumbprint not in {None, key_thumbprint}:
            raise InvalidGrantError("The code is bound to another key.")
        status, token, headers = super().create_token_response()
        if code.is_offline and self.request.client.check_grant_type(REFRESH_TOKEN):
            token["refresh_token"] = open_family(
                self.server.connection,
                family_id=code.id,
                client_id=self.request.client.client_id,
                officer_id=code.officer_id,
                scope=code.scope,
                key_thumbprint=key_thumbprint,
                settings=self.server.settings,
                as_of=self._as_of,
            )
        return status, token, headers

    def delete_authorization_code(self, authorization_code: StoredCode) -> None:
        """Mark the code as used for this token. The row is kept until it expires, so that a replay is detected."""
        changed = self.server.connection.execute(
            update(authorization_codes)
            .where(authorization_codes.c.id == authorization_code.id, authorization_codes.c.redeemed_at.is_(None))
            .values(
                redeemed_at=self._as_of,
                token_expires_at=self.server.tokens.expires_at,
            )
        )
        if changed.rowcount != 1:
            raise RuntimeError("A code that was locked has changed.")

    @property
    def _as_of(self) -> datetime:
        return self.server.as_of


def wants_refresh_token(request: ProtocolRequest) -> bool:
    """Return whether the client requested a refresh token (OpenID Connect Core section 11) or always gets one."""
    client: RegisteredClient = request.client
    if not client.check_grant_type(REFRESH_TOKEN):
        return False
    asked = OFFLINE_ACCESS in parse_scope(request.payload.scope or "")
    return asked or ClientPolicy.REFRESH_ALWAYS in client.policies
