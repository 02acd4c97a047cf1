import asyncio

from sqlalchemy import update

from auth.clients.registration import disable_client
from auth.tokens.verification import Failure, Refusal
from ledger.members.table import officers
from ledger.storage.roles import Role
from tests.support.auth_site import Reply, Site, action_of, csrf_of
from tests.support.auth_world import CALLBACK, PASSWORD, new_verifier

HTML = {"Accept": "text/html,application/xhtml+xml"}


class TestAuthorizationCode:
    async def test_an_officer_gets_a_token_with_the_scopes_that_all_share(self, site: Site) -> None:
        client = await site.officers_client(["orders:read", "orders:approve", "audit:read"])
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier, scope="orders:approve audit:read complaints:decide")

        reply = await site.redeem(client, code, verifier)

        assert reply.status == 200, reply.text
        assert reply.json["scope"] == "orders:approve"
        assert "refresh_token" not in reply.json
        principal = await site.principal(reply)
        assert (principal.officer_id, principal.member_id) == (site.officer, site.regulator)
        assert principal.viewer.office_id is not None

    async def test_state_and_iss_come_back(self, site: Site) -> None:
        client = await site.officers_client()
        after = await site.log_in(site.request(client, state='a "quoted" \\ & state'))
        back = await site.go_on(after)
        assert back.headers["Location"].startswith(f"{CALLBACK}?")
        assert back.sent_back["state"] == 'a "quoted" \\ & state'
        assert back.sent_back["iss"] == site.issuer
        assert back.headers["Cache-Control"] == "no-store"

    async def test_a_logged_in_officer_is_not_asked_again(self, site: Site) -> None:
        client = await site.officers_client()
        await site.go_on(await site.log_in(site.request(client)))
        again = await site.authorize(site.request(client))
        assert again.status == 302
        assert again.sent_back["code"]

    async def test_a_public_client_redeems_with_its_verifier(self, site: Site) -> None:
        client = await site.officers_client(auth_method="none")
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": CALLBACK,
            "client_id": client.client_id,
            "code_verifier": verifier,
        }
        assert (await site.post_token(form)).status == 200

    async def test_a_native_client_may_vary_the_port_and_only_that(self, site: Site) -> None:
        client = await site.officers_client(
            auth_method="none", is_native=True, redirect_uris=["http://127.0.0.1/callback"]
        )
        assert (await site.authorize(site.request(client, redirect_uri="http://127.0.0.1:5123/callback"))).status == 200
        for uri in ("http://127.0.0.1:5123/other", "http://localhost:5123/callback", "https://127.0.0.1:1/callback"):
            assert (await site.authorize(site.request(client, redirect_uri=uri))).status == 400

    async def test_an_officer_of_another_member_is_denied(self, site: Site) -> None:
        await site.world.appoint(site.carrier, "stranger", ["orders:read"])
        client = await site.officers_client()
        after = await site.log_in(site.request(client), login="stranger")
        back = await site.go_on(after)
        assert (back.sent_back["error"], back.sent_back["state"]) == ("access_denied", "st-1")
        assert "code" not in back.sent_back

    async def test_a_narrowed_officer_gets_no_more_than_is_left(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "narrowed", ["orders:read", "orders:approve"])
        client = await site.officers_client()
        verifier = new_verifier()
        after = await site.log_in(site.request(client, verifier), login="narrowed")
        back = await site.go_on(after)
        async with site.world.database.system(Role.TRANSITION, as_of=site.world.clock()) as tx:
            await tx.execute(update(officers).where(officers.c.id == officer).values(scopes=["orders:read"]))
        reply = await site.redeem(client, back.sent_back["code"], verifier)
        assert reply.json["scope"] == "orders:read"

    async def test_an_officer_disabled_meanwhile_gets_nothing(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "leaving", ["orders:read"])
        client = await site.officers_client()
        verifier = new_verifier()
        after = await site.log_in(site.request(client, verifier), login="leaving")
        back = await site.go_on(after)
        await site.world.disable_officer(officer)
        reply = await site.redeem(client, back.sent_back["code"], verifier)
        assert (reply.status, reply.error) == (400, "invalid_grant")
        assert (await site.authorize(site.request(client))).status == 200, "the session is worth nothing any more"

    async def test_scope_escalation_to_unknown_or_unshared_scopes_ends_without_a_code(self, site: Site) -> None:
        client = await site.officers_client(["audit:read"])
        unknown = await site.authorize(site.request(client, scope="admin"))
        assert (unknown.sent_back["error"], unknown.sent_back["state"]) == ("invalid_scope", "st-1")
        after = await site.log_in(site.request(client, scope="audit:read"))
        unshared = await site.go_on(after)
        assert (unshared.sent_back["error"], unshared.sent_back["state"]) == ("invalid_scope", "st-1")

    async def test_every_error_that_goes_back_to_the_client_carries_its_state(self, site: Site) -> None:
        client = await site.officers_client()
        for change, error in (
            ({"response_type": "token"}, "unsupported_response_type"),
            ({"code_challenge": None}, "invalid_request"),
            ({"resource": "https://other.example.org"}, "invalid_target"),
            ({"dpop_jkt": "short"}, "invalid_request"),
            ({"scope": "admin"}, "invalid_scope"),
            ({"prompt": "none"}, "login_required"),
        ):
            back = await site.authorize(site.request(client, **change))
            assert (back.sent_back["error"], back.sent_back["state"]) == (error, "st-1"), change


