"""The second factor as an officer meets it, and what a stolen password is worth without it."""

import asyncio
import re
from collections.abc import Iterator

import pyotp
import pytest
from yarl import URL

from auth.login.account_endpoints import LOGGED_OUT
from auth.login.login_endpoints import CODE_FAILED
from auth.login.second_factors import reset_second_factor
from auth.tokens.verification import Failure, Refusal, Success
from tests.support.account_pages import ACCOUNT, LOGOUT, enter, forms_of, is_in, session_of
from tests.support.auth_site import Site, action_of, consent_of, csrf_of
from tests.support.auth_world import PASSWORD, new_verifier
from tests.support.phone import ENROLMENT, STEP, Phone, secret_of
from tests.support.refresh_sessions import REFRESHING, Session, assert_refused


async def grant(site: Site) -> tuple[Session, str, str]:
    """A new client with tokens of the officer who is logged in, and with another code and its verifier."""
    client = await site.officers_client(**REFRESHING)
    verifier = new_verifier()
    request = site.request(client, verifier, scope="orders:read offline_access")
    page = await site.authorize(request)
    back = await site.send_form(action_of(page), consent_of(page))
    session = Session(site, client, await site.redeem(client, back.sent_back["code"], verifier))
    assert isinstance(await session.verdict(session.first), Success)
    return session, (await site.authorize(request)).sent_back["code"], verifier


async def assert_ended(session: Session, code: str, verifier: str) -> None:
    assert_refused(await session.site.redeem(session.client, code, verifier))
    assert_refused(await session.refresh(session.token))
    assert await session.verdict(session.first) == Failure(Refusal.REVOKED)


@pytest.fixture
def required(site: Site) -> Iterator[None]:
    """A gateway that requires the second factor."""
    settings = site.world.settings
    object.__setattr__(settings, "second_factor", "required")
    yield
    object.__setattr__(settings, "second_factor", "optional")


