"""Pushed authorization requests: a client sends its request directly before it sends a browser.

A pushed request comes from the authenticated client itself and has been checked; parameters that the browser adds are
ignored. A reference is valid for one client, until a code is issued for it or it expires. Synchronous.

Source: RFC 9126 sections 2 to 4; RFC 9449 section 10.1 (the proof binds the code); FAPI 2.0 section 5.3.2.2.
"""

from datetime import timedelta
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from sqlalchemy import insert, select, update

from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import RegisteredClient
from auth.hashed_secrets import generate_secret, hash_secret
from auth.protocol.answers import Answer
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest
from auth.protocol.resource_indicators import check_resource
from auth.protocol.table import pushed_requests
from auth.tokens.dpop import InvalidDpopProofError, is_thumbprint
from ledger.identifiers import new_id

METHODS = ("client_secret_basic", "private_key_jwt", "none")
_PREFIX = "urn:ietf:params:oauth:request_uri:"
_OF_AUTHENTICATION = frozenset({"client_assertion", "client_assertion_type"})


class InvalidRequestUriError(OAuth2Error):  # type: ignore[misc]
    """The reference belongs to another client, was used, or has expired (RFC 9101 section 7)."""

    error = "invalid_request_uri"
    description = "The request_uri is unknown, used or expired; push the request again."


class RequestNotSupportedError(OAuth2Error):  # type: ignore[misc]
    """The parameter `request` holds a request object, which we don't support."""

    error = "request_not_supported"
    description = "Request objects are not supported; push the parameters."


def answer_pushed_request(server: AuthorizationServer, request: ProtocolRequest) -> Answer:
    """Check and store an authorization request, and answer with a reference to it (section 2.2).

    Errors: InvalidClientError, and whatever the authorization endpoint would refuse the request with.
    """
    client: RegisteredClient = server.authenticate_client(request, METHODS, "par")
    sent = request.payload.data
    if "request_uri" in sent:
        raise InvalidRequestError("A pushed request can't hold a request_uri.")
    parameters = {name: value for name, value in sent.items() if name not in _OF_AUTHENTICATION}
    parameters["client_id"] = client.client_id
    inner = ProtocolRequest("GET", server.settings.authorization_endpoint, parameters=parameters, headers={})
    try:
        check_authorization_request(server, inner)
    except OAuth2Error as error:
        # The client gets the error in this response; there is no browser to redirect yet.
        error.redirect_uri = None
        raise
    key_thumbprint = request.proof.key_thumbprint if request.proof is not None else None
    if key_thumbprint is not None and parameters.get("dpop_jkt", key_thumbprint) != key_thumbprint:
        raise InvalidDpopProofError("dpop_jkt is not the key of the DPoP proof.")
    reference = generate_secret()
    lifetime_s = server.settings.pushed_request_seconds
    row = {
        "id": new_id(),
        "reference_hash": hash_secret(reference),
        "client_id": client.client_id,
        "parameters": parameters,
        "key_thumbprint": key_thumbprint,
        "created_at": server.as_of,
        "expires_at": server.as_of + timedelta(seconds=lifetime_s),
    }
    server.connection.execute(insert(pushed_requests).values(row))
    return Answer(201, {"request_uri": f"{_PREFIX}{reference}", "expires_in": lifetime_s})


def check_authorization_request(server: AuthorizationServer, request: ProtocolRequest) -> Any:
    """Return the grant of a valid authorization request. Errors: OAuth2Error, with the redirect URI to send it to."""
    if "request" in request.payload.data:
        raise RequestNotSupportedError
    grant = server.get_consent_grant(request)
    try:
        check_resource(request.payload.data, server.settings)
        if not is_thumbprint(request.payload.data.get("dpop_jkt", "A" * 43)):
            raise InvalidRequestError("dpop_jkt is not the thumbprint of a key.")
    except OAuth2Error as error:
        error.redirect_uri = grant.redirect_uri
        raise
    return grant


def resolve_request(server: AuthorizationServer, request: ProtocolRequest) -> ProtocolRequest:
    """Return the pushed request if this one refers to it, else this one. Errors: InvalidRequestUriError."""
    sent = request.payload.data
    if "request_uri" not in sent:
        return request
    row = server.connection.execute(
        select(pushed_requests).where(
            pushed_requests.c.reference_hash == hash_secret(sent["request_uri"].removeprefix(_PREFIX)),
            pushed_requests.c.expires_at > server.as_of,
            pushed_requests.c.used_at.is_(None),
        )
    ).first()
    if row is None or row.client_id != sent.get("client_id"):
        raise InvalidRequestUriError
    pushed = ProtocolRequest(request.method, request.uri, parameters=row.parameters, headers={})
    pushed.pushed_id, pushed.pushed_at = row.id, row.created_at
    pushed.key_thumbprint = row.key_thumbprint
    return pushed


def check_was_pushed(request: ProtocolRequest, redirect_uri: str) -> None:
    """Refuse a request through the browser of a client that must push it. Errors: InvalidRequestError."""
    client: RegisteredClient = request.client
    if request.pushed_id is None and client.must(ClientPolicy.REQUIRE_PAR):
        raise InvalidRequestError("This client must push its authorization requests.", redirect_uri=redirect_uri)


def use_pushed_request(server: AuthorizationServer, pushed_id: str) -> None:
    """Use the request up for a code. Of concurrent uses, one succeeds. Errors: InvalidRequestUriError."""
    changed = server.connection.execute(
        update(pushed_requests)
        .where(pushed_requests.c.id == pushed_id, pushed_requests.c.used_at.is_(None))
        .values(used_at=server.as_of)
    )
    if changed.rowcount != 1:
        raise InvalidRequestUriError
