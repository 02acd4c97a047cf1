"""The introspection endpoint: whether a token is active, by the same checks as the verifier's.

A client may introspect its own tokens; one with the policy introspect_any, every access token. Any other token looks
like one that never existed. Synchronous.

Source: RFC 7662 section 2; RFC 9449 section 6.2 (`cnf`).
"""

from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError

from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import RegisteredClient
from auth.officers import find_officer
from auth.protocol.answers import Answer
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest
from auth.scopes import render_scope
from auth.tokens.principal import Principal
from auth.tokens.refresh_tokens import RefreshToken, find_refresh_token
from auth.tokens.token_status import status_statement
from auth.tokens.verification import Success, verify_access_token

METHODS = ("client_secret_basic", "private_key_jwt")
_INACTIVE: dict[str, Any] = {"active": False}


def answer_introspection_request(server: AuthorizationServer, request: ProtocolRequest) -> Answer:
    """Describe the token, as far as the client may know it. Errors: InvalidClientError, InvalidRequestError."""
    return Answer(200, _introspect(server, request))


def _introspect(server: AuthorizationServer, request: ProtocolRequest) -> dict[str, Any]:
    client: RegisteredClient = server.authenticate_client(request, METHODS, "introspection")
    token = request.payload.data.get("token")
    if token is None:
        raise InvalidRequestError("The parameter token is missing.")
    refresh_token = find_refresh_token(server.connection, token)
    if refresh_token is not None:
        is_good = refresh_token.client_id == client.client_id and _is_good(server, refresh_token)
        return _describe_refresh_token(refresh_token, server.settings.issuer) if is_good else _INACTIVE
    verdict = verify_access_token(token, server.keys, server.settings, as_of=server.as_of)
    if not isinstance(verdict, Success):
        return _INACTIVE
    principal = verdict.principal
    if principal.client_id != client.client_id and ClientPolicy.INTROSPECT_ANY not in client.policies:
        return _INACTIVE
    is_good = bool(server.connection.execute(status_statement(principal, settings=server.settings)).scalar_one())
    if not is_good:
        return _INACTIVE
    return _describe_access_token(principal, issuer=server.settings.issuer, audience=server.settings.token_audience)


def _is_good(server: AuthorizationServer, token: RefreshToken) -> bool:
    if not token.is_live(server.as_of):
        return False
    return find_officer(server.connection, token.officer_id, settings=server.settings) is not None


def _describe_access_token(principal: Principal, *, issuer: str, audience: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "active": True,
        "iss": issuer,
        "aud": audience,
        "sub": principal.officer_id or principal.client_id,
        "client_id": principal.client_id,
        "scope": render_scope(principal.scopes),
        "jti": principal.token_id,
        "exp": int(principal.expires_at.timestamp()),
        "token_type": "Bearer" if principal.key_thumbprint is None else "DPoP",
        "member_id": principal.member_id,
        "member_kind": principal.member_kind.value,
    }
    if principal.officer_id is not None:
        body |= {"officer_id": principal.officer_id, "office_id": principal.office_id}
    if principal.key_thumbprint is not None:
        body["cnf"] = {"jkt": principal.key_thumbprint}
    if principal.brand_id is not None:
        body["brand_id"] = principal.brand_id
    return body


def _describe_refresh_token(token: RefreshToken, issuer: str) -> dict[str, Any]:
    return {
        "active": True,
        "iss": issuer,
        "sub": token.officer_id,
        "client_id": token.client_id,
        "scope": token.scope,
        "iat": int(token.created_at.timestamp()),
        "exp": int(min(token.expires_at, token.family_expires_at).timestamp()),
    }
