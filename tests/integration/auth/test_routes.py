import base64
import hashlib
import json
import re
from typing import Any

import pytest
from starlette.applications import Starlette

from auth.login.passwords import Passwords
from auth.routes import create_auth_routes
from auth.tokens.signing_keys import SigningKeyStore
from ledger.errors import DatabaseUnavailableError
from ledger.viewer import MemberKind
from tests.support.asgi import call
from tests.support.auth_site import basic_of, make_auth_app
from tests.support.auth_world import CALLBACK, Clock, World, auth_settings, challenge_of


class _Away:
    """A database that can't be reached."""

    def system(self, *_: Any, **__: Any) -> Any:
        raise DatabaseUnavailableError


class TestDatabaseAway:
    @pytest.mark.parametrize(
        ("method", "path"), [("POST", "/oauth/token"), ("GET", "/oauth/authorize"), ("GET", "/oauth/jwks")]
    )
    async def test_is_a_503_that_says_when_to_try_again(self, method: str, path: str) -> None:
        settings, database = auth_settings(), _Away()
        keys = SigningKeyStore(database, settings)
        routes = create_auth_routes(
            database, keys=keys, passwords=Passwords(settings), settings=settings, clock=Clock()
        )
        status, head, body = await call(
            Starlette(routes=routes),
            method,
            path,
            body=b"grant_type=client_credentials" if method == "POST" else b"",
            content_type="application/x-www-form-urlencoded",
            authorization=basic_of("a", "b"),
        )
        assert status == 503
        assert head["retry-after"] == "1"
        assert json.loads(body)["error"] == "temporarily_unavailable"


class TestSecureOrigin:
    async def test_cookies_are_bound_to_an_https_origin_and_the_style_to_its_hash(self, world: World) -> None:
        regulator = await world.admit(MemberKind.REGULATOR, "regulator")
        client = await world.register(
            regulator, ["orders:read"], grant_types=["authorization_code"], redirect_uris=[CALLBACK]
        )
        query = (
            f"response_type=code&client_id={client.client_id}&redirect_uri={CALLBACK}"
            f"&code_challenge={challenge_of('v' * 43)}&code_challenge_method=S256"
        )
        status, head, body = await call(make_auth_app(world), "GET", "/oauth/authorize", query=query)

        assert status == 200
        assert head["set-cookie"].startswith("__Host-jembatan_browser=")
        assert "; Secure" in head["set-cookie"]
        assert "Path=/;" in head["set-cookie"]
        style = re.search("<style>(.*)</style>", body, re.DOTALL)
        assert style is not None
        digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in head["content-security-policy"]
