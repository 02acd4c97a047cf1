"""False logins in large numbers, over HTTP: what they cost a true one."""

import asyncio
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
        hashed: list[str] = []

        def match_slowly(*args: str) -> bool:
            hashed.append(args[0])
            block(HASH_S)
            return original(*args)

        monkeypatch.setattr(site.world.passwords, "_matches", match_slowly)
        answers: list[Reply] = []

        async def flood(number: int) -> None:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                other = replace(site, http=http)
                answers.extend([await enter(other, f"nobody{number}.{attempt}", "a guess") for attempt in range(5)])

        flooding = [asyncio.create_task(flood(number)) for number in range(CONNECTIONS)]
        await pause(HASH_S)
        before = len(hashed)
        entered = await enter(site)
        overtaking = hashed[before:].count("a guess")
        await asyncio.gather(*flooding)
        assert entered.status == 303
        assert overtaking <= 5, "in one line with the others it would wait for each of them"
        assert {answer.status for answer in answers} == {403, 503}
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
