"""What logins, credentials and consents came to is in the log, with officer and client; a flood of guesses is not."""

from typing import Any

import pytest
from sqlalchemy import text

from ledger.feed.vocabulary import EventKind
from ledger.storage.roles import Role
from tests.support.account_pages import ACCOUNT, LOGOUT, enter, forms_of
from tests.support.auth_site import Site, action_of, consent_of, csrf_of
from tests.support.auth_world import PASSWORD, new_verifier
from tests.support.phone import ENROLMENT, Phone

KINDS = {"LOGIN_ANSWERED", "LOGIN_ENDED", "CREDENTIAL_CHANGED", "CONSENT_DECIDED"}
READ = text(
    "SELECT kind, subject, subject_id, actor_officer_id::text AS officer, actor_client_id AS client, audience, payload "
    "FROM events WHERE kind = ANY(:kinds) ORDER BY id"
)


async def read(site: Site, officer_id: str | None = None) -> list[Any]:
    async with site.world.database.system(Role.REGULATOR, as_of=site.world.clock()) as tx:
        found = (await tx.execute(READ, {"kinds": sorted(KINDS)})).all()
    return [row for row in found if officer_id is None or row.subject_id == officer_id]


async def outcomes(site: Site, officer_id: str | None = None) -> list[str]:
    return [row.payload["outcome"] for row in await read(site, officer_id)]


async def fail(site: Site, login: str, password: str = "a wrong password") -> None:  # noqa: S107 - it is wrong
    assert (await enter(site, login, password)).status == 403


@pytest.fixture(autouse=True)
def _window(site: Site) -> None:
    """Limits of other tests are over."""
    site.world.clock.advance(site.world.settings.login_window_seconds + 1)
    site.http.cookie_jar.clear()


class TestLogin:
    async def test_names_officer_and_client_and_reaches_nobody_but_the_regulator(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "ida", ["orders:read"])
        client = await site.officers_client()
        await site.log_in(site.request(client, scope="orders:read"), login="ida")
        (row,) = await read(site, officer)
        assert (row.kind, row.payload, row.subject) == ("LOGIN_ANSWERED", {"outcome": "LOGGED_IN"}, "OFFICER")
        assert (row.officer, row.client, row.audience) == (officer, client.client_id, [])

    async def test_that_fails_is_told_of_the_officer_and_of_nobody_as_the_actor(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "jan", ["orders:read"])
        await fail(site, "jan")
        (row,) = await read(site, officer)
        assert (row.payload, row.officer) == ({"outcome": "LOGIN_FAILED"}, None)

    async def test_of_a_disabled_officer_is_told(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "kim", ["orders:read"])
        await site.world.disable_officer(officer)
        await fail(site, "kim", PASSWORD)
        assert await outcomes(site, officer) == ["LOGIN_FAILED"]

    async def test_with_a_second_factor_is_told_when_it_is_complete(self, site: Site) -> None:
        phone = Phone(site, "liv")
        codes = await phone.enrol()
        page = await phone.reach()
        assert (await phone.answer(page, "000000")).status == 403
        page = await phone.reach()
        assert (await phone.answer(page, codes[0])).status == 303
        officer = (await read(site))[-1].subject_id
        assert await outcomes(site, officer) == [
            "LOGGED_IN",
            "SECOND_FACTOR_ENROLLED",
            "SECOND_FACTOR_FAILED",
            "RECOVERY_CODE_USED",
            "LOGGED_IN",
        ]

    async def test_ends_are_told(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "mel", ["orders:read"])
        for where in ("here", "everywhere"):
            await enter(site, "mel")
            page = await site.send("GET", LOGOUT)
            await site.send_form(action_of(page), {"csrf_token": csrf_of(page), "where": where})
        assert await outcomes(site, officer) == ["LOGGED_IN", "LOGGED_OUT", "LOGGED_IN", "LOGGED_OUT_EVERYWHERE"]


class TestCredential:
    async def test_changes_are_told(self, site: Site) -> None:
        phone = Phone(site, "nat")
        await phone.enrol()
        page = await site.send("GET", "/oauth/password")
        new = {
            "old_password": PASSWORD,
            "new_password": "quite another phrase",
            "repeated_password": "quite another phrase",
        }
        changed = await site.send_form("/oauth/password", {"csrf_token": csrf_of(page), **new})
        assert changed.status == 200, changed.text
        page = await site.send("GET", ENROLMENT)
        form = {"csrf_token": csrf_of(page), "password": "quite another phrase", "code": phone.show()}
        assert "was removed" in (await site.send_form(f"{ENROLMENT}/remove", form)).text
        officer = (await read(site))[-1].subject_id
        assert await outcomes(site, officer) == [
            "LOGGED_IN",
            "SECOND_FACTOR_ENROLLED",
            "PASSWORD_CHANGED",
            "SECOND_FACTOR_REMOVED",
        ]


class TestConsent:
    async def test_given_refused_and_taken_back_is_told_with_the_client(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "ole", ["orders:read"])
        client = await site.officers_client()
        request = site.request(client, new_verifier(), scope="orders:read")
        await site.log_in(request, login="ole")
        for decision in ("deny", "allow"):
            page = await site.authorize(request)
            await site.send_form(action_of(page), consent_of(page, decision))
        form = forms_of(await site.send("GET", ACCOUNT), "/oauth/account/consents")
        await site.send_form("/oauth/account/consents", {**form, "client_id": client.client_id})
        await site.send_form("/oauth/account/consents", {**form, "client_id": client.client_id})
        told = (await read(site, officer))[1:]
        assert [(row.kind, row.payload["outcome"]) for row in told] == [
            ("CONSENT_DECIDED", "CONSENT_REFUSED"),
            ("CONSENT_DECIDED", "CONSENT_GIVEN"),
            ("CONSENT_DECIDED", "CONSENT_TAKEN_BACK"),
        ]
        assert {(row.officer, row.client) for row in told} == {(officer, client.client_id)}


class TestFloodOfGuesses:
    async def test_at_names_that_nobody_has_leaves_nothing(self, site: Site) -> None:
        before = await read(site)
        for number in range(15):
            await fail(site, f"nobody-{number}")
        for _ in range(15):
            await fail(site, "nobody")
        assert await read(site) == before

    async def test_at_an_officers_name_leaves_a_bounded_number_of_events(self, site: Site) -> None:
        officer = await site.world.appoint(site.regulator, "pam", ["orders:read"])
        for _ in range(40):
            await fail(site, "pam")
        told = await outcomes(site, officer)
        assert told == ["LOGIN_FAILED"] * 10 + ["LOCKED_OUT"] * 10

    def test_tells_of_kinds_that_exist(self) -> None:
        assert set(EventKind) >= KINDS