class TestEnrolment:
    async def test_shows_secret_and_recovery_codes_once(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "enrolling", ["orders:read"])
        await enter(site, "enrolling")
        page = await site.send("GET", ENROLMENT)
        wrong = await site.send_form(action_of(page), {"csrf_token": csrf_of(page), "password": "wrong password"})
        assert wrong.status == 403
        begun = await site.send_form(action_of(page), {"csrf_token": csrf_of(page), "password": PASSWORD})
        secret = secret_of(begun)
        assert f"otpauth://totp/Jembatan:enrolling?secret={secret}&amp;issuer=Jembatan" in begun.text
        assert "<svg" in begun.text
        assert "<script" not in begun.text
        assert " style=" not in begun.text
        assert begun.headers["Cache-Control"] == "no-store"
        missed = await site.send_form(action_of(begun), {"csrf_token": csrf_of(begun), "code": "000000"})
        assert missed.status == 403
        assert secret not in missed.text
        app = pyotp.TOTP(secret)
        done = await site.send_form(
            action_of(missed), {"csrf_token": csrf_of(missed), "code": app.at(site.world.clock())}
        )
        assert len(re.findall(r"<li>([A-Z2-7]{5}-[A-Z2-7-]+)</li>", done.text)) == 10
        assert await is_in(site)
        assert "10 recovery codes left" in (await site.send("GET", ACCOUNT)).text
        assert secret not in (await site.send("GET", ENROLMENT)).text

    async def test_csrf_on_enrolment_is_refused(self, site: Site) -> None:
        await enter(site)
        for path in (ENROLMENT, f"{ENROLMENT}/confirm", f"{ENROLMENT}/remove"):
            assert (await site.send_form(path, {"csrf_token": "0" * 64, "password": PASSWORD})).status == 400

    async def test_can_be_taken_away_by_password_and_code(self, site: Site) -> None:
        phone = Phone(site, "moving")
        await phone.enrol()
        page = await site.send("GET", ENROLMENT)
        assert (await phone.answer(page, password="wrong password")).status == 403
        assert (await phone.answer(page, "000000", password=PASSWORD)).status == 403
        assert (await phone.answer(page, password=PASSWORD)).status == 200
        assert "Set up a second factor" in (await site.send("GET", ACCOUNT)).text

    async def test_set_up_or_taken_away_it_ends_codes_and_tokens_that_applications_had(self, site: Site) -> None:
        phone = Phone(site, "guarding")
        await site.world.appoint(site.regulator, "guarding", ["orders:read"])
        await enter(site, "guarding")
        before, code, verifier = await grant(site)
        page = await site.send("GET", ENROLMENT)
        await phone.confirm(await site.send_form(action_of(page), {"csrf_token": csrf_of(page), "password": PASSWORD}))
        await assert_ended(before, code, verifier)
        between, code, verifier = await grant(site)
        assert (await phone.answer(await site.send("GET", ENROLMENT), password=PASSWORD)).status == 200
        await assert_ended(between, code, verifier)

    async def test_is_forced_at_the_next_login_where_it_is_required(self, site: Site, required: None) -> None:
        phone = Phone(site, "pressed")
        await site.world.appoint(site.regulator, "pressed", ["orders:read"])
        client = await site.officers_client()
        after = await site.log_in(site.request(client), login="pressed")
        step = await site.send("GET", after.headers["Location"])
        assert step.headers["Location"].startswith(f"{ENROLMENT}?")
        assert not await is_in(site)
        page = await site.send("GET", step.headers["Location"])
        begun = await site.send_form(action_of(page), {"csrf_token": csrf_of(page)})
        await phone.confirm(begun)
        assert 'name="decision"' in (await site.authorize(site.request(client))).text

    async def test_a_session_from_before_it_was_required_must_enrol_too(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "earlier", ["orders:read"])
        await enter(site, "earlier")
        object.__setattr__(site.world.settings, "second_factor", "required")
        try:
            assert (await site.send("GET", ACCOUNT)).headers["Location"] == ENROLMENT
        finally:
            object.__setattr__(site.world.settings, "second_factor", "optional")


