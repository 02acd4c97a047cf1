"""Another OpenID provider, on loopback: small, and as dishonest as a test wants it."""

import base64
import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from joserfc import jws
from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from tests.support.auth_world import Clock, client_key, jwks_of

CLIENT_ID, CLIENT_SECRET = "jembatan at home", "s3cret/with+signs%"


@dataclass
class Issuer:
    url: str
    clock: Clock
    subject: str = "u-1"
    claims: dict[str, Any] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    metadata: dict[str, Any] = field(default_factory=dict)
    sends_issuer: bool = True
    key: ECKey = field(default_factory=client_key)
    published: list[ECKey] = field(default_factory=list)
    forge: Callable[[dict[str, Any]], str] | None = None
    token_status: int = 200
    padding: int = 0
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.published = [self.key]

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.describe),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/keys", self.keys),
            ]
        )

    async def describe(self, request: Request) -> Response:
        self.asked.append("metadata")
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/keys",
                "authorization_response_iss_parameter_supported": self.sends_issuer,
                "padding": "x" * self.padding,
                **self.metadata,
            }
        )

    async def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        back = {"code": code, "state": asked["state"]} | ({"iss": self.url} if self.sends_issuer else {})
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode(back)}", status_code=303)

    async def token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode()))
        basic = base64.b64decode(request.headers["authorization"].split()[1]).decode()
        assert basic == "jembatan%20at%20home:s3cret%2Fwith%2Bsigns%25"
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
        } | self.claims
        claims = {name: value for name, value in claims.items() if name not in self.dropped}
        token = self.forge(claims) if self.forge else sign(self.key, claims)
        return JSONResponse({"access_token": "a", "token_type": "Bearer", "id_token": token}, self.token_status)

    async def keys(self, request: Request) -> Response:
        self.asked.append("keys")
        return JSONResponse(jwks_of(*self.published))


def sign(key: Any, claims: dict[str, Any], algorithm: str = "ES256", kid: str | None = "k1") -> str:
    return jws.serialize_compact({"alg": algorithm, "kid": kid}, json.dumps(claims), key, algorithms=[algorithm])