class TestPkce:
    async def test_pkce_downgrade_is_refused(self, site: Site) -> None:
        client = await site.officers_client()
        for change in (
            {"code_challenge_method": "plain"},
            {"code_challenge_method": None},
            {"code_challenge_method": "s256"},
            {"code_challenge": None},
            {"code_challenge": "short"},
            {"code_challenge": "a" * 44},
            {"code_challenge": None, "code_challenge_method": None},
        ):
            reply = await site.authorize(site.request(client, **change))
            assert reply.status == 302
            assert reply.sent_back["error"] == "invalid_request"
            assert reply.sent_back["iss"] == site.issuer

    async def test_a_code_without_its_verifier_is_refused_and_stays_good(self, site: Site) -> None:
        client = await site.officers_client()
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        for wrong in (None, new_verifier(), "short", verifier + "\n"):
            assert (await site.redeem(client, code, wrong)).status == 400
        assert (await site.redeem(client, code, verifier)).status == 200

    async def test_another_clients_code_is_refused_with_its_verifier_too(self, site: Site) -> None:
        client, thief = await site.officers_client(), await site.officers_client()
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        reply = await site.redeem(thief, code, verifier)
        assert (reply.status, reply.error) == (400, "invalid_grant")
        assert (await site.redeem(client, code, verifier)).status == 200


class TestRedemption:
    async def test_replayed_authorization_code_revokes_its_tokens(self, site: Site) -> None:
        client = await site.officers_client()
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        first = await site.redeem(client, code, verifier)
        assert await site.principal(first)

        second = await site.redeem(client, code, verifier)

        assert (second.status, second.error) == (400, "invalid_grant")
        site.world.clock.advance(site.world.settings.standing_check_seconds)
        verdict = await site.world.verifier.verify(first.json["access_token"], site.world.clock())
        assert verdict == Failure(Refusal.REVOKED)

    async def test_of_eight_redemptions_at_once_one_wins(self, site: Site) -> None:
        client = await site.officers_client()
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        replies = await asyncio.gather(*(site.redeem(client, code, verifier) for _ in range(8)))
        assert sorted(reply.status for reply in replies) == [200] + [400] * 7

    async def test_an_expired_code_is_refused(self, site: Site) -> None:
        client = await site.officers_client()
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        site.world.clock.advance(site.world.settings.authorization_code_seconds)
        reply = await site.redeem(client, code, verifier)
        assert (reply.status, reply.error) == (400, "invalid_grant")

    async def test_another_redirect_uri_is_refused(self, site: Site) -> None:
        client = await site.officers_client(redirect_uris=[CALLBACK, f"{CALLBACK}/2"])
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        for uri in (f"{CALLBACK}/2", CALLBACK.upper(), f"{CALLBACK}#", "https://evil.example.org"):
            reply = await site.redeem(client, code, verifier, redirect_uri=uri)
            assert (reply.status, reply.error) == (400, "invalid_grant")

    async def test_a_disabled_clients_code_is_refused(self, site: Site) -> None:
        client = await site.officers_client()
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier)
        async with site.world.auth() as tx:
            await disable_client(tx, client.client_id)
        assert (await site.redeem(client, code, verifier)).status == 401


