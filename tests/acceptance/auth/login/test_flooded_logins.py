"""False logins in large numbers, over HTTP: what they cost a true one."""

import asyncio
import time
from dataclasses import replace

import aiohttp
import pytest

from tests.support.account_pages import enter
from tests.support.auth_site import Reply, Site
from tests.support.waiting import block, pause

HASH_S = 0.2
CONNECTIONS = 24


class TestFlood:
    async def test_false_logins_of_24_connections_do_not_hold_up_a_true_one(
        self, site: Site, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await enter(site)
        original = site.world.passwords._matches
        monkeypatch.setattr(site.world.passwords, "_matches", lambda *args: block(HASH_S) or original(*args))
        answers: list[Reply] = []

        async def flood(number: int) -> None:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                other = replace(site, http=http)
                answers.extend([await enter(other, f"nobody{number}.{attempt}", "a guess") for attempt in range(5)])

        flooding = [asyncio.create_task(flood(number)) for number in range(CONNECTIONS)]
        await pause(HASH_S)
        began = time.monotonic()
        entered = await enter(site)
        took_s = time.monotonic() - began
        await asyncio.gather(*flooding)
        assert entered.status == 303
        assert took_s < 5 * HASH_S, "in one line with the others it would take twelve times that of one"
        assert {answer.status for answer in answers} == {403, 503}
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
