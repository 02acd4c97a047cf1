"""Authlib's authorization server bound to one request: one connection, one time, one token.

It is made for each request and thrown away, so that what Authlib calls without a request (find a client,
make a token) still knows whose it is. Synchronous; runs inside the connection's run_sync.

Source: RFC 6749, RFC 9207 (`iss` in every answer through the browser).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from authlib.common.urls import add_params_to_uri
from authlib.oauth2 import rfc6749
from authlib.oauth2.rfc6749 import AccessDeniedError, InvalidClientError, OAuth2Error
from sqlalchemy import Connection

from auth.clients.assertions import ClientAssertion
from auth.clients.policies import ClientPolicy
from auth.clients.registered_clients import ActiveOfficer, RegisteredClient, find_client
from auth.login.consents import find_agreed_scopes, record_consent
from auth.protocol.authorization_code import AuthorizationCodeGrant, RequiredS256, wants_refresh_token
from auth.protocol.client_credentials import ClientCredentialsGrant
from auth.protocol.introspection import introspect_for_client
from auth.protocol.pushed_requests import check_authorization_request, check_was_pushed, push_request, resolve_request
from auth.protocol.refresh_token import RefreshTokenGrant
from auth.protocol.requests import ProtocolRequest
from auth.protocol.revocation import revoke_for_client
from auth.scopes import OFFLINE_ACCESS, WORDS, parse_scope
from auth.settings import AuthSettings
from auth.tokens.dpop import InvalidDpopProofError, Proof, ProofFault, UseDpopNonceError, use_statement, verify_proof
from auth.tokens.issuing import AccessTokenGenerator
from auth.tokens.requests_record import DONE, RECORD_EVENT, describe_event
from auth.tokens.resources import check_resource
from auth.tokens.signing_keys import SigningKeys
from ledger.storage.sealing import Keyring


class TooManyRequestsError(OAuth2Error):  # type: ignore[misc]
    """The client asks for tokens faster than it may. RFC 6749 has no word for it but this one."""

    error = "temporarily_unavailable"
    description = "Too many token requests; a token can be used until it expires."
    status_code = 429

    def __init__(self, retry_after_s: int) -> None:
        """The seconds after which it may try again."""
        super().__init__()
        self.retry_after_s = retry_after_s

    def get_headers(self) -> list[tuple[str, str]]:
        """Authlib's, with the time to wait."""
        return [*super().get_headers(), ("Retry-After", str(self.retry_after_s))]


class _LoginRequiredError(OAuth2Error):  # type: ignore[misc]
    """The client wants no page shown, and nobody is logged in (OpenID Connect Core section 3.1.2.6)."""

    error = "login_required"
    description = "An officer must log in."


class _ConsentRequiredError(OAuth2Error):  # type: ignore[misc]
    """The client wants no page shown, and the officer was not asked yet (OpenID Connect Core section 3.1.2.6)."""

    error = "consent_required"
    description = "The officer must agree first."


