"""Who may approve, lift, reveal or manage needs a second factor: without one, no grant gives such a scope."""

from collections.abc import Iterator

import pyotp
import pytest
from sqlalchemy import text

from auth.login.logins import create_login
from auth.scopes import SECOND_FACTOR_SCOPES
from auth.settings import AuthSettings
from auth.tokens.token_status import find_inactive
from auth.tokens.verification import Failure, Refusal, Success
from tests.support.account_pages import ACCOUNT, enter
from tests.support.auth_site import Site, action_of, consent_of, csrf_of
from tests.support.auth_world import PASSWORD, auth_settings, new_verifier
from tests.support.phone import ENROLMENT, STEP, Phone, secret_of
from tests.support.refresh_sessions import REFRESHING, Session, begin

POWERS = ["orders:read", "orders:approve"]


@pytest.fixture
def privileged(site: Site) -> Iterator[None]:
    """A gateway as it is by default."""
    settings = site.world.settings
    object.__setattr__(settings, "second_factor", "privileged")
    yield
    object.__setattr__(settings, "second_factor", "optional")


async def get_scope(session: Session) -> set[str]:
    return set(session.first.json["scope"].split())


class TestDefault:
    def test_asks_it_of_whoever_may_approve_lift_reveal_sign_or_manage(self) -> None:
        assert AuthSettings().second_factor == "privileged"
        assert {
            "orders:approve",
            "complainants:reveal",
            "evidence:release",
            "numbers:manage",
            "members:manage",
            "participations:manage",
            "participations:accept",
            "officers:manage",
            "holds:manage",
        } == SECOND_FACTOR_SCOPES

    @pytest.mark.parametrize(
        ("chosen", "asked"),
        [("optional", []), ("privileged", ["orders:approve"]), ("required", ["orders:approve", "orders:read"])],
    )
    def test_and_what_the_other_choices_ask(self, chosen: str, asked: list[str]) -> None:
        settings = auth_settings(second_factor=chosen)
        assert [scope for scope in ("orders:approve", "orders:read") if settings.needs_second_factor([scope])] == asked


@pytest.mark.usefixtures("privileged")
class TestOfficerWithoutASecondFactor:
    async def test_is_led_to_set_it_up_and_then_on_to_the_application(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "lea", POWERS)
        client = await site.officers_client()
        verifier = new_verifier()
        after = await site.log_in(site.request(client, verifier, scope="orders:approve"), login="lea")
        led = await site.send("GET", after.headers["Location"])
        assert led.headers["Location"].startswith(f"{ENROLMENT}?")
        page = await site.send("GET", led.headers["Location"])
        assert "set it up first" in page.text
        shown = await site.send_form(action_of(page), {"csrf_token": csrf_of(page)})
        code = pyotp.TOTP(secret_of(shown)).at(site.world.clock())
        done = await site.send_form(action_of(shown), {"csrf_token": csrf_of(shown), "code": code})
        assert "/oauth/authorize?" in done.text
        page = await site.authorize(site.request(client, verifier, scope="orders:approve"))
        back = await site.send_form(action_of(page), consent_of(page))
        token = await site.redeem(client, back.sent_back["code"], verifier)
        assert token.json["scope"] == "orders:approve"
        assert isinstance(await site.verdict(token), Success)

    async def test_gets_no_code_by_the_authorization_page(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "mia", POWERS)
        await enter(site, "mia")
        client = await site.officers_client()
        for scope in ("orders:approve", "orders:read orders:approve", "orders:read"):
            reply = await site.authorize(site.request(client, new_verifier(), scope=scope))
            assert reply.headers["Location"].startswith(f"{ENROLMENT}?"), scope

    async def test_gets_no_code_by_a_pushed_request(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "nia", POWERS)
        await enter(site, "nia")
        client = await site.officers_client()
        request = site.request(client, new_verifier(), scope="orders:approve")
        request.pop("client_id")
        pushed = await site.post("/oauth/par", client, **request)
        assert pushed.status == 201, pushed.text
        reply = await site.authorize({"client_id": client.client_id, "request_uri": pushed.json["request_uri"]})
        assert reply.headers["Location"].startswith(f"{ENROLMENT}?")

    async def test_gets_nothing_without_a_page(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "oda", POWERS)
        await enter(site, "oda")
        client = await site.officers_client()
        reply = await site.authorize(site.request(client, new_verifier(), scope="orders:approve", prompt="none"))
        assert reply.sent_back["error"] == "login_required"

    async def test_who_may_only_read_is_asked_for_nothing(self, site: Site) -> None:
        await site.world.appoint(site.regulator, "pia", ["orders:read"])
        await enter(site, "pia")
        assert (await site.send("GET", ACCOUNT)).status == 200

    async def test_who_has_one_is_asked_for_its_code(self, site: Site) -> None:
        object.__setattr__(site.world.settings, "second_factor", "optional")
        phone = Phone(site, "quin")
        await phone.enrol()
        object.__setattr__(site.world.settings, "second_factor", "privileged")
        page = await phone.reach()
        assert (await phone.answer(page)).status == 303
        assert (await site.send("GET", ACCOUNT)).status == 200


