"""The metadata endpoint: what a client can discover about the authorization server.

Source: RFC 8414 section 2, RFC 9207 section 3.
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.clients.keys import ALGORITHMS, STRONG_ALGORITHMS
from auth.clients.registered_clients import AUTHORIZATION_CODE, CLIENT_CREDENTIALS, REFRESH_TOKEN
from auth.protocol.answers import PUBLIC_FOR_A_WHILE, Handler
from auth.scopes import OFFLINE_ACCESS, WORDS
from auth.settings import AuthSettings

_SECRET_METHODS = ["client_secret_basic", "private_key_jwt"]


def serve_metadata(settings: AuthSettings) -> Handler:
    """Return the handler of GET /.well-known/oauth-authorization-server."""

    async def answer(_request: Request) -> Response:
        return JSONResponse(render_metadata(settings), headers=PUBLIC_FOR_A_WHILE)

    return answer


def render_metadata(settings: AuthSettings) -> dict[str, object]:
    """Return the authorization server's metadata."""
    return {
        "issuer": settings.issuer,
        "authorization_endpoint": settings.authorization_endpoint,
        "token_endpoint": settings.token_endpoint,
        "revocation_endpoint": settings.revocation_endpoint,
        "introspection_endpoint": settings.introspection_endpoint,
        "pushed_authorization_request_endpoint": settings.pushed_request_endpoint,
        "require_pushed_authorization_requests": False,
        "dpop_signing_alg_values_supported": list(STRONG_ALGORITHMS),
        "jwks_uri": f"{settings.issuer}/oauth/jwks",
        "scopes_supported": sorted({*WORDS, OFFLINE_ACCESS}),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [CLIENT_CREDENTIALS, AUTHORIZATION_CODE, REFRESH_TOKEN],
        "token_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": [*_SECRET_METHODS, "none"],
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": _SECRET_METHODS,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
    }