class TestSecondFactor:
    async def test_a_password_without_its_second_factor_logs_nobody_out_everywhere(self, site: Site) -> None:
        phone = Phone(site, "staying")
        await phone.enrol()
        complete = session_of(site)
        site.http.cookie_jar.clear()
        await phone.reach()
        page = await site.send("GET", LOGOUT)
        assert 'value="everywhere"' not in page.text
        reply = await site.send_form(LOGOUT, forms_of(page, LOGOUT) | {"where": "everywhere"})
        assert LOGGED_OUT in reply.text
        site.http.cookie_jar.clear()
        kept = await site.send("GET", ACCOUNT, headers={"Cookie": f"jembatan_session={complete}"})
        assert kept.status == 200

    async def test_leads_on_to_the_client(self, site: Site) -> None:
        phone = Phone(site, "armed")
        await phone.enrol()
        site.http.cookie_jar.clear()
        client = await site.officers_client()
        after = await site.log_in(site.request(client), login="armed")
        step = await site.send("GET", after.headers["Location"])
        page = await site.send("GET", step.headers["Location"])
        assert "form-action 'self' https://console.example.org;" in page.headers["Content-Security-Policy"]
        assert 'autocomplete="one-time-code"' in page.text
        back = await site.go_on(await phone.answer(page))
        assert back.sent_back["code"]

    async def test_a_stolen_password_alone_opens_nothing(self, site: Site) -> None:
        phone = Phone(site, "robbed")
        await phone.enrol()
        site.http.cookie_jar.clear()
        client = await site.officers_client()
        page = await phone.reach()
        for path in (ACCOUNT, "/oauth/password", ENROLMENT):
            assert (await site.send("GET", path)).status == 303, path
        for path in ("/oauth/password", f"{ENROLMENT}/remove", ENROLMENT, "/oauth/account/consents"):
            reply = await site.send_form(path, {"csrf_token": csrf_of(page), "password": PASSWORD})
            assert reply.status == 303, path
        assert (await site.authorize(site.request(client))).headers["Location"].startswith(STEP)
        assert (await site.authorize(site.request(client, prompt="none"))).sent_back["error"] == "login_required"

    async def test_session_fixation_the_token_changes_with_the_second_factor(self, site: Site) -> None:
        phone = Phone(site, "fixed")
        await phone.enrol()
        site.http.cookie_jar.clear()
        page = await phone.reach()
        half = session_of(site)
        await phone.answer(page)
        assert session_of(site) != half
        site.http.cookie_jar.clear()
        assert (await site.send("GET", ACCOUNT, headers={"Cookie": f"jembatan_session={half}"})).status == 303

    async def test_replay_and_race_of_one_code_lets_one_in(self, site: Site) -> None:
        phone = Phone(site, "raced")
        await phone.enrol()
        site.http.cookie_jar.clear()
        page = await phone.reach()
        form = {"csrf_token": csrf_of(page), "code": phone.show()}
        answers = await asyncio.gather(*(site.send_form(action_of(page), form) for _ in range(3)))
        let_in = [answer for answer in answers if "jembatan_session=" in str(answer.headers)]
        assert len(let_in) == 1

    async def test_guesses_are_few(self, site: Site) -> None:
        phone = Phone(site, "searched")
        await phone.enrol()
        site.http.cookie_jar.clear()
        page = await phone.reach()
        for _ in range(site.world.settings.second_factor_attempts):
            assert CODE_FAILED in (await phone.answer(page, "000000")).text
        assert (await phone.answer(page)).status == 403, "the right one too, now"
        site.world.clock.advance(site.world.settings.login_window_seconds)
        assert (await phone.answer(await phone.reach())).status == 303

    async def test_guessing_at_it_never_locks_the_officers_own_browser_out(self, site: Site) -> None:
        phone = Phone(site, "kept")
        await phone.enrol()
        own = {cookie.key: cookie.value for cookie in site.http.cookie_jar}
        site.http.cookie_jar.clear()
        page = await phone.reach()
        for _ in range(site.world.settings.second_factor_attempts + 1):
            await phone.answer(page, "000000")
        assert "jembatan_device" not in {cookie.key for cookie in site.http.cookie_jar}, "a password makes none known"
        site.http.cookie_jar.clear()
        site.http.cookie_jar.update_cookies({"jembatan_device": own["jembatan_device"]}, URL(site.issuer))
        assert (await phone.answer(await phone.reach())).status == 303

    async def test_csrf_on_the_second_factor_is_refused(self, site: Site) -> None:
        phone = Phone(site, "forged")
        await phone.enrol()
        site.http.cookie_jar.clear()
        page = await phone.reach()
        assert (await phone.answer(page, csrf_token="0" * 64)).status == 400
        assert not await is_in(site)

    async def test_a_recovery_code_does_instead_and_the_operator_after_the_last(self, site: Site) -> None:
        phone = Phone(site, "lost")
        codes = await phone.enrol()
        site.http.cookie_jar.clear()
        assert (await phone.answer(await phone.reach(), codes[0])).status == 303
        assert await is_in(site)
        site.http.cookie_jar.clear()
        assert (await phone.answer(await phone.reach(), codes[0])).status == 403
        async with site.world.auth() as tx:
            await reset_second_factor(tx, login="lost")
        await enter(site, "lost")
        assert await is_in(site)

    async def test_waits_ten_minutes_for_the_code(self, site: Site) -> None:
        phone = Phone(site, "slow")
        await phone.enrol()
        site.http.cookie_jar.clear()
        page = await phone.reach()
        site.world.clock.advance(site.world.settings.second_factor_seconds)
        assert (await phone.answer(page)).headers["Location"] == "/oauth/login"
