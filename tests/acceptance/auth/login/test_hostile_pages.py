"""Whatever is sent to the pages, the answer is one that a person or a client can read, never a 500."""

import re

import pytest

from tests.support.account_pages import enter
from tests.support.auth_site import FORM, Site

PAGES = [
    "/oauth/login",
    "/oauth/second-factor",
    "/oauth/second-factor/enrolment",
    "/oauth/second-factor/enrolment/confirm",
    "/oauth/second-factor/enrolment/remove",
    "/oauth/consent",
    "/oauth/account",
    "/oauth/account/consents",
    "/oauth/password",
    "/oauth/logout",
    "/oauth/switch",
]
QUERIES = ["", "?", "?%FF", "?client_id=%00", "?a=1&a=2", "?state=%ED%A0%80", "?x=" + "y" * 20_000, "?client_id=%22"]
BODIES = [b"", b"\xff", b"%FF=%00", b"a=1&a=2", b"csrf_token=%C3%A9", b"x" * 20_000, b"csrf_token=" + b"0" * 64]


class TestHostileInput:
    @pytest.mark.parametrize("path", PAGES)
    @pytest.mark.parametrize("is_logged_in", [False, True])
    async def test_is_never_a_500(self, site: Site, path: str, is_logged_in: bool) -> None:  # noqa: FBT001
        if is_logged_in:
            await enter(site)
        for query in QUERIES:
            assert (await site.send("GET", f"{path}{query}")).status < 500, query
            assert (await site.send("POST", f"{path}{query}", data=b"a=1", headers=FORM)).status < 500, query
        for body in BODIES:
            reply = await site.send("POST", path, data=body, headers=FORM)
            assert reply.status < 500, body
            assert not re.search(r'jembatan_session=[^";]', str(reply.headers)), body
        assert (await site.send("POST", path, json={})).status in {303, 400, 405}

    async def test_hostile_cookies_are_no_session(self, site: Site) -> None:
        for value in ("x" * 5_000, "%00", '"', "é"):
            headers = {"Cookie": f"jembatan_session={value}; jembatan_device={value}; jembatan_browser={value}"}
            assert (await site.send("GET", "/oauth/account", headers=headers)).status == 303
            assert (await site.send("GET", "/oauth/login", headers=headers)).status == 200
