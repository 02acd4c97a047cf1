import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from auth.clients.registration import CreatedClient, disable_client
from auth.tokens.verification import TOKEN_TYPE
from ledger.viewer import MemberKind
from tests.support.auth_site import ASSERTION_TYPE, FORM, MACHINE, Reply, Site, basic_of, claims_of
from tests.support.auth_world import AUDIENCE, CALLBACK, client_key, jwks_of, machine_scopes, new_verifier, sign


class TestClientCredentials:
    async def test_issues_a_token_as_rfc_9068_has_it(self, site: Site) -> None:
        reply = await site.post_token({**MACHINE, "scope": "orders:read"}, basic=site.machine)

        assert reply.status == 200
        assert reply.headers["Cache-Control"] == "no-store"
        assert set(reply.json) == {"access_token", "token_type", "expires_in", "scope"}
        assert (reply.json["token_type"], reply.json["expires_in"], reply.json["scope"]) == (
            "Bearer",
            600,
            "orders:read",
        )
        now = int(site.world.clock().timestamp())
        claims = claims_of(reply.json["access_token"])
        assert claims.pop("jti")
        assert claims == {
            "iss": site.issuer,
            "aud": AUDIENCE,
            "sub": site.machine.client_id,
            "client_id": site.machine.client_id,
            "scope": "orders:read",
            "iat": now,
            "nbf": now,
            "exp": now + 600,
            "member_id": site.regulator,
            "member_kind": "REGULATOR",
        }
        header = claims_of(reply.json["access_token"], 0)
        assert (header["alg"], header["typ"]) == ("ES256", TOKEN_TYPE)
        jwks = await site.send("GET", "/oauth/jwks")
        assert header["kid"] in {key["kid"] for key in jwks.json["keys"]}
        assert await site.principal(reply)

    async def test_gives_all_that_a_machine_may_have_where_nothing_is_asked(self, site: Site) -> None:
        reply = await site.post_token(MACHINE, basic=site.machine)
        assert reply.json["scope"].split() == machine_scopes(MemberKind.REGULATOR)

    async def test_scope_escalation_to_an_officers_scope_is_refused_even_where_the_client_has_it(
        self, site: Site
    ) -> None:
        both = await site.officers_client(
            ["orders:read", "orders:approve", "complaints:decide", "complainants:reveal"],
            grant_types=["authorization_code", "client_credentials"],
        )
        for scope in ("orders:approve", "complaints:decide", "complainants:reveal", "orders:read orders:approve"):
            reply = await site.post_token({**MACHINE, "scope": scope}, basic=both)
            assert (reply.status, reply.error) == (400, "invalid_scope")
        assert (await site.post_token(MACHINE, basic=both)).json["scope"] == "orders:read"

    async def test_scope_escalation_beyond_the_client_is_refused(self, site: Site) -> None:
        narrow = await site.world.register(site.carrier, ["orders:read"])
        for scope in ("orders:acknowledge", "orders:read numbers:read", "admin", "orders:*", "openid"):
            reply = await site.post_token({**MACHINE, "scope": scope}, basic=narrow)
            assert (reply.status, reply.error) == (400, "invalid_scope")

    async def test_carries_the_brand_of_a_carriers_client(self, site: Site) -> None:
        brand = await site.world.add_brand(site.carrier, "axis")
        client = await site.world.register(site.carrier, ["orders:read"], brand_id=brand)
        reply = await site.post_token(MACHINE, basic=client)
        assert (await site.principal(reply)).viewer.brand_id == brand

    async def test_a_client_for_officers_gets_nothing_for_itself(self, site: Site) -> None:
        client = await site.officers_client()
        reply = await site.post_token(MACHINE, basic=client)
        assert (reply.status, reply.error) == (400, "unauthorized_client")


