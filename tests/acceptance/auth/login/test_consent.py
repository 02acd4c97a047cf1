"""The consent page: what it shows, what it remembers, and who can't answer it for the officer."""

import asyncio

from sqlalchemy import update

from auth.clients.consents import list_consents, revoke_consent
from auth.clients.registration import CreatedClient
from auth.scopes import OFFLINE_ACCESS_WORDS, WORDS
from ledger.members.table import officers
from ledger.storage.roles import Role
from tests.support.auth_site import Reply, Site, action_of, consent_of, csrf_of
from tests.support.auth_world import CALLBACK, PASSWORD


async def reach(site: Site, client: CreatedClient, login: str = "ana", **changes: str | None) -> Reply:
    """The consent page, after the login."""
    after = await site.log_in(site.request(client, **changes), login=login)
    assert after.status == 303, after.text
    page = await site.send("GET", after.headers["Location"])
    assert 'name="decision"' in page.text, page.text
    return page


class TestConsent:
    async def test_names_client_officer_and_each_scope_in_words(self, site: Site) -> None:
        page = await reach(site, await site.officers_client(["orders:read", "orders:approve", "audit:read"]))
        for part in (WORDS["orders:read"], WORDS["orders:approve"], "<strong>client</strong>", "<strong>ana</strong>"):
            assert part in page.text
        assert WORDS["audit:read"] not in page.text, "the officer has not that scope"
        assert "https://console.example.org" in page.text
        assert "<script" not in page.text
        assert "form-action 'self' https://console.example.org;" in page.headers["Content-Security-Policy"]

    async def test_is_asked_once_and_again_when_the_client_wants_more(self, site: Site) -> None:
        client = await site.officers_client()
        page = await reach(site, client, scope="orders:read")
        assert (await site.send_form(action_of(page), consent_of(page))).sent_back["code"]
        assert (await site.authorize(site.request(client, scope="orders:read"))).sent_back["code"]
        more = await site.authorize(site.request(client, scope="orders:read orders:approve"))
        assert WORDS["orders:approve"] in more.text
        assert (await site.send_form(action_of(more), consent_of(more))).sent_back["code"]
        assert (await site.authorize(site.request(client, scope="orders:read"))).sent_back["code"]

    async def test_names_access_that_outlives_the_visit_and_asks_for_it_on_its_own(self, site: Site) -> None:
        client = await site.officers_client(grant_types=["authorization_code", "refresh_token"])
        page = await reach(site, client, scope="orders:read")
        assert OFFLINE_ACCESS_WORDS not in page.text
        await site.send_form(action_of(page), consent_of(page))
        more = await site.authorize(site.request(client, scope="orders:read offline_access"))
        assert OFFLINE_ACCESS_WORDS in more.text
        assert (await site.send_form(action_of(more), consent_of(more))).sent_back["code"]
        assert (await site.authorize(site.request(client, scope="orders:read offline_access"))).sent_back["code"]

    async def test_a_refusal_is_told_to_the_client_and_not_remembered(self, site: Site) -> None:
        client = await site.officers_client()
        page = await reach(site, client)
        back = await site.send_form(action_of(page), consent_of(page, "deny"))
        assert (back.sent_back["error"], back.sent_back["iss"]) == ("access_denied", site.issuer)
        assert back.sent_back["state"] == "st-1"
        assert (await site.authorize(site.request(client))).status == 200

    async def test_is_one_officers_and_one_clients(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "another", ["orders:read", "orders:approve"])
        client, other = await site.officers_client(), await site.officers_client()
        await site.go_on(await site.log_in(site.request(client)))
        assert 'name="decision"' in (await site.authorize(site.request(other))).text
        site.http.cookie_jar.clear()
        await reach(site, client, login="another")

    async def test_can_be_taken_back(self, site: Site) -> None:
        client = await site.officers_client()
        await site.go_on(await site.log_in(site.request(client)))
        async with site.world.auth() as tx:
            given = {consent.client_id: consent.scopes for consent in await list_consents(tx, site.officer)}
            assert given[client.client_id] == ["orders:approve", "orders:read"]
            assert await revoke_consent(tx, officer_id=site.officer, client_id=client.client_id)
            assert not await revoke_consent(tx, officer_id=site.officer, client_id=client.client_id)
        assert 'name="decision"' in (await site.authorize(site.request(client))).text

    async def test_two_answers_at_once_both_go_back(self, site: Site) -> None:
        page = await reach(site, await site.officers_client())
        answers = await asyncio.gather(*(site.send_form(action_of(page), consent_of(page)) for _ in range(4)))
        assert all(answer.sent_back["code"] for answer in answers)

    async def test_agrees_to_no_more_than_was_shown(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "growing", ["orders:read"])
        client = await site.officers_client()
        page = await reach(site, client, login="growing")
        async with site.world.database.system(Role.TRANSITION, as_of=site.world.clock()) as tx:
            await tx.execute(
                update(officers).where(officers.c.id == officer).values(scopes=["orders:read", "orders:approve"])
            )
        again = await site.send_form(action_of(page), consent_of(page))
        assert again.status == 200
        assert WORDS["orders:approve"] in again.text


