import asyncio

from sqlalchemy import func, select, text, update

from auth.keys import SigningKeyStore, ensure_signing_key, load_signing_keys
from auth.tables import signing_keys
from ledger.storage.roles import Role
from tests.integration.auth.world import START, World


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

    async def test_no_viewers_role_reads_a_table_of_auth(self, world: World) -> None:
        tables = ["clients", "officer_logins", "login_sessions", "authorization_codes", "used_assertions"]
        for role in set(Role) - {Role.AUTH}:
            async with world.database.system(role, as_of=START) as tx:
                for table in (*tables, "revoked_tokens", "signing_keys", "login_throttles"):
                    allowed = await tx.execute(text(f"SELECT has_table_privilege('{table}', 'SELECT')"))
                    assert allowed.scalar_one() is False, (role, table)
