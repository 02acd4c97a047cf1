"""Migrations: they equal the models, need no superuser, wait for each other, and run on PostgreSQL 15 too."""

import asyncio
import os
import pwd
import runpy
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.errors import SchemaOutdatedError
from ledger.feed.batches import sequence_batch
from ledger.feed.direct import DirectSession
from ledger.feed.follower import Follower
from ledger.feed.sequencer import Sequencer
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.settings import FeedSettings, LedgerSettings
from ledger.storage.database import Database
from ledger.storage.engine import make_owner_engine
from ledger.storage.roles import Role, login_name, owner_name, render_dba_sql
from migrations.metadata import metadata
from migrations.run import RolesMissingError, alembic_config, migrate
from migrations.state import check_schema, head_revision, known_revisions
from tests.support.cluster import ROLE_PREFIX
from tests.support.country import found_country
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    draft_orders,
    file_verified,
    issue_orders,
)
from tests.support.places import ROOT
from tests.support.running import running
from tests.support.waiting import until


def difference(connection):
    context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
    return compare_metadata(context, metadata)


async def run_sql(url, sql):
    connection = await asyncpg.connect(url)
    try:
        for statement in filter(None, map(str.strip, sql.split(";\n"))):
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def empty_database(cluster):
    """A database of the owner's with nothing in it."""
    name = f"empty_{next(cluster.numbers)}"
    await run_sql(cluster.urls.superuser, f"CREATE DATABASE {name} OWNER {ROLE_PREFIX}owner TEMPLATE template0")
    yield name
    await cluster.drop(name)


def test_revisions_are_those_that_alembic_finds_and_its_head_is_required():
    found = ScriptDirectory.from_config(alembic_config())
    assert known_revisions() == {revision.revision for revision in found.walk_revisions()}
    assert head_revision() == found.get_current_head()


class TestRevisions:
    async def test_equal_the_models(self, cluster, database_url):
        engine = make_owner_engine(database_url.replace("app@", "owner@"))
        async with engine.connect() as connection:
            assert await connection.run_sync(difference) == []
        await engine.dispose()

    async def test_run_again_change_nothing(self, cluster, empty_database):
        owner_url = cluster.url_of(empty_database, owner=True)
        first = await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        second = await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        assert first == (None, head_revision())
        assert second == (head_revision(), head_revision())

    async def test_two_processes_at_once_wait_for_each_other(self, cluster, empty_database):
        owner_url = cluster.url_of(empty_database, owner=True)
        notes = []
        results = await asyncio.gather(
            *(
                migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX), note=notes.append)
                for _ in range(3)
            )
        )
        assert sorted(str(before) for before, _ in results) == sorted(["None", head_revision(), head_revision()])
        assert notes == ["Another process is migrating; waiting for it."] * 2


def upgrade_to(connection, revision):
    command.upgrade(alembic_config(connection), revision)


class TestCorrections:
    """The revision of corrections on a database in which carriers have acknowledged orders."""

    async def test_finds_the_statement_on_which_each_orders_state_rests(
        self, database, parties, as_of, owner_connection
    ):
        answered, moved, silent = await issue_orders(
            database, parties, as_of, [TELKOMSEL_NUMBER, "+6281200000002", "+6281200000003"]
        )
        for order, kinds in ((answered, ["RECEIVED", "PARTIAL", "EXECUTED", "RECEIVED"]), (moved, ["RECEIVED"])):
            for place, kind in enumerate(kinds):
                await acknowledge(
                    database, parties.telkomsel, as_of, order, AcknowledgementKind(kind), reference=f"TT-{place}"
                )
        read = "SELECT id::text, standing_acknowledgement_id FROM block_orders ORDER BY id"
        written = {row["id"]: row["standing_acknowledgement_id"] for row in await owner_connection.fetch(read)}
        assert [written[order.id] is None for order in (answered, moved, silent)] == [False, False, True]
        await owner_connection.execute("UPDATE block_orders SET standing_acknowledgement_id = NULL")
        assert await owner_connection.fetchval("SELECT count(standing_acknowledgement_id) FROM block_orders") == 0
        (path,) = (ROOT / "migrations" / "versions").glob("*_corrections.py")
        await owner_connection.execute(runpy.run_path(str(path))["FIND_STANDING"])
        assert {row["id"]: row["standing_acknowledgement_id"] for row in await owner_connection.fetch(read)} == written


