"""The OAuth endpoints on Starlette.

Each handler reads the request whole, opens one transaction, and runs Authlib inside it. Whatever is
malformed is a 400, never a 500; every answer that could hold a secret says no-store. A refusal of the protocol
still commits, since a replay that is refused must leave its trace.

Source: RFC 6749 sections 3, 4.1.2.1 and 5; RFC 8414 section 3; RFC 9700.
"""

import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar
from urllib.parse import urlencode

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Error
from joserfc.errors import JoseError
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from auth.authorization_server import Answer, AuthorizationServer, LoginNeeded, TooManyRequestsError
from auth.clock import Clock
from auth.discovery import render_metadata
from auth.dpop import issue_nonce
from auth.errors import AuthError
from auth.keys import SigningKeyStore
from auth.login_attempts import LoginDesk, find_session_officer
from auth.login_page import FORM_EXPIRED, LOGIN_FAILED, LoginPage
from auth.passwords import Passwords
from auth.rate_limits import SlidingLimit
from auth.registered_clients import ActiveOfficer, find_officer
from auth.requests import (
    ProtocolRequest,
    address_of,
    check_protocol_parameters,
    read_form,
    read_query,
    read_token_request,
)
from auth.settings import AuthSettings
from auth.token_events import RECORD_EVENT, describe_event
from ledger.errors import Category, LedgerError
from ledger.storage.database import Database
from ledger.storage.roles import Role

T = TypeVar("T")
Handler = Callable[[Request], Awaitable[Response]]
_logger = logging.getLogger(__name__)
_PUBLIC_FOR_A_WHILE = {"Cache-Control": "public, max-age=300"}
_FOR_CLIENTS = frozenset({"/oauth/token", "/oauth/revoke", "/oauth/introspect", "/oauth/par"})
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}


def create_auth_routes(
    database: Database, *, keys: SigningKeyStore, passwords: Passwords, settings: AuthSettings, clock: Clock
) -> list[Route]:
    """The routes of the authorization server, at the root of the origin that settings.issuer names."""
    endpoints = _Endpoints(database, keys=keys, passwords=passwords, settings=settings, clock=clock)
    return [
        Route("/oauth/token", endpoints.guarded(endpoints.issue_token), methods=["POST"]),
        Route("/oauth/par", endpoints.guarded(endpoints.push_request), methods=["POST"]),
        Route("/oauth/revoke", endpoints.guarded(endpoints.revoke_token), methods=["POST"]),
        Route("/oauth/introspect", endpoints.guarded(endpoints.introspect_token), methods=["POST"]),
        Route("/oauth/authorize", endpoints.guarded(endpoints.authorize), methods=["GET"]),
        Route("/oauth/login", endpoints.guarded(endpoints.log_in), methods=["POST"]),
        Route("/oauth/jwks", endpoints.guarded(endpoints.show_keys), methods=["GET"]),
        Route("/.well-known/oauth-authorization-server", endpoints.guarded(endpoints.show_metadata), methods=["GET"]),
    ]


