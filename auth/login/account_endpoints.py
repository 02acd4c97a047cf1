"""What officers manage themselves: their account page, consents, password, and logging out.

Every change is made by a form that is bound to the session and to its purpose. Logging out leads to a URI only if the
client has registered it, character by character.

Source: OWASP ASVS 5.0 chapters 6 and 7; OpenID Connect RP-Initiated Logout 1.0 sections 2 and 3 (without
id_token_hint).
"""

from authlib.common.urls import add_params_to_uri
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.clients.consents import list_consents, revoke_consent
from auth.clients.table import clients
from auth.errors import PasswordInvalidError
from auth.login.attempts import LoginDesk
from auth.login.browser import FORM_EXPIRED, make_form_token
from auth.login.second_factors import count_recovery_codes
from auth.login.sessions import LoginSession, end_session, end_sessions_of_officer
from auth.login.site import ACCOUNT, ENROLMENT, LoginSite, Stage, go_on, render_query, with_query
from auth.outcomes import AccountEvent, AccountOutcome, record_outcome
from auth.protocol.answers import NO_STORE
from auth.protocol.ended_grants import end_officer_grants
from auth.scopes import describe_scopes
from ledger.identifiers import ClientId, parse_id

PASSWORD_WRONG = "The current password is wrong, or there were too many attempts. Nothing was changed."  # noqa: S105
PASSWORD_DIFFERS = "The two new passwords do not match. Nothing was changed."  # noqa: S105
PASSWORD_CHANGED = (
    "Your password was changed. You have been logged out everywhere else, and applications have lost their access "  # noqa: S105
    "until you return to them."
)
LOGGED_OUT = "You are logged out of this browser."
LOGGED_OUT_EVERYWHERE = (
    "You are logged out everywhere, and applications have lost their access until you return to them."
)
CONSENT_REVOKED = "Access was revoked: the application can do nothing more for you unless you allow it again."


