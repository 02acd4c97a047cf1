"""The JWK set endpoint: the public keys that our tokens may be signed with.

Source: RFC 7517 section 5; RFC 8414 section 2 (`jwks_uri`).
"""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.clock import Clock
from auth.protocol.answers import PUBLIC_FOR_A_WHILE, Handler
from auth.tokens.signing_keys import SigningKeyStore


def serve_jwks(keys: SigningKeyStore, clock: Clock) -> Handler:
    """Return the handler of GET /oauth/jwks."""

    async def answer(_request: Request) -> Response:
        known = await keys.get(as_of=clock())
        return JSONResponse(known.render_jwks(), headers=PUBLIC_FOR_A_WHILE)

    return answer