class TestAuthorizationRequest:
    async def test_redirect_uri_tricks_go_nowhere(self, site: Site) -> None:
        client = await site.officers_client(redirect_uris=[CALLBACK, "http://127.0.0.1:8080/cb"])
        tricks = [
            f"{CALLBACK}/",
            f"{CALLBACK}?x=1",
            f"{CALLBACK}#f",
            f"{CALLBACK}%2e",
            CALLBACK.replace("https", "HTTPS"),
            CALLBACK.replace("console", "CONSOLE"),
            CALLBACK.replace("https", "http"),
            CALLBACK.replace("example.org", "example.org:443"),
            CALLBACK.replace("https://", "https://user@"),
            CALLBACK.replace("example.org", "example.org.evil.org"),
            CALLBACK.replace("https://", "https://evil.org\\@"),
            "https://evil.org",
            "//evil.org",
            "javascript:alert(1)",
            'https://console.example.org/"callback',
            "https://console.example.org/callbäck",
            "http://127.0.0.1:8081/cb",
            "http://localhost:8080/cb",
            "\x00",
            None,
        ]
        for uri in tricks:
            reply = await site.authorize(site.request(client, redirect_uri=uri))
            assert reply.status == 400, uri
            assert "Location" not in reply.headers

    async def test_an_unknown_client_is_told_to_the_browser_only(self, site: Site) -> None:
        client = await site.officers_client()
        for client_id in ("nobody", "0199a2f0-0000-7000-8000-000000000000", 'a"b', "\x00", None):
            reply = await site.authorize(site.request(client, client_id=client_id), headers=HTML)
            assert reply.status == 400
            assert "Location" not in reply.headers
            assert reply.headers["Content-Type"].startswith("text/html")

    async def test_other_response_types_are_refused(self, site: Site) -> None:
        client = await site.officers_client()
        for kind in ("token", "code token", "id_token"):
            reply = await site.authorize(site.request(client, response_type=kind))
            assert reply.sent_back["error"] == "unsupported_response_type"
        for kind in ('a"b', "é", "\x00"):
            assert (await site.authorize(site.request(client, response_type=kind))).status == 400
        assert (await site.authorize(site.request(client, response_type=None))).status in {302, 400}

    async def test_a_machines_client_lets_nobody_log_in(self, site: Site) -> None:
        assert (await site.authorize(site.request(site.machine))).status == 400

    async def test_repeated_and_oversize_parameters_are_refused(self, site: Site) -> None:
        client = await site.officers_client()
        good = [*site.request(client).items()]
        for name, value in good:
            assert (await site.authorize([*good, (name, value)])).status == 400
        assert (await site.authorize([*good, ("x", "y" * 20_000)])).status in {400, 414}

    async def test_raw_bytes_in_the_query_are_400(self, site: Site) -> None:
        for query in ("client_id=%FF", "client_id=%00", "client_id=%ED%A0%80&response_type=code", "%", "=", "&&&"):
            assert (await site.send("GET", f"/oauth/authorize?{query}")).status == 400