@dataclass(frozen=True, slots=True)
class Answer:
    """What the endpoint answers: a JSON body, or a way back to the client through the browser."""

    status: int
    body: Any
    headers: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The request is good and an officer must log in first."""

    client_name: str
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """The request is good and the officer must agree first, to these scopes."""

    client_name: str
    redirect_uri: str
    scopes: frozenset[str]


Outcome = Answer | LoginNeeded | ConsentNeeded


@dataclass(frozen=True, slots=True)
class OfficersWord:
    """What the officer said to the consent page, if anything: the scopes agreed to, or a refusal."""

    agreed: frozenset[str] = frozenset()
    is_refusal: bool = False


class AuthorizationServer(rfc6749.AuthorizationServer):  # type: ignore[misc]
    """The grants over one connection at one time."""

    def __init__(
        self,
        connection: Connection,
        *,
        keys: SigningKeys,
        keyring: Keyring,
        settings: AuthSettings,
        as_of: datetime,
        admit_client: Callable[[str], int | None],
    ) -> None:
        """admit_client counts a client's request and says how long it must wait, if it must."""
        super().__init__(scopes_supported=sorted({*WORDS, OFFLINE_ACCESS}))
        self.connection = connection
        self.keys = keys
        self._keyring = keyring
        self.settings = settings
        self.as_of = as_of
        self.tokens = AccessTokenGenerator(keys, settings, as_of=as_of)
        self._admit_client = admit_client
        self.register_token_generator("default", self.tokens)
        self.register_client_auth_method("private_key_jwt", ClientAssertion(connection, settings, as_of=as_of))
        self.register_grant(ClientCredentialsGrant)
        self.register_grant(AuthorizationCodeGrant, [RequiredS256(required=True)])
        self.register_grant(RefreshTokenGrant)

    def answer_token_request(self, request: ProtocolRequest) -> Answer:
        """A token, or RFC 6749's error."""
        return self._answer(request, lambda: self._issue_token(request))

    def answer_revocation_request(self, request: ProtocolRequest) -> Answer:
        """An empty answer, or RFC 7009's error."""

        def revoke() -> Answer:
            revoke_for_client(self, request)
            return Answer(200, {}, ())

        return self._answer(request, revoke)

    def answer_introspection_request(self, request: ProtocolRequest) -> Answer:
        """What the token is worth, or RFC 7662's error."""
        return self._answer(request, lambda: Answer(200, introspect_for_client(self, request), ()))

    def answer_authorization_request(
        self,
        request: ProtocolRequest,
        find_end_user: Callable[[], ActiveOfficer | None],
        word: OfficersWord,
        *,
        is_asked: bool = False,
    ) -> Outcome:
        """The way back to the client with a code or an error; what is needed first; or an error for the browser.

        Only a request that names a client and one of its redirect URIs is ever sent anywhere. is_asked has the
        officer asked again whatever was agreed before.
        """
        answer: Outcome
        prompt = parse_scope(request.payload.data.get("prompt", ""))
        try:
            request = resolve_request(self, request)
            grant = check_authorization_request(self, request)
            check_was_pushed(request, grant.redirect_uri)
            officer = find_end_user()
            if officer is None and "none" in prompt:
                raise _LoginRequiredError(redirect_uri=grant.redirect_uri)
            if officer is None:
                return LoginNeeded(request.client.name, grant.redirect_uri)
            scopes = grant.grant_scopes(officer, redirect_uri=grant.redirect_uri)
            if word.is_refusal:
                raise AccessDeniedError(redirect_uri=grant.redirect_uri)
            is_asked = is_asked or "consent" in prompt
            # Access that outlives the visit is something of its own to agree to.
            wanted = scopes | {OFFLINE_ACCESS} if wants_refresh_token(request) else scopes
            if not self._is_agreed(officer, request.client, scopes=wanted, word=word, is_asked=is_asked):
                if "none" in prompt:
                    raise _ConsentRequiredError(redirect_uri=grant.redirect_uri)
                return ConsentNeeded(request.client.name, grant.redirect_uri, wanted)
            answer = self.create_authorization_response(request, grant_user=officer, grant=grant)
        except OAuth2Error as error:
            answer = self.handle_error_response(request, error)
        return answer

    def _is_agreed(
        self,
        officer: ActiveOfficer,
        client: RegisteredClient,
        *,
        scopes: frozenset[str],
        word: OfficersWord,
        is_asked: bool,
    ) -> bool:
        """Whether the officer agrees to all of the scopes, now or since before."""
        parties = {"officer_id": officer.officer_id, "client_id": client.client_id}
        if scopes <= word.agreed:
            record_consent(self.connection, scopes=scopes, as_of=self.as_of, **parties)
            return True
        return not is_asked and scopes <= find_agreed_scopes(self.connection, **parties)

    def answer_pushed_request(self, request: ProtocolRequest) -> Answer:
        """A reference to the request, or RFC 9126's error."""
        return self._answer(request, lambda: Answer(201, push_request(self, request), ()))

    def record(self, request: ProtocolRequest, answer: Answer, *, endpoint: str, address: str) -> None:
        """Leave an event of the request and its answer."""
        is_token = endpoint == "token" and answer.status == HTTPStatus.OK
        event = describe_event(
            as_of=self.as_of,
            endpoint=endpoint,
            address=address,
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

    def _issue_token(self, request: ProtocolRequest) -> Answer:
        check_resource(request.payload.data, self.settings)
        answer: Answer = self.create_token_response(request)
        return answer

    def _answer(self, request: ProtocolRequest, work: Callable[[], Answer]) -> Answer:
        """What the work gives; a refusal of the protocol is an answer too, and commits."""
        answer: Answer
        try:
            # Before anything is used up: a client that lacks our nonce sends the same request again.
            request.proof = self._verify_proof(request)
            answer = work()
        except OAuth2Error as error:
            answer = self.handle_error_response(request, error)
        return answer

    def _verify_proof(self, request: ProtocolRequest) -> Proof | None:
        """The request's DPoP proof, where it has one. Errors: InvalidDpopProofError, UseDpopNonceError."""
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

    def authenticate_client(
        self, request: ProtocolRequest, methods: Sequence[str], endpoint: str = "token"
    ) -> RegisteredClient:
        """The client, by the one method that its request uses. Every failure looks the same.

        Errors: InvalidClientError, TooManyRequestsError.
        """
        used = [method for method in (_method_used(request),) if method in methods]
        try:
            client: RegisteredClient = super().authenticate_client(request, used, endpoint)
        except InvalidClientError:
            raise _refuse_client(request) from None
        if request.payload.client_id not in {None, client.client_id}:
            raise _refuse_client(request)
        # Counted only now: else anyone could use up a client's share by naming it.
        retry_after_s = self._admit_client(client.client_id)
        if retry_after_s is not None:
            raise TooManyRequestsError(retry_after_s)
        request.client, request.is_authenticated = client, True
        self._use_proof(request, client, endpoint)
        return client

    def query_client(self, client_id: str) -> RegisteredClient | None:
        """The client, unless disabled."""
        return find_client(self.connection, client_id, as_of=self.as_of)

    def save_token(self, token: dict[str, Any], request: ProtocolRequest) -> None:
        """Nothing: a token is its own record, and only a revoked one leaves a row."""

    def send_signal(self, name: str, *args: Any, **kwargs: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: ProtocolRequest) -> ProtocolRequest:
        """The request was adapted before."""
        return request

    def handle_response(self, status: int, body: Any, headers: Sequence[tuple[str, str]]) -> Answer:
        """The answer, with `iss` in every one that goes through the browser to a client (RFC 9207)."""
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
