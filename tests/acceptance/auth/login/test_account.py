"""Logging out, switching accounts, changing the password, taking consents back: over HTTP."""

import asyncio
import re
from dataclasses import replace
from urllib.parse import quote, urlencode

import aiohttp

from auth.login.account_endpoints import (
    CONSENT_REVOKED,
    LOGGED_OUT,
    LOGGED_OUT_EVERYWHERE,
    PASSWORD_CHANGED,
    PASSWORD_DIFFERS,
    PASSWORD_WRONG,
)
from auth.login.logins import set_password
from auth.tokens.verification import Failure, Refusal
from tests.support.account_pages import ACCOUNT, CHANGE, LOGOUT, enter, forms_of, is_in, session_of
from tests.support.auth_site import Reply, Site, action_of, csrf_of
from tests.support.auth_world import PASSWORD, new_verifier
from tests.support.refresh_sessions import assert_refused, begin

AFTER = "https://console.example.org/bye?from=us"


class TestAccount:
    async def test_needs_a_login_and_leads_to_one(self, site: Site) -> None:
        for path in (ACCOUNT, CHANGE):
            reply = await site.send("GET", path)
            assert (reply.status, reply.headers["Location"]) == (303, "/oauth/login")
        assert (await enter(site)).headers["Location"] == ACCOUNT
        assert "<strong>ana</strong>" in (await site.send("GET", ACCOUNT)).text

    async def test_takes_a_consent_back_by_its_own_form_only(self, site: Site) -> None:
        client = await site.officers_client()
        await site.go_on(await site.log_in(site.request(client)))
        page = await site.send("GET", ACCOUNT)
        form = forms_of(page, "/oauth/account/consents") | {"client_id": client.client_id}
        for forged in ({**form, "csrf_token": "0" * 64}, {**form, "client_id": "\x00"}):
            assert (await site.send_form("/oauth/account/consents", forged)).status == 400
        assert (await site.authorize(site.request(client))).status == 302
        assert (await site.send_form("/oauth/account/consents", form)).status == 200
        assert 'name="decision"' in (await site.authorize(site.request(client))).text

    async def test_taken_back_consent_ends_code_refresh_and_access_tokens_within_a_second(self, site: Site) -> None:
        taken, kept = await begin(site), await begin(site)
        verifier = new_verifier()
        back = await site.authorize(site.request(taken.client, verifier, scope="orders:read"))
        other = await site.authorize(site.request(kept.client, verifier, scope="orders:read"))
        await site.principal(taken.first)
        form = forms_of(await site.send("GET", ACCOUNT), "/oauth/account/consents")
        reply = await site.send_form("/oauth/account/consents", form | {"client_id": taken.client.client_id})
        assert CONSENT_REVOKED in reply.text
        assert f'value="{taken.client.client_id}"' not in reply.text
        site.world.clock.advance(1)
        assert_refused(await site.redeem(taken.client, back.sent_back["code"], verifier))
        assert_refused(await taken.refresh(taken.token))
        assert await site.verdict(taken.first) == Failure(Refusal.REVOKED)
        assert (await site.redeem(kept.client, other.sent_back["code"], verifier)).status == 200
        assert (await kept.refresh(kept.token)).status == 200

    async def test_a_disabled_officers_session_opens_nothing(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "dismissed", ["orders:read"])
        await enter(site, "dismissed")
        assert await is_in(site)
        await site.world.disable_officer(officer)
        assert not await is_in(site)