class TestLoginPage:
    async def test_is_accessible_and_strict(self, site: Site) -> None:
        page = await site.authorize(site.request(await site.officers_client()))
        assert page.status == 200
        for part in ('lang="en"', '<label for="login">', '<label for="password">', 'autocomplete="current-password"'):
            assert part in page.text
        assert "<script" not in page.text
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "form-action 'self' https://console.example.org;" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        cookie = page.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie

    async def test_escapes_what_the_client_sent(self, site: Site) -> None:
        client = await site.officers_client()
        page = await site.authorize(site.request(client, state="\"><script>alert('x')</script>"))
        assert page.status == 200
        assert "<script" not in page.text

    async def test_csrf_on_login_is_refused(self, site: Site) -> None:
        client = await site.officers_client()
        parameters = site.request(client)
        page = await site.authorize(parameters)
        good = {"login": "ana", "password": PASSWORD, "csrf_token": csrf_of(page)}
        forgeries: list[tuple[dict[str, str], dict[str, str]]] = [
            ({**good, "csrf_token": "0" * 64}, {}),
            ({**good, "csrf_token": "é"}, {}),
            ({"login": "ana", "password": PASSWORD}, {}),
            (good, {"Origin": "https://evil.example.org"}),
            (good, {"Origin": "null"}),
            (good, {"Sec-Fetch-Site": "cross-site"}),
            (good, {"Sec-Fetch-Site": "same-site"}),
        ]
        for form, headers in forgeries:
            reply = await site.send_form(action_of(page), form, headers=headers)
            assert reply.status == 400, (form, headers)
            assert "jembatan_session" not in str(reply.headers)
        site.http.cookie_jar.clear()
        assert (await site.send_form(action_of(page), good)).status == 400, "without the browser's cookie"

    async def test_a_form_of_one_request_does_not_serve_another(self, site: Site) -> None:
        page = await site.authorize(site.request(await site.officers_client()))
        other = await site.authorize(site.request(await site.officers_client()))
        form = {"login": "ana", "password": PASSWORD, "csrf_token": csrf_of(page)}
        assert (await site.send_form(action_of(other), form)).status == 400

    async def test_session_fixation_is_impossible(self, site: Site) -> None:
        client = await site.officers_client()
        fixed = {"Cookie": "jembatan_session=chosen-by-the-attacker"}
        assert (await site.authorize(site.request(client), headers=fixed)).status == 200
        site.http.cookie_jar.clear()
        first = await site.log_in(site.request(client))
        site.http.cookie_jar.clear()
        second = await site.log_in(site.request(client))
        tokens = {site_cookie(reply) for reply in (first, second)}
        assert len(tokens) == 2
        assert "chosen-by-the-attacker" not in tokens

    async def test_no_user_enumeration_by_what_is_shown(self, site: Site) -> None:
        await site.world.disable_officer(await site.world.appoint(site.regulator, "gone", ["orders:read"]))
        client = await site.officers_client()
        seen = set()
        for login, password in (
            ("ana", "wrong password"),
            ("nobody", "wrong password"),
            ("gone", PASSWORD),
            ("é\n", "x"),
        ):
            parameters = site.request(client, code_challenge="A" * 43)
            reply = await site.log_in(parameters, login=login, password=password)
            seen.add((reply.status, reply.text.replace(csrf_of(reply), "")))
        assert len(seen) == 1
        assert next(iter(seen))[0] == 403

    async def test_throttling_looks_like_a_wrong_password(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "target", ["orders:read"])
        client = await site.officers_client()
        parameters = site.request(client)
        wrong = [
            await site.log_in(parameters, login="target", password="wrong password")
            for _ in range(site.world.settings.login_attempts_per_source)
        ]
        right = await site.log_in(parameters, login="target")
        assert right.status == 403
        assert right.text.replace(csrf_of(right), "") == wrong[0].text.replace(csrf_of(wrong[0]), "")
        site.world.clock.advance(site.world.settings.login_window_seconds)
        assert (await site.log_in(parameters, login="target")).status == 303

    async def test_malformed_forms_are_400(self, site: Site) -> None:
        page = await site.authorize(site.request(await site.officers_client()))
        action = action_of(page)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        for body in ("login=%FF", "login=a&login=b", b"\xff", "x" * 20_000, ""):
            assert (await site.send("POST", action, data=body, headers=headers)).status == 400
        assert (await site.send("POST", "/oauth/login", data="", headers=headers)).status == 400
        assert (await site.send("POST", action, json={})).status == 400


def site_cookie(reply: Reply) -> str:
    """The value of the session cookie that the reply sets."""
    cookies = [value for name, value in reply.headers.items() if name.lower() == "set-cookie"]
    return next(value.split(";")[0] for value in cookies if value.startswith("jembatan_session="))
