import asyncio

import pytest

from auth.errors import PasswordInvalidError, PasswordsBusyError
from auth.login.passwords import Passwords
from auth.settings import LoginSettings


@pytest.fixture
def passwords() -> Passwords:
    cheap = LoginSettings(password_hash_rounds=1, password_hash_memory_kib=8, password_hash_threads=1)
    return Passwords(cheap, waiting_max=3)


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
        checks = [passwords.verify("some password", None) for _ in range(9)]
        answers = await asyncio.gather(*checks, return_exceptions=True)
        assert [type(answer) for answer in answers].count(PasswordsBusyError) == 4
        assert await passwords.verify("some password", None) is False
