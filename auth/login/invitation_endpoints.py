"""The page behind an invitation's link: an officer chooses a login and a password, once, and then logs in.

The page tells nothing about a link that is not valid. Its form is bound to the browser and to the link.
"""

from starlette.requests import Request
from starlette.responses import Response

from auth.errors import LoginInvalidError, LoginTakenError, PasswordInvalidError
from auth.login.browser import FORM_EXPIRED, make_form_secret, make_form_token
from auth.login.invitations import INVITATION, InvitedOfficer, find_invited, use_invitation
from auth.login.logins import require_login_name
from auth.login.passwords import Passwords
from auth.login.site import LoginSite, with_query
from auth.protocol.requests import address_of

LINK_INVALID = "This link is not valid: it was used, has expired, or another took its place. Ask for a new one."
PASSWORD_DIFFERS = "The two passwords do not match. Nothing was changed."  # noqa: S105
WELCOME = "Your login is set up. Log in with it; you may be asked to set up a second factor."


class InvitationEndpoints:
    """The handlers of the page. One per process."""

    def __init__(self, site: LoginSite, passwords: Passwords) -> None:
        """Take what the pages share, and who hashes passwords."""
        self._site = site
        self._passwords = passwords

    async def show(self, request: Request) -> Response:
        """Serve GET: ask for a login and a password."""
        self._site.admit(request)
        token = self._site.read_parameters(request).get("token", "")
        async with self._site.transaction() as tx:
            invited = await find_invited(tx, token)
        return self._refuse() if invited is None else self._show(request, invited, token)

    async def accept(self, request: Request) -> Response:
        """Serve POST: make the login, or show the page again."""
        site = self._site
        site.admit(request)
        token = site.read_parameters(request).get("token", "")
        form = await site.read_form(request)
        async with site.transaction() as tx:
            invited = await find_invited(tx, token)
        if invited is None:
            return self._refuse()
        browser, chosen = site.browser_of(request), form.get("login", "")

        def show_again(problem: str, status: int = 400) -> Response:
            return self._show(request, invited, token, login=chosen, problem=problem, status=status)

        if not browser.is_own_form(form.get("csrf_token"), key=browser.form_secret, purpose="invitation", about=token):
            return show_again(FORM_EXPIRED)
        password = form.get("new_password", "")
        if password != form.get("repeated_password", ""):
            return show_again(PASSWORD_DIFFERS)
        try:
            login = require_login_name(chosen)
            # No transaction is open while the password is hashed.
            about = (login, invited.display_name)
            password_hash = await self._passwords.hash(password, about=about, source=address_of(request))
            async with site.transaction() as tx:
                is_used = await use_invitation(tx, token, login=login, password_hash=password_hash)
        except (LoginInvalidError, LoginTakenError, PasswordInvalidError) as error:
            return show_again(f"{error.message} {error.hint or ''}".strip())
        if not is_used:
            return self._refuse()
        return site.pages.render_message(title="Welcome", done=WELCOME, leads_on="/oauth/login")

    def _refuse(self) -> Response:
        return self._site.pages.render_message(title="Invitation", problem=LINK_INVALID, status=404)

    def _show(
        self,
        request: Request,
        invited: InvitedOfficer,
        token: str,
        *,
        login: str = "",
        problem: str | None = None,
        status: int = 200,
    ) -> Response:
        browser = self._site.browser_of(request)
        secret = browser.form_secret or make_form_secret()
        response = self._site.pages.render(
            "invitation",
            title="Choose your login",
            status=status,
            problem=problem,
            officer_name=invited.display_name,
            member_name=invited.member_name,
            login=login,
            length_min=self._site.settings.password_length_min,
            action=with_query(INVITATION, f"token={token}"),
            csrf_token=make_form_token(secret, purpose="invitation", about=token),
        )
        browser.remember_form_secret(response, secret)
        return response
