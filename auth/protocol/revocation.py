"""The revocation endpoint: a client revokes a token of its own.

A refresh token is revoked with its whole family, an access token alone. A token that is unknown, expired or already
revoked is a success; another client's token is refused. Synchronous.

Source: RFC 7009 section 2.
"""

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError

from auth.clients.registered_clients import RegisteredClient
from auth.protocol.answers import Answer
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest
from auth.tokens.refresh_tokens import find_refresh_token
from auth.tokens.revocations import revoke_family, revoke_token
from auth.tokens.verification import Success, verify_access_token

METHODS = ("client_secret_basic", "private_key_jwt", "none")


def answer_revocation_request(server: AuthorizationServer, request: ProtocolRequest) -> Answer:
    """Revoke the token that the request names. Errors: InvalidClientError, InvalidRequestError, InvalidGrantError."""
    _revoke(server, request)
    return Answer(200, {})


def _revoke(server: AuthorizationServer, request: ProtocolRequest) -> None:
    client: RegisteredClient = server.authenticate_client(request, METHODS, "revocation")
    token = request.payload.data.get("token")
    if token is None:
        raise InvalidRequestError("The parameter token is missing.")
    # token_type_hint is ignored, as section 2.1 allows: the two kinds can't be mistaken for each other.
    refresh_token = find_refresh_token(server.connection, token)
    if refresh_token is not None:
        _check_owner(client, refresh_token.client_id)
        request.has_shown_token = True
        revoke_family(server.connection, refresh_token.family_id, settings=server.settings, as_of=server.as_of)
        return
    verdict = verify_access_token(token, server.keys, server.settings, as_of=server.as_of)
    if isinstance(verdict, Success):
        principal = verdict.principal
        _check_owner(client, principal.client_id)
        request.has_shown_token = True
        revoke_token(server.connection, principal.token_id, expires_at=principal.expires_at, as_of=server.as_of)


def _check_owner(client: RegisteredClient, client_id: str) -> None:
    if client.client_id != client_id:
        raise InvalidGrantError("The token was issued to another client.")