class TestLogout:
    async def test_asks_and_ends_the_session(self, site: Site) -> None:
        await enter(site)
        kept = session_of(site)
        page = await site.send("GET", LOGOUT)
        assert await is_in(site), "a link alone logs nobody out"
        assert (await site.send_form(LOGOUT, {"csrf_token": csrf_of(page)})).status == 200
        assert not await is_in(site)
        site.http.cookie_jar.clear()
        reply = await site.send("GET", ACCOUNT, headers={"Cookie": f"jembatan_session={kept}"})
        assert reply.status == 303, "the token that was there before is worth nothing"

    async def test_of_this_browser_leaves_others_and_applications_alone(self, site: Site) -> None:
        session = await begin(site)
        elsewhere = session_of(site)
        site.http.cookie_jar.clear()
        await enter(site)
        form = forms_of(await site.send("GET", ACCOUNT), LOGOUT) | {"where": "here"}
        assert LOGGED_OUT in (await site.send_form(LOGOUT, form)).text
        assert (await session.refresh(session.token)).status == 200
        reply = await site.send("GET", ACCOUNT, headers={"Cookie": f"jembatan_session={elsewhere}"})
        assert reply.status == 200

    async def test_everywhere_ends_stolen_sessions_codes_and_tokens_within_a_second(self, site: Site) -> None:
        session = await begin(site)
        verifier = new_verifier()
        taken = await site.authorize(site.request(session.client, verifier, scope="orders:read"))
        await site.principal(session.first)
        stolen = session_of(site)
        site.http.cookie_jar.clear()
        await enter(site)
        page = await site.send("GET", LOGOUT)
        form = forms_of(page, LOGOUT) | {"where": "everywhere"}
        assert (await site.send_form(LOGOUT, form | {"csrf_token": "0" * 64})).status == 400
        assert await is_in(site), "a forged form ends nothing"
        assert LOGGED_OUT_EVERYWHERE in (await site.send_form(LOGOUT, form)).text
        site.http.cookie_jar.clear()
        site.world.clock.advance(1)
        reply = await site.send("GET", ACCOUNT, headers={"Cookie": f"jembatan_session={stolen}"})
        assert reply.status == 303
        assert_refused(await site.redeem(session.client, taken.sent_back["code"], verifier))
        assert_refused(await session.refresh(session.token))
        assert await site.verdict(session.first) == Failure(Refusal.REVOKED)

    async def test_csrf_on_logout_is_refused(self, site: Site) -> None:
        await enter(site)
        good = {"csrf_token": csrf_of(await site.send("GET", LOGOUT))}
        forgeries = [
            ({"csrf_token": "0" * 64}, {}),
            ({}, {}),
            (good, {"Origin": "https://evil.example.org"}),
            (good, {"Sec-Fetch-Site": "cross-site"}),
        ]
        for form, headers in forgeries:
            assert (await site.send_form(LOGOUT, form, headers=headers)).status == 400
        assert await is_in(site)

    async def test_leads_on_only_where_the_client_has_it_registered_exactly(self, site: Site) -> None:
        client = await site.officers_client(post_logout_redirect_uris=[AFTER])
        other = await site.officers_client()
        query = {"client_id": client.client_id, "post_logout_redirect_uri": AFTER, "state": "s 1"}
        await enter(site)
        page = await site.send("GET", f"{LOGOUT}?{urlencode(query)}")
        assert "form-action 'self' https://console.example.org;" in page.headers["Content-Security-Policy"]
        gone = await site.send_form(action_of(page), {"csrf_token": csrf_of(page)})
        assert gone.headers["Location"] == f"{AFTER}&state=s+1"
        tricks = [
            {**query, "post_logout_redirect_uri": uri}
            for uri in (f"{AFTER}/", AFTER.replace("console", "CONSOLE"), "https://evil.example.org", "//evil", "x\\y")
        ]
        for parameters in [*tricks, {**query, "client_id": other.client_id}, {"post_logout_redirect_uri": AFTER}]:
            reply = await site.send("GET", f"{LOGOUT}?{urlencode(parameters)}")
            assert "Location" not in reply.headers, parameters
        again = await site.send("GET", f"{LOGOUT}?post_logout_redirect_uri={quote(AFTER)}&client_id=%00")
        assert again.status == 400

    async def test_a_browser_stays_known_after_logging_out(self, site: Site) -> None:
        await enter(site)
        page = await site.send("GET", LOGOUT)
        await site.send_form(LOGOUT, {"csrf_token": csrf_of(page)})
        assert "jembatan_device" in {cookie.key for cookie in site.http.cookie_jar}


class TestSwitch:
    async def test_leads_another_officer_through_the_same_request(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "second", ["orders:read"])
        client = await site.officers_client()
        after = await site.log_in(site.request(client))
        page = await site.send("GET", after.headers["Location"])
        action = re.search(r'action="(/oauth/switch[^"]*)"', page.text)[1]
        form = forms_of(page, action)
        assert (await site.send_form(action.replace("&amp;", "&"), {"csrf_token": "0" * 64})).status == 303
        assert 'name="decision"' in (await site.send("GET", after.headers["Location"])).text, (
            "a forged form ends nothing"
        )
        switched = await site.send_form(action.replace("&amp;", "&"), form)
        login = await site.send("GET", switched.headers["Location"])
        form = {"login": "second", "password": PASSWORD, "csrf_token": csrf_of(login)}
        assert (await site.go_on(await site.send_form(action_of(login), form))).sent_back["code"]


