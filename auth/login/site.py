"""What the endpoints for people share: the database, the pages, the browser, and where a person goes next.

A person must only ever be redirected to a path of ours, with the query that they came with: no parameter may choose
another target.
"""

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from auth.clock import Clock
from auth.login.browser import Browser
from auth.login.sessions import LoginSession, find_session
from auth.pages import Pages
from auth.protocol.answers import NO_STORE, Answer, TooManyRequestsError, render_json
from auth.protocol.requests import address_of, check_protocol_parameters, read_form, read_query
from auth.settings import AuthSettings
from ledger.bounds.rates import SlidingLimit
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

AUTHORIZE = "/oauth/authorize"
ACCOUNT = "/oauth/account"
SECOND_FACTOR = "/oauth/second-factor"
ENROLMENT = "/oauth/second-factor/enrolment"


class Stage(StrEnum):
    """What a session still lacks, if anything."""

    SECOND_FACTOR = "SECOND_FACTOR"
    ENROLMENT = "ENROLMENT"
    COMPLETE = "COMPLETE"


class LoginSite:
    """What the pages share. One per process."""

    def __init__(self, database: Database, *, settings: AuthSettings, clock: Clock) -> None:
        """Start with no request counted."""
        self._database = database
        self.settings = settings
        self.clock = clock
        self.pages = Pages(settings.service_name)
        self._limit = SlidingLimit(
            requests_max=settings.authorize_requests_per_address,
            window_s=settings.oauth_window_seconds,
        )

    def admit(self, request: Request) -> None:
        """Count the request. Errors: TooManyRequestsError."""
        retry_after_s = self._limit.admit(address_of(request), as_of=self.clock())
        if retry_after_s is not None:
            raise TooManyRequestsError(retry_after_s, setting="JEMBATAN_AUTHORIZE_REQUESTS_PER_ADDRESS")

    def browser_of(self, request: Request) -> Browser:
        """Return the browser that sent the request."""
        return Browser(self.settings, request)

    def transaction(self, as_of: datetime | None = None) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction of the AUTH role."""
        return self._database.system(Role.AUTH, as_of=as_of or self.clock())

    async def find_session(self, request: Request) -> LoginSession | None:
        """Return the browser's session, if it is complete."""
        session = await self.find_session_at_any_stage(request)
        return session if session is not None and self.stage_of(session) is Stage.COMPLETE else None

    def stage_of(self, session: LoginSession) -> Stage:
        """Return what the session lacks, by its login and the current settings."""
        if session.login_id is None:
            return Stage.COMPLETE
        if session.has_second_factor:
            return Stage.COMPLETE if session.second_factor_at is not None else Stage.SECOND_FACTOR
        return Stage.ENROLMENT if self.settings.needs_second_factor(session.officer_scopes) else Stage.COMPLETE

    def lead_in(self, session: LoginSession | None, query: str = "") -> RedirectResponse:
        """Redirect to what the session lacks, with the authorization request, if any."""
        stage = self.stage_of(session) if session is not None else None
        if stage is Stage.SECOND_FACTOR:
            path = SECOND_FACTOR
        elif stage is Stage.ENROLMENT:
            path = ENROLMENT
        elif query:
            path = AUTHORIZE
        else:
            path = ACCOUNT if stage is Stage.COMPLETE else "/oauth/login"
        return RedirectResponse(with_query(path, query), status_code=303, headers=NO_STORE)

    async def find_session_at_any_stage(self, request: Request) -> LoginSession | None:
        """Return the browser's session, even if a second factor is still missing."""
        token = self.browser_of(request).session_token
        if token is None:
            return None
        async with self.transaction() as tx:
            return await find_session(tx, token)

    def read_parameters(self, request: Request) -> dict[str, str]:
        """Read the parameters of the query. Errors: InvalidRequestError."""
        parameters = read_query(request)
        return dict(check_protocol_parameters(parameters))

    async def read_form(self, request: Request) -> dict[str, str]:
        """Read a form of ours. Errors: InvalidRequestError."""
        return await read_form(request)

    async def read_own_form(
        self, request: Request, *, purpose: str, about: str = ""
    ) -> tuple[LoginSession | None, dict[str, str], bool]:
        """Return the session at any stage, the form, and whether it was made for the session and purpose."""
        self.admit(request)
        form = await self.read_form(request)
        session = await self.find_session_at_any_stage(request)
        is_own = session is not None and self.browser_of(request).is_own_form(
            form.get("csrf_token"), key=session.token, purpose=purpose, about=about
        )
        return session, form, is_own

    def refuse(self, request: Request, answer: Answer) -> Response:
        """Show the refusal as a page to a browser, and as JSON to anything else."""
        if "text/html" not in request.headers.get("accept", ""):
            return render_json(answer)
        problem = str(answer.body.get("error_description") or answer.body["error"])
        response = self.pages.render_message(
            title="This request can't be completed", problem=problem, status=answer.status
        )
        response.headers.update({name: value for name, value in answer.headers if name == "Retry-After"})
        return response


def with_query(path: str, query: str) -> str:
    """Return the path with the query, if any."""
    return f"{path}?{query}" if query else path


def render_query(parameters: dict[str, str]) -> str:
    """Return the query that is carried from page to page until the person returns to the client."""
    return urlencode(parameters)


def go_on(query: str) -> RedirectResponse:
    """Redirect to the authorization request that brought the person here, or to the account page."""
    target = with_query(AUTHORIZE, query) if query else ACCOUNT
    return RedirectResponse(target, status_code=303, headers=NO_STORE)
