from typing import Any

import pytest

from auth.clients.policies import ClientPolicy
from auth.clients.registration import CreatedClient
from tests.support.auth_site import ASSERTION_TYPE, MACHINE, Reply, Site, action_of, consent_of
from tests.support.auth_world import CALLBACK, client_key, jwks_of, new_verifier, sign
from tests.support.prover import Prover


async def push(site: Site, client: CreatedClient, verifier: str, **changes: Any) -> Reply:
    return await site.post("/oauth/par", client, **site.request(client, verifier, **changes))


def refer(client: CreatedClient, reply: Reply) -> dict[str, str]:
    return {"client_id": client.client_id, "request_uri": reply.json["request_uri"]}


@pytest.fixture
async def client(site: Site) -> CreatedClient:
    return await site.officers_client(policies=[ClientPolicy.REQUIRE_PAR])


class TestPushedRequest:
    async def test_leads_through_the_login_page_to_a_code(self, site: Site, client: CreatedClient) -> None:
        verifier = new_verifier()
        pushed = await push(site, client, verifier)
        assert pushed.status == 201, pushed.text
        assert pushed.json["request_uri"].startswith("urn:ietf:params:oauth:request_uri:")
        assert 0 < pushed.json["expires_in"] < 600
        after = await site.log_in(refer(client, pushed))
        back = await site.go_on(after)
        assert back.sent_back["state"] == "st-1"
        assert (await site.redeem(client, back.sent_back["code"], verifier)).status == 200

    async def test_must_be_pushed_by_a_client_whose_policy_it_is(self, site: Site, client: CreatedClient) -> None:
        back = await site.authorize(site.request(client))
        assert back.sent_back["error"] == "invalid_request"

    async def test_nothing_that_the_browser_adds_counts(self, site: Site, client: CreatedClient) -> None:
        pushed = await push(site, client, new_verifier(), scope="orders:read")
        added = {"scope": "orders:approve", "state": "other", "redirect_uri": "https://evil.example.org"}
        after = await site.log_in({**refer(client, pushed), **added})
        back = await site.go_on(after)
        assert back.headers["Location"].startswith(f"{CALLBACK}?")
        assert back.sent_back["state"] == "st-1"

    async def test_a_pushed_prompt_login_cannot_be_answered_by_an_earlier_login(
        self, site: Site, client: CreatedClient
    ) -> None:
        first = await push(site, client, new_verifier())
        await site.go_on(await site.log_in(refer(client, first)))
        for prompt in ("login", "select_account"):
            site.world.clock.advance(1)
            pushed = await push(site, client, new_verifier(), prompt=prompt)
            for added in ({}, {"prompt": "none"}, {"prompt": "consent"}):
                page = await site.authorize({**refer(client, pushed), **added})
                assert (page.status, 'name="password"' in page.text) == (200, True), added
            site.world.clock.advance(1)
            assert (await site.go_on(await site.log_in(refer(client, pushed)))).sent_back["code"]

    async def test_a_prompt_that_the_browser_adds_changes_nothing(self, site: Site, client: CreatedClient) -> None:
        await site.go_on(await site.log_in(refer(client, await push(site, client, new_verifier()))))
        for prompt in ("login", "consent", "select_account", "none"):
            pushed = await push(site, client, new_verifier())
            back = await site.authorize({**refer(client, pushed), "prompt": prompt})
            assert back.sent_back["code"], prompt

    async def test_a_pushed_prompt_none_or_consent_is_heeded(self, site: Site, client: CreatedClient) -> None:
        silent = await push(site, client, new_verifier(), prompt="none")
        back = await site.authorize(refer(client, silent))
        assert (back.sent_back["error"], back.sent_back["state"]) == ("login_required", "st-1")
        await site.go_on(await site.log_in(refer(client, await push(site, client, new_verifier()))))
        asking = await push(site, client, new_verifier(), prompt="consent")
        page = await site.authorize(refer(client, asking))
        assert (await site.send_form(action_of(page), consent_of(page))).sent_back["code"]

    async def test_serves_once(self, site: Site, client: CreatedClient) -> None:
        pushed = await push(site, client, new_verifier())
        after = await site.log_in(refer(client, pushed))
        assert (await site.go_on(after)).sent_back["code"]
        again = await site.authorize(refer(client, pushed))
        assert (again.status, again.error) == (400, "invalid_request_uri")

    async def test_of_another_client_expired_or_made_up_is_refused(self, site: Site, client: CreatedClient) -> None:
        pushed = await push(site, client, new_verifier())
        thief = await site.officers_client()
        assert (await site.authorize(refer(thief, pushed))).error == "invalid_request_uri"
        for made_up in ("urn:ietf:params:oauth:request_uri:x", "https://evil.example.org/request.jwt", "x"):
            reply = await site.authorize({"client_id": client.client_id, "request_uri": made_up})
            assert (reply.status, reply.error) == (400, "invalid_request_uri")
        site.world.clock.advance(pushed.json["expires_in"])
        assert (await site.authorize(refer(client, pushed))).error == "invalid_request_uri"

    async def test_is_checked_when_it_is_pushed(self, site: Site, client: CreatedClient) -> None:
        for change, error in (
            ({"redirect_uri": "https://evil.example.org"}, "invalid_request"),
            ({"scope": "admin"}, "invalid_scope"),
            ({"code_challenge_method": "plain"}, "invalid_request"),
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"resource": "https://other.example.org"}, "invalid_target"),
            ({"request_uri": "urn:x"}, "invalid_request"),
            ({"request": "a.b.c"}, "request_not_supported"),
            ({"dpop_jkt": "short"}, "invalid_request"),
        ):
            reply = await push(site, client, new_verifier(), **change)
            assert (reply.status, reply.error) == (400, error), change
            assert "Location" not in reply.headers

    async def test_needs_the_clients_authentication(self, site: Site, client: CreatedClient) -> None:
        wrong = CreatedClient(client.client_id, "wrong")
        assert (await push(site, wrong, new_verifier())).status == 401
        reply = await site.post("/oauth/par", None, **site.request(client))
        assert (reply.status, reply.error) == (400, "invalid_client")

    async def test_a_request_object_is_not_taken(self, site: Site, client: CreatedClient) -> None:
        reply = await site.authorize({**site.request(client), "request": "a.b.c"})
        assert (reply.status, reply.error) == (400, "request_not_supported")


