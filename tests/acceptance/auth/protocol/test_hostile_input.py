"""The endpoints under input that nobody would send in earnest: an error of the protocol each time, never a 500."""

import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from auth.clients.registration import CreatedClient
from ledger.viewer import MemberKind
from tests.support.asgi import call
from tests.support.auth_site import ASSERTION_TYPE, basic_of, make_auth_app
from tests.support.auth_world import CALLBACK, World, client_key, sign

SECONDS_MAX = 6
PATHS = ("/oauth/token", "/oauth/par", "/oauth/revoke", "/oauth/introspect")
NAMES = (
    "grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "code", "redirect_uri",
    "code_verifier", "code_challenge", "code_challenge_method", "refresh_token", "scope", "state", "resource", "token",
    "token_type_hint", "response_type", "request", "request_uri", "dpop_jkt", "login", "password", "csrf_token",
)  # fmt: skip
KNOWN = (
    "client_credentials", "authorization_code", "refresh_token", "code", "S256", "plain", ASSERTION_TYPE, CALLBACK,
    "orders:read", "offline_access", "a.b.c", "e30.e30.AAAA", "A" * 43, "", "urn:ietf:params:oauth:request_uri:x",
)  # fmt: skip
values = st.sampled_from(KNOWN) | st.text(max_size=40) | st.binary(max_size=40).map(lambda raw: raw.decode("latin-1"))
forms = st.lists(st.tuples(st.sampled_from(NAMES) | st.text(max_size=8), values), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
claims = st.dictionaries(
    st.sampled_from(("iss", "sub", "aud", "exp", "iat", "nbf", "jti", "htm", "htu", "nonce", "ath")), json_values
)


@pytest.fixture(scope="module")
async def target(shared_world: World) -> tuple[Starlette, CreatedClient, CreatedClient]:
    regulator = await shared_world.admit(MemberKind.REGULATOR, "regulator")
    machine = await shared_world.register(regulator, ["orders:read"])
    web = await shared_world.register(
        regulator,
        ["orders:read"],
        grant_types=["authorization_code", "refresh_token"],
        redirect_uris=[CALLBACK],
        auth_method="none",
    )
    unlimited = {"token_requests_per_address": 10**9, "token_requests_per_client": 10**9}
    world = World(
        shared_world.database,
        shared_world.settings.model_copy(update={"authorize_requests_per_address": 10**9, **unlimited}),
    )
    return make_auth_app(world), machine, web


def encode(form: list[tuple[str, str]]) -> bytes:
    return urlencode(form, errors="replace").encode()


def header_safe(text: str) -> str:
    return quote(text, safe="~!@#$^&*()_+-=[]{}|;:,./<>? \"'")


class Run:
    """A budget of time: hypothesis bounds examples, a shared machine needs seconds."""

    def __init__(self) -> None:
        self.ends_at = time.monotonic() + SECONDS_MAX
        self.count = 0

    def goes_on(self) -> bool:
        self.count += 1
        return time.monotonic() < self.ends_at


def bounded(examples: int):
    return settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )


class TestEndpointsForClients:
    async def test_never_answer_500(self, target: tuple[Starlette, CreatedClient, CreatedClient]) -> None:
        app, machine, _ = target
        cases: list[tuple[str, bytes, dict[str, str]]] = []

        @bounded(250)
        @given(
            st.sampled_from(PATHS),
            forms,
            st.sampled_from(("none", "good", "junk")),
            st.none() | st.text(max_size=60),
            st.none() | st.binary(max_size=60),
        )
        def collect(path, form, authentication, proof, raw) -> None:
            headers = {"content_type": "application/x-www-form-urlencoded"}
            if authentication == "good":
                headers["authorization"] = basic_of(machine.client_id, machine.secret or "")
            elif authentication == "junk":
                headers["authorization"] = header_safe(f"Basic {form}")[:200]
            if proof is not None:
                headers["dpop"] = header_safe(proof)
            cases.append((path, raw if raw is not None and not form else encode(form), headers))

        collect()
        run = Run()
        for path, body, headers in cases:
            if not run.goes_on():
                break
            status, _, text = await call(app, "POST", path, body=body, **headers)
            assert status in {200, 201, 400, 401}, (path, body, headers, text)
        assert run.count >= 20

    async def test_never_answer_500_to_signed_nonsense(
        self, target: tuple[Starlette, CreatedClient, CreatedClient]
    ) -> None:
        app, machine, _ = target
        key = client_key()
        cases: list[tuple[dict[str, object], dict[str, object]]] = []

        @bounded(120)
        @given(claims, claims)
        def collect(assertion, proof) -> None:
            cases.append((assertion, proof))

        collect()
        run = Run()
        for assertion, proof in cases:
            if not run.goes_on():
                break
            form = [
                ("grant_type", "client_credentials"),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", sign(key, {"sub": machine.client_id, **assertion})),
            ]
            headers = {
                "content_type": "application/x-www-form-urlencoded",
                "dpop": sign(key, dict(proof), typ="dpop+jwt", jwk=key.as_dict(private=False)),
            }
            status, _, text = await call(app, "POST", "/oauth/token", body=encode(form), **headers)
            assert status == 400, (assertion, proof, text)
        assert run.count >= 20


class TestAuthorizationEndpoint:
    async def test_never_answers_500(self, target: tuple[Starlette, CreatedClient, CreatedClient]) -> None:
        app, _, web = target
        good = {
            "client_id": web.client_id,
            "redirect_uri": CALLBACK,
            "response_type": "code",
            "code_challenge": "A" * 43,
            "code_challenge_method": "S256",
        }
        cases: list[str] = []

        @bounded(200)
        @given(forms, st.sets(st.sampled_from(sorted(good))))
        def collect(form, kept) -> None:
            named = {name for name, _ in form}
            whole = [*form, *((name, value) for name, value in good.items() if name in kept and name not in named)]
            cases.append(encode(whole).decode())

        collect()
        run = Run()
        for query in cases:
            if not run.goes_on():
                break
            status, head, text = await call(app, "GET", "/oauth/authorize", query=query)
            assert status in {200, 302, 400}, (query, text)
            assert head.get("location", CALLBACK).startswith(CALLBACK), query
        assert run.count >= 20