class TestPassword:
    async def change(self, site: Site, old: str, new: str, repeated: str | None = None, **more: str) -> Reply:
        page = await site.send("GET", CHANGE)
        form = {"old_password": old, "new_password": new, "repeated_password": repeated or new}
        return await site.send_form(CHANGE, {**form, "csrf_token": csrf_of(page), **more})

    async def test_changes_it_and_logs_out_everywhere_else(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "changing", ["orders:read"])
        await enter(site, "changing")
        elsewhere = session_of(site)
        site.http.cookie_jar.clear()
        await enter(site, "changing")
        reply = await self.change(site, PASSWORD, "a quite different phrase")
        assert PASSWORD_CHANGED in reply.text
        assert await is_in(site), "this browser stays in, with another token"
        site.http.cookie_jar.clear()
        stolen = await site.send("GET", ACCOUNT, headers={"Cookie": f"jembatan_session={elsewhere}"})
        assert stolen.status == 303
        assert (await enter(site, "changing")).status == 403
        assert (await enter(site, "changing", "a quite different phrase")).status == 303

    async def test_ends_what_clients_could_refresh(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "refreshing", ["orders:read"])
        client = await site.officers_client(grant_types=["authorization_code", "refresh_token"])
        verifier = new_verifier()
        request = site.request(client, verifier, scope="orders:read offline_access")
        back = await site.go_on(await site.log_in(request, "refreshing"))
        first = await site.redeem(client, back.sent_back["code"], verifier)
        await self.change(site, PASSWORD, "a quite different phrase")
        form = {"grant_type": "refresh_token", "refresh_token": first.json["refresh_token"]}
        assert (await site.post_token(form, basic=client)).error == "invalid_grant"

    async def test_ends_codes_and_access_tokens_within_a_second(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "hurrying", ["orders:read"])
        client = await site.officers_client()
        verifier = new_verifier()
        back = await site.go_on(await site.log_in(site.request(client, verifier), "hurrying"))
        granted = await site.redeem(client, back.sent_back["code"], verifier)
        await site.principal(granted)
        taken = await site.authorize(site.request(client, verifier))
        await self.change(site, PASSWORD, "a quite different phrase")
        site.world.clock.advance(1)
        assert_refused(await site.redeem(client, taken.sent_back["code"], verifier))
        assert await site.verdict(granted) == Failure(Refusal.REVOKED)
        fresh = await site.authorize(site.request(client, verifier))
        assert (await site.redeem(client, fresh.sent_back["code"], verifier)).status == 200

    async def test_an_operators_reset_ends_codes_and_tokens_too(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "reset", ["orders:read"])
        client = await site.officers_client(grant_types=["authorization_code", "refresh_token"])
        verifier = new_verifier()
        request = site.request(client, verifier, scope="orders:read offline_access")
        back = await site.go_on(await site.log_in(request, "reset"))
        first = await site.redeem(client, back.sent_back["code"], verifier)
        await site.principal(first)
        taken = await site.authorize(request)
        parts = {"login": "reset", "password": "a quite different phrase", "settings": site.world.settings}
        async with site.world.auth() as tx:
            await set_password(tx, site.world.passwords, **parts)
        site.world.clock.advance(1)
        assert_refused(await site.redeem(client, taken.sent_back["code"], verifier))
        form = {"grant_type": "refresh_token", "refresh_token": first.json["refresh_token"]}
        assert_refused(await site.post_token(form, basic=client))
        assert await site.verdict(first) == Failure(Refusal.REVOKED)

    async def test_codes_asked_for_while_it_changes_are_worth_nothing(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "racing", ["orders:read"])
        client = await site.officers_client()
        verifier = new_verifier()
        request = site.request(client, verifier)
        await site.go_on(await site.log_in(request, "racing"))
        page = await site.send("GET", CHANGE)
        new = "a quite different phrase"
        form = {"old_password": PASSWORD, "new_password": new, "repeated_password": new, "csrf_token": csrf_of(page)}
        old = {"Cookie": f"jembatan_session={session_of(site)}"}
        change = asyncio.create_task(site.send_form(CHANGE, form))
        asked: list[Reply] = []
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            thief = replace(site, http=http)
            while not change.done():
                asked += await asyncio.gather(*(thief.authorize(request, headers=old) for _ in range(4)))
        assert PASSWORD_CHANGED in (await change).text
        codes = [reply.sent_back["code"] for reply in asked if reply.status == 302]
        assert codes
        for code in codes:
            assert_refused(await site.redeem(client, code, verifier))

    async def test_refuses_without_the_old_one_and_bounds_guesses_at_it(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "guessed", ["orders:read"])
        await enter(site, "guessed")
        for _ in range(site.world.settings.login_attempts_per_source):
            reply = await self.change(site, "wrong password", "a quite different phrase")
            assert (reply.status, PASSWORD_WRONG in reply.text) == (403, True)
        assert (await self.change(site, PASSWORD, "a quite different phrase")).status == 403
        site.http.cookie_jar.clear()
        assert (await enter(site, "guessed")).status == 303, "the login itself is not held up by it"

    async def test_refuses_weak_and_mistyped_ones(self, site: Site) -> None:
        await enter(site)
        for new in ("short", "passwordpassword", "ana ana ana ana", "x" * 300):
            assert (await self.change(site, PASSWORD, new)).status == 400
        assert PASSWORD_DIFFERS in (await self.change(site, PASSWORD, "a quite different phrase", "another one")).text

    async def test_csrf_on_the_password_page_is_refused(self, site: Site) -> None:
        await enter(site)
        assert (await self.change(site, PASSWORD, "a quite different phrase", csrf_token="0" * 64)).status == 400
        assert (await enter(site)).status == 303