class TestTheFeed:
    """Revision 0002 on a database that was in use before there was a feed."""

    async def test_takes_up_the_events_that_are_there_already(self, cluster, empty_database, keyring, as_of):
        owner_url = cluster.url_of(empty_database, owner=True)
        engine = make_owner_engine(owner_url)
        async with engine.begin() as connection:
            await connection.run_sync(upgrade_to, "0001")
        await engine.dispose()
        owner = await asyncpg.connect(owner_url)
        await owner.execute(
            "INSERT INTO events (kind, subject, subject_id, audience, payload, recorded_at) "
            "SELECT 'KEYS_ROTATED', 'KEYRING', n::text, '{}', '{}', $1 FROM generate_series(1, 300) n",
            as_of,
        )
        await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        salts = await owner.fetch("SELECT salt, reserved_salt FROM events")
        assert len({salt for row in salts for salt in row}) == 600
        assert {len(salt) for row in salts for salt in row} == {32}
        assert await owner.fetchval("SELECT count(*) FROM feed_pending") == 300
        await owner.execute(
            "INSERT INTO events (kind, subject, subject_id, audience, payload, recorded_at) "
            "VALUES ('KEYS_ROTATED', 'KEYRING', 'new', '{}', '{}', $1)",
            as_of,
        )
        direct = FeedSettings(database_url=cluster.url_of(empty_database), role_prefix=ROLE_PREFIX)
        session = await DirectSession.open(direct, Role.SEQUENCER, application_name="test")
        assert (await sequence_batch(session, epoch=0, batch_max=1_000)).size_after == 301
        await session.close()
        ordered = await owner.fetch("SELECT e.id FROM feed f JOIN events e ON e.id = f.event_id ORDER BY f.position")
        assert [row["id"] for row in ordered] == sorted(row["id"] for row in ordered)
        assert len(ordered) == 301
        assert await owner.fetchval("SELECT count(*) FROM feed_nodes") == 1
        await owner.close()


class TestFourEyes:
    """Revision 0011 on a database with orders from before contents had counts of their own."""

    async def test_counts_what_the_orders_that_are_there_were_drafted_on(self, cluster, empty_database, keyring, as_of):
        owner_url = cluster.url_of(empty_database, owner=True)
        await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        settings = LedgerSettings(database_url=cluster.url_of(empty_database), role_prefix=ROLE_PREFIX)
        database = Database.connect(settings, keyring)
        parties = await found_country(database, as_of)
        people = [ComplainantDraft(name="Ani", identity_number=number) for number in ("317-1", "317-2", "317-2")]
        for person in (*people, None, None):
            await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], complainant=person)
        await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await database.close()
        owner = await asyncpg.connect(owner_url)
        counts = "SELECT drafted_complaint_count, drafted_complainant_count FROM block_orders"
        before = await owner.fetchrow(counts)
        engine = make_owner_engine(owner_url)
        async with engine.begin() as connection:
            await connection.run_sync(lambda each: command.downgrade(alembic_config(each), "0011-1"))
        await engine.dispose()
        with pytest.raises(asyncpg.UndefinedColumnError):
            await owner.fetchrow(counts)
        await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        # Complaints of one source that name nobody count as one.
        assert tuple(await owner.fetchrow(counts)) == tuple(before) == (5, 3)
        await owner.close()


class TestWhenOrdersChanged:
    """The revision of changed_at on a database with orders from before they had it."""

    async def test_is_found_out_from_the_log_and_the_rows(self, cluster, empty_database, keyring, as_of):
        owner_url = cluster.url_of(empty_database, owner=True)
        await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        settings = LedgerSettings(database_url=cluster.url_of(empty_database), role_prefix=ROLE_PREFIX)
        database = Database.connect(settings, keyring)
        parties = await found_country(database, as_of)
        said, silent = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, "+6281200000002"])
        await draft_orders(database, parties, as_of, [INDOSAT_NUMBER])
        later = as_of + timedelta(hours=1)
        await acknowledge(database, parties.telkomsel, later, said, AcknowledgementKind.RECEIVED)
        await database.close()
        owner = await asyncpg.connect(owner_url)
        read = "SELECT id::text, changed_at FROM block_orders ORDER BY id"
        before = [tuple(row) for row in await owner.fetch(read)]
        assert dict(before)[said.id] == later
        assert dict(before)[silent.id] == as_of
        engine = make_owner_engine(owner_url)
        async with engine.begin() as connection:
            await connection.run_sync(lambda each: command.downgrade(alembic_config(each), "0015-1"))
        await engine.dispose()
        with pytest.raises(asyncpg.UndefinedColumnError):
            await owner.fetch(read)
        await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        assert [tuple(row) for row in await owner.fetch(read)] == before
        await owner.close()


