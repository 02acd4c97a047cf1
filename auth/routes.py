"""The routes of the authorization server: the one list of its endpoints and pages.

Source: RFC 6749 section 3; RFC 8414 section 3.
"""

from starlette.routing import Route

from auth.clock import Clock
from auth.login.account_endpoints import AccountEndpoints
from auth.login.attempts import LoginDesk
from auth.login.invitation_endpoints import InvitationEndpoints
from auth.login.invitations import INVITATION
from auth.login.login_endpoints import LoginEndpoints
from auth.login.passwords import Passwords
from auth.login.second_factor_endpoints import SecondFactorEndpoints
from auth.login.site import ACCOUNT, AUTHORIZE, ENROLMENT, SECOND_FACTOR, LoginSite
from auth.protocol.answers import Handler, guarded
from auth.protocol.client_endpoints import ClientEndpoints
from auth.protocol.introspection import answer_introspection_request
from auth.protocol.jwks import serve_jwks
from auth.protocol.metadata import serve_metadata
from auth.protocol.pushed_requests import answer_pushed_request
from auth.protocol.revocation import answer_revocation_request
from auth.protocol.server_runs import ServerRuns
from auth.protocol.token import answer_token_request
from auth.settings import AuthSettings, check_auth_settings
from auth.tokens.signing_keys import SigningKeyStore
from ledger.storage.database import Database


def create_auth_routes(
    database: Database, *, keys: SigningKeyStore, passwords: Passwords, settings: AuthSettings, clock: Clock
) -> list[Route]:
    """Return the routes, at the root of the origin that settings.issuer names.

    Errors: IssuerInvalidError, ProviderInvalidError.
    """
    check_auth_settings(settings)
    runs = ServerRuns(database, keys=keys, settings=settings, clock=clock)
    clients = ClientEndpoints(runs)
    site = LoginSite(database, settings=settings, clock=clock)
    desk = LoginDesk(database, passwords, settings)
    login = LoginEndpoints(site, desk, runs)
    account = AccountEndpoints(site, desk)
    second_factor = SecondFactorEndpoints(site, desk)
    invitation = InvitationEndpoints(site, passwords)

    def route(method: str, path: str, handler: Handler) -> Route:
        return Route(path, guarded(handler, site.refuse), methods=[method])

    provided: list[Route] = []
    if settings.openid_issuer:
        # Its HTTP client takes a tenth of a second to import; most installations have no provider.
        from auth.login.openid_provider import OpenIdProvider
        from auth.login.provider_endpoints import ProviderEndpoints

        callback = "/oauth/provider/callback"
        redirect_uri = f"{settings.issuer}{callback}"
        provider = ProviderEndpoints(site, OpenIdProvider(settings, redirect_uri=redirect_uri))
        provided = [route("POST", "/oauth/provider", provider.leave), route("GET", callback, provider.come_back)]
    return [
        Route("/oauth/token", clients.serve("token", answer_token_request), methods=["POST"]),
        Route("/oauth/par", clients.serve("par", answer_pushed_request), methods=["POST"]),
        Route("/oauth/revoke", clients.serve("revoke", answer_revocation_request), methods=["POST"]),
        Route("/oauth/introspect", clients.serve("introspect", answer_introspection_request), methods=["POST"]),
        route("GET", "/oauth/jwks", serve_jwks(keys, clock)),
        route("GET", "/.well-known/oauth-authorization-server", serve_metadata(settings)),
        route("GET", AUTHORIZE, login.authorize),
        route("GET", "/oauth/login", login.show_login),
        route("POST", "/oauth/login", login.log_in),
        route("GET", SECOND_FACTOR, login.show_second_factor),
        route("POST", SECOND_FACTOR, login.pass_second_factor),
        route("POST", "/oauth/consent", login.decide),
        route("GET", ACCOUNT, account.show_account),
        route("POST", "/oauth/account/consents", account.revoke_consent),
        route("GET", "/oauth/password", account.show_password),
        route("POST", "/oauth/password", account.change_password),
        route("GET", "/oauth/logout", account.show_logout),
        route("POST", "/oauth/logout", account.log_out),
        route("POST", "/oauth/switch", account.switch),
        route("GET", INVITATION, invitation.show),
        route("POST", INVITATION, invitation.accept),
        route("GET", ENROLMENT, second_factor.show),
        route("POST", ENROLMENT, second_factor.begin),
        route("POST", f"{ENROLMENT}/confirm", second_factor.confirm),
        route("POST", f"{ENROLMENT}/remove", second_factor.remove),
        *provided,
    ]