class AccountEndpoints:
    """The handlers of the account pages. One per process."""

    def __init__(self, site: LoginSite, desk: LoginDesk) -> None:
        """Take what the pages share, and who checks passwords."""
        self._site = site
        self._desk = desk

    async def show_account(self, request: Request) -> Response:
        """Serve GET /oauth/account."""
        self._site.admit(request)
        session = await self._site.find_session_at_any_stage(request)
        if session is None or not self._is_complete(session):
            return self._site.lead_in(session)
        return await self._show_account(session)

    async def revoke_consent(self, request: Request) -> Response:
        """Serve POST /oauth/account/consents: revoke a consent and end what the client got by it."""
        session, form, is_own = await self._site.read_own_form(request, purpose="consents")
        if session is None or not self._is_complete(session):
            return self._site.lead_in(session)
        client_id = parse_id(form.get("client_id", ""))
        if not is_own or client_id is None:
            return await self._show_account(session, problem=FORM_EXPIRED, status=400)
        client_id, officer_id = ClientId(client_id), session.officer_id
        async with self._site.transaction() as tx:
            if await revoke_consent(tx, officer_id=officer_id, client_id=client_id):
                told = AccountEvent(
                    outcome=AccountOutcome.CONSENT_TAKEN_BACK, officer_id=officer_id, client_id=client_id
                )
                await record_outcome(tx, told)
            await end_officer_grants(tx, officer_id, client_id=client_id, settings=self._site.settings)
        return await self._show_account(session, done=CONSENT_REVOKED)

    async def show_password(self, request: Request) -> Response:
        """Serve GET /oauth/password."""
        self._site.admit(request)
        session = await self._site.find_session(request)
        return self._show_password(session) if session is not None and session.login else self._site.lead_in(session)

    async def change_password(self, request: Request) -> Response:
        """Serve POST /oauth/password."""
        session, form, is_own = await self._site.read_own_form(request, purpose="password")
        if session is None or not self._is_complete(session) or not session.login:
            return self._site.lead_in(session)
        if not is_own:
            return self._show_password(session, problem=FORM_EXPIRED, status=400)
        if form.get("new_password", "") != form.get("repeated_password", ""):
            return self._show_password(session, problem=PASSWORD_DIFFERS, status=400)
        browser = self._site.browser_of(request)
        try:
            opened = await self._desk.change_password(
                session,
                old=form.get("old_password", ""),
                new=form.get("new_password", ""),
                device_token=browser.device_token,
                clock=self._site.clock,
            )
        except PasswordInvalidError as error:
            problem = f"{error.message} {error.hint or ''} Nothing was changed."
            return self._show_password(session, problem=problem, status=400)
        if opened is None:
            return self._show_password(session, problem=PASSWORD_WRONG, status=403)
        response = self._site.pages.render_message(title="Password changed", done=PASSWORD_CHANGED, leads_on=ACCOUNT)
        browser.remember(response, opened)
        return response

    async def show_logout(self, request: Request) -> Response:
        """Serve GET /oauth/logout: ask for confirmation, since any site can send a browser here."""
        self._site.admit(request)
        query = render_query(self._site.read_parameters(request))
        session = await self._site.find_session_at_any_stage(request)
        target = await self._find_target(request)
        if session is None:
            return self._say_logged_out(target)
        return self._show_logout(session, query=query, target=target)

    async def log_out(self, request: Request) -> Response:
        """Serve POST /oauth/logout: log out here or everywhere, and redirect to the client's page if registered."""
        query = render_query(self._site.read_parameters(request))
        session, form, is_own = await self._site.read_own_form(request, purpose="logout", about=query)
        target = await self._find_target(request)
        if session is not None and not is_own:
            return self._show_logout(session, query=query, target=target, problem=FORM_EXPIRED, status=400)
        # A password without its second factor must not end what a complete login began.
        is_everywhere = session is not None and form.get("where") == "everywhere" and self._is_complete(session)
        if session is not None and is_everywhere:
            async with self._site.transaction() as tx:
                await end_sessions_of_officer(tx, session.officer_id)
                await end_officer_grants(tx, session.officer_id, settings=self._site.settings)
        outcome = AccountOutcome.LOGGED_OUT_EVERYWHERE if is_everywhere else AccountOutcome.LOGGED_OUT
        response = self._say_logged_out(target, done=LOGGED_OUT_EVERYWHERE if is_everywhere else LOGGED_OUT)
        await self._end(request, response, session, outcome)
        return response

    async def switch(self, request: Request) -> Response:
        """Serve POST /oauth/switch: end the session, and have someone else log in for the same request."""
        query = render_query(self._site.read_parameters(request))
        session, _, is_own = await self._site.read_own_form(request, purpose="switch", about=query)
        response = go_on(query)
        if session is not None and is_own:
            await self._end(request, response, session, AccountOutcome.LOGGED_OUT)
        return response

    async def _end(
        self, request: Request, response: Response, session: LoginSession | None, outcome: AccountOutcome
    ) -> None:
        browser = self._site.browser_of(request)
        async with self._site.transaction() as tx:
            await end_session(tx, browser.session_token)
            if session is not None:
                await record_outcome(tx, AccountEvent(outcome=outcome, officer_id=session.officer_id))
        browser.forget_session(response)

    async def _find_target(self, request: Request) -> str | None:
        """Return where the client wants the officer after logging out, if exactly that is registered."""
        parameters = self._site.read_parameters(request)
        uri, client_id = parameters.get("post_logout_redirect_uri"), parse_id(parameters.get("client_id", ""))
        if uri is None or client_id is None:
            return None
        async with self._site.transaction() as tx:
            found = await tx.execute(
                select(clients.c.post_logout_redirect_uris).where(
                    clients.c.id == client_id, clients.c.disabled_at.is_(None)
                )
            )
            registered = found.scalar_one_or_none() or ()
        if uri not in registered:
            return None
        state = parameters.get("state")
        return str(add_params_to_uri(uri, [("state", state)])) if state else uri

    def _is_complete(self, session: LoginSession) -> bool:
        return self._site.stage_of(session) is Stage.COMPLETE

    def _say_logged_out(self, target: str | None, *, done: str = LOGGED_OUT) -> Response:
        if target is not None:
            return RedirectResponse(target, status_code=303, headers=NO_STORE)
        return self._site.pages.render_message(title="Logged out", done=done)

    def _show_logout(
        self, session: LoginSession, *, query: str, target: str | None, problem: str | None = None, status: int = 200
    ) -> Response:
        return self._site.pages.render(
            "logout",
            title="Log out?",
            status=status,
            problem=problem,
            leads_to=[target] if target else [],
            officer_name=session.officer_name,
            is_complete=self._is_complete(session),
            action=with_query("/oauth/logout", query),
            csrf_token=make_form_token(session.token, purpose="logout", about=query),
        )

    def _show_password(self, session: LoginSession, *, problem: str | None = None, status: int = 200) -> Response:
        return self._site.pages.render(
            "password",
            title="Change your password",
            status=status,
            problem=problem,
            login=session.login,
            length_min=self._site.settings.password_length_min,
            csrf_token=make_form_token(session.token, purpose="password", about=""),
        )

    async def _show_account(
        self, session: LoginSession, *, problem: str | None = None, done: str | None = None, status: int = 200
    ) -> Response:
        async with self._site.transaction() as tx:
            given = await list_consents(tx, session.officer_id)
            codes_left = await count_recovery_codes(tx, session.login_id) if session.login_id else 0
        return self._site.pages.render(
            "account",
            title="Your account",
            status=status,
            problem=problem,
            done=done,
            officer_name=session.officer_name,
            login=session.login,
            second_factor_path=ENROLMENT,
            has_second_factor=session.has_second_factor,
            codes_left=codes_left,
            consents=[
                {
                    "client_id": consent.client_id,
                    "client_name": consent.client_name,
                    "given_on": f"{consent.given_at:%Y-%m-%d}",
                    "words": describe_scopes(consent.scopes),
                }
                for consent in given
            ],
            consents_csrf_token=make_form_token(session.token, purpose="consents", about=""),
            logout_csrf_token=make_form_token(session.token, purpose="logout", about=""),
        )
