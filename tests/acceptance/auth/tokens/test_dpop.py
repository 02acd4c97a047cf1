import asyncio
import json
from base64 import urlsafe_b64encode

import pytest
from joserfc.jwk import RSAKey

from auth.clients.policies import ClientPolicy
from auth.tokens.bound_tokens import BoundTokenVerifier
from auth.tokens.dpop import NONCE_SECONDS
from auth.tokens.verification import Failure, Refusal, Success, TokenVerifier
from tests.support.auth_site import Reply, Site, claims_of
from tests.support.auth_world import CALLBACK, client_key, new_verifier, sign
from tests.support.prover import GRAPH, Prover
from tests.support.refresh_sessions import REFRESHING, assert_refused


@pytest.fixture
async def prover(site: Site) -> Prover:
    return Prover(site, await site.world.register(site.carrier, ["orders:read"]))


def assert_bad(reply: Reply, error: str = "invalid_dpop_proof") -> None:
    assert (reply.status, reply.error) == (400, error), reply.text


class TestTokenRequest:
    async def test_with_a_proof_gets_a_token_bound_to_its_key(self, prover: Prover) -> None:
        reply = await prover.send(prover.prove())
        assert reply.status == 200, reply.text
        assert reply.json["token_type"] == "DPoP"
        assert claims_of(reply.json["access_token"])["cnf"] == {"jkt": prover.thumbprint}

    async def test_takes_an_rsa_key_too(self, prover: Prover) -> None:
        prover.key = RSAKey.generate_key(2048, private=True)
        proof = sign(
            prover.key,
            prover.claims(),
            algorithm="PS256",
            typ="dpop+jwt",
            jwk=prover.key.as_dict(private=False),
        )
        assert (await prover.send(proof)).status == 200

    async def test_is_told_the_nonce_and_goes_through_with_it(self, prover: Prover) -> None:
        for nonce in (None, "made-up", "é"):
            reply = await prover.send(prover.prove(nonce=nonce))
            assert_bad(reply, "use_dpop_nonce")
        assert (await prover.send(prover.prove(nonce=reply.headers["DPoP-Nonce"]))).status == 200

    async def test_an_old_nonce_is_refused(self, prover: Prover) -> None:
        old = prover.claims()["nonce"]
        prover.site.world.clock.advance(NONCE_SECONDS * 2)
        assert_bad(await prover.send(prover.prove(nonce=old)), "use_dpop_nonce")

    async def test_dpop_proof_replay_is_refused(self, prover: Prover) -> None:
        proof = prover.prove()
        assert (await prover.send(proof)).status == 200
        assert_bad(await prover.send(proof))

    async def test_of_a_proof_used_eight_times_at_once_one_wins(self, prover: Prover) -> None:
        proof = prover.prove()
        replies = await asyncio.gather(*(prover.send(proof) for _ in range(8)))
        assert sorted(reply.status for reply in replies) == [200] + [400] * 7

    async def test_wrong_htu_or_htm_is_refused(self, prover: Prover) -> None:
        issuer = prover.site.issuer
        for change in (
            {"htu": GRAPH},
            {"htu": f"{issuer}/oauth/revoke"},
            {"htu": f"{issuer}/oauth/token/"},
            {"htu": issuer.replace("http:", "https:") + "/oauth/token"},
            {"htu": None},
            {"htu": 7},
            {"htu": "http://[/oauth/token"},
            {"htm": "GET"},
            {"htm": "post"},
            {"htm": None},
        ):
            assert_bad(await prover.send(prover.prove(**change)))
        assert (await prover.send(prover.prove(htu=f"{issuer}/oauth/token?a=1#b"))).status == 200

    async def test_a_proof_out_of_its_time_is_refused(self, prover: Prover) -> None:
        now = int(prover.site.world.clock().timestamp())
        ends_of_time = (253_402_300_799, -62_135_596_800, 2**63, 2**4_000, 1e300, float("inf"), float("nan"))
        for made_at in (now - 3_600, now + 3_600, None, "now", True, *ends_of_time):
            assert_bad(await prover.send(prover.prove(iat=made_at)))

    async def test_a_proof_without_a_usable_jti_is_refused(self, prover: Prover) -> None:
        for jti in (None, "", 7, "x" * 300):
            assert_bad(await prover.send(prover.prove(jti=jti)))
        assert (await prover.send(prover.prove(jti="nul \x00 and \ud800"))).status == 200

    async def test_alg_none_another_type_and_a_private_key_are_refused(self, prover: Prover) -> None:
        for header in (
            {"typ": "JWT"},
            {"typ": "at+jwt"},
            {"jwk": None},
            {"jwk": prover.key.as_dict(private=True)},
            {"jwk": client_key().as_dict(private=False)},
            {"jwk": {"kty": "oct", "k": "AAAA"}},
        ):
            assert_bad(await prover.send(prover.prove(header)))
        for algorithm in ("none", "HS256", "", None, 7):
            head = {"typ": "dpop+jwt", "alg": algorithm, "jwk": prover.key.as_dict(private=False)}
            parts = [urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in (head, {})]
            assert_bad(await prover.send(f"{parts[0]}.{parts[1]}.AAAA"))

    async def test_nonsense_and_two_proofs_are_refused(self, prover: Prover) -> None:
        for proof in ("a", "a.b.c", "é.b.c", "x" * 9_000, ""):
            assert_bad(await prover.send(proof))
        assert_bad(await prover.send(prover.prove(), prover.prove()))

    async def test_a_client_whose_policy_it_is_gets_nothing_without_a_proof(self, site: Site) -> None:
        client = await site.world.register(site.carrier, ["orders:read"], policies=[ClientPolicy.REQUIRE_DPOP])
        prover = Prover(site, client)
        assert_bad(await prover.send())
        assert (await prover.send(prover.prove())).status == 200


