"""The OAuth endpoints on Starlette.

Each handler reads the request whole, opens one transaction, and runs Authlib inside it. Whatever is
malformed is a 400, never a 500; every answer that could hold a secret says no-store. A refusal of the protocol
still commits, since a replay that is refused must leave its trace.

Source: RFC 6749 sections 3, 4.1.2.1 and 5; RFC 8414 section 3; RFC 9700.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from joserfc.errors import JoseError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from auth.clock import Clock
from auth.errors import AuthError
from auth.login.account_endpoints import AccountEndpoints
from auth.login.attempts import LoginDesk
from auth.login.endpoints import LoginEndpoints
from auth.login.openid_provider import OpenIdProvider
from auth.login.passwords import Passwords
from auth.login.provider_endpoints import ProviderEndpoints
from auth.login.second_factor_endpoints import SecondFactorEndpoints
from auth.login.site import NO_STORE, LoginSite
from auth.protocol.authorization_server import Answer, AuthorizationServer, TooManyRequestsError
from auth.protocol.discovery import render_metadata
from auth.protocol.requests import (
    ProtocolRequest,
    address_of,
    check_protocol_parameters,
    read_query,
    read_token_request,
)
from auth.settings import AuthSettings
from auth.tokens.dpop import issue_nonce
from auth.tokens.requests_record import RECORD_EVENT, describe_event
from auth.tokens.signing_keys import SigningKeyStore
from ledger.bounds.rates import SlidingLimit
from ledger.errors import Category, LedgerError
from ledger.storage.database import Database
from ledger.storage.roles import Role

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
_logger = logging.getLogger(__name__)
_PUBLIC_FOR_A_WHILE = {"Cache-Control": "public, max-age=300"}
_FOR_CLIENTS = frozenset({"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par"})


def create_auth_routes(
    database: Database, *, keys: SigningKeyStore, passwords: Passwords, settings: AuthSettings, clock: Clock
) -> list[Route]:
    """The routes of the authorization server, at the root of the origin that settings.issuer names."""
    site = LoginSite(database, settings=settings, clock=clock)
    endpoints = _Endpoints(database, keys=keys, site=site, settings=settings, clock=clock)
    desk = LoginDesk(database, passwords, settings)
    logins = LoginEndpoints(
        site,
        desk,
        run_server=endpoints.with_server,
        read_request=endpoints.read_authorization_request,
        refuse=endpoints.refuse,
    )
    provided: list[Route] = []
    if settings.openid is not None:
        callback = f"{settings.issuer}/oauth/provider/callback"
        provider = OpenIdProvider(settings.openid, redirect_uri=callback, clock_skew_s=settings.clock_skew_s)
        provided = ProviderEndpoints(site, provider).routes(endpoints.guarded)
    return [
        Route("/oauth/token", endpoints.guarded(endpoints.issue_token), methods=["POST"]),
        Route("/oauth/par", endpoints.guarded(endpoints.push_request), methods=["POST"]),
        Route("/oauth/revoke", endpoints.guarded(endpoints.revoke_token), methods=["POST"]),
        Route("/oauth/introspect", endpoints.guarded(endpoints.introspect_token), methods=["POST"]),
        Route("/oauth/jwks", endpoints.guarded(endpoints.show_keys), methods=["GET"]),
        Route("/.well-known/oauth-authorization-server", endpoints.guarded(endpoints.show_metadata), methods=["GET"]),
        *logins.routes(endpoints.guarded),
        *AccountEndpoints(site, desk).routes(endpoints.guarded),
        *SecondFactorEndpoints(site, desk).routes(endpoints.guarded),
        *provided,
    ]


class _Endpoints:
    """The handlers and what they share. One per process."""

    def __init__(
        self, database: Database, *, keys: SigningKeyStore, site: LoginSite, settings: AuthSettings, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._site = site
        self._client_limit = self._limit(settings.token_requests_per_client)
        self._token_limit = self._limit(settings.token_requests_per_address)

    def guarded(self, handler: Handler) -> Handler:
        """The handler, with every refusal answered in RFC 6749's form."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except OAuth2Error as error:
                return self.refuse(request, Answer(*error()))
            except (LedgerError, AuthError) as error:
                if error.category is not Category.UNAVAILABLE:
                    raise
                body = {"error": "temporarily_unavailable", "error_description": error.message}
                response = self.refuse(request, Answer(503, body, ()))
                response.headers["Retry-After"] = "1"
                return response

        return answer

    async def issue_token(self, request: Request) -> Response:
        """POST /oauth/token."""
        return await self._serve_client(request, "token", AuthorizationServer.answer_token_request)

    async def push_request(self, request: Request) -> Response:
        """POST /oauth/par."""
        return await self._serve_client(request, "par", AuthorizationServer.answer_pushed_request)

    async def revoke_token(self, request: Request) -> Response:
        """POST /oauth/revoke."""
        return await self._serve_client(request, "revoke", AuthorizationServer.answer_revocation_request)

    async def introspect_token(self, request: Request) -> Response:
        """POST /oauth/introspect."""
        return await self._serve_client(request, "introspect", AuthorizationServer.answer_introspection_request)

    async def show_keys(self, _request: Request) -> Response:
        """GET /oauth/jwks."""
        keys = await self._keys.get(as_of=self._clock())
        return JSONResponse(keys.render_jwks(), headers=_PUBLIC_FOR_A_WHILE)

    async def show_metadata(self, _request: Request) -> Response:
        """GET /.well-known/oauth-authorization-server."""
        return JSONResponse(render_metadata(self._settings), headers=_PUBLIC_FOR_A_WHILE)

    async def _serve_client(
        self, request: Request, endpoint: str, work: Callable[[AuthorizationServer, ProtocolRequest], Answer]
    ) -> Response:
        """Answer a client that authenticates itself, and leave an event of it."""
        # A flood leaves no rows: what is refused here is only counted.
        self._admit(self._token_limit, request)
        address = address_of(request)
        try:
            adapted = await self._read_client_request(request, endpoint)
            answer = await self.with_server(lambda server: _answer_recorded(server, adapted, endpoint, address, work))
        except OAuth2Error as error:
            await self._record_refusal(endpoint, address, error)
            raise
        headers = {**dict(answer.headers), **NO_STORE}
        if adapted.proofs:
            headers["DPoP-Nonce"] = issue_nonce(self._database.keyring, self._settings, as_of=self._clock())
        return JSONResponse(answer.body, status_code=answer.status, headers=headers)

    async def _read_client_request(self, request: Request, endpoint: str) -> ProtocolRequest:
        uri = f"{self._settings.issuer}/oauth/{endpoint}"
        return await read_token_request(request, uri=uri, bytes_max=self._settings.request_bytes_max)

    async def _record_refusal(self, endpoint: str, address: str, error: OAuth2Error) -> None:
        """The event of a request that was refused before any client was known."""
        as_of = self._clock()
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            event = describe_event(as_of=as_of, endpoint=endpoint, address=address, outcome=error.error)
            await tx.execute(RECORD_EVENT, event)

    async def with_server(self, work: Callable[[AuthorizationServer], T]) -> T:
        """Run Authlib in one transaction of its own."""
        as_of = self._clock()
        keys = await self._keys.get(as_of=as_of)

        def run(connection: Connection) -> T:
            server = AuthorizationServer(
                connection,
                keys=keys,
                keyring=self._database.keyring,
                settings=self._settings,
                as_of=as_of,
                admit_client=lambda client_id: self._client_limit.admit(client_id, as_of=as_of),
            )
            return work(server)

        try:
            async with self._database.system(Role.AUTH, as_of=as_of) as tx:
                return await tx.connection.run_sync(run)
        except (ValueError, JoseError, RecursionError) as error:
            # Authlib's own texts and parsers stumble over some input; nothing was committed.
            _logger.warning("oauth_request_malformed", exc_info=error)
            raise InvalidRequestError("The request is malformed.") from None

    def read_authorization_request(self, request: Request) -> ProtocolRequest:
        parameters = read_query(request, bytes_max=self._settings.request_bytes_max)
        checked = check_protocol_parameters(parameters)
        return ProtocolRequest("GET", self._settings.authorization_endpoint, parameters=checked, headers={})

    def refuse(self, request: Request, answer: Answer) -> Response:
        if request.url.path not in _FOR_CLIENTS and "text/html" in request.headers.get("accept", ""):
            problem = str(answer.body.get("error_description") or answer.body["error"])
            return self._site.pages.render_message(title="This can't go on", problem=problem, status=answer.status)
        return JSONResponse(answer.body, status_code=answer.status, headers={**dict(answer.headers), **NO_STORE})

    def _limit(self, requests_max: int) -> SlidingLimit:
        settings = self._settings
        return SlidingLimit(
            requests_max=requests_max, window_s=settings.request_window_s, keys_max=settings.limited_parties_max
        )

    def _admit(self, limit: SlidingLimit, request: Request) -> None:
        retry_after_s = limit.admit(address_of(request), as_of=self._clock())
        if retry_after_s is not None:
            raise TooManyRequestsError(retry_after_s)


def _answer_recorded(
    server: AuthorizationServer,
    request: ProtocolRequest,
    endpoint: str,
    address: str,
    work: Callable[[AuthorizationServer, ProtocolRequest], Answer],
) -> Answer:
    answer = work(server, request)
    server.record(request, answer, endpoint=endpoint, address=address)
    return answer
