import pytest

from auth.clients.policies import ClientPolicy
from auth.clients.registration import CreatedClient, disable_client
from auth.tokens.verification import Failure, Refusal, Success, TokenVerifier
from tests.support.auth_site import FORM, MACHINE, Site
from tests.support.auth_world import AUDIENCE
from tests.support.refresh_sessions import Session, assert_refused, begin


@pytest.fixture
async def session(site: Site) -> Session:
    return await begin(site)


@pytest.fixture
async def bearer(site: Site) -> str:
    reply = await site.post_token({**MACHINE, "scope": "orders:read"}, basic=site.machine)
    return str(reply.json["access_token"])


class TestRevocation:
    async def test_of_an_access_token_is_effective_in_every_process_within_a_second(
        self, site: Site, bearer: str
    ) -> None:
        world = site.world
        processes = [TokenVerifier(world.database, world.keys, world.settings) for _ in range(3)]
        for process in processes:
            assert await process.verify(bearer, world.clock())
        assert (await site.post("/oauth/revoke", site.machine, token=bearer)).status == 200
        world.clock.advance(0.9)
        for process in processes:
            assert await process.verify(bearer, world.clock()) == Failure(Refusal.REVOKED)

    async def test_of_a_refresh_token_ends_its_family_and_nothing_else(self, site: Site, session: Session) -> None:
        other = await begin(site)
        second = await session.refresh(session.token)
        reply = await site.post("/oauth/revoke", session.client, token=second.json["refresh_token"])
        assert (reply.status, reply.json) == (200, {})
        assert_refused(await session.refresh(second.json["refresh_token"]))
        for ended in (session.first, second):
            assert await session.verdict(ended) == Failure(Refusal.REVOKED)
        assert await session.verdict(other.first)

    async def test_of_an_access_token_leaves_its_refresh_token(self, site: Site, session: Session) -> None:
        token = session.first.json["access_token"]
        hint = {"token_type_hint": "refresh_token"}
        assert (await site.post("/oauth/revoke", session.client, token=token, **hint)).status == 200
        assert await session.verdict(session.first) == Failure(Refusal.REVOKED)
        assert await session.verdict(await session.refresh(session.token))

    async def test_can_be_asked_again_and_for_what_never_was(self, site: Site, session: Session) -> None:
        for token in (session.token, session.token, "nothing", "a.b.c", "x" * 5_000):
            assert (await site.post("/oauth/revoke", session.client, token=token)).status == 200

    async def test_of_another_clients_token_is_refused(self, site: Site, session: Session, bearer: str) -> None:
        for token in (session.token, session.first.json["access_token"]):
            reply = await site.post("/oauth/revoke", site.machine, token=token)
            assert (reply.status, reply.error) == (400, "invalid_grant")
        assert await session.verdict(session.first)

    async def test_needs_a_client_and_a_token(self, site: Site, bearer: str) -> None:
        wrong = CreatedClient(site.machine.client_id, "wrong")
        assert (await site.post("/oauth/revoke", wrong, token=bearer)).status == 401
        assert (await site.post("/oauth/revoke", None, token=bearer)).error == "invalid_client"
        assert (await site.post("/oauth/revoke", site.machine)).error == "invalid_request"
        in_url = await site.send("POST", f"/oauth/revoke?token={bearer}", data="", headers=FORM)
        assert (in_url.status, in_url.error) == (400, "invalid_request")


class TestIntrospection:
    async def test_tells_a_client_of_its_own_access_token(self, site: Site, bearer: str) -> None:
        reply = await site.post("/oauth/introspect", site.machine, token=bearer)
        verdict = await site.world.verifier.verify(bearer, site.world.clock())
        assert isinstance(verdict, Success)
        assert reply.json == {
            "active": True,
            "iss": site.issuer,
            "aud": AUDIENCE,
            "sub": site.machine.client_id,
            "client_id": site.machine.client_id,
            "scope": "orders:read",
            "jti": verdict.principal.token_id,
            "exp": int(site.world.clock().timestamp()) + 600,
            "token_type": "Bearer",
            "member_id": site.regulator,
            "member_kind": "REGULATOR",
        }
        assert reply.headers["Cache-Control"] == "no-store"

    async def test_tells_of_a_refresh_token_while_it_can_be_used(self, site: Site, session: Session) -> None:
        reply = await site.post("/oauth/introspect", session.client, token=session.token)
        assert (reply.json["active"], reply.json["sub"]) == (True, site.officer)
        await session.refresh(session.token)
        assert (await site.post("/oauth/introspect", session.client, token=session.token)).json == {"active": False}

    async def test_reads_the_same_truth_as_the_verifier(self, site: Site, session: Session, bearer: str) -> None:
        async def is_active(client: CreatedClient, token: str) -> bool:
            return bool((await site.post("/oauth/introspect", client, token=token)).json["active"])

        own = session.first.json["access_token"]
        assert await is_active(session.client, own)
        await site.post("/oauth/revoke", session.client, token=session.token)
        assert not await is_active(session.client, own)
        assert not await is_active(session.client, session.token)
        site.world.clock.advance(600)
        assert not await is_active(site.machine, bearer)

    async def test_says_no_more_of_anothers_token_than_of_none(self, site: Site, session: Session) -> None:
        for token in (session.token, session.first.json["access_token"], "nothing", "a.b.c"):
            assert (await site.post("/oauth/introspect", site.machine, token=token)).json == {"active": False}

    async def test_tells_a_client_with_the_policy_of_any_access_token(self, site: Site, session: Session) -> None:
        router = await site.world.register(site.regulator, ["orders:read"], policies=[ClientPolicy.INTROSPECT_ANY])
        reply = await site.post("/oauth/introspect", router, token=session.first.json["access_token"])
        assert (reply.json["active"], reply.json["officer_id"]) == (True, site.officer)
        refresh = await site.post("/oauth/introspect", router, token=session.token)
        assert refresh.json == {"active": False}

    async def test_tells_nothing_of_a_disabled_clients_token(self, site: Site) -> None:
        router = await site.world.register(site.regulator, ["orders:read"], policies=[ClientPolicy.INTROSPECT_ANY])
        leaving = await site.world.register(site.carrier, ["orders:read"])
        token = (await site.post_token(MACHINE, basic=leaving)).json["access_token"]
        async with site.world.auth() as tx:
            await disable_client(tx, leaving.client_id)
        assert (await site.post("/oauth/introspect", router, token=token)).json == {"active": False}

    async def test_is_closed_to_public_clients(self, site: Site) -> None:
        public = await site.officers_client(auth_method="none")
        reply = await site.post("/oauth/introspect", None, token="x", client_id=public.client_id)
        assert (reply.status, reply.error) == (400, "invalid_client")


class TestResource:
    async def test_may_name_the_one_that_tokens_are_for(self, site: Site) -> None:
        reply = await site.post_token({**MACHINE, "resource": AUDIENCE}, basic=site.machine)
        assert reply.status == 200

    async def test_a_token_for_another_resource_is_refused(self, site: Site) -> None:
        for resource in ("https://other.example.org", f"{AUDIENCE}/", "x"):
            reply = await site.post_token({**MACHINE, "resource": resource}, basic=site.machine)
            assert (reply.status, reply.error) == (400, "invalid_target")
        client = await site.officers_client()
        back = await site.authorize(site.request(client, resource="https://other.example.org"))
        assert (back.sent_back["error"], back.sent_back["iss"]) == ("invalid_target", site.issuer)
