"""The login page: its HTML, its headers, and the token that proves a form was ours.

The page runs no script and loads nothing. The form's token is bound to a secret in a cookie of the same
browser and to the very request that the page was made for.

Source: RFC 9700 section 4.16 (clickjacking), OWASP ASVS 5.0 section 3 (cookies, CSRF).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.hashed_secrets import generate_secret
from auth.redirect_uris import origin_of
from auth.settings import AuthSettings

LOGIN_FAILED = "The login or the password is wrong, or there were too many attempts. Try again, or wait a few minutes."
FORM_EXPIRED = "The form was open for too long, or was not sent from this page. Try again."

_HERE = Path(__file__).parent
_STYLE = (_HERE / "login_page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGES = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)
_SECRET_LENGTH_MAX = 64


class LoginPage:
    """Renders the page and reads what its form brings back."""

    def __init__(self, settings: AuthSettings) -> None:
        """Cookies are bound to our origin alone where it is https."""
        self._settings = settings
        self._browser_cookie = _cookie_name(settings, "browser")
        self._session_cookie = _cookie_name(settings, "session")

    def render(
        self, request: Request, *, query: str, client_name: str, redirect_uri: str, problem: str | None, status: int
    ) -> Response:
        """The page for this authorization request."""
        secret = self._browser_secret(request) or generate_secret()
        response = self._page(
            {
                "title": "Log in",
                "problem": problem,
                "client_name": client_name,
                "action": f"/oauth/login?{query}",
                "csrf_token": _csrf_token(secret, query),
            },
            status=status,
            # Browsers apply form-action to where the form's answer redirects in the end, too.
            form_action=f"'self' {origin_of(redirect_uri)}",
        )
        self._set_cookie(response, self._browser_cookie, secret, self._settings.login_page_lifetime_s)
        return response

    def render_problem(self, *, problem: str, status: int) -> Response:
        """A page for a person whose request can't be sent back to any client."""
        values = {"title": "This can't go on", "problem": problem, "client_name": "", "action": "", "csrf_token": ""}
        return self._page(values, status=status, form_action="'none'")

    def is_own_form(self, request: Request, *, query: str, csrf_token: str | None) -> bool:
        """Whether the form was sent from our page, in this browser, for this authorization request."""
        origin = request.headers.get("origin")
        if origin is not None and origin != self._settings.issuer:
            return False
        if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        secret = self._browser_secret(request)
        if secret is None or csrf_token is None or not csrf_token.isascii():
            return False
        return hmac.compare_digest(_csrf_token(secret, query), csrf_token)

    def session_token(self, request: Request) -> str | None:
        """The browser's session, where it has one."""
        return request.cookies.get(self._session_cookie)

    def set_session(self, response: Response, token: str) -> None:
        """Give the browser its new session; the form's secret has served."""
        self._set_cookie(response, self._session_cookie, token, self._settings.session_lifetime_s)
        self._set_cookie(response, self._browser_cookie, "", 0)

    def _browser_secret(self, request: Request) -> str | None:
        secret = request.cookies.get(self._browser_cookie)
        return secret if secret and len(secret) <= _SECRET_LENGTH_MAX and secret.isascii() else None

    def _page(self, values: Mapping[str, str | None], *, status: int, form_action: str) -> Response:
        # The style is ours and known by its hash; nothing in it came from outside.
        style = Markup(_STYLE)  # noqa: S704
        html = _PAGES.get_template("login_page.html").render(
            values, service_name=self._settings.service_name, style=style
        )
        policy = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            # Not no-referrer: the form's Origin header would then say nothing.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        return HTMLResponse(html, status_code=status, headers=headers)

    def _set_cookie(self, response: Response, name: str, value: str, lifetime_s: int) -> None:
        response.set_cookie(
            name, value, max_age=lifetime_s, path="/", secure=self._settings.is_secure, httponly=True, samesite="lax"
        )


def _cookie_name(settings: AuthSettings, purpose: str) -> str:
    # The prefix makes browsers refuse a cookie of this name from any other host, a subdomain of ours too.
    return f"{'__Host-' if settings.is_secure else ''}jembatan_{purpose}"


def _csrf_token(secret: str, query: str) -> str:
    return hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()
