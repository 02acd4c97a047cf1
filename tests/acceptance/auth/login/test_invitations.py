"""Invitations over HTTP: one link, one login, and whoever comes later finds nothing."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import insert

from auth.hashed_secrets import hash_secret
from auth.login.table import officer_invitations, officer_logins
from ledger.identifiers import OfficerId, new_id
from ledger.members.table import officers, offices
from ledger.storage.roles import Role
from ledger.viewer import MemberKind
from tests.support.account_pages import enter, forms_of, is_in
from tests.support.auth_site import Site
from tests.support.auth_world import PASSWORD, START

TOKEN = "a-token-of-a-link"
PATH = f"/oauth/invitation?token={TOKEN}"


@pytest.fixture
async def provider(site: Site):
    return await site.world.admit(MemberKind.OTT_PROVIDER, f"messenger-{new_id()[-8:]}")


@pytest.fixture
async def invited(site: Site, provider) -> OfficerId:
    """An officer of a provider without a login, and a link that is valid for an hour."""
    office_id, officer_id = new_id(), OfficerId(new_id())
    async with site.world.database.system(Role.TRANSITION, as_of=START) as tx:
        await tx.execute(insert(offices).values(id=office_id, member_id=provider, slug="legal", name="Legal"))
        row = {"id": officer_id, "member_id": provider, "office_id": office_id, "display_name": "Citra"}
        await tx.execute(insert(officers).values(**row, scopes=["signals:read"], created_at=START))
    async with site.world.auth() as tx:
        await tx.execute(officer_invitations.delete())
        await tx.execute(
            insert(officer_invitations).values(
                token_hash=hash_secret(TOKEN),
                officer_id=officer_id,
                created_at=tx.as_of,
                expires_at=tx.as_of + timedelta(hours=1),
            )
        )
    return officer_id


async def choose(site: Site, chosen: str, **changes):
    page = await site.send("GET", PATH)
    assert page.status == 200, page.text
    form = {"login": chosen, "new_password": PASSWORD, "repeated_password": PASSWORD}
    form |= forms_of(page, PATH) | changes
    return await site.send_form(PATH, form)


async def read_logins(site: Site, officer_id: str) -> list[str]:
    async with site.world.auth() as tx:
        found = await tx.execute(officer_logins.select().where(officer_logins.c.officer_id == officer_id))
        return [row.login for row in found]


class TestInvitation:
    async def test_makes_a_login_that_works_once_it_is_chosen(self, site: Site, invited):
        login = f"Citra-{invited[-6:]}"
        done = await choose(site, login)
        assert (done.status, "Log in with it" in done.text) == (200, True)
        assert await read_logins(site, invited) == [login.casefold()]
        await enter(site, login)
        assert await is_in(site)

    async def test_replayed_link_makes_no_second_login(self, site: Site, invited):
        page = await site.send("GET", PATH)
        await choose(site, f"one-{invited[-6:]}")
        form = forms_of(page, PATH) | {"login": "two", "new_password": PASSWORD, "repeated_password": PASSWORD}
        for answer in (await site.send("GET", PATH), await site.send_form(PATH, form)):
            assert (answer.status, "not valid" in answer.text) == (404, True)
        assert await read_logins(site, invited) == [f"one-{invited[-6:]}"]

    async def test_two_uses_at_once_make_one_login(self, site: Site, invited):
        names = [f"{place}-{invited[-6:]}" for place in ("left", "right")]
        page = await site.send("GET", PATH)
        hidden = forms_of(page, PATH) | {"new_password": PASSWORD, "repeated_password": PASSWORD}
        answers = await asyncio.gather(*(site.send_form(PATH, hidden | {"login": name}) for name in names))
        assert sorted(answer.status for answer in answers) == [200, 404]
        assert len(await read_logins(site, invited)) == 1

    async def test_expired_guessed_and_disabled_links_look_the_same(self, site: Site, invited):
        guessed = await site.send("GET", "/oauth/invitation?token=another")
        await site.world.disable_officer(invited)
        disabled = await site.send("GET", PATH)
        site.world.clock.advance(3_601)
        expired = await site.send("GET", PATH)
        assert {(each.status, each.text) for each in (guessed, disabled, expired)} == {(404, guessed.text)}

    async def test_form_of_another_browser_is_refused(self, site: Site, invited):
        page = await site.send("GET", PATH)
        form = forms_of(page, PATH) | {"login": "x", "new_password": PASSWORD, "repeated_password": PASSWORD}
        site.http.cookie_jar.clear()
        assert (await site.send_form(PATH, form)).status == 400
        assert await read_logins(site, invited) == []

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"login": "two words"}, "printable characters"),
            ({"new_password": "short", "repeated_password": "short"}, "characters"),
            ({"repeated_password": "another long one"}, "do not match"),
            ({"login": "ana"}, "taken"),
        ],
    )
    async def test_stays_valid_when_the_choice_is_refused(self, site: Site, invited, changes, said):
        answer = await choose(site, f"fine-{invited[-6:]}", **changes)
        assert (answer.status, said in answer.text) == (400, True), answer.text
        assert await read_logins(site, invited) == []
        assert (await choose(site, f"fine-{invited[-6:]}")).status == 200

    async def test_officer_of_a_provider_gets_no_code_of_the_regulators_application(self, site: Site, invited):
        login = f"eve-{invited[-6:]}"
        await choose(site, login)
        client = await site.officers_client()
        after = await site.log_in(site.request(client), login=login)
        back = await site.send("GET", after.headers["Location"])
        assert back.sent_back["error"] == "access_denied"
