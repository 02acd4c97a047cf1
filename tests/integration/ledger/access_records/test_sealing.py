"""Seals: the log commits to the records of each hour, so that whoever deletes or alters one is noticed."""

import itertools
from datetime import timedelta

import orjson
import pytest

from gateway.process.jobs import list_jobs, run_job
from ledger.access_records.recording import ShownBy, record_accesses
from ledger.access_records.retention import erase_old_access_records
from ledger.access_records.sealing import seal_access_records, verify_access_seals
from ledger.accesses import Accesses, AccessKind
from ledger.feed.retention import Retention
from ledger.storage.roles import Role

SHOWN_BY = ShownBy(request_id="r", document="{ complaints { nodes { chronology } } }")


@pytest.fixture
def read(database, parties):
    async def read(ids, *, at):
        accesses = Accesses()
        accesses.note(AccessKind.CHRONOLOGY, ids)
        async with database.system(Role.TRANSITION, as_of=at) as tx:
            await record_accesses(tx, accesses, viewer=parties.officer, shown_by=SHOWN_BY)

    return read


@pytest.fixture
def seal(database):
    async def seal(*, at):
        async with database.system(Role.JOBS, as_of=at) as tx:
            return await seal_access_records(tx)

    return seal


@pytest.fixture
def verify(database, as_of):
    async def verify():
        async with database.system(Role.REGULATOR, as_of=as_of) as tx:
            return await verify_access_seals(tx)

    return verify


HOUR = timedelta(hours=1)


class TestSeal:
    async def test_commits_to_every_record_of_the_hours_that_are_over(
        self, read, seal, verify, as_of, owner_connection
    ):
        await read(["a"], at=as_of)
        await read(["b"], at=as_of + timedelta(minutes=59))
        await read(["c"], at=as_of + HOUR)
        assert await seal(at=as_of + HOUR) == 0
        assert await seal(at=as_of + HOUR + timedelta(minutes=15)) == 2
        said = await owner_connection.fetchrow(
            "SELECT subject_id, payload FROM events WHERE kind = 'ACCESSES_SEALED' ORDER BY id DESC LIMIT 1"
        )
        stored = await owner_connection.fetchrow("SELECT * FROM access_seals ORDER BY until DESC LIMIT 1")
        payload = orjson.loads(said["payload"])
        assert said["subject_id"] == str(stored["id"])
        assert (payload["count"], payload["hash"]) == (2, stored["hash"])
        assert await verify() is None

    async def test_covers_each_time_once_however_often_it_runs(self, read, seal, verify, as_of, owner_connection):
        await read(["a"], at=as_of)
        for hours in (2, 2, 3, 5):
            await seal(at=as_of + hours * HOUR)
        spans = await owner_connection.fetch("SELECT since, until FROM access_seals ORDER BY until")
        assert all(before["until"] == after["since"] for before, after in itertools.pairwise(spans))
        assert len(spans) == 3
        assert await verify() is None

    @pytest.mark.parametrize(
        "tampering",
        [
            "DELETE FROM access_records WHERE subject_ids = '{b}'",
            "UPDATE access_records SET officer_id = NULL WHERE subject_ids = '{b}'",
            "UPDATE access_records SET subject_ids = '{x}' WHERE subject_ids = '{b}'",
            (
                "INSERT INTO access_records SELECT gen_random_uuid(), recorded_at, member_id, officer_id, client_id, "
                "kind, listed, subject_ids, operation_name, document_hash, request_id FROM access_records LIMIT 1"
            ),
            "DELETE FROM access_seals",
            "UPDATE access_seals SET erased_at = now()",
        ],
    )
    async def test_shows_what_the_owner_of_the_database_changed(
        self, read, seal, verify, as_of, owner_connection, tampering
    ):
        for subject in "abc":
            await read([subject], at=as_of)
        await seal(at=as_of + 2 * HOUR)
        assert await verify() is None
        await owner_connection.execute(tampering)
        assert await verify() is not None

    async def test_shows_a_seal_that_was_made_again_over_fewer_records(
        self, database, read, seal, verify, as_of, owner_connection
    ):
        for subject in "ab":
            await read([subject], at=as_of)
        await seal(at=as_of + 2 * HOUR)
        seal_id = await owner_connection.fetchval("SELECT id::text FROM access_seals")
        await owner_connection.execute("DELETE FROM access_records WHERE subject_ids = '{b}'")
        await owner_connection.execute("UPDATE access_seals SET count = 1")
        broken = await verify()
        assert broken is not None
        assert broken.seal_id == seal_id


class TestRetention:
    async def test_erases_whole_sealed_hours_and_the_log_tells_until_when(
        self, database, read, seal, verify, as_of, owner_connection
    ):
        long_ago = as_of - timedelta(days=3 * 365)
        await read(["old"], at=long_ago)
        await seal(at=long_ago + 2 * HOUR)
        await read(["new"], at=as_of)
        await seal(at=as_of + 2 * HOUR)
        async with database.system(Role.RETENTION, as_of=as_of + 3 * HOUR) as tx:
            assert await erase_old_access_records(tx, kept_days=2 * 365) == 1
            assert await erase_old_access_records(tx, kept_days=2 * 365) == 0
        left = await owner_connection.fetch("SELECT subject_ids FROM access_records")
        assert [row["subject_ids"] for row in left] == [["new"]]
        said = await owner_connection.fetchval("SELECT payload->>'count' FROM events WHERE kind = 'ACCESSES_ERASED'")
        assert said == "1"
        assert await verify() is None

    async def test_can_not_erase_a_record_of_the_last_year_whatever_it_is_told(
        self, database, read, seal, as_of, owner_connection
    ):
        now = await owner_connection.fetchval("SELECT now()")
        await read(["young"], at=now - timedelta(days=364))
        await seal(at=now - timedelta(days=363))
        async with database.system(Role.RETENTION, as_of=now) as tx:
            assert await erase_old_access_records(tx, kept_days=1) == 0
        assert await owner_connection.fetchval("SELECT count(*) FROM access_records") == 1

    async def test_and_sealing_are_jobs_of_a_serving_process(self, database, read, as_of):
        await read(["a"], at=as_of)
        jobs = {
            job.name: job
            for job in list_jobs(
                token_event_days=1, retention=Retention(kept_days=0), access_record_days=366, complaint_content_days=0
            )
        }
        assert await run_job(jobs["seal_access_records"], database, as_of=as_of + 2 * HOUR) == 1
        assert await run_job(jobs["erase_old_access_records"], database, as_of=as_of + 2 * HOUR) == 0