class TestAttacksOnConsent:
    async def test_csrf_on_consent_is_refused(self, site: Site) -> None:
        client = await site.officers_client()
        page = await reach(site, client)
        good = consent_of(page)
        forgeries: list[tuple[dict[str, str], dict[str, str]]] = [
            ({**good, "csrf_token": "0" * 64}, {}),
            ({**good, "csrf_token": "é"}, {}),
            ({"scope": good["scope"], "decision": "allow"}, {}),
            ({**good, "scope": "orders:read"}, {}),
            ({**good, "scope": good["scope"] + " audit:read"}, {}),
            (good, {"Origin": "https://evil.example.org"}),
            (good, {"Origin": "null"}),
            (good, {"Sec-Fetch-Site": "cross-site"}),
        ]
        for form, headers in forgeries:
            reply = await site.send_form(action_of(page), form, headers=headers)
            assert reply.status == 400, (form, headers)
            assert "Location" not in reply.headers
        other = await site.authorize(site.request(client))
        assert (await site.send_form(action_of(other), good)).status == 400, "the form of another request"
        assert 'name="decision"' in (await site.authorize(site.request(client))).text, "nothing was remembered"

    async def test_csrf_with_the_form_of_the_attackers_own_session_is_refused(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "attacker", ["orders:read", "orders:approve"])
        client = await site.officers_client()
        parameters = site.request(client)
        after = await site.log_in(parameters, login="attacker")
        forged = consent_of(await site.send("GET", after.headers["Location"]))
        site.http.cookie_jar.clear()
        after = await site.log_in(parameters)
        page = await site.send("GET", after.headers["Location"])
        assert (await site.send_form(action_of(page), forged)).status == 400

    async def test_clickjacking_the_consent_page_can_not_be_framed(self, site: Site) -> None:
        page = await reach(site, await site.officers_client())
        assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["X-Frame-Options"] == "DENY"

    async def test_another_program_on_the_device_gets_no_code_by_a_remembered_consent(self, site: Site) -> None:
        loopback, private = "http://127.0.0.1/callback", "org.example.console:/callback"
        client = await site.officers_client(
            auth_method="none", is_native=True, redirect_uris=[loopback, private, CALLBACK]
        )
        page = await reach(site, client, redirect_uri="http://127.0.0.1:5123/callback")
        assert "You are asked each time" in page.text
        assert (await site.send_form(action_of(page), consent_of(page))).sent_back["code"]
        for uri in ("http://127.0.0.1:6666/callback", loopback, private):
            again = await site.authorize(site.request(client, redirect_uri=uri))
            assert (again.status, 'name="decision"' in again.text) == (200, True), uri
            silent = await site.authorize(site.request(client, redirect_uri=uri, prompt="none"))
            assert silent.sent_back["error"] == "consent_required", uri
        assert (await site.authorize(site.request(client))).sent_back["code"], "https proves the client"

    async def test_a_loopback_client_that_authenticates_is_remembered(self, site: Site) -> None:
        loopback = "http://127.0.0.1/callback"
        client = await site.officers_client(is_native=True, redirect_uris=[loopback])
        page = await reach(site, client, redirect_uri=loopback)
        assert "Your answer is remembered" in page.text
        await site.send_form(action_of(page), consent_of(page))
        assert (await site.authorize(site.request(client, redirect_uri=loopback))).sent_back["code"]

    async def test_without_a_session_the_form_leads_to_the_login(self, site: Site) -> None:
        page = await reach(site, await site.officers_client())
        site.http.cookie_jar.clear()
        reply = await site.send_form(action_of(page), consent_of(page))
        assert (reply.status, 'name="password"' in reply.text) == (400, True)

    async def test_redirect_tricks_on_the_form_go_nowhere(self, site: Site) -> None:
        client = await site.officers_client()
        page = await reach(site, client)
        evil = action_of(page).replace("console.example.org", "evil.example.org")
        reply = await site.send_form(evil, consent_of(page))
        assert (reply.status, "Location" in reply.headers) == (400, False)


class TestPrompt:
    async def test_login_has_the_officer_log_in_again_once(self, site: Site) -> None:
        client = await site.officers_client()
        await site.go_on(await site.log_in(site.request(client)))
        for prompt in ("login", "select_account"):
            page = await site.authorize(site.request(client, prompt=prompt))
            assert 'name="password"' in page.text
            form = {"login": "ana", "password": PASSWORD, "csrf_token": csrf_of(page)}
            assert (await site.go_on(await site.send_form(action_of(page), form))).sent_back["code"]

    async def test_consent_has_the_officer_asked_again(self, site: Site) -> None:
        client = await site.officers_client()
        await site.go_on(await site.log_in(site.request(client)))
        page = await site.authorize(site.request(client, prompt="consent"))
        assert (await site.send_form(action_of(page), consent_of(page))).sent_back["code"]

    async def test_none_shows_no_page(self, site: Site) -> None:
        client = await site.officers_client()
        silent = await site.authorize(site.request(client, prompt="none"))
        assert (silent.sent_back["error"], silent.sent_back["iss"]) == ("login_required", site.issuer)
        assert silent.sent_back["state"] == "st-1"
        await reach(site, client)
        silent = await site.authorize(site.request(client, prompt="none"))
        assert (silent.sent_back["error"], silent.sent_back["state"]) == ("consent_required", "st-1")
