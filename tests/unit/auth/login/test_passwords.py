import asyncio

import pytest

from auth.errors import PasswordInvalidError, PasswordsBusyError
from auth.login.passwords import CALLERS_PER_SOURCE_MAX, Passwords
from auth.settings import LoginSettings
from tests.support.waiting import block, yield_turn

CHEAP = LoginSettings(password_hash_rounds=1, password_hash_memory_kib=8, password_hash_threads=1)


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP, waiting_max=3)


class TestPasswords:
    async def test_knows_a_password_again_in_any_unicode_form(self, passwords: Passwords) -> None:
        stored = await passwords.hash("kafé kafé kafé")
        assert stored.startswith("$argon2id$")
        assert await passwords.verify("kafe\u0301 kafe\u0301 kafe\u0301", stored)
        assert not await passwords.verify("kafe kafe kafe", stored)

    async def test_salts_each_hash(self, passwords: Passwords) -> None:
        assert await passwords.hash("the same password") != await passwords.hash("the same password")

    async def test_refuses_what_is_too_short_too_long_or_cannot_be_typed(self, passwords: Passwords) -> None:
        for password in ("eleven char", "x" * 257, "line\nline line", "nul\x00 nul nul nul", "\udc80" * 12):
            with pytest.raises(PasswordInvalidError):
                await passwords.hash(password)

    async def test_refuses_what_guessers_try_first(self, passwords: Passwords) -> None:
        for password in (
            "123456789012",
            "passwordpassword",
            "qwertyuiop12",
            "aaaaaaaaaaaaaaaa",
            "x" * 256,
            "ana.wijaya1985",
        ):
            with pytest.raises(PasswordInvalidError, match="too easy to guess"):
                await passwords.hash(password, about=("ana.wijaya", "Ana Wijaya"))

    async def test_nothing_is_right_where_nothing_is_stored(self, passwords: Passwords) -> None:
        for password in ("", "no login has this password", "\ud800", "x" * 10_000):
            assert not await passwords.verify(password, None)
            assert not await passwords.verify(password, "not a hash")

    async def test_an_impossible_password_is_not_the_empty_one(self, passwords: Passwords) -> None:
        stored = passwords._hasher.hash("")
        assert not await passwords.verify("\x00", stored)

    async def test_only_so_many_wait_for_their_turn(self, passwords: Passwords) -> None:
        checks = [passwords.verify("some password", None, source=str(source)) for source in range(9)]
        answers = await asyncio.gather(*checks, return_exceptions=True)
        assert [type(answer) for answer in answers].count(PasswordsBusyError) == 4
        assert await passwords.verify("some password", None) is False
        assert not passwords._callers
        assert not passwords._lines


class TestFloods:
    async def test_a_flood_of_one_source_holds_up_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        passwords = Passwords(CHEAP)
        ended: list[str] = []
        monkeypatch.setattr(passwords, "_matches", lambda password, _: block(0.05) or ended.append(password))
        flood = [asyncio.create_task(passwords.verify("flood", "x", source="flooder")) for _ in range(24)]
        await yield_turn()
        await passwords.verify("true", "x", source="officer")
        assert ended.index("true") <= 2
        answers = await asyncio.gather(*flood, return_exceptions=True)
        assert [type(answer) for answer in answers].count(PasswordsBusyError) == 24 - CALLERS_PER_SOURCE_MAX

    async def test_a_flood_from_many_sources_holds_up_no_known_browser(self, monkeypatch: pytest.MonkeyPatch) -> None:
        passwords = Passwords(CHEAP)
        ended: list[str] = []
        monkeypatch.setattr(passwords, "_matches", lambda password, _: block(0.05) or ended.append(password))
        flood = [asyncio.create_task(passwords.verify("flood", "x", source=str(source))) for source in range(300)]
        await yield_turn()
        await passwords.verify("true", "x", source="a known browser", is_known=True)
        assert ended.index("true") < 2 * CHEAP.password_hashes_at_once, "after what ran, beside what runs with it"
        for task in flood:
            task.cancel()
        await asyncio.gather(*flood, return_exceptions=True)
        await passwords.verify("another", "x", source="another")
        assert not passwords._callers

    async def test_nobody_waits_longer_than_the_setting(self, monkeypatch: pytest.MonkeyPatch) -> None:
        passwords = Passwords(CHEAP.model_copy(update={"password_wait_seconds": 0.1}))
        monkeypatch.setattr(passwords, "_matches", lambda *_: block(0.5))
        running = [asyncio.create_task(passwords.verify("long", "x", source=source)) for source in "ab"]
        await yield_turn()
        with pytest.raises(PasswordsBusyError):
            await passwords.verify("true", "x", source="officer")
        assert not any(task.done() for task in running)
        await asyncio.gather(*running)

    async def test_callers_that_give_up_do_not_let_more_be_hashed_at_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        passwords = Passwords(CHEAP)
        now, most = [0], [0]

        def match(*_: str) -> bool:
            now[0] += 1
            most[0] = max(most[0], now[0])
            block(0.05)
            now[0] -= 1
            return False

        monkeypatch.setattr(passwords, "_matches", match)
        for source in range(8):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(passwords.verify("given up", "x", source=str(source)), 0.01)
        await passwords.verify("true", "x")
        assert most[0] <= CHEAP.password_hashes_at_once
