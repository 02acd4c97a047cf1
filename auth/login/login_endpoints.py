"""The pages of an authorization request: login, second factor, consent, and back to the client.

The authorization request is carried in the query from page to page and is checked again at every step. The browser must
never be redirected for a request that does not name a client and one of its redirect URIs.

Source: RFC 6749 sections 3.1, 4.1.1 and 4.1.2; RFC 9700 sections 2.1 and 4; OpenID Connect
Core section 3.1.2.1 (prompt).
"""

from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response

from auth.clients.redirect_uris import origin_of
from auth.login.attempts import LoginDesk
from auth.login.browser import FORM_EXPIRED, make_form_secret, make_form_token
from auth.login.sessions import LoginSession, end_session, hold_session
from auth.login.site import SECOND_FACTOR, LoginSite, Stage, go_on, render_query, with_query
from auth.officers import ActiveOfficer, find_officer
from auth.protocol.answers import NO_STORE, Answer
from auth.protocol.authorization import (
    FRESH_LOGIN,
    ConsentDecision,
    ConsentNeeded,
    LoginNeeded,
    Outcome,
    answer_authorization_request,
)
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.requests import ProtocolRequest, address_of
from auth.protocol.server_runs import ServerRuns
from auth.scopes import describe_scopes, parse_scope, render_scope

LOGIN_FAILED = "The login or the password is wrong, or there were too many attempts. Try again, or wait a few minutes."
CODE_FAILED = "The code is wrong or was already used, or there were too many attempts. Wait for the next code."
LOGGED_OUT_MEANWHILE = "You have been logged out in the meantime. Log in again."


