"""An officer's authenticator app, and the pages that ask for it."""

import re
from datetime import timedelta

import pyotp

from tests.support.account_pages import ACCOUNT, enter
from tests.support.auth_site import Reply, Site, action_of, csrf_of
from tests.support.auth_world import PASSWORD

ENROLMENT, STEP = "/oauth/second-factor/enrolment", "/oauth/second-factor"


def secret_of(page: Reply) -> str:
    found = re.search(r'<code class="secret">([A-Z2-7 ]+)</code>', page.text)
    assert found is not None, page.text
    return found[1].replace(" ", "")


class Phone:
    """An officer's app, with one officer of its own."""

    def __init__(self, site: Site, login: str) -> None:
        self.site, self.login = site, login

    async def enrol(self) -> list[str]:
        await self.site.world.appoint(self.site.regulator, self.login, ["orders:read", "orders:approve"])
        await enter(self.site, self.login)
        page = await self.site.send("GET", ENROLMENT)
        page = await self.site.send_form(action_of(page), {"csrf_token": csrf_of(page), "password": PASSWORD})
        return await self.confirm(page)

    async def confirm(self, page: Reply) -> list[str]:
        self.secret = secret_of(page)
        done = await self.site.send_form(action_of(page), {"csrf_token": csrf_of(page), "code": self.show()})
        assert done.status == 200, done.text
        self.site.world.clock.advance(60)
        return re.findall(r"<li>([A-Z2-7-]+)</li>", done.text)

    def show(self, steps: int = 0) -> str:
        return pyotp.TOTP(self.secret).at(self.site.world.clock() + timedelta(seconds=30 * steps))

    async def answer(self, page: Reply, code: str | None = None, **more: str) -> Reply:
        form = {"csrf_token": csrf_of(page), "code": code or self.show(), **more}
        return await self.site.send_form(action_of(page), form)

    async def reach(self) -> Reply:
        """The page that asks for the code, without a client."""
        assert (await enter(self.site, self.login)).status == 303
        first = await self.site.send("GET", ACCOUNT)
        assert first.headers["Location"] == STEP
        return await self.site.send("GET", STEP)