class TestSchemaCheck:
    async def test_refuses_an_empty_database(self, cluster, empty_database, keyring, as_of):
        settings = LedgerSettings(database_url=cluster.url_of(empty_database), role_prefix=ROLE_PREFIX)
        database = Database.connect(settings, keyring)
        with pytest.raises(SchemaOutdatedError):
            await check_schema(database, as_of=as_of)
        await database.close()

    async def test_accepts_the_current_one(self, database, as_of):
        await check_schema(database, as_of=as_of)

    async def test_refuses_another_revision(self, database, owner_connection, as_of):
        await owner_connection.execute("UPDATE alembic_version SET version_num = '0000'")
        with pytest.raises(SchemaOutdatedError, match="0000"):
            await check_schema(database, as_of=as_of)


class TestManagedServer:
    """A DBA runs what --print-roles prints; after that no step needs a superuser or CREATEROLE."""

    async def test_is_migrated_by_a_plain_owner(self, cluster, keyring, as_of):
        prefix, name = "managed_", "managed"
        await run_sql(cluster.urls.superuser, render_dba_sql(prefix, database=name))
        owner_url = cluster.url_of(name).replace(f"{ROLE_PREFIX}app@", f"{owner_name(prefix)}@")
        await migrate(owner_url, role_prefix=prefix, login=login_name(prefix))
        url = cluster.url_of(name).replace(f"{ROLE_PREFIX}app@", f"{login_name(prefix)}@")
        database = Database.connect(LedgerSettings(database_url=url, role_prefix=prefix), keyring)
        await check_schema(database, as_of=as_of)
        await database.close()
        await cluster.drop(name)

    async def test_without_its_roles_is_told_how_to_make_them(self, cluster, empty_database):
        owner_url = cluster.url_of(empty_database, owner=True)
        with pytest.raises(RolesMissingError) as refusal:
            await migrate(owner_url, role_prefix="absent_", login=login_name(ROLE_PREFIX))
        assert "--print-roles" in refusal.value.hint
        connection = await asyncpg.connect(owner_url)
        assert await connection.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await connection.close()


POSTGRES_15 = Path("/usr/lib/postgresql/15/bin")


@pytest.fixture
def postgres_15(tmp_path_factory):
    """A PostgreSQL 15 of its own, on a socket in a temporary directory."""
    if not (POSTGRES_15 / "initdb").exists() or sys.platform != "linux":
        pytest.skip("PostgreSQL 15 is not installed here")
    user = None
    directory = tmp_path_factory.mktemp("pg15")
    if os.geteuid() == 0:
        try:
            user = pwd.getpwnam("postgres").pw_name
        except KeyError:
            pytest.skip("there is no user to run PostgreSQL 15 as")
        for parent in (directory, *directory.parents[:2]):
            parent.chmod(parent.stat().st_mode | 0o011)
        shutil.chown(directory, user)
    data = directory / "data"

    def run(tool, *arguments):
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run([POSTGRES_15 / tool, "-D", data, *arguments], check=True, user=user, cwd=directory, **quiet)

    run("initdb", "-U", "postgres", "--auth=trust", "-E", "UTF8")
    run("pg_ctl", "-w", "-o", f"-h '' -k {directory} -c fsync=off", "-l", directory / "log", "start")
    yield f"postgresql://postgres@/postgres?host={directory}"
    run("pg_ctl", "-w", "-m", "immediate", "stop")


class TestPostgres15:
    async def test_carries_a_complaint_to_its_acknowledgement(self, postgres_15, keyring, as_of):
        await run_sql(postgres_15, render_dba_sql(ROLE_PREFIX, database="jembatan"))
        owner_url = postgres_15.replace("postgres@/postgres", f"{owner_name(ROLE_PREFIX)}@/jembatan")
        await migrate(owner_url, role_prefix=ROLE_PREFIX, login=login_name(ROLE_PREFIX))
        url = postgres_15.replace("postgres@/postgres", f"{login_name(ROLE_PREFIX)}@/jembatan")
        database = Database.connect(LedgerSettings(database_url=url, role_prefix=ROLE_PREFIX), keyring)
        parties = await found_country(database, as_of)
        orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        done = await acknowledge(database, parties.telkomsel, as_of, orders[0])
        assert done.order.state == "EXECUTED"
        sequencer = Sequencer(FeedSettings(database_url=url, role_prefix=ROLE_PREFIX))
        follower = Follower(FeedSettings(database_url=url, role_prefix=ROLE_PREFIX), poll_seconds=0.1)
        owner = await asyncpg.connect(owner_url)
        events = await owner.fetchval("SELECT count(*) FROM events")
        async with running(sequencer), running(follower):
            await follower.wait_ready()
            await until(lambda: follower.head == events, "the feed was followed")
        await owner.close()
        await database.close()