class TestFapi2:
    async def test_is_pushed_requests_bound_tokens_and_keys_alone(self, site: Site) -> None:
        key = client_key()
        client = await site.officers_client(
            auth_method="private_key_jwt", public_keys=jwks_of(key), policies=[ClientPolicy.FAPI_2]
        )
        prover = Prover(site, client)
        now = int(site.world.clock().timestamp())

        def authenticate(jti: str) -> dict[str, str]:
            claims = {"iss": client.client_id, "sub": client.client_id, "aud": site.issuer, "exp": now + 60, "jti": jti}
            return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": sign(key, claims)}

        assert (await site.authorize(site.request(client))).sent_back["error"] == "invalid_request"
        verifier = new_verifier()
        pushed = await site.post("/oauth/par", None, **site.request(client, verifier), **authenticate("1"))
        assert pushed.status == 201, pushed.text
        after = await site.log_in(refer(client, pushed))
        code = (await site.go_on(after)).sent_back["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        unbound = await prover.send(**form, **authenticate("2"))
        assert (unbound.status, unbound.error) == (400, "invalid_dpop_proof")
        assert (await prover.send(prover.prove(), **form, **authenticate("3"))).json["token_type"] == "DPoP"

    async def test_takes_an_assertion_for_the_issuer_alone(self, site: Site) -> None:
        key = client_key()
        client = await site.world.register(
            site.carrier,
            ["orders:read"],
            auth_method="private_key_jwt",
            public_keys=jwks_of(key),
            policies=[ClientPolicy.FAPI_2],
        )
        prover = Prover(site, client)
        now = int(site.world.clock().timestamp())
        for audience, status in ((f"{site.issuer}/oauth/token", 400), (site.issuer, 200)):
            claims = {"iss": client.client_id, "sub": client.client_id, "aud": audience, "exp": now + 60}
            assertion = sign(key, {**claims, "jti": audience})
            form = {**MACHINE, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
            assert (await prover.send(prover.prove(), **form)).status == status

    async def test_takes_no_assertion_by_rs256(self, site: Site) -> None:
        from joserfc.jwk import RSAKey

        key = RSAKey.generate_key(2048, {"kid": "r"}, private=True)
        keys = {"auth_method": "private_key_jwt", "public_keys": {"keys": [key.as_dict(private=False)]}}
        strict = await site.world.register(site.carrier, ["orders:read"], policies=[ClientPolicy.FAPI_2], **keys)
        lax = await site.world.register(site.carrier, ["orders:read"], **keys)
        now = int(site.world.clock().timestamp())
        for client, algorithm, status in ((strict, "RS256", 400), (strict, "PS256", 200), (lax, "RS256", 200)):
            claims = {"iss": client.client_id, "sub": client.client_id, "aud": site.issuer, "exp": now + 60}
            assertion = sign(key, {**claims, "jti": f"{client.client_id}{algorithm}"}, algorithm=algorithm)
            form = {**MACHINE, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
            prover = Prover(site, client)
            reply = await prover.send(prover.prove(), **form)
            assert reply.status == status, (algorithm, reply.text)
