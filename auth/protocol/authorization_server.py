"""Authlib's authorization server bound to one request: one connection, one time, one token.

It is created for each request and discarded, so that what Authlib calls without a request (finding a client,
generating a token) still knows which request it serves. It must know no grant and no endpoint: the grants are passed
in, and the endpoints call it. Synchronous; runs inside the connection's run_sync.

Source: RFC 6749, RFC 9207 (`iss` in every answer through the browser).
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import rfc6749
from authlib.oauth2.rfc6749 import InvalidClientError, OAuth2Error
from sqlalchemy import Connection

from auth.clients.assertions import ClientAssertion
from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import RegisteredClient, find_client
from auth.outcomes import AccountEvent
from auth.protocol.answers import Answer, TooManyRequestsError
from auth.protocol.requests import ProtocolRequest
from auth.scopes import OFFLINE_ACCESS, WORDS
from auth.settings import AuthSettings
from auth.tokens.dpop import InvalidDpopProofError, Proof, ProofFault, UseDpopNonceError, use_statement, verify_proof
from auth.tokens.issuing import AccessTokenGenerator
from auth.tokens.signing_keys import SigningKeys
from auth.tokens.token_events import DONE, RECORD_EVENT, describe_event
from ledger.storage.sealing import Keyring

Grants = Sequence[tuple[type[Any], Sequence[Any]]]
"""Authlib's grant classes, each with its extensions."""


class AuthorizationServer(rfc6749.AuthorizationServer):  # type: ignore[misc]
    """The server of one request, over one connection at one time."""

    def __init__(
        self,
        connection: Connection,
        *,
        grants: Grants,
        keys: SigningKeys,
        keyring: Keyring,
        settings: AuthSettings,
        as_of: datetime,
        admit_client: Callable[[str], int | None],
    ) -> None:
        """Take the grants on; admit_client counts a request in a share and returns how long it must wait, if so."""
        super().__init__(scopes_supported=sorted({*WORDS, OFFLINE_ACCESS}))
        self.connection = connection
        self.keys = keys
        self._keyring = keyring
        self.settings = settings
        self.as_of = as_of
        self.tokens = AccessTokenGenerator(keys, settings, as_of=as_of)
        self._admit_client = admit_client
        self.outcomes: list[AccountEvent] = []
        """What this request came to for an officer; recorded in its transaction."""
        self.register_token_generator("default", self.tokens)
        self.register_client_auth_method("private_key_jwt", ClientAssertion(connection, settings, as_of=as_of))
        for grant, extensions in grants:
            self.register_grant(grant, list(extensions))

    def answer_client(
        self, request: ProtocolRequest, work: Callable[["AuthorizationServer", ProtocolRequest], Answer]
    ) -> Answer:
        """Return what the work answers; a refusal of the protocol is an answer too, and commits."""
        try:
            # Before anything is used up: a client that lacks our nonce sends the same request again.
            request.proof = self._verify_proof(request)
            return work(self, request)
        except OAuth2Error as error:
            return self.answer_error(request, error)

    def answer_error(self, request: ProtocolRequest, error: OAuth2Error) -> Answer:
        """Return the refusal as an answer."""
        answer: Answer = self.handle_error_response(request, error)
        return answer

    def record(self, request: ProtocolRequest, answer: Answer, *, endpoint: str) -> None:
        """Write the event of the request and its answer."""
        is_token = endpoint == "token" and answer.status == HTTPStatus.OK
        event = describe_event(
            as_of=self.as_of,
            endpoint=endpoint,
            address=request.address,
            outcome=DONE if answer.status < HTTPStatus.BAD_REQUEST else answer.body["error"],
            claimed_client_id=request.claimed_client_id,
            client_id=request.client.client_id if request.is_authenticated else None,
            officer_id=request.user.officer_id if request.user is not None else None,
            grant_type=request.payload.grant_type,
            scope=answer.body["scope"] if is_token else None,
            token_id=self.tokens.token_id if is_token else None,
            family_id=self.tokens.family_id if is_token else None,
        )
        self.connection.execute(RECORD_EVENT, event)

    def authenticate_client(
        self, request: ProtocolRequest, methods: Sequence[str], endpoint: str = "token"
    ) -> RegisteredClient:
        """Return the client, authenticated by the one method that its request uses. Every failure looks the same.

        Errors: InvalidClientError, TooManyRequestsError, InvalidDpopProofError.
        """
        used = [method for method in (_method_used(request),) if method in methods]
        try:
            client: RegisteredClient = super().authenticate_client(request, used, endpoint)
        except InvalidClientError:
            raise _refuse_client(request) from None
        if request.payload.client_id not in {None, client.client_id}:
            raise _refuse_client(request)
        # Counted only now, and for a public client by address: anyone could use up a client's share by naming it.
        share = client.client_id if client.auth_method != "none" else f"{client.client_id} {request.address}"
        retry_after_s = self._admit_client(share)
        if retry_after_s is not None:
            raise TooManyRequestsError(retry_after_s, setting="JEMBATAN_TOKEN_REQUESTS_PER_CLIENT")
        request.client, request.is_authenticated = client, True
        self._use_proof(request, client, endpoint)
        return client

    def _verify_proof(self, request: ProtocolRequest) -> Proof | None:
        """Return the request's DPoP proof, if it has one. Errors: InvalidDpopProofError, UseDpopNonceError."""
        if not request.proofs:
            return None
        if len(request.proofs) > 1:
            raise InvalidDpopProofError
        proof = verify_proof(
            request.proofs[0],
            method=request.method,
            uri=request.uri,
            access_token=None,
            keyring=self._keyring,
            settings=self.settings,
            as_of=self.as_of,
        )
        if isinstance(proof, ProofFault):
            raise UseDpopNonceError if proof is ProofFault.NONCE else InvalidDpopProofError
        return proof

    def _use_proof(self, request: ProtocolRequest, client: RegisteredClient, endpoint: str) -> None:
        """Use the proof up, and bind the token to its key. Errors: InvalidDpopProofError."""
        if request.proof is None:
            if endpoint == "token" and client.must(ClientPolicy.REQUIRE_DPOP):
                raise InvalidDpopProofError("This client must send a DPoP proof.")
            return
        if self.connection.execute(use_statement(request.proof)).first() is None:
            raise InvalidDpopProofError
        self.tokens.key_thumbprint = request.proof.key_thumbprint

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """Return the client, unless it is disabled."""
        return find_client(self.connection, client_id, as_of=self.as_of)

    def save_token(self, token: dict[str, Any], request: ProtocolRequest) -> None:
        """Do nothing: an access token is its own record, and only a revoked one has a row."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Do nothing: nobody listens."""

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """Return the request, which was adapted before."""
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Answer:
        """Return the answer, with `iss` in every one that goes to a client through the browser (RFC 9207)."""
        issued = [
            (name, add_params_to_uri(value, [("iss", self.settings.issuer)]) if name == "Location" else value)
            for name, value in headers
        ]
        return Answer(status, body, issued)


def _method_used(request: ProtocolRequest) -> str:
    if request.has_basic:
        return "client_secret_basic"
    if "client_assertion" in request.payload.data:
        return "private_key_jwt"
    return "none"


def _refuse_client(request: ProtocolRequest) -> InvalidClientError:
    return InvalidClientError("Client authentication failed.", status_code=401 if request.has_basic else 400)
