"""Guessing a login's password: what it costs the guesser, and that it costs the officer nothing."""

import asyncio

import pytest

from auth.errors import LoginUnknownError, PasswordsBusyError
from auth.login.attempts import LoginDesk, OpenedSession
from auth.login.logins import forgive_login, set_password
from ledger.viewer import MemberKind
from tests.support.auth_world import PASSWORD, World, auth_settings

HOME, ELSEWHERE = "192.0.2.1", "198.51.100.1"


class Desk:
    def __init__(self, world: World) -> None:
        self.world = world
        self.desk = LoginDesk(world.database, world.passwords, world.settings)

    async def prepare(self) -> "Desk":
        self.regulator = await self.world.admit(MemberKind.REGULATOR, "regulator")
        await self.world.appoint(self.regulator, "ana", ["orders:approve"])
        await self.world.appoint(self.regulator, "budi", ["orders:approve"])
        return self

    async def log_in(
        self, login: str = "ana", *, password: str = PASSWORD, address: str = HOME, device: str | None = None
    ) -> OpenedSession | None:
        return await self.desk.open_session(
            login=login, password=password, address=address, device_token=device, clock=self.world.clock
        )

    async def know(self, login: str = "ana", device: str | None = None) -> str:
        opened = await self.log_in(login, device=device)
        assert opened is not None
        return opened.device_token

    async def guess(self, times: int, *, login: str = "ana", address: str = "", device: str | None = None) -> None:
        """Wrong passwords, each from another address unless one is named."""
        for number in range(times):
            origin = address or f"203.0.113.{number}"
            assert await self.log_in(login, password="a guess", address=origin, device=device) is None


@pytest.fixture
async def desk(world: World) -> Desk:
    world.settings = auth_settings(
        login_attempts_per_source=3, login_attempts_per_login=6, login_attempts_per_address=5
    )
    return await Desk(world).prepare()


class TestLockOut:
    async def test_guessing_from_everywhere_never_locks_a_known_browser_out(self, desk: Desk) -> None:
        device = await desk.know()
        await desk.guess(20)
        assert await desk.log_in(address=ELSEWHERE) is None, "an unknown browser waits"
        assert await desk.log_in(device=device) is not None
        assert await desk.log_in(device=device, address=ELSEWHERE) is None, "its cookie was replaced by the login"

    async def test_guessing_from_the_officers_own_address_never_locks_a_known_browser_out(self, desk: Desk) -> None:
        device = await desk.know()
        await desk.guess(20, address=HOME)
        await desk.guess(20, login="nobody", address=HOME)
        assert await desk.log_in(device=device) is not None

    async def test_guessing_from_one_address_locks_out_only_that_address(self, desk: Desk) -> None:
        await desk.guess(3, address=ELSEWHERE)
        assert await desk.log_in(address=ELSEWHERE) is None
        assert await desk.log_in(address=HOME) is not None

    async def test_a_known_browsers_login_does_not_give_the_guessers_more_guesses(self, desk: Desk) -> None:
        device = await desk.know()
        await desk.guess(6)
        assert await desk.log_in(device=device) is not None
        assert await desk.log_in(address=ELSEWHERE) is None

    async def test_waiting_and_the_operator_end_it(self, desk: Desk) -> None:
        await desk.guess(6)
        assert await desk.log_in(address=ELSEWHERE) is None
        async with desk.world.auth() as tx:
            await forgive_login(tx, login=" ANA ")
            with pytest.raises(LoginUnknownError):
                await forgive_login(tx, login="nobody")
        assert await desk.log_in(address="198.51.100.2") is not None
        await desk.guess(6)
        desk.world.clock.advance(desk.world.settings.login_window_seconds)
        assert await desk.log_in(address=ELSEWHERE) is not None


class TestBusyHashing:
    async def test_counts_no_attempt_that_was_never_checked(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        device = await desk.know()

        async def refuse(*_: object, **__: object) -> bool:
            raise PasswordsBusyError

        with monkeypatch.context() as busy:
            busy.setattr(desk.world.passwords, "verify", refuse)
            for known in (None, device):
                for _ in range(10):
                    with pytest.raises(PasswordsBusyError):
                        await desk.log_in(address=ELSEWHERE, device=known)
        assert await desk.log_in(address=ELSEWHERE) is not None
        assert await desk.log_in(device=device) is not None

    async def test_gives_back_no_attempt_that_was_checked(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        await desk.guess(3, address=ELSEWHERE)

        async def refuse(*_: object, **__: object) -> bool:
            raise PasswordsBusyError

        with monkeypatch.context() as busy:
            busy.setattr(desk.world.passwords, "verify", refuse)
            assert await desk.log_in(address=ELSEWHERE) is None, "throttled before it could find hashing busy"
        assert await desk.log_in(address=ELSEWHERE) is None


class TestGuesses:
    async def test_a_stolen_device_cookie_buys_few_guesses(self, desk: Desk) -> None:
        device = await desk.know()
        await desk.guess(3, device=device)
        assert await desk.log_in(device=device) is None
        assert await desk.log_in() is not None, "others are not counted with it"

    async def test_guesses_that_come_at_once_are_all_counted(self, desk: Desk) -> None:
        device = await desk.know()
        guesses = [desk.log_in(password="a guess", device=device, address=f"203.0.113.{at}") for at in range(8)]
        assert await asyncio.gather(*guesses) == [None] * 8
        assert await desk.log_in(device=device) is None

    async def test_a_browser_is_known_to_its_own_logins_only(self, desk: Desk) -> None:
        device = await desk.know("budi")
        await desk.guess(6)
        assert await desk.log_in("ana", device=device) is None

    async def test_a_device_cookie_planted_in_a_browser_is_never_trusted(self, desk: Desk) -> None:
        planted = await desk.know("budi")
        fresh = await desk.know("ana", device=planted)
        assert fresh != planted
        await desk.guess(6)
        assert await desk.log_in("ana", device=planted) is None
        assert await desk.log_in("ana", device=fresh) is not None

    async def test_officers_who_share_a_browser_are_each_known(self, desk: Desk) -> None:
        device = await desk.know("ana", device=await desk.know("budi"))
        await desk.guess(6, login="budi")
        assert await desk.log_in("budi", device=device) is not None

    async def test_a_browser_is_forgotten_in_time_and_by_a_new_password(self, desk: Desk) -> None:
        device = await desk.know()
        async with desk.world.auth() as tx:
            await set_password(
                tx,
                desk.world.passwords,
                login="ana",
                password="another long password",
                settings=desk.world.settings,
            )
        await desk.guess(6)
        assert await desk.log_in(password="another long password", device=device) is None
        old = await desk.know("budi")
        desk.world.clock.advance(desk.world.settings.login_device_seconds)
        await desk.guess(6, login="budi")
        assert await desk.log_in("budi", device=old) is None

    async def test_no_enumeration_an_invented_device_cookie_changes_nothing(self, desk: Desk) -> None:
        for login in ("ana", "nobody"):
            await desk.guess(3, login=login, address=ELSEWHERE, device="invented")
        assert await desk.log_in(address=ELSEWHERE, device="invented") is None
