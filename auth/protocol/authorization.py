"""The authorization endpoint: what an authorization request needs next, or the way back to the client.

Only a request that names a client and one of its redirect URIs ever leads the browser anywhere. Which pages stand
between is for login/ to say. Synchronous.

Source: RFC 6749 section 4.1; OpenID Connect Core sections 3.1.2.1 (prompt) and 3.1.2.6 (its errors).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from authlib.oauth2.rfc6749 import AccessDeniedError, OAuth2Error

from auth.clients.consents import find_agreed_scopes, record_consent
from auth.officers import ActiveOfficer
from auth.outcomes import AccountEvent, AccountOutcome
from auth.protocol.answers import Answer
from auth.protocol.authorization_code import wants_refresh_token
from auth.protocol.authorization_server import AuthorizationServer
from auth.protocol.pushed_requests import check_authorization_request, check_was_pushed, resolve_request
from auth.protocol.requests import ProtocolRequest
from auth.scopes import OFFLINE_ACCESS, parse_scope
from ledger.identifiers import ClientId

FRESH_LOGIN = frozenset({"login", "select_account"})
"""The prompts that have the officer log in again."""


class _LoginRequiredError(OAuth2Error):  # type: ignore[misc]
    """The client asked for no page to be shown, and nobody is logged in."""

    error = "login_required"
    description = "An officer must log in."


class _ConsentRequiredError(OAuth2Error):  # type: ignore[misc]
    """The client asked for no page to be shown, and the officer has not consented yet."""

    error = "consent_required"
    description = "The officer must agree first."


@dataclass(frozen=True, slots=True)
class LoginNeeded:
    """The request is valid, and an officer must log in first: after the time, if there is one."""

    client_id: ClientId
    client_name: str
    redirect_uri: str
    after: datetime | None


@dataclass(frozen=True, slots=True)
class ConsentNeeded:
    """The request is valid, and the officer must consent to these scopes first."""

    client_name: str
    redirect_uri: str
    scopes: frozenset[str]
    is_remembered: bool


Outcome = Answer | LoginNeeded | ConsentNeeded


@dataclass(frozen=True, slots=True)
class ConsentDecision:
    """What the officer decided on the consent page, if anything: the scopes consented to, or a refusal."""

    agreed: frozenset[str] = frozenset()
    is_refusal: bool = False


def answer_authorization_request(
    server: AuthorizationServer,
    request: ProtocolRequest,
    find_end_user: Callable[[datetime | None], ActiveOfficer | None],
    decision: ConsentDecision,
    *,
    is_asked: bool = False,
) -> Outcome:
    """Return the redirect to the client with a code or an error, what is needed first, or an error for the browser.

    find_end_user takes the time after which the officer must have logged in, if any. is_asked has the officer asked
    again whatever was agreed to before.
    """
    try:
        request = resolve_request(server, request)
        prompt = parse_scope(request.payload.data.get("prompt", ""))
        grant = check_authorization_request(server, request)
        check_was_pushed(request, grant.redirect_uri)
        # A pushed request stays as it is, so that a login after it is what it asked for.
        after = (request.pushed_at or server.as_of) if prompt & FRESH_LOGIN else None
        officer = find_end_user(after)
        if officer is None and "none" in prompt:
            raise _LoginRequiredError(redirect_uri=grant.redirect_uri)
        if officer is None:
            return LoginNeeded(request.client.client_id, request.client.name, grant.redirect_uri, after)
        scopes = grant.grant_scopes(officer, redirect_uri=grant.redirect_uri)
        if decision.is_refusal:
            _note_consent(server, request, officer, AccountOutcome.CONSENT_REFUSED)
            raise AccessDeniedError(redirect_uri=grant.redirect_uri)
        # Access that outlasts the visit needs a consent of its own.
        wanted = scopes | {OFFLINE_ACCESS} if wants_refresh_token(request) else scopes
        is_remembered = request.client.is_assured(grant.redirect_uri)
        is_asked = is_asked or "consent" in prompt or not is_remembered
        if not _is_agreed(server, request, officer, scopes=wanted, decision=decision, is_asked=is_asked):
            if "none" in prompt:
                raise _ConsentRequiredError(redirect_uri=grant.redirect_uri)
            return ConsentNeeded(request.client.name, grant.redirect_uri, wanted, is_remembered)
        answer: Answer = server.create_authorization_response(request, grant_user=officer, grant=grant)
    except OAuth2Error as error:
        error.state = request.payload.state
        return server.answer_error(request, error)
    return answer


def _is_agreed(
    server: AuthorizationServer,
    request: ProtocolRequest,
    officer: ActiveOfficer,
    *,
    scopes: frozenset[str],
    decision: ConsentDecision,
    is_asked: bool,
) -> bool:
    """Whether the officer agrees to all of the scopes, now or since an earlier consent."""
    parties = {"officer_id": officer.officer_id, "client_id": request.client.client_id}
    if scopes <= decision.agreed:
        record_consent(server.connection, scopes=scopes, as_of=server.as_of, **parties)
        _note_consent(server, request, officer, AccountOutcome.CONSENT_GIVEN)
        return True
    return not is_asked and scopes <= find_agreed_scopes(server.connection, **parties)


def _note_consent(
    server: AuthorizationServer, request: ProtocolRequest, officer: ActiveOfficer, outcome: AccountOutcome
) -> None:
    told = AccountEvent(outcome=outcome, officer_id=officer.officer_id, client_id=request.client.client_id)
    server.outcomes.append(told)
