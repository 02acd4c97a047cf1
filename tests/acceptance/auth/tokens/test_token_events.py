from dataclasses import replace
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from auth.clients.registration import CreatedClient
from auth.tokens.table import token_events
from auth.tokens.token_events import delete_old_token_events
from ledger.storage.roles import Role
from ledger.viewer import Viewer, ViewerKind
from tests.support.auth_site import FORM, MACHINE, Site
from tests.support.auth_world import CALLBACK, new_verifier
from tests.support.refresh_sessions import begin


def regulator(site: Site) -> Viewer:
    return Viewer(
        kind=ViewerKind.REGULATOR,
        member_id=site.regulator,
        client_id=None,
        officer_id=None,
        office_id=None,
        brand_id=None,
    )


async def newest(site: Site, count: int = 1, *conditions: Any) -> list[Any]:
    statement = select(token_events).where(*conditions).order_by(token_events.c.id.desc()).limit(count)
    async with site.world.database.transaction(regulator(site), as_of=site.world.clock()) as tx:
        return list(await tx.execute(statement))


class TestTokenEvents:
    async def test_tell_what_a_machine_got(self, site: Site) -> None:
        reply = await site.post_token({**MACHINE, "scope": "orders:read"}, basic=site.machine)
        (event,) = await newest(site)
        assert (event.endpoint, event.client_id, event.is_authenticated) == ("token", site.machine.client_id, True)
        assert (event.grant_type, event.scopes, event.outcome) == ("client_credentials", ["orders:read"], "ok")
        assert event.token_id == (await site.principal(reply)).token_id
        assert (event.recorded_at, event.address) == (site.world.clock(), "127.0.0.1")

    async def test_tell_which_officer_and_family_a_refresh_was_for(self, site: Site) -> None:
        session = await begin(site)
        await session.refresh(session.token)
        refreshed, redeemed = await newest(site, 2)
        assert (refreshed.grant_type, redeemed.grant_type) == ("refresh_token", "authorization_code")
        assert refreshed.officer_id == redeemed.officer_id == site.officer
        assert refreshed.family_id == redeemed.family_id is not None

    async def test_tell_of_every_refusal_and_whether_the_client_was_proved(self, site: Site) -> None:
        wrong = CreatedClient(site.machine.client_id, "wrong")
        for basic, form, outcome, is_proved in (
            (wrong, MACHINE, "invalid_client", False),
            (site.machine, {**MACHINE, "scope": "admin"}, "invalid_scope", True),
            (site.machine, {"grant_type": "password"}, "unsupported_grant_type", False),
        ):
            await site.post_token(form, basic=basic)
            (event,) = await newest(site)
            assert (event.outcome, event.client_id) == (outcome, site.machine.client_id)
            assert event.is_authenticated is is_proved
            assert (event.token_id, event.scopes) == (None, [])

    async def test_tell_of_malformed_requests_and_of_the_other_endpoints(self, site: Site) -> None:
        await site.post_token("grant_type=%00", headers=FORM)
        await site.post("/oauth/revoke", site.machine, token="x")
        await site.post("/oauth/introspect", site.machine, token="x")
        await site.post("/oauth/par", site.machine, response_type="code")
        par, introspect, revoke, malformed = await newest(site, 4)
        assert (par.endpoint, par.outcome) == ("par", "unauthorized_client") or par.outcome == "invalid_request"
        assert (introspect.endpoint, introspect.outcome) == ("introspect", "ok")
        assert (revoke.endpoint, revoke.outcome) == ("revoke", "ok")
        assert (malformed.endpoint, malformed.outcome, malformed.client_id) == ("token", "invalid_request", None)

    async def test_a_flood_of_requests_that_prove_nothing_leaves_few_rows(self, site: Site) -> None:
        public = await site.officers_client(auth_method="none", grant_types=["authorization_code", "refresh_token"])
        wrong = CreatedClient(site.machine.client_id, "wrong")
        since = token_events.c.recorded_at == site.world.clock()
        for _ in range(10):
            await site.post_token(MACHINE, basic=wrong)
            await site.post_token("grant_type=%00", headers=FORM)
            await site.post_token({"grant_type": "refresh_token", "refresh_token": "x", "client_id": public.client_id})
            await site.post("/oauth/revoke", None, client_id=public.client_id, token="x")
        settings = site.world.settings
        assert len(await newest(site, 100, since)) == settings.token_refusals_per_address == 5
        for last in range(2, 10):
            connector = aiohttp.TCPConnector(local_addr=(f"127.0.0.{last}", 0))
            async with aiohttp.ClientSession(connector=connector) as http:
                for _ in range(5):
                    await replace(site, http=http).post_token(MACHINE, basic=wrong)
        assert len(await newest(site, 100, since)) == settings.token_refusals_recorded == 20
        await site.post_token(MACHINE, basic=site.machine)
        (event,) = await newest(site)
        assert event.outcome == "ok", "whoever proves something is always recorded"

    async def test_tell_of_a_public_clients_tokens_however_many_were_refused_before(self, site: Site) -> None:
        client = await site.officers_client(auth_method="none")
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        form = {"grant_type": "authorization_code", "client_id": client.client_id, "redirect_uri": CALLBACK}
        for _ in range(10):
            await site.post_token({**form, "code": "made-up", "code_verifier": verifier})
        issued = await site.post_token({**form, "code": code, "code_verifier": verifier})
        (event,) = await newest(site)
        assert (event.outcome, event.token_id) == ("ok", (await site.principal(issued)).token_id)
        revoked = {"client_id": client.client_id, "token": issued.json["access_token"]}
        await site.post("/oauth/revoke", None, **revoked)
        (event,) = await newest(site)
        assert (event.endpoint, event.client_id) == ("revoke", client.client_id)

    async def test_hold_no_secret_and_nothing_made_up(self, site: Site) -> None:
        session = await begin(site)
        await session.refresh(session.token)
        await site.post_token({"grant_type": "urn:made:up", "client_id": "made-up"})
        (made_up,) = await newest(site)
        assert (made_up.grant_type, made_up.client_id) == ("other", None)
        written = str(await newest(site, 1_000))
        secrets = (session.token, session.first.json["access_token"], session.client.secret, site.machine.secret)
        assert not any(secret in written for secret in secrets)

    async def test_stand_in_their_order_and_are_found_by_client(self, site: Site) -> None:
        client = await site.world.register(site.carrier, ["orders:read"])
        for _ in range(3):
            await site.post_token(MACHINE, basic=client)
        is_clients = token_events.c.client_id == client.client_id
        first, second = await newest(site, 2, is_clients)
        assert first.id > second.id
        (third,) = await newest(site, 2, is_clients, token_events.c.id < second.id)
        assert third.id < second.id

    async def test_are_read_by_the_regulator_and_changed_by_nobody(self, site: Site) -> None:
        await site.post_token(MACHINE, basic=site.machine)
        for role in set(Role) - {Role.REGULATOR, Role.JOBS}:
            async with site.world.database.system(role, as_of=site.world.clock()) as tx:
                with pytest.raises(DBAPIError, match="permission denied"):
                    await tx.execute(text("SELECT * FROM token_events"))
        for role in Role:
            async with site.world.database.system(role, as_of=site.world.clock()) as tx:
                with pytest.raises(DBAPIError, match="permission denied"):
                    await tx.execute(text("UPDATE token_events SET outcome = 'ok'"))

    async def test_are_deleted_when_their_time_is_over(self, site: Site) -> None:
        await site.post_token(MACHINE, basic=site.machine)
        site.world.clock.advance(86_400 * 2)
        await site.post_token(MACHINE, basic=site.machine)
        async with site.world.database.system(Role.JOBS, as_of=site.world.clock()) as tx:
            assert await delete_old_token_events(tx, kept_days=1) >= 1
        assert len(await newest(site, 10)) == 1
