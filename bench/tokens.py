"""Token requests and verification compared with the one part of them that can't be avoided: the bare ES256 signature.

A token request goes through the whole endpoint (reading, client authentication, statements, the audit event, signing)
in this process, without a network; PostgreSQL keeps its defaults. Signing the same claims is the comparison.
"""

import base64
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.applications import Starlette

from auth.clients.registration import CreatedClient
from auth.login.passwords import Passwords
from auth.routes import create_auth_routes
from auth.settings import AuthSettings
from auth.tokens.signing_keys import SigningKeyStore
from auth.tokens.verification import TokenVerifier
from bench.figures import Figure, Samples, compare, measure_in_turn, plain, read_stopwatch
from bench.scale import Scale
from bench.world import World, found_country, read_clock

_ISSUER = "https://gateway.example.org"
_REQUESTS = 200
_VERIFICATIONS = 5_000
_UNLIMITED = 1_000_000_000


async def run(world: World, scale: Scale) -> list[Figure]:
    """Measure every side in turn, in one process."""
    settings = AuthSettings(
        public_url=_ISSUER,
        token_requests_per_client=_UNLIMITED,
        token_requests_per_address=_UNLIMITED,
    )
    async with world.clone() as name:
        as_of = read_clock()
        database = world.connect(name)
        country = await found_country(database, as_of=as_of)
        keys = SigningKeyStore(database, settings)
        current = (await keys.get(as_of=as_of)).current
        app = Starlette(
            routes=create_auth_routes(
                database, keys=keys, passwords=Passwords(settings), settings=settings, clock=lambda: as_of
            )
        )
        client = country.carrier_client
        token = await _request_token(app, client)
        remembering = TokenVerifier(database, keys, settings)
        await remembering.verify(token, as_of)

        async def request() -> None:
            await _request_token(app, client)

        async def verify_first() -> None:
            await TokenVerifier(database, keys, settings).verify(token, as_of)

        moments = iter(range(_UNLIMITED))

        async def verify_again() -> None:
            # 500 requests a second, so that recent revocations are looked up as often as in production.
            await remembering.verify(token, as_of + timedelta(milliseconds=2 * (next(moments) % 200_000)))

        claims = jwt.decode(token, current, algorithms=["ES256"]).claims
        samples = await measure_in_turn(
            {
                "sign": _timed(_signs(current, claims), _REQUESTS),
                "check": _timed(_checks(current, token), _REQUESTS),
                "request": _timed(request, _REQUESTS),
                "first": _timed(verify_first, _REQUESTS),
                "again": _timed(verify_again, _VERIFICATIONS),
            },
            rounds=scale.rounds,
        )
        await database.close()
    return _figures(samples)


def _figures(samples: dict[str, Samples]) -> list[Figure]:
    sign, check = samples["sign"], samples["check"]
    return [
        compare("token request, client_credentials by Basic", samples["request"], sign, unit="us", beside_name="sign"),
        compare("verification, first sight", samples["first"], check, unit="us", beside_name="check"),
        compare("verification, remembered", samples["again"], check, unit="us", beside_name="check"),
        plain("bare ES256 signature", sign, unit="us"),
        plain("bare ES256 check", check, unit="us"),
    ]


def _signs(key: ECKey, claims: dict[str, Any]) -> Callable[[], Awaitable[None]]:
    async def sign() -> None:
        jwt.encode({"alg": "ES256", "typ": "at+jwt"}, claims, key)

    return sign


def _checks(key: ECKey, token: str) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        jwt.decode(token, key, algorithms=["ES256"])

    return check


def _timed(work: Callable[[], Awaitable[None]], times: int) -> Callable[[int], Awaitable[float]]:
    """Measure the microseconds of one call, over that many in a row."""

    async def measure(_turn: int) -> float:
        started = read_stopwatch()
        for _ in range(times):
            await work()
        return (read_stopwatch() - started) / times * 1e6

    return measure


async def _request_token(app: Starlette, client: CreatedClient) -> str:
    """Send one request to the token endpoint through ASGI."""
    basic = base64.b64encode(f"{client.client_id}:{client.secret}".encode())
    body = urlencode({"grant_type": "client_credentials", "scope": "orders:read"}).encode()
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-type", b"application/x-www-form-urlencoded"), (b"authorization", b"Basic " + basic)]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/oauth/token",
        "query_string": b"",
        "headers": headers,
        "client": ("192.0.2.1", 1),
        "server": ("gateway.example.org", 443),
        "scheme": "https",
    }
    await app(scope, receive, send)
    assert sent[0]["status"] == 200, sent
    return str(orjson.loads(sent[1]["body"])["access_token"])