class _Endpoints:
    """The handlers and what they share. One per process."""

    def __init__(
        self, database: Database, *, keys: SigningKeyStore, passwords: Passwords, settings: AuthSettings, clock: Clock
    ) -> None:
        self._database = database
        self._keys = keys
        self._settings = settings
        self._clock = clock
        self._page = LoginPage(settings)
        self._desk = LoginDesk(database, passwords, settings)
        self._client_limit = self._limit(settings.token_requests_per_client)
        self._token_limit = self._limit(settings.token_requests_per_address)
        self._authorize_limit = self._limit(settings.authorize_requests_per_address)

    def guarded(self, handler: Handler) -> Handler:
        """The handler, with every refusal answered in RFC 6749's form."""

        async def answer(request: Request) -> Response:
            try:
                return await handler(request)
            except OAuth2Error as error:
                return self._refuse(request, Answer(*error()))
            except (LedgerError, AuthError) as error:
                if error.category is not Category.UNAVAILABLE:
                    raise
                body = {"error": "temporarily_unavailable", "error_description": error.message}
                return JSONResponse(body, status_code=503, headers={**_NO_STORE, "Retry-After": "1"})

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

    async def authorize(self, request: Request) -> Response:
        """GET /oauth/authorize: a code for an officer who is logged in, else the login page."""
        self._admit(self._authorize_limit, request)
        adapted = self._read_authorization_request(request)
        found = await self._answer_authorization(adapted, session_token=self._page.session_token(request))
        if isinstance(found, LoginNeeded):
            return self._show_login_page(request, adapted, found, problem=None, status=200)
        return self._send_back(request, found)

    async def log_in(self, request: Request) -> Response:
        """POST /oauth/login: back to the authorization request with a new session, or the page again."""
        self._admit(self._authorize_limit, request)
        adapted = self._read_authorization_request(request)
        form = await read_form(request, bytes_max=self._settings.request_bytes_max)
        found = await self._answer_authorization(adapted, session_token=None)
        if isinstance(found, Answer):
            return self._send_back(request, found)
        query = urlencode(adapted.payload.data)
        if not self._page.is_own_form(request, query=query, csrf_token=form.get("csrf_token")):
            return self._show_login_page(request, adapted, found, problem=FORM_EXPIRED, status=400)
        token = await self._desk.open_session(
            login=form.get("login", ""),
            password=form.get("password", ""),
            address=address_of(request),
            clock=self._clock,
        )
        if token is None:
            return self._show_login_page(request, adapted, found, problem=LOGIN_FAILED, status=403)
        response = RedirectResponse(f"/oauth/authorize?{query}", status_code=303, headers=_NO_STORE)
        self._page.set_session(response, token)
        return response

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
            answer = await self._with_server(lambda server: _answer_recorded(server, adapted, endpoint, address, work))
        except OAuth2Error as error:
            await self._record_refusal(endpoint, address, error)
            raise
        headers = {**dict(answer.headers), **_NO_STORE}
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

    async def _answer_authorization(
        self, adapted: ProtocolRequest, *, session_token: str | None
    ) -> Answer | LoginNeeded:
        as_of = self._clock()
        officer_id: str | None = None
        if session_token is not None:
            async with self._database.system(Role.AUTH, as_of=as_of) as tx:
                officer_id = await find_session_officer(tx, session_token)

        def answer(server: AuthorizationServer) -> Answer | LoginNeeded:
            def find_end_user() -> ActiveOfficer | None:
                return find_officer(server.connection, officer_id) if officer_id is not None else None

            return server.answer_authorization_request(adapted, find_end_user)

        return await self._with_server(answer)

    async def _with_server(self, work: Callable[[AuthorizationServer], T]) -> T:
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

    def _read_authorization_request(self, request: Request) -> ProtocolRequest:
        parameters = read_query(request, bytes_max=self._settings.request_bytes_max)
        checked = check_protocol_parameters(parameters)
        return ProtocolRequest("GET", self._settings.authorization_endpoint, parameters=checked, headers={})

    def _show_login_page(
        self, request: Request, adapted: ProtocolRequest, needed: LoginNeeded, *, problem: str | None, status: int
    ) -> Response:
        return self._page.render(
            request,
            query=urlencode(adapted.payload.data),
            client_name=needed.client_name,
            redirect_uri=needed.redirect_uri,
            problem=problem,
            status=status,
        )

    def _send_back(self, request: Request, answer: Answer) -> Response:
        """Through the browser to the client, or an error for the browser where no client may be told."""
        headers = dict(answer.headers)
        if "Location" in headers:
            return Response(
                status_code=answer.status, headers={**headers, **_NO_STORE, "Referrer-Policy": "no-referrer"}
            )
        return self._refuse(request, answer)

    def _refuse(self, request: Request, answer: Answer) -> Response:
        if request.url.path not in _FOR_CLIENTS and "text/html" in request.headers.get("accept", ""):
            problem = str(answer.body.get("error_description") or answer.body["error"])
            return self._page.render_problem(problem=problem, status=answer.status)
        return JSONResponse(answer.body, status_code=answer.status, headers={**dict(answer.headers), **_NO_STORE})

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
