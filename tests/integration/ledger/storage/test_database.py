"""A transaction is bound to its viewer before it reads, and an unbound one reads nothing."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.storage.roles import Role


class TestUnboundConnection:
    async def test_reads_no_table_at_all(self, database):
        async with database.engine.connect() as connection:
            with pytest.raises(DBAPIError, match=r"permission denied|does not exist"):
                await connection.execute(text("SELECT * FROM members"))


class TestBinding:
    async def test_is_gone_with_its_transaction(self, database, as_of):
        async with database.system(Role.JOBS, as_of=as_of) as tx:
            assert (await tx.execute(text("SELECT current_user"))).scalar_one() == "jembatan_jobs"
        async with database.engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "jembatan_app"
