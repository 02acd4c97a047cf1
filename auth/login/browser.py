"""The browser: its cookies, and the tokens that prove that a form came from a page of ours.

Before login, a form is bound to a secret in a cookie of the same browser; after it, to the session itself. Either way
it is valid only for the purpose and the request that its page was rendered for. A cookie must never be readable by
script, nor be sent with another site's form.

Source: OWASP ASVS 5.0 sections 3.3 (cookies) and 3.5 (CSRF), RFC 6265bis section 4.1.3 (prefixes).
"""

import hashlib
import hmac
import json

from starlette.requests import Request
from starlette.responses import Response

from auth.hashed_secrets import generate_secret
from auth.login.sessions import OpenedSession
from auth.settings import AuthSettings

FORM_EXPIRED = "The form was open for too long or was not sent from this page. Try again."

LOGIN_PAGE_SECONDS = 3_600
"""How long a login page may be filled in."""

_VALUE_LENGTH_MAX = 64


class Browser:
    """The browser that sent one request."""

    def __init__(self, settings: AuthSettings, request: Request) -> None:
        """Bind cookies to our origin only, if it is https."""
        self._settings = settings
        self._request = request

    @property
    def session_token(self) -> str | None:
        """Return the token of the browser's session, if any."""
        return self._read("session")

    @property
    def device_token(self) -> str | None:
        """Return the token by which the browser is known from earlier logins, if any."""
        return self._read("device")

    @property
    def form_secret(self) -> str | None:
        """Return the secret that binds forms sent before login, if any."""
        return self._read("browser")

    def is_own_form(self, csrf_token: str | None, *, key: str | None, purpose: str, about: str) -> bool:
        """Return whether the form was sent from our page, in this browser, for this purpose and request."""
        headers = self._request.headers
        origin = headers.get("origin")
        if origin is not None and origin != self._settings.issuer:
            return False
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            return False
        if not key or csrf_token is None or not csrf_token.isascii():
            return False
        return hmac.compare_digest(make_form_token(key, purpose=purpose, about=about), csrf_token)

    def remember_form_secret(self, response: Response, secret: str) -> None:
        """Set the secret that binds forms sent before login."""
        self._set(response, "browser", secret, LOGIN_PAGE_SECONDS)

    def remember(self, response: Response, opened: OpenedSession) -> None:
        """Set the new session and the token by which the browser is known; the form secret is no longer needed."""
        self._set(response, "session", opened.token, self._settings.login_session_seconds)
        self._set(response, "browser", "", 0)
        if opened.device_token is not None:
            self._set(response, "device", opened.device_token, self._settings.login_device_seconds)

    def forget_session(self, response: Response) -> None:
        """Remove the session."""
        self._set(response, "session", "", 0)

    def _read(self, purpose: str) -> str | None:
        value = self._request.cookies.get(self._name(purpose))
        return value if value and len(value) <= _VALUE_LENGTH_MAX and value.isascii() else None

    def _set(self, response: Response, purpose: str, value: str, lifetime_s: int) -> None:
        response.set_cookie(
            self._name(purpose),
            value,
            max_age=lifetime_s,
            path="/",
            secure=self._settings.is_secure,
            httponly=True,
            samesite="lax",
        )

    def _name(self, purpose: str) -> str:
        # The prefix makes browsers refuse a cookie of this name from any other host, including our subdomains.
        return f"{'__Host-' if self._settings.is_secure else ''}jembatan_{purpose}"


def make_form_secret() -> str:
    """Generate a secret for forms that are sent before login."""
    return generate_secret()


def make_form_token(key: str, *, purpose: str, about: str) -> str:
    """Return a form's token: proof that a page of ours rendered it for this purpose, request and browser."""
    return hmac.new(key.encode(), json.dumps([purpose, about]).encode(), hashlib.sha256).hexdigest()
