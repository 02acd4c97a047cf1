import asyncio

import pytest
from sqlalchemy import func, select, update

from auth.clients.policies import ClientPolicy
from auth.clients.registration import disable_client
from auth.housekeeping import delete_expired
from auth.protocol.ended_grants import end_officer_grants
from auth.tokens.table import refresh_tokens, token_families
from auth.tokens.verification import Failure, Refusal
from ledger.members.table import officers
from ledger.storage.roles import Role
from tests.support.auth_site import Site
from tests.support.auth_world import CALLBACK, new_verifier
from tests.support.refresh_sessions import REFRESHING, Session, assert_refused, begin


@pytest.fixture
async def session(site: Site) -> Session:
    return await begin(site)


class TestRefreshToken:
    async def test_comes_only_when_asked_for_by_a_client_that_may_have_one(self, site: Site) -> None:
        assert "refresh_token" not in (await begin(site, scope="orders:read")).first.json
        without = await begin(site, grant_types=["authorization_code"])
        assert "refresh_token" not in without.first.json
        assert without.first.json["scope"] == "orders:approve orders:read"

    async def test_always_comes_where_that_is_the_clients_policy(self, site: Site) -> None:
        session = await begin(site, scope="orders:read", policies=[ClientPolicy.REFRESH_ALWAYS])
        assert session.token

    async def test_leads_to_a_token_for_the_same_officer_and_to_the_next_refresh_token(self, session: Session) -> None:
        reply = await session.refresh(session.token)
        assert reply.status == 200, reply.text
        assert reply.headers["Cache-Control"] == "no-store"
        assert reply.json["refresh_token"] != session.token
        principal = await session.site.principal(reply)
        assert principal.officer_id == session.site.officer
        assert principal.scopes == {"orders:read", "orders:approve"}
        assert (await session.refresh(reply.json["refresh_token"])).status == 200

    async def test_serves_a_public_client(self, site: Site) -> None:
        client = await site.officers_client(auth_method="none", **REFRESHING)
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier, scope="orders:read offline_access")
        named = {"client_id": client.client_id}
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
        first = await site.post_token({**form, **named})
        again = {"grant_type": "refresh_token", "refresh_token": first.json["refresh_token"], **named}
        assert (await site.post_token(again)).status == 200

    async def test_is_kept_as_a_hash_alone(self, session: Session) -> None:
        async with session.site.world.auth() as tx:
            rows = (await tx.execute(select(refresh_tokens))).all()
        assert all(session.token.encode() not in bytes(str(row), "utf-8") for row in rows)


class TestRotation:
    async def test_refresh_replay_revokes_the_family(self, session: Session) -> None:
        second = await session.refresh(session.token)
        session.site.world.clock.advance(session.site.world.settings.refresh_double_seconds + 1)

        assert_refused(await session.refresh(session.token))

        assert_refused(await session.refresh(second.json["refresh_token"]))
        for reply in (session.first, second):
            assert await session.verdict(reply) == Failure(Refusal.REVOKED)

    async def test_a_double_refresh_within_seconds_is_refused_and_ends_nothing(self, session: Session) -> None:
        second = await session.refresh(session.token)
        session.site.world.clock.advance(session.site.world.settings.refresh_double_seconds)
        assert_refused(await session.refresh(session.token))
        assert (await session.refresh(second.json["refresh_token"])).status == 200
        assert await session.verdict(second)

    async def test_of_eight_refreshes_at_once_one_wins(self, session: Session) -> None:
        replies = await asyncio.gather(*(session.refresh(session.token) for _ in range(8)))
        assert sorted(reply.status for reply in replies) == [200] + [400] * 7
        winner = next(reply for reply in replies if reply.status == 200)
        assert (await session.refresh(winner.json["refresh_token"])).status == 200

    async def test_another_clients_refresh_token_is_refused_and_ends_nothing(self, session: Session) -> None:
        thief = await session.site.officers_client(**REFRESHING)
        form = {"grant_type": "refresh_token", "refresh_token": session.token}
        assert_refused(await session.site.post_token(form, basic=thief))
        second = await session.refresh(session.token)
        session.site.world.clock.advance(60)
        assert_refused(await session.site.post_token(form, basic=thief))
        assert (await session.refresh(second.json["refresh_token"])).status == 200

    async def test_a_replayed_code_ends_what_was_refreshed_from_it(self, site: Site) -> None:
        client = await site.officers_client(**REFRESHING)
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier, scope="orders:read offline_access")
        session = Session(site, client, await site.redeem(client, code, verifier))
        second = await session.refresh(session.token)
        assert_refused(await site.redeem(client, code, verifier))
        assert_refused(await session.refresh(second.json["refresh_token"]))
        assert await session.verdict(second) == Failure(Refusal.REVOKED)


