from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from auth.errors import LoginUnknownError
from auth.login.logins import get_login_id
from auth.login.second_factors import (
    begin_enrolment,
    confirm_enrolment,
    count_recovery_codes,
    remove_second_factor,
    render_provisioning_uri,
    reset_second_factor,
    use_code,
)
from auth.login.table import officer_logins, recovery_codes
from auth.tables import AUTH_TABLES
from auth.tokens.signing_keys import load_signing_keys
from ledger.storage.rekeying import rotate_keys
from ledger.storage.roles import Role
from ledger.storage.sealing import Keyring, sealed_key_id
from ledger.viewer import MemberKind
from tests.support.auth_world import World


class App:
    """An officer's authenticator, and the server that it shares a secret with."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def enrol(self) -> "App":
        regulator = await self.world.admit(MemberKind.REGULATOR, "regulator")
        await self.world.appoint(regulator, "ana", ["orders:approve"])
        async with self.world.auth() as tx:
            self.login_id = await get_login_id(tx, "ana")
            self.secret = await begin_enrolment(tx, self.login_id) or ""
            codes = await confirm_enrolment(tx, self.login_id, self.show())
        assert codes is not None
        self.recovery_codes = codes
        self.world.clock.advance(30)
        return self

    def show(self, steps: int = 0) -> str:
        """What the app shows so many steps from now."""
        return pyotp.TOTP(self.secret).at(self.world.clock() + timedelta(seconds=30 * steps))

    async def takes(self, code: str) -> bool:
        async with self.world.auth() as tx:
            return await use_code(tx, self.login_id, code) is not None


@pytest.fixture
async def app(world: World) -> App:
    return await App(world).enrol()


class TestUseCode:
    async def test_takes_the_code_that_the_app_shows(self, app: App) -> None:
        code = app.show()
        assert await app.takes(f" {code[:3]} {code[3:]} ")

    async def test_takes_one_step_of_drift_either_way_and_no_more(self, app: App) -> None:
        app.world.clock.advance(300)
        assert not await app.takes(app.show(-2))
        assert not await app.takes(app.show(2))
        assert await app.takes(app.show(-1))
        assert await app.takes(app.show(1))

    async def test_replay_of_a_code_is_refused(self, app: App) -> None:
        app.world.clock.advance(300)
        used = app.show()
        assert await app.takes(used)
        assert not await app.takes(used)
        assert not await app.takes(app.show(-1)), "nor a step before one that was used"
        app.world.clock.advance(30)
        assert not await app.takes(used)

    async def test_replay_of_the_code_that_confirmed_the_app_is_refused(self, app: App) -> None:
        assert not await app.takes(app.show(-1))

    async def test_hostile_text_is_an_ordinary_wrong_code(self, app: App) -> None:
        for code in ("", "\x00", "\ud800", "١٢٣٤٥٦", "0" * 10_000, "'; DROP TABLE clients; --"):
            assert not await app.takes(code)

    async def test_a_recovery_code_serves_once_however_it_is_typed(self, app: App) -> None:
        first, second = app.recovery_codes[:2]
        assert len(set(app.recovery_codes)) == 10
        assert await app.takes(first)
        assert not await app.takes(first)
        assert await app.takes(second.lower().replace("-", " "))
        async with app.world.auth() as tx:
            assert await count_recovery_codes(tx, app.login_id) == 8

    async def test_nothing_is_right_before_the_app_is_confirmed_or_after_it_was_taken_away(self, app: App) -> None:
        async with app.world.auth() as tx:
            assert await begin_enrolment(tx, app.login_id) is None, "a confirmed one isn't replaced"
            await remove_second_factor(tx, app.login_id)
        for code in (app.show(), app.recovery_codes[0]):
            assert not await app.takes(code)
        async with app.world.auth() as tx:
            app.secret = await begin_enrolment(tx, app.login_id) or ""
            assert await confirm_enrolment(tx, app.login_id, "000000") is None
        assert not await app.takes(app.show())


class TestStoredSecrets:
    async def test_stand_sealed_for_their_row_or_hashed(self, app: App) -> None:
        async with app.world.auth() as tx:
            sealed = (await tx.execute(select(officer_logins.c.totp_secret_sealed))).scalar_one()
            assert app.secret.encode() not in sealed
            assert tx.keyring.open(sealed, f"officer_logins.totp_secret:{app.login_id}").decode() == app.secret
            hashes = (await tx.execute(select(recovery_codes.c.code_hash))).scalars().all()
        assert {len(stored) for stored in hashes} == {32}

    async def test_are_sealed_anew_when_keys_rotate(self, app: App) -> None:
        database = app.world.database
        async with app.world.auth() as tx:
            before = (await load_signing_keys(tx)).current.kid
        old = database.keyring
        fresh = Keyring.from_text(*Keyring.generate_text())
        both = Keyring({**fresh.keys, **old.keys}, fresh.current_key_id, old.reference_key)
        database.keyring = both
        sealed = await rotate_keys(database, as_of=app.world.clock(), tables=AUTH_TABLES)
        assert sealed == {"signing_keys.private_key": 1, "officer_logins.totp_secret_sealed": 1}
        database.keyring = Keyring(fresh.keys, fresh.current_key_id, old.reference_key)
        async with database.system(Role.AUTH, as_of=app.world.clock()) as tx:
            stored = (await tx.execute(select(officer_logins.c.totp_secret_sealed))).scalar_one()
            assert sealed_key_id(stored) == fresh.current_key_id
            assert (await load_signing_keys(tx)).current.kid == before
        assert await app.takes(app.show())


class TestResetSecondFactor:
    async def test_lets_the_officer_in_by_password_and_says_when_there_is_no_such_login(self, app: App) -> None:
        async with app.world.auth() as tx:
            await reset_second_factor(tx, login="ANA")
            with pytest.raises(LoginUnknownError):
                await reset_second_factor(tx, login="nobody")
            assert await count_recovery_codes(tx, app.login_id) == 0
        assert not await app.takes(app.show())


class TestProvisioningUri:
    def test_names_service_and_login(self) -> None:
        uri = render_provisioning_uri("A" * 32, login="ana@x", service_name="The Bridge")
        assert uri == f"otpauth://totp/The%20Bridge:ana%40x?secret={'A' * 32}&issuer=The%20Bridge"
