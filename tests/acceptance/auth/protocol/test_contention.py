"""A deadlock while a token is issued: the client is asked to come back, and nothing is half-written."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.support.auth_site import MACHINE, Site
from tests.support.cluster import ROLE_PREFIX

DEADLOCK = """
CREATE FUNCTION raise_deadlock() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  RAISE 'deadlock detected' USING ERRCODE = '40P01';
END $$;
CREATE TRIGGER raise_deadlock BEFORE INSERT ON token_events FOR EACH ROW EXECUTE FUNCTION raise_deadlock();
"""


@pytest.fixture
async def deadlocked(site: Site) -> AsyncIterator[asyncpg.Connection]:
    url = site.world.database.settings.application_url.replace(f"{ROLE_PREFIX}app@", f"{ROLE_PREFIX}owner@")
    owner = await asyncpg.connect(url)
    await owner.execute(DEADLOCK)
    yield owner
    await owner.execute("DROP FUNCTION IF EXISTS raise_deadlock CASCADE")
    await owner.close()


class TestADeadlock:
    async def test_at_the_token_endpoint_is_503_with_retry_after(
        self, site: Site, deadlocked: asyncpg.Connection
    ) -> None:
        reply = await site.post_token(MACHINE, basic=site.machine)
        assert (reply.status, reply.json["error"]) == (503, "temporarily_unavailable")
        assert reply.headers["Retry-After"] == "1"
        assert "deadlock" not in str(reply.json)
        await deadlocked.execute("DROP FUNCTION raise_deadlock CASCADE")
        assert (await site.post_token(MACHINE, basic=site.machine)).status == 200