class LoginEndpoints:
    """The handlers from the authorization request to the code. One per process."""

    def __init__(self, site: LoginSite, desk: LoginDesk, runs: ServerRuns) -> None:
        """Take what the pages share, who checks passwords, and who runs the authorization server."""
        self._site = site
        self._desk = desk
        self._runs = runs

    async def authorize(self, request: Request) -> Response:
        """Serve GET /oauth/authorize: a code for an officer who is logged in and has consented, else the next page."""
        self._site.admit(request)
        adapted = self._runs.read_authorization_request(request)
        parameters = self._site.read_parameters(request)
        found = await self._site.find_session_at_any_stage(request)
        session = found if found is not None and self._site.stage_of(found) is Stage.COMPLETE else None
        outcome = await self._answer(adapted, session, ConsentDecision())
        # A fresh login is asked for once: the officer then returns here with the rest of the query. A pushed request
        # keeps its prompt and compares times instead.
        left = parse_scope(parameters.get("prompt", "")) - FRESH_LOGIN
        parameters = {name: value for name, value in parameters.items() if name != "prompt"}
        query = render_query(parameters | ({"prompt": " ".join(sorted(left))} if left else {}))
        if isinstance(outcome, LoginNeeded) and session is None and found is not None and found.is_after(outcome.after):
            return self._site.lead_in(found, query)
        return self._show(request, outcome, session, query=query)

    async def show_login(self, request: Request) -> Response:
        """Serve GET /oauth/login: the login page without a client."""
        self._site.admit(request)
        return self._show_login_page(request, None, query="")

    async def log_in(self, request: Request) -> Response:
        """Serve POST /oauth/login: continue with a new session, or show the page again."""
        site = self._site
        site.admit(request)
        query = render_query(site.read_parameters(request))
        form = await site.read_form(request)
        needed: LoginNeeded | None = None
        if query:
            outcome = await self._answer(self._runs.read_authorization_request(request), None, ConsentDecision())
            if not isinstance(outcome, LoginNeeded):
                return self._show(request, outcome, None, query=query)
            needed = outcome
        browser = site.browser_of(request)
        if not browser.is_own_form(form.get("csrf_token"), key=browser.form_secret, purpose="login", about=query):
            return self._show_login_page(request, needed, query=query, problem=FORM_EXPIRED, status=400)
        opened = await self._desk.open_session(
            login=form.get("login", ""),
            password=form.get("password", ""),
            address=address_of(request),
            device_token=browser.device_token,
            client_id=needed.client_id if needed is not None else None,
            clock=site.clock,
        )
        if opened is None:
            return self._show_login_page(request, needed, query=query, problem=LOGIN_FAILED, status=403)
        async with site.transaction() as tx:
            await end_session(tx, browser.session_token)
        response = go_on(query)
        browser.remember(response, opened)
        return response

    async def show_second_factor(self, request: Request) -> Response:
        """Serve GET /oauth/second-factor: ask for the missing code."""
        self._site.admit(request)
        query = render_query(self._site.read_parameters(request))
        session = await self._site.find_session_at_any_stage(request)
        if session is None or self._site.stage_of(session) is not Stage.SECOND_FACTOR:
            return self._site.lead_in(session, query)
        return await self._show_second_factor(request, session, query=query)

    async def pass_second_factor(self, request: Request) -> Response:
        """Serve POST /oauth/second-factor: continue with a complete session, or show the page again."""
        site = self._site
        site.admit(request)
        query = render_query(site.read_parameters(request))
        form = await site.read_form(request)
        session = await site.find_session_at_any_stage(request)
        if session is None or site.stage_of(session) is not Stage.SECOND_FACTOR:
            return site.lead_in(session, query)
        browser = site.browser_of(request)
        if not browser.is_own_form(form.get("csrf_token"), key=session.token, purpose="second factor", about=query):
            return await self._show_second_factor(request, session, query=query, problem=FORM_EXPIRED, status=400)
        needed: Outcome | None = None
        if query:
            needed = await self._answer(self._runs.read_authorization_request(request), None, ConsentDecision())
        opened = await self._desk.pass_second_factor(
            session,
            code=form.get("code", ""),
            device_token=browser.device_token,
            client_id=needed.client_id if isinstance(needed, LoginNeeded) else None,
            clock=site.clock,
        )
        if opened is None:
            return await self._show_second_factor(request, session, query=query, problem=CODE_FAILED, status=403)
        response = go_on(query)
        browser.remember(response, opened)
        return response

    async def decide(self, request: Request) -> Response:
        """Serve POST /oauth/consent: return to the client with the officer's decision on exactly what was shown."""
        site = self._site
        site.admit(request)
        adapted = self._runs.read_authorization_request(request)
        query = render_query(site.read_parameters(request))
        form = await site.read_form(request)
        session = await site.find_session(request)
        scope = form.get("scope", "")
        is_own = site.browser_of(request).is_own_form(
            form.get("csrf_token"), key=session.token if session else None, purpose="consent", about=f"{query} {scope}"
        )
        decision = ConsentDecision()
        if is_own and form.get("decision") == "allow":
            decision = ConsentDecision(agreed=parse_scope(scope))
        elif is_own and form.get("decision") == "deny":
            decision = ConsentDecision(is_refusal=True)
        outcome = await self._answer(adapted, session, decision, is_asked=not is_own)
        if is_own:
            return self._show(request, outcome, session, query=query)
        problem = FORM_EXPIRED if session is not None else LOGGED_OUT_MEANWHILE
        return self._show(request, outcome, session, query=query, problem=problem, status=400)

    async def _answer(
        self,
        adapted: ProtocolRequest,
        session: LoginSession | None,
        decision: ConsentDecision,
        *,
        is_asked: bool = False,
    ) -> Outcome:
        def answer(server: AuthorizationServer) -> Outcome:
            def find_end_user(after: datetime | None) -> ActiveOfficer | None:
                if session is None or not session.is_after(after) or not hold_session(server.connection, session.id):
                    return None
                return find_officer(server.connection, session.officer_id, settings=server.settings)

            return answer_authorization_request(server, adapted, find_end_user, decision, is_asked=is_asked)

        return await self._runs.run(answer)

    def _show(
        self,
        request: Request,
        outcome: Outcome,
        session: LoginSession | None,
        *,
        query: str,
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        """Return to the client, or show the next page."""
        if isinstance(outcome, Answer):
            return self._send_back(request, outcome)
        if isinstance(outcome, ConsentNeeded) and session is not None:
            return self._show_consent_page(outcome, session, query=query, problem=problem, status=status)
        needed = outcome if isinstance(outcome, LoginNeeded) else None
        return self._show_login_page(request, needed, query=query, problem=problem, status=status)

    def _show_login_page(
        self, request: Request, needed: LoginNeeded | None, *, query: str, problem: str | None = None, status: int = 200
    ) -> Response:
        browser = self._site.browser_of(request)
        secret = browser.form_secret or make_form_secret()
        settings = self._site.settings
        response = self._site.pages.render(
            "login",
            title="Log in",
            status=status,
            problem=problem,
            leads_to=[needed.redirect_uri] if needed else [],
            client_name=needed.client_name if needed else "",
            action=with_query("/oauth/login", query),
            csrf_token=make_form_token(secret, purpose="login", about=query),
            provider_name=settings.openid_name if settings.openid_issuer else "",
            provider_action=with_query("/oauth/provider", query),
            provider_csrf_token=make_form_token(secret, purpose="provider", about=query),
        )
        browser.remember_form_secret(response, secret)
        return response

    async def _show_second_factor(
        self, request: Request, session: LoginSession, *, query: str, problem: str | None = None, status: int = 200
    ) -> Response:
        needed: LoginNeeded | None = None
        if query:
            outcome = await self._answer(self._runs.read_authorization_request(request), None, ConsentDecision())
            if not isinstance(outcome, LoginNeeded):
                return self._show(request, outcome, None, query=query)
            needed = outcome
        return self._site.pages.render(
            "second_factor",
            title="One more step",
            status=status,
            problem=problem,
            leads_to=[needed.redirect_uri] if needed else [],
            officer_name=session.officer_name,
            action=with_query(SECOND_FACTOR, query),
            csrf_token=make_form_token(session.token, purpose="second factor", about=query),
            switch_action=with_query("/oauth/switch", query),
            switch_csrf_token=make_form_token(session.token, purpose="switch", about=query),
        )

    def _show_consent_page(
        self, needed: ConsentNeeded, session: LoginSession, *, query: str, problem: str | None, status: int
    ) -> Response:
        scope = render_scope(needed.scopes)
        return self._site.pages.render(
            "consent",
            title="Allow this?",
            status=status,
            problem=problem,
            leads_to=[needed.redirect_uri],
            client_name=needed.client_name,
            client_origin=origin_of(needed.redirect_uri),
            officer_name=session.officer_name,
            words=describe_scopes(needed.scopes),
            scope=scope,
            is_remembered=needed.is_remembered,
            action=with_query("/oauth/consent", query),
            csrf_token=make_form_token(session.token, purpose="consent", about=f"{query} {scope}"),
            switch_action=with_query("/oauth/switch", query),
            switch_csrf_token=make_form_token(session.token, purpose="switch", about=query),
        )

    def _send_back(self, request: Request, answer: Answer) -> Response:
        """Redirect to the client, or show the error if it must not go to a client."""
        headers = dict(answer.headers)
        if "Location" in headers:
            return Response(
                status_code=answer.status, headers={**headers, **NO_STORE, "Referrer-Policy": "no-referrer"}
            )
        return self._site.refuse(request, answer)