class TestClientAuthentication:
    async def test_every_failure_looks_the_same(self, site: Site) -> None:
        disabled = await site.world.register(site.carrier, ["orders:read"])
        async with site.world.auth() as tx:
            await disable_client(tx, disabled.client_id)
        wrong = [
            CreatedClient(site.machine.client_id, "wrong"),
            CreatedClient("0199a2f0-0000-7000-8000-000000000000", "wrong"),
            CreatedClient("nobody", "wrong"),
            CreatedClient(site.machine.client_id, ""),
            disabled,
        ]
        replies = [await site.post_token(MACHINE, basic=client) for client in wrong]
        assert {(reply.status, reply.text) for reply in replies} == {(401, replies[0].text)}
        assert replies[0].error == "invalid_client"
        assert replies[0].headers["WWW-Authenticate"].startswith("Basic")

    async def test_two_client_authentications_at_once_are_refused(self, site: Site) -> None:
        assertion = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c"}
        secret = {"client_secret": site.machine.secret or ""}
        for extra in (assertion, secret, {"client_assertion": "a.b.c"}, {"client_id": "another"}):
            reply = await site.post_token({**MACHINE, **extra}, basic=site.machine)
            assert (reply.status, reply.error) == (400, "invalid_request")
        twice = [
            *FORM.items(),
            ("Authorization", basic_of(site.machine.client_id, site.machine.secret or "")),
            ("Authorization", basic_of("x", "y")),
        ]
        reply = await site.post_token(MACHINE, headers=twice)
        assert (reply.status, reply.error) == (400, "invalid_request")

    async def test_a_secret_in_the_body_or_the_url_is_never_taken(self, site: Site) -> None:
        given = {"client_id": site.machine.client_id, "client_secret": site.machine.secret or ""}
        in_body = await site.post_token({**MACHINE, **given})
        assert (in_body.status, in_body.error) == (400, "invalid_client")
        path = f"/oauth/token?client_id={given['client_id']}&client_secret={given['client_secret']}"
        in_url = await site.send("POST", path, data="grant_type=client_credentials", headers=FORM)
        assert (in_url.status, in_url.error) == (400, "invalid_request")

    async def test_no_authentication_at_all_is_refused(self, site: Site) -> None:
        for form in (MACHINE, {**MACHINE, "client_id": site.machine.client_id}):
            reply = await site.post_token(form)
            assert (reply.status, reply.error) == (400, "invalid_client")

    async def test_malformed_basic_is_refused(self, site: Site) -> None:
        bad = ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(), "Bearer x", "Basic Og=="]
        bad.append("Basic " + base64.b64encode(b"a\x00b:c").decode())
        bad.append("Basic " + base64.b64encode(b"no colon").decode())
        bad.append("Basic " + base64.b64encode(b"%00:%ff").decode())
        for header in bad:
            reply = await site.post_token(MACHINE, headers={**FORM, "Authorization": header})
            assert reply.status in {400, 401}, header
            assert reply.error in {"invalid_request", "invalid_client"}