class TestGrantFromBeforeTheRule:
    """The rule is switched on, or an officer's second factor is taken away, while grants of the time before live."""

    async def test_refreshes_to_no_scope_that_needs_a_second_factor(self, site: Site) -> None:
        session = await begin(site, scopes=POWERS)
        assert await get_scope(session) == set(POWERS)
        object.__setattr__(site.world.settings, "second_factor", "privileged")
        try:
            refreshed = await session.refresh(session.token)
            assert refreshed.json["scope"] == "orders:read"
            narrowed = await session.refresh(refreshed.json["refresh_token"], scope="orders:approve")
            assert narrowed.error == "invalid_scope"
        finally:
            object.__setattr__(site.world.settings, "second_factor", "optional")

    async def test_redeems_a_code_for_no_such_scope(self, site: Site) -> None:
        client = await site.officers_client(**REFRESHING)
        verifier = new_verifier()
        code = await site.obtain_code(client, verifier, scope="orders:read orders:approve")
        object.__setattr__(site.world.settings, "second_factor", "privileged")
        try:
            token = await site.redeem(client, code, verifier)
            assert token.json["scope"] == "orders:read"
        finally:
            object.__setattr__(site.world.settings, "second_factor", "optional")

    async def test_leaves_no_access_token_with_such_a_scope(self, site: Site) -> None:
        session = await begin(site, scopes=POWERS)
        verdict = await session.verdict(session.first)
        assert isinstance(verdict, Success)
        object.__setattr__(site.world.settings, "second_factor", "privileged")
        try:
            site.world.clock.advance(site.world.settings.standing_check_seconds + 1)
            assert await session.verdict(session.first) == Failure(Refusal.REVOKED)
            async with site.world.auth() as tx:
                inactive = await find_inactive(tx, [verdict.principal], settings=site.world.settings)
            assert list(inactive) == [verdict.principal.token_id]
        finally:
            object.__setattr__(site.world.settings, "second_factor", "optional")

    async def test_is_narrowed_for_an_officer_whose_second_factor_vanished_from_the_table(self, site: Site) -> None:
        phone = Phone(site, "rosa")
        await phone.enrol()
        session = await self.grant(site)
        object.__setattr__(site.world.settings, "second_factor", "privileged")
        try:
            assert isinstance(await session.verdict(session.first), Success)
            async with site.world.auth() as tx:
                await tx.execute(text("UPDATE officer_logins SET totp_confirmed_at = NULL WHERE login = 'rosa'"))
            site.world.clock.advance(site.world.settings.standing_check_seconds + 1)
            assert await session.verdict(session.first) == Failure(Refusal.REVOKED)
            assert (await session.refresh(session.token)).json["scope"] == "orders:read"
        finally:
            object.__setattr__(site.world.settings, "second_factor", "optional")

    async def grant(self, site: Site) -> Session:
        """Tokens of the officer who is logged in."""
        client = await site.officers_client(**REFRESHING)
        verifier = new_verifier()
        page = await site.authorize(site.request(client, verifier, scope="orders:read orders:approve offline_access"))
        back = await site.send_form(action_of(page), consent_of(page))
        return Session(site, client, await site.redeem(client, back.sent_back["code"], verifier))


class TestOfficerWithTwoLogins:
    async def test_does_not_pass_by_the_one_without_a_second_factor(self, site: Site, privileged: None) -> None:
        object.__setattr__(site.world.settings, "second_factor", "optional")
        await Phone(site, "tia").enrol()
        object.__setattr__(site.world.settings, "second_factor", "privileged")
        async with site.world.auth() as tx:
            officer_id = (
                await tx.execute(text("SELECT officer_id FROM officer_logins WHERE login = 'tia'"))
            ).scalar_one()
            await create_login(tx, site.world.passwords, officer_id=officer_id, login="tia-2", password=PASSWORD)
        await enter(site, "tia-2")
        assert (await site.send("GET", ACCOUNT)).headers["Location"] == ENROLMENT
        await enter(site, "tia")
        assert (await site.send("GET", ACCOUNT)).headers["Location"] == STEP
