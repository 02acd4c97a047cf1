"""The account's pages, as a browser uses them without a client."""

import re

from tests.support.auth_site import Reply, Site
from tests.support.auth_world import PASSWORD

ACCOUNT, LOGOUT, CHANGE = "/oauth/account", "/oauth/logout", "/oauth/password"


async def enter(site: Site, login: str = "ana", password: str = PASSWORD) -> Reply:
    """Log in without a client."""
    page = await site.send("GET", "/oauth/login")
    form = forms_of(page, "/oauth/login") | {"login": login, "password": password}
    return await site.send_form("/oauth/login", form)


async def is_in(site: Site) -> bool:
    return (await site.send("GET", ACCOUNT)).status == 200


def session_of(site: Site) -> str:
    return next(cookie.value for cookie in site.http.cookie_jar if cookie.key == "jembatan_session")


def forms_of(page: Reply, action: str) -> dict[str, str]:
    """The hidden fields of the form with this action."""
    form = re.search(rf'action="{re.escape(action)}".*?</form>', page.text, re.DOTALL)
    assert form is not None, page.text
    return dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))
