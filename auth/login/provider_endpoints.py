"""Logging in with the regulator's own OpenID provider: the redirect there, and the return to a session of ours.

Only the browser that left can return, and only once: the state is stored with the browser, and nonce and code_verifier
are derived from the browser's secret, so that neither is stored. What the provider grants must never be used; it only
identifies a person.

Source: OpenID Connect Core 1.0 sections 3.1.2 and 15.5.2; RFC 9700 sections 2.1 and 4.4 (mix-up), 4.7 (CSRF); RFC 9207.
"""

import logging
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from auth.errors import ProviderAwayError, ProviderRefusedError
from auth.hashed_secrets import generate_secret
from auth.login.browser import FORM_EXPIRED, LOGIN_PAGE_SECONDS, make_form_token
from auth.login.officer_identities import find_identity_officer, remember_departure, take_departure
from auth.login.openid_provider import OpenIdProvider
from auth.login.sessions import OpenedSession, end_session, insert_session
from auth.login.site import AUTHORIZE, LoginSite, go_on, render_query, with_query
from auth.outcomes import AccountEvent, AccountOutcome, record_outcome
from auth.protocol.requests import read_query

NOT_OURS = "This login was not started in this browser, or was started too long ago. Start again."
NOT_LINKED = "Your account there is not linked to an officer here. Ask the operator to link this name: "
_logger = logging.getLogger(__name__)
_TITLE = "Not logged in"


class ProviderEndpoints:
    """The handlers of the redirect to the provider and of its callback. One per process."""

    def __init__(self, site: LoginSite, provider: OpenIdProvider) -> None:
        """Take what the pages share, and the provider."""
        self._site = site
        self._provider = provider

    async def leave(self, request: Request) -> Response:
        """Serve POST /oauth/provider: go to the provider, from a form of our login page."""
        site = self._site
        site.admit(request)
        query = render_query(site.read_parameters(request))
        form = await site.read_form(request)
        browser = site.browser_of(request)
        secret = browser.form_secret
        if secret is None or not browser.is_own_form(
            form.get("csrf_token"), key=secret, purpose="provider", about=query
        ):
            return self._refuse(FORM_EXPIRED, query=query, status=400)
        state, as_of = generate_secret(), site.clock()
        try:
            url = await self._provider.render_authorization_url(state=state, **_bind(secret, state), as_of=as_of)
        except ProviderAwayError as error:
            return self._refuse_provider(error, query=query)
        async with site.transaction(as_of) as tx:
            await remember_departure(tx, state=state, browser_secret=secret, query=query, lifetime_s=LOGIN_PAGE_SECONDS)
        # A page instead of a redirect: form-action would have to name every origin that the provider redirects through.
        return site.pages.render("departure", title="Redirecting", url=url, provider_name=site.settings.openid_name)

    async def come_back(self, request: Request) -> Response:
        """Serve GET /oauth/provider/callback: continue with a complete session, or show what went wrong."""
        site = self._site
        site.admit(request)
        # Only parsed: a provider's error texts may contain characters that our own requests may not.
        parameters = read_query(request)
        browser = site.browser_of(request)
        state, secret, as_of = parameters.get("state"), browser.form_secret, site.clock()
        query: str | None = None
        if state is not None and secret is not None:
            async with site.transaction(as_of) as tx:
                query = await take_departure(tx, state=state, browser_secret=secret)
        if state is None or secret is None or query is None:
            return self._refuse(NOT_OURS, query="", status=400)
        try:
            subject = await self._provider.redeem(parameters, **_bind(secret, state), as_of=as_of)
        except (ProviderAwayError, ProviderRefusedError) as error:
            return self._refuse_provider(error, query=query)
        issuer = site.settings.openid_issuer
        async with site.transaction(as_of) as tx:
            officer_id = await find_identity_officer(tx, issuer=issuer, subject=subject)
            if officer_id is None:
                return self._refuse(f"{NOT_LINKED}{subject}", query=query, status=403)
            await end_session(tx, browser.session_token)
            await record_outcome(tx, AccountEvent(outcome=AccountOutcome.LOGGED_IN, officer_id=officer_id))
            token = await insert_session(
                tx,
                login_id=None,
                officer_id=officer_id,
                expires_at=as_of + timedelta(seconds=site.settings.login_session_seconds),
            )
        response = go_on(query)
        browser.remember(response, OpenedSession(token))
        return response

    def _refuse_provider(self, error: ProviderAwayError | ProviderRefusedError, *, query: str) -> Response:
        _logger.warning("openid_login_refused", extra={"reason": error.message, "code": error.code})
        status = 503 if isinstance(error, ProviderAwayError) else 403
        return self._refuse(error.message, query=query, status=status)

    def _refuse(self, problem: str, *, query: str, status: int) -> Response:
        again = with_query(AUTHORIZE if query else "/oauth/login", query)
        return self._site.pages.render_message(title=_TITLE, problem=problem, leads_on=again, status=status)


def _bind(secret: str, state: str) -> dict[str, str]:
    """Return the nonce and code_verifier of this login, which only the browser that left can reproduce."""
    return {
        "nonce": make_form_token(secret, purpose="nonce", about=state),
        "verifier": make_form_token(secret, purpose="verifier", about=state),
    }