class Machine:
    """A client with a key pair."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.key = client_key()

    async def prepare(self) -> "Machine":
        self.client = await self.site.world.register(
            self.site.carrier, ["orders:read"], auth_method="private_key_jwt", public_keys=jwks_of(self.key)
        )
        return self

    def claims(self, **changes: Any) -> dict[str, Any]:
        now = int(self.site.world.clock().timestamp())
        claims = {
            "iss": self.client.client_id,
            "sub": self.client.client_id,
            "aud": self.site.issuer,
            "iat": now,
            "exp": now + 60,
            "jti": f"jti-{now}-{id(changes)}",
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    async def send(self, assertion: str, **more: str) -> Reply:
        return await self.site.post_token(
            {**MACHINE, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion, **more}
        )

    async def assert_refused(self, assertion: str, **more: str) -> None:
        reply = await self.send(assertion, **more)
        assert (reply.status, reply.error) == (400, "invalid_client"), assertion


@pytest.fixture
async def machine(site: Site) -> Machine:
    return await Machine(site).prepare()


class TestPrivateKeyJwt:
    async def test_takes_an_assertion_for_the_issuer_or_the_token_endpoint(self, machine: Machine) -> None:
        audiences = (machine.site.issuer, f"{machine.site.issuer}/oauth/token", [machine.site.issuer])
        for number, audience in enumerate(audiences):
            reply = await machine.send(sign(machine.key, machine.claims(aud=audience, jti=f"a{number}")))
            assert reply.status == 200, reply.text
            assert (await machine.site.principal(reply)).client_id == machine.client.client_id

    async def test_assertion_replay_is_refused(self, machine: Machine) -> None:
        assertion = sign(machine.key, machine.claims())
        assert (await machine.send(assertion)).status == 200
        await machine.assert_refused(assertion)
        machine.site.world.clock.advance(30)
        await machine.assert_refused(assertion)

    async def test_of_an_assertion_used_eight_times_at_once_one_wins(self, machine: Machine) -> None:
        assertion = sign(machine.key, machine.claims())
        replies = await asyncio.gather(*(machine.send(assertion) for _ in range(8)))
        assert sorted(reply.status for reply in replies) == [200] + [400] * 7

    async def test_assertion_for_another_audience_is_refused(self, machine: Machine) -> None:
        for audience in (
            "https://other.example.org",
            [machine.site.issuer, "https://other.example.org"],
            [],
            None,
            7,
            {"a": 1},
            f"{machine.site.issuer}/",
        ):
            await machine.assert_refused(sign(machine.key, machine.claims(aud=audience)))

    async def test_assertion_of_another_client_is_refused(self, machine: Machine) -> None:
        other = await Machine(machine.site).prepare()
        await machine.assert_refused(sign(machine.key, other.claims()))
        await machine.assert_refused(sign(machine.key, machine.claims(iss=other.client.client_id)))
        await machine.assert_refused(sign(machine.key, machine.claims(jti="c")), client_id=other.client.client_id)

    async def test_assertion_out_of_its_time_is_refused(self, machine: Machine) -> None:
        now = int(machine.site.world.clock().timestamp())
        for change in (
            {"exp": now - 10},
            {"exp": now + 3_600},
            {"exp": None},
            {"exp": "soon"},
            {"exp": True},
            {"exp": 1e300},
            {"nbf": now + 60},
            {"iat": now + 60},
        ):
            await machine.assert_refused(sign(machine.key, machine.claims(**change)))

    async def test_assertion_without_a_usable_jti_is_refused(self, machine: Machine) -> None:
        for jti in (None, 7, "", "x" * 300, ["a"]):
            await machine.assert_refused(sign(machine.key, machine.claims(jti=jti)))
        reply = await machine.send(sign(machine.key, machine.claims(jti="nul \x00 and \ud800")))
        assert reply.status == 200

    async def test_alg_none_and_key_confusion_are_refused(self, machine: Machine) -> None:
        def encode(part: Any) -> str:
            return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

        for algorithm in ("none", "HS256", "ES384", "", None, 7, ["ES256"]):
            header = {"alg": algorithm, "kid": "k1"}
            await machine.assert_refused(f"{encode(header)}.{encode(machine.claims())}.AAAA")

    async def test_a_quote_in_kid_alg_or_crit_is_refused(self, machine: Machine) -> None:
        def encode(part: Any) -> str:
            return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")

        quote = 'a"b\\c é \x00 \ud800'
        for header in (
            {"alg": quote, "kid": "k1"},
            {"alg": "ES256", "kid": quote},
            {"alg": "ES256", "kid": "k1", "crit": [quote]},
            {"alg": "ES256", "kid": "k1", "crit": quote},
            {"alg": "ES256", "kid": 7},
            {"alg": "ES256", "kid": {"a": 1}},
        ):
            await machine.assert_refused(f"{encode(header)}.{encode(machine.claims())}.AAAA")

    async def test_nonsense_is_refused(self, machine: Machine) -> None:
        deep = base64.urlsafe_b64encode(b"[" * 6_000).decode().rstrip("=")
        for assertion in ("a", "a.b", "a.b.c", "a.b.c.d", "...", f"{deep}.a.b", f"e30.{deep[:4_000]}.a"):
            await machine.assert_refused(assertion)

    async def test_another_key_is_refused(self, machine: Machine) -> None:
        await machine.assert_refused(sign(client_key(), machine.claims()))
        await machine.assert_refused(sign(client_key("other"), machine.claims()))

    async def test_a_client_with_a_secret_cannot_use_an_assertion(self, machine: Machine) -> None:
        own = machine.site.machine.client_id
        await machine.assert_refused(sign(machine.key, machine.claims(iss=own, sub=own)))


class TestMalformedRequests:
    async def test_repeated_parameters_are_refused(self, site: Site) -> None:
        for form in (
            [*MACHINE.items()] * 2,
            [*MACHINE.items(), ("scope", "a"), ("scope", "b")],
            [("x", ""), ("x", "")],
        ):
            reply = await site.post_token(form, basic=site.machine)
            assert (reply.status, reply.error) == (400, "invalid_request")

    async def test_nul_surrogates_quotes_and_broken_encodings_are_400(self, site: Site) -> None:
        hostile = ["%00", "%ED%A0%80", "%FF%FE", "a%22b", "a%5Cb", "%C3%A9", "a%0Ab", "%E2%80%AE"]
        for text in hostile:
            for form in (
                f"grant_type={text}",
                f"grant_type=client_credentials&scope={text}",
                f"grant_type=authorization_code&code={text}&redirect_uri={text}",
                f"grant_type=client_credentials&client_id={text}",
                f"grant_type=client_credentials&client_assertion={text}&client_assertion_type={ASSERTION_TYPE}",
                f"{text}={text}",
            ):
                reply = await site.post_token(form)
                assert reply.status == 400, (form, reply.text)
                assert reply.error in {"invalid_request", "invalid_client", "unsupported_grant_type"}
                assert reply.headers["Cache-Control"] == "no-store"

    async def test_other_bodies_are_400(self, site: Site) -> None:
        reply = await site.post_token(b"\xff\xfe\x00", basic=site.machine)
        assert (reply.status, reply.error) == (400, "invalid_request")
        for kind in ("application/json", "multipart/form-data; boundary=x", "text/plain"):
            reply = await site.post_token("{}", headers={"Content-Type": kind})
            assert (reply.status, reply.error) == (400, "invalid_request")
        for body in ("x" * 20_000, "&".join(f"a{n}=1" for n in range(100)), ""):
            reply = await site.post_token(body, headers=FORM)
            assert reply.status == 400

    async def test_unknown_grants_are_refused(self, site: Site) -> None:
        for grant in ("password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer"):
            reply = await site.post_token({"grant_type": grant}, basic=site.machine)
            assert (reply.status, reply.error) == (400, "unsupported_grant_type")


class TestLimits:
    async def test_a_client_that_asks_too_often_is_told_when_to_come_back(self, site: Site) -> None:
        client = await site.world.register(site.carrier, ["orders:read"])
        other = await site.world.register(site.carrier, ["orders:read"])
        limit = site.world.settings.token_requests_per_client
        replies = [await site.post_token(MACHINE, basic=client) for _ in range(limit + 1)]
        assert [reply.status for reply in replies] == [200] * limit + [429]
        assert int(replies[-1].headers["Retry-After"]) > 0
        assert (await site.post_token(MACHINE, basic=other)).status == 200
        site.world.clock.advance(2 * site.world.settings.oauth_window_seconds)
        assert (await site.post_token(MACHINE, basic=client)).status == 200

    async def test_naming_a_client_uses_up_nothing_of_its_share(self, site: Site) -> None:
        client = await site.world.register(site.carrier, ["orders:read"])
        for _ in range(site.world.settings.token_requests_per_client + 5):
            await site.post_token(MACHINE, basic=CreatedClient(client.client_id, "wrong"))
        assert (await site.post_token(MACHINE, basic=client)).status == 200

    async def test_a_public_client_id_alone_locks_out_no_officer_at_another_address(self, site: Site) -> None:
        client = await site.officers_client(auth_method="none")
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        proof = {"code": code, "code_verifier": verifier, "redirect_uri": CALLBACK}
        form = {"grant_type": "authorization_code", "client_id": client.client_id}
        limit = site.world.settings.token_requests_per_client
        false = [await site.post_token({**form, **proof, "code": "made-up"}) for _ in range(limit + 1)]
        assert [reply.status for reply in false] == [400] * limit + [429]
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))) as http:
            assert (await replace(site, http=http).post_token({**form, **proof})).status == 200


class TestMetadata:
    async def test_says_what_rfc_8414_asks(self, site: Site) -> None:
        reply = await site.send("GET", "/.well-known/oauth-authorization-server")
        assert reply.status == 200
        assert reply.json["issuer"] == site.issuer
        assert reply.json["token_endpoint"] == f"{site.issuer}/oauth/token"
        assert reply.json["code_challenge_methods_supported"] == ["S256"]
        assert reply.json["authorization_response_iss_parameter_supported"] is True
