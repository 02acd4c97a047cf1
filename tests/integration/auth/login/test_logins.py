import asyncio
from typing import Any

import pytest
from sqlalchemy import func, select

from auth.errors import LoginInvalidError, LoginTakenError, LoginUnknownError, OfficerUnknownError, PasswordInvalidError
from auth.housekeeping import delete_expired
from auth.login.attempts import LoginDesk
from auth.login.logins import create_login, set_password
from auth.login.sessions import find_session
from auth.login.table import login_sessions, login_throttles
from ledger.identifiers import OfficerId, new_id
from ledger.viewer import MemberKind
from tests.support.auth_world import PASSWORD, World, auth_settings


class Office:
    def __init__(self, world: World) -> None:
        self.world = world
        self.desk = LoginDesk(world.database, world.passwords, world.settings)

    async def prepare(self) -> "Office":
        self.regulator = await self.world.admit(MemberKind.REGULATOR, "regulator")
        self.officer = await self.world.appoint(self.regulator, "ana", ["orders:approve"])
        return self

    async def try_login(self, login: str = "ana", password: str = PASSWORD, address: str = "192.0.2.1") -> str | None:
        opened = await self.desk.open_session(login=login, password=password, address=address, clock=self.world.clock)
        return opened.token if opened is not None else None

    async def set_password(self, tx: Any, login: str, password: str) -> None:
        parts = {"login": login, "password": password, "settings": self.world.settings}
        await set_password(tx, self.world.passwords, **parts)

    async def officer_of(self, token: str | None) -> str | None:
        async with self.world.auth() as tx:
            session = await find_session(tx, token)
            return session.officer_id if session is not None else None


@pytest.fixture
async def office(world: World) -> Office:
    world.settings = auth_settings(login_attempts_per_login=3, login_attempts_per_address=6)
    return await Office(world).prepare()


class TestCreateLogin:
    async def test_refuses_what_is_no_login_or_password(self, office: Office) -> None:
        async with office.world.auth() as tx:
            for login in ("", " ", "a b", "a\x00b", "x" * 129, "\ud800"):
                with pytest.raises(LoginInvalidError):
                    await create_login(
                        tx, office.world.passwords, officer_id=office.officer, login=login, password=PASSWORD
                    )
            for password in ("short", "x" * 257, "a\x00bcdefghijklm", "\ud800" * 12):
                with pytest.raises(PasswordInvalidError):
                    await create_login(
                        tx, office.world.passwords, officer_id=office.officer, login="new", password=password
                    )

    async def test_refuses_an_unknown_officer_and_a_taken_login(self, office: Office) -> None:
        async with office.world.auth() as tx:
            with pytest.raises(OfficerUnknownError):
                await create_login(
                    tx, office.world.passwords, officer_id=OfficerId(new_id()), login="new", password=PASSWORD
                )
            with pytest.raises(LoginTakenError):
                await create_login(
                    tx, office.world.passwords, officer_id=office.officer, login=" ANA ", password=PASSWORD
                )


class TestSetPassword:
    async def test_replaces_the_password_and_ends_the_sessions(self, office: Office) -> None:
        token = await office.try_login()
        async with office.world.auth() as tx:
            await office.set_password(tx, "ana", "another long password")
        assert await office.officer_of(token) is None
        assert await office.try_login() is None
        assert await office.try_login(password="another long password") is not None

    async def test_says_when_there_is_no_such_login(self, office: Office) -> None:
        async with office.world.auth() as tx:
            with pytest.raises(LoginUnknownError):
                await office.set_password(tx, "nobody", PASSWORD)


class TestOpenSession:
    async def test_opens_a_session_that_ends(self, office: Office) -> None:
        token = await office.try_login()
        assert await office.officer_of(token) == office.officer
        assert await office.officer_of("other") is None
        office.world.clock.advance(office.world.settings.login_session_seconds)
        assert await office.officer_of(token) is None

    async def test_the_login_name_may_be_written_in_any_case(self, office: Office) -> None:
        assert await office.try_login(login=" Ana ") is not None

    async def test_refuses_a_disabled_officer_and_one_of_a_suspended_member(self, office: Office) -> None:
        other = await office.world.appoint(office.regulator, "budi", ["orders:approve"])
        await office.world.disable_officer(other)
        assert await office.try_login(login="budi") is None
        await office.world.suspend(office.regulator)
        assert await office.try_login() is None

    async def test_throttles_a_login_from_many_addresses_and_forgets_after_the_window(self, office: Office) -> None:
        for number in range(3):
            assert await office.try_login(password="wrong", address=f"192.0.2.{number}") is None
        assert await office.try_login(address="198.51.100.1") is None
        office.world.clock.advance(office.world.settings.login_window_seconds)
        assert await office.try_login(address="198.51.100.1") is not None

    async def test_throttles_an_address_that_tries_many_logins(self, office: Office) -> None:
        for number in range(6):
            assert await office.try_login(login=f"guess{number}") is None
        assert await office.try_login() is None
        assert await office.try_login(address="198.51.100.1") is not None

    async def test_throttles_attempts_that_come_at_once(self, office: Office) -> None:
        answers = await asyncio.gather(
            *(office.try_login(password="wrong", address=f"192.0.2.{number}") for number in range(8)),
        )
        assert answers == [None] * 8
        assert await office.try_login() is None

    async def test_a_right_password_clears_the_logins_count(self, office: Office) -> None:
        for _ in range(3):
            assert await office.try_login(password="wrong", address="192.0.2.9") is None
            office.world.clock.advance(office.world.settings.login_window_seconds)
        for _ in range(10):
            assert await office.try_login() is not None

    async def test_no_enumeration_an_unknown_login_costs_a_hash_like_a_known_one(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checked: list[str] = []
        original = office.world.passwords._matches
        monkeypatch.setattr(
            office.world.passwords, "_matches", lambda *args: checked.append(args[0]) or original(*args)
        )
        for login in ("ana", "nobody", "\x00", "a" * 200):
            assert await office.try_login(login=login, password="wrong password") is None
        assert checked == ["wrong password"] * 4

    async def test_a_flood_of_throttled_attempts_is_not_hashed(
        self, office: Office, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        hashed: list[str] = []
        monkeypatch.setattr(office.world.passwords, "_matches", lambda *args: bool(hashed.append(args[0])))
        for login in ("ana", "nobody"):
            for number in range(10):
                assert await office.try_login(login=login, address=f"192.0.2.{number}") is None
        assert len(hashed) == 2 * office.world.settings.login_attempts_per_login

    async def test_hostile_text_is_an_ordinary_wrong_password(self, office: Office) -> None:
        for text in ("\x00", "\ud800", "'; DROP TABLE clients; --", "x" * 5_000):
            assert await office.try_login(login=text, password=text, address=text[:5]) is None


class TestDeleteExpired:
    async def test_deletes_what_is_over_and_keeps_the_rest(self, office: Office) -> None:
        old = await office.try_login()
        await office.try_login(password="wrong")
        office.world.clock.advance(office.world.settings.login_session_seconds - 1)
        young = await office.try_login(address="198.51.100.7")
        office.world.clock.advance(1)

        async with office.world.auth() as tx:
            await delete_expired(tx)
            sessions = (await tx.execute(select(func.count()).select_from(login_sessions))).scalar_one()
            counts = (await tx.execute(select(func.count()).select_from(login_throttles))).scalar_one()

        assert sessions == 1
        assert counts == 3, "of the first address nothing is left"
        assert await office.officer_of(old) is None
        assert await office.officer_of(young) == office.officer
