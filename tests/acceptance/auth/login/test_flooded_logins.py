"""False logins in large numbers, over HTTP: what they cost a true one."""

import asyncio
from dataclasses import replace
from typing import Any

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
        passwords = site.world.passwords
        original, verify = passwords._matches, passwords.verify
        hashed: list[str] = []
        before: list[int] = []

        def match_slowly(*args: str) -> bool:
            hashed.append(args[0])
            block(HASH_S)
            return original(*args)

        async def verify_noting(password: str, *given: Any, **named: Any) -> bool:
            if password != "a guess":
                before.append(len(hashed))
            return await verify(password, *given, **named)

        monkeypatch.setattr(passwords, "_matches", match_slowly)
        monkeypatch.setattr(passwords, "verify", verify_noting)
        answers: list[Reply] = []

        async def flood(number: int) -> None:
            async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
                other = replace(site, http=http)
                answers.extend([await enter(other, f"nobody{number}.{attempt}", "a guess") for attempt in range(5)])

        flooding = [asyncio.create_task(flood(number)) for number in range(CONNECTIONS)]
        await pause(HASH_S)
        entered = await enter(site)
        [arrived] = before
        [own] = [place for place, password in enumerate(hashed) if password != "a guess"]
        await asyncio.gather(*flooding)
        assert entered.status == 303
        assert own - arrived <= 2, "in one line with the others it would wait for each of them"
        assert {answer.status for answer in answers} == {403, 503}
        assert all(answer.headers["Retry-After"] for answer in answers if answer.status == 503)
