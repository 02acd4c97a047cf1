import asyncio
from datetime import timedelta

from sqlalchemy import func, select, text, update

from auth.tables import AUTH_TABLES
from auth.tokens.signing_keys import (
    UNKNOWN_KEY_REFRESH_SECONDS,
    SigningKeyStore,
    ensure_signing_key,
    load_signing_keys,
    rotate_signing_key,
    withdraw_retired_keys,
)
from auth.tokens.table import signing_keys
from ledger.storage.roles import Role
from tests.support.auth_world import START, World


class TestSigningKeys:
    async def test_several_processes_starting_at_once_end_up_with_one_key(self, world: World) -> None:
        async def start() -> str:
            async with world.database.system(Role.AUTH, as_of=START) as tx:
                return str((await load_signing_keys(tx)).current.kid)

        kids = await asyncio.gather(*(start() for _ in range(8)))

        assert len(set(kids)) == 1
        async with world.auth() as tx:
            assert (await tx.execute(select(func.count()).select_from(signing_keys))).scalar_one() == 1

    async def test_the_private_key_is_sealed(self, world: World) -> None:
        async with world.auth() as tx:
            await ensure_signing_key(tx)
            row = (await tx.execute(select(signing_keys))).one()
        assert b'"d"' not in row.private_key
        assert "d" not in row.public_key

    async def test_a_retired_key_stays_published(self, world: World) -> None:
        first = (await world.keys.get(as_of=START)).current.kid
        async with world.auth() as tx:
            await tx.execute(update(signing_keys).values(retired_at=START))

        keys = await SigningKeyStore(world.database, world.settings).get(as_of=START)

        assert keys.current.kid != first
        assert {key["kid"] for key in keys.render_jwks()["keys"]} == {first, keys.current.kid}
        assert all("d" not in key for key in keys.render_jwks()["keys"])

    async def test_a_rotated_key_signs_and_the_one_before_verifies_a_while(self, world: World) -> None:
        first = (await world.keys.get(as_of=START)).current
        async with world.auth() as tx:
            kid = await rotate_signing_key(tx)
        later = START + world.settings.signing_key_overlap

        during = await SigningKeyStore(world.database, world.settings).get(as_of=later - timedelta(seconds=1))
        after = await SigningKeyStore(world.database, world.settings).get(as_of=later)

        assert during.current.kid == kid
        assert set(during.public) == {first.kid, kid}
        assert set(after.public) == {kid}

    async def test_a_process_finds_the_rotated_key_when_a_token_names_it(self, world: World) -> None:
        await world.keys.get(as_of=START)
        async with world.auth() as tx:
            kid = await rotate_signing_key(tx)
        later = START + timedelta(seconds=UNKNOWN_KEY_REFRESH_SECONDS)
        assert await world.keys.find_public_key(kid, as_of=later) is not None

    async def test_a_leaked_key_ends_at_once(self, world: World) -> None:
        first = (await world.keys.get(as_of=START)).current
        async with world.auth() as tx:
            await rotate_signing_key(tx)
            assert await withdraw_retired_keys(tx) == 1
            assert await withdraw_retired_keys(tx) == 0
        keys = await SigningKeyStore(world.database, world.settings).get(as_of=START)
        assert first.kid not in keys.public

    async def test_rotations_at_once_leave_one_current_key(self, world: World) -> None:
        await world.keys.get(as_of=START)

        async def rotate() -> str:
            async with world.auth() as tx:
                return await rotate_signing_key(tx)

        await asyncio.gather(*(rotate() for _ in range(4)))
        async with world.auth() as tx:
            current = select(func.count()).select_from(signing_keys).where(signing_keys.c.retired_at.is_(None))
            assert (await tx.execute(current)).scalar_one() == 1

    async def test_no_viewers_role_reads_a_table_of_auth(self, world: World) -> None:
        tables = sorted({table.name for table in AUTH_TABLES} - {"token_events"})
        for role in set(Role) - {Role.AUTH}:
            async with world.database.system(role, as_of=START) as tx:
                for table in (
                    *tables,
                    "token_families",
                    "refresh_tokens",
                    "pushed_requests",
                    "used_proofs",
                    "revoked_tokens",
                    "signing_keys",
                    "login_throttles",
                ):
                    allowed = await tx.execute(text(f"SELECT has_table_privilege('{table}', 'SELECT')"))
                    assert allowed.scalar_one() is False, (role, table)
