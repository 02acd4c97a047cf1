"""Setting up and removing a second factor.

An officer with a complete session enters the password again; one who has just logged in and needs a second factor is
led here at once. The app's secret and the recovery codes are each shown once, in the response that created them.

Source: OWASP ASVS 5.0 section 6.5 and 6.6; NIST SP 800-63B section 6.1.2.
"""

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from auth.login.attempts import LoginDesk
from auth.login.browser import FORM_EXPIRED, make_form_token
from auth.login.second_factors import render_provisioning_uri
from auth.login.sessions import LoginSession
from auth.login.site import ACCOUNT, AUTHORIZE, ENROLMENT, LoginSite, Stage, render_query, with_query

PASSWORD_WRONG = "The password is wrong, or there were too many attempts. Nothing was changed."  # noqa: S105
CODE_WRONG = "The code is wrong or has expired. Wait for the next code and try again."
ANSWER_WRONG = "The password or the code is wrong, or there were too many attempts. Nothing was changed."
SET_UP = "The second factor is set up. Applications have lost their access until you return to them."
REMOVED = "The second factor was removed. Applications have lost their access until you return to them."


class SecondFactorEndpoints:
    """The handlers of setting up and removing. One per process."""

    def __init__(self, site: LoginSite, desk: LoginDesk) -> None:
        """Take what the pages share, and who checks passwords and codes."""
        self._site = site
        self._desk = desk

    async def show(self, request: Request) -> Response:
        """Serve GET: explain the second factor, or how to remove it."""
        self._site.admit(request)
        query = render_query(self._site.read_parameters(request))
        session = await self._site.find_session_at_any_stage(request)
        if session is None or session.login is None or self._stage(session) is Stage.SECOND_FACTOR:
            return self._site.lead_in(session, query)
        return self._show(session, query=query)

    async def begin(self, request: Request) -> Response:
        """Serve POST: show the secret, once."""
        query = render_query(self._site.read_parameters(request))
        session, form, is_own = await self._site.read_own_form(request, purpose="enrol", about=query)
        if session is None or session.login is None or self._stage(session) is Stage.SECOND_FACTOR:
            return self._site.lead_in(session, query)
        if not is_own:
            return self._show(session, query=query, problem=FORM_EXPIRED, status=400)
        # Without a complete session, the password was entered a few minutes ago.
        password = form.get("password", "") if self._stage(session) is Stage.COMPLETE else None
        secret = await self._desk.begin_enrolment(session, password=password, clock=self._site.clock)
        if secret is None:
            return self._show(session, query=query, problem=PASSWORD_WRONG, status=403)
        return self._show_secret(session, secret, query=query)

    async def confirm(self, request: Request) -> Response:
        """Serve POST of the app's first code: enable the second factor and show the recovery codes, once."""
        query = render_query(self._site.read_parameters(request))
        session, form, is_own = await self._site.read_own_form(request, purpose="confirm", about=query)
        if session is None or session.login is None or self._stage(session) is Stage.SECOND_FACTOR:
            return self._site.lead_in(session, query)
        if not is_own:
            return self._show(session, query=query, problem=FORM_EXPIRED, status=400)
        browser = self._site.browser_of(request)
        confirmed = await self._desk.confirm_enrolment(
            session, code=form.get("code", ""), device_token=browser.device_token, clock=self._site.clock
        )
        if confirmed is None:
            return self._show_secret(session, None, query=query, problem=CODE_WRONG, status=403)
        opened, codes = confirmed
        response = self._site.pages.render(
            "recovery_codes",
            title="Save these recovery codes",
            done=SET_UP,
            codes=codes,
            leads_on=with_query(AUTHORIZE, query) if query else ACCOUNT,
        )
        browser.remember(response, opened)
        return response

    async def remove(self, request: Request) -> Response:
        """Serve POST: remove the second factor, by password and code."""
        session, form, is_own = await self._site.read_own_form(request, purpose="remove")
        if session is None or session.login is None or self._stage(session) is not Stage.COMPLETE:
            return self._site.lead_in(session, "")
        if not is_own:
            return self._show(session, query="", problem=FORM_EXPIRED, status=400)
        is_gone = await self._desk.remove_second_factor(
            session, password=form.get("password", ""), code=form.get("code", ""), clock=self._site.clock
        )
        if not is_gone:
            return self._show(session, query="", problem=ANSWER_WRONG, status=403)
        return self._site.pages.render_message(title="Second factor", done=REMOVED, leads_on=ACCOUNT)

    def _stage(self, session: LoginSession) -> Stage:
        return self._site.stage_of(session)

    def _show(self, session: LoginSession, *, query: str, problem: str | None = None, status: int = 200) -> Response:
        if session.has_second_factor:
            return self._site.pages.render(
                "second_factor_removal",
                title="Your second factor",
                status=status,
                problem=problem,
                login=session.login,
                action=f"{ENROLMENT}/remove",
                csrf_token=make_form_token(session.token, purpose="remove", about=""),
            )
        return self._site.pages.render(
            "enrolment",
            title="Set up a second factor",
            status=status,
            problem=problem,
            login=session.login,
            is_password_asked=self._stage(session) is Stage.COMPLETE,
            is_required=self._stage(session) is Stage.ENROLMENT,
            action=with_query(ENROLMENT, query),
            csrf_token=make_form_token(session.token, purpose="enrol", about=query),
        )

    def _show_secret(
        self,
        session: LoginSession,
        secret: str | None,
        *,
        query: str,
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        uri = secret and render_provisioning_uri(
            secret, login=session.login or "", service_name=self._site.settings.service_name
        )
        return self._site.pages.render(
            "enrolment_secret",
            title="Set up a second factor",
            status=status,
            problem=problem,
            secret=" ".join(secret[start : start + 4] for start in range(0, len(secret), 4)) if secret else "",
            uri=uri or "",
            image=_render_image(uri) if uri else "",
            action=with_query(f"{ENROLMENT}/confirm", query),
            restart=with_query(ENROLMENT, query),
            csrf_token=make_form_token(session.token, purpose="confirm", about=query),
        )


def _render_image(uri: str) -> Markup:
    """Draw the URI as a QR code; drawn by us, so that nothing in the markup comes from outside."""
    # Only the page of an enrolment needs it.
    import segno

    image = segno.make(uri, error="m", micro=False)
    drawn: str = image.svg_inline(border=2, omitsize=True, svgclass="code-image", title="The key as a QR code")
    return Markup(drawn)  # noqa: S704