class TestScope:
    async def test_scope_escalation_by_refresh_is_refused(self, site: Site) -> None:
        session = await begin(site, ["orders:read", "orders:approve"], scope="orders:read offline_access")
        for scope in ("orders:approve", "orders:read orders:approve", "audit:read", "admin", "offline_access"):
            reply = await session.refresh(session.token, scope=scope)
            assert (reply.status, reply.error) == (400, "invalid_scope"), scope
        assert (await session.refresh(session.token)).json["scope"] == "orders:read"

    async def test_may_be_narrowed_for_one_access_token_and_is_whole_again_for_the_next(self, session: Session) -> None:
        narrow = await session.refresh(session.token, scope="orders:read")
        assert narrow.json["scope"] == "orders:read"
        whole = await session.refresh(narrow.json["refresh_token"])
        assert whole.json["scope"] == "orders:approve orders:read"

    async def test_a_scope_that_the_officer_lost_is_gone_from_the_next_token(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "losing", ["orders:read", "orders:approve"])
        client = await site.officers_client(**REFRESHING)
        verifier = new_verifier()
        after = await site.log_in(
            site.request(client, verifier, scope="orders:read orders:approve offline_access"), login="losing"
        )
        back = await site.go_on(after)
        session = Session(site, client, await site.redeem(client, back.sent_back["code"], verifier))
        async with site.world.database.system(Role.TRANSITION, as_of=site.world.clock()) as tx:
            await tx.execute(update(officers).where(officers.c.id == officer).values(scopes=["orders:read"]))
        second = await session.refresh(session.token)
        assert second.json["scope"] == "orders:read"
        await site.world.disable_officer(officer)
        assert_refused(await session.refresh(second.json["refresh_token"]))


class TestLifetime:
    async def test_an_idle_refresh_token_ends(self, session: Session) -> None:
        session.site.world.clock.advance(session.site.world.settings.refresh_idle_seconds)
        assert_refused(await session.refresh(session.token))

    async def test_a_family_ends_however_often_it_is_used(self, session: Session) -> None:
        settings = session.site.world.settings
        token, elapsed = session.token, 0
        step = settings.refresh_idle_seconds - 60
        while elapsed + step < settings.refresh_token_seconds:
            session.site.world.clock.advance(step)
            elapsed += step
            token = (await session.refresh(token)).json["refresh_token"]
        session.site.world.clock.advance(settings.refresh_token_seconds - elapsed)
        assert_refused(await session.refresh(token))

    async def test_a_disabled_clients_refresh_token_is_refused(self, session: Session) -> None:
        async with session.site.world.auth() as tx:
            await disable_client(tx, session.client.client_id)
        assert (await session.refresh(session.token)).status == 401

    async def test_all_of_an_officers_families_can_be_ended_at_once(self, site: Site) -> None:
        sessions = [await begin(site), await begin(site)]
        async with site.world.auth() as tx:
            ended = await end_officer_grants(tx, site.officer, settings=site.world.settings)
        assert ended >= 2
        for session in sessions:
            assert_refused(await session.refresh(session.token))
            assert await session.verdict(session.first) == Failure(Refusal.REVOKED)

    async def test_a_family_that_is_over_is_deleted_whole(self, session: Session) -> None:
        session.site.world.clock.advance(session.site.world.settings.refresh_token_seconds)
        async with session.site.world.auth() as tx:
            await delete_expired(tx)
            for table in (token_families, refresh_tokens):
                assert (await tx.execute(select(func.count()).select_from(table))).scalar_one() == 0

    async def test_nonsense_is_refused(self, session: Session) -> None:
        for token in ("x", "x" * 5_000, "%", session.token + "A", session.token.swapcase()):
            assert_refused(await session.refresh(token))
        reply = await session.site.post_token({"grant_type": "refresh_token"}, basic=session.client)
        assert (reply.status, reply.error) == (400, "invalid_request")
