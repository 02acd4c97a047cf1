"""The pages that people see: their HTML, and the headers that protect them.

A page runs no script and loads nothing. It must never show a secret that was not just created for the same person.

Source: RFC 9700 section 4.16 (clickjacking), OWASP ASVS 5.0 section 3.4 (headers), WCAG 2.2.
"""

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from auth.clients.redirect_uris import origin_of

_HERE = Path(__file__).parent
_STYLE = (_HERE / "style.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_PAGES = Environment(loader=FileSystemLoader(_HERE), autoescape=True, undefined=StrictUndefined)


class Pages:
    """Renders the pages of one service. One per process."""

    def __init__(self, service_name: str) -> None:
        """Take the name at the top of every page."""
        self._service_name = service_name

    def render(
        self,
        name: str,
        *,
        title: str,
        status: int = 200,
        problem: str | None = None,
        done: str | None = None,
        leads_to: Iterable[str] = (),
        **values: object,
    ) -> Response:
        """Render a page by the name of its file.

        Shapes: leads_to are the URIs beyond ours that the response to a form of the page may redirect to.
        """
        # The style is our own file, named in the policy by its hash.
        style = Markup(_STYLE)  # noqa: S704
        html = _PAGES.get_template(f"{name}.html").render(
            values, title=title, problem=problem, done=done, service_name=self._service_name, style=style
        )
        # Browsers apply form-action to the targets of redirects as well.
        form_action = " ".join(["'self'", *dict.fromkeys(origin_of(address) for address in leads_to)])
        policy = (
            f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; form-action {form_action}; "
            "base-uri 'none'; frame-ancestors 'none'"
        )
        headers = {
            "Content-Security-Policy": policy,
            "Cache-Control": "no-store",
            "X-Frame-Options": "DENY",
            "X-Content-Type-Options": "nosniff",
            # Not no-referrer, which would make the form's Origin header useless.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
        }
        return HTMLResponse(html, status_code=status, headers=headers)

    def render_message(
        self, *, title: str, problem: str | None = None, done: str | None = None, leads_on: str = "", status: int = 200
    ) -> Response:
        """Render a page with only a message, and a link to continue."""
        return self.render("message", title=title, problem=problem, done=done, leads_on=leads_on, status=status)