class TestBoundCode:
    async def test_a_code_bound_to_a_key_is_refused_with_another(self, site: Site) -> None:
        client = await site.officers_client()
        owner, thief = Prover(site, client), Prover(site, client)
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier, dpop_jkt=owner.thumbprint)
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        assert_refused(await thief.send(thief.prove(), **form))
        assert_refused(await owner.send(**form))
        assert (await owner.send(owner.prove(), **form)).json["token_type"] == "DPoP"

    async def test_a_public_clients_refresh_token_is_bound_to_its_key(self, site: Site) -> None:
        client = await site.officers_client(auth_method="none", **REFRESHING)
        owner, thief = Prover(site, client), Prover(site, client)
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier, scope="orders:read offline_access")
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        first = await owner.send(owner.prove(), **form)
        again = {"grant_type": "refresh_token", "refresh_token": first.json["refresh_token"]}
        assert_refused(await thief.send(thief.prove(), **again))
        assert_refused(await owner.send(**again))
        assert (await owner.send(owner.prove(), **again)).json["token_type"] == "DPoP"


class TestBoundToken:
    async def test_counts_with_a_proof_of_its_key(self, prover: Prover) -> None:
        token = await prover.obtain()
        verdict = await prover.show(token, prover.prove_graph(token))
        assert isinstance(verdict, Success), verdict
        assert verdict.principal.client_id == prover.client.client_id

    async def test_is_no_bearer_token(self, prover: Prover) -> None:
        token = await prover.obtain()
        verdict = await prover.site.world.verifier.verify(token, prover.site.world.clock())
        assert verdict == Failure(Refusal.PROOF_MISSING)

    async def test_proof_replay_is_refused_by_another_process_too(self, prover: Prover) -> None:
        token = await prover.obtain()
        proof = prover.prove_graph(token)
        assert await prover.show(token, proof)
        world = prover.site.world
        other = TokenVerifier(world.database, world.keys, world.settings)
        elsewhere = BoundTokenVerifier(world.database, other, world.settings)
        again = await elsewhere.verify(token, proofs=[proof], method="POST", uri=GRAPH, as_of=world.clock())
        assert again == Failure(Refusal.PROOF_INVALID)

    async def test_a_proof_of_another_key_token_or_request_is_refused(self, prover: Prover) -> None:
        token, other = await prover.obtain(), await prover.obtain()
        thief = Prover(prover.site, prover.client)
        for proofs in (
            [thief.prove_graph(token)],
            [prover.prove_graph(other)],
            [prover.prove_graph(token, ath=None)],
            [prover.prove_graph(token, htm="GET")],
            [prover.prove_graph(token, htu=f"{prover.site.issuer}/oauth/token")],
            [prover.prove_graph(token), prover.prove_graph(token)],
            [],
        ):
            assert await prover.show(token, *proofs) == Failure(Refusal.PROOF_INVALID)
        fresh = await prover.show(token, prover.prove_graph(token, nonce="old"))
        assert fresh == Failure(Refusal.PROOF_NONCE)

    async def test_a_bearer_token_dressed_up_with_a_proof_is_refused(self, prover: Prover) -> None:
        token = (await prover.send()).json["access_token"]
        assert await prover.show(token, prover.prove_graph(token)) == Failure(Refusal.PROOF_INVALID)
