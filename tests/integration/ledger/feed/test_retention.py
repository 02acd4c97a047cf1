"""Retention: content and salts go on schedule, hashes and proofs stay."""

from datetime import timedelta

import pytest
from sqlalchemy.exc import DBAPIError

from gateway.process.jobs import list_jobs, run_job, run_to_end
from ledger.feed.export import make_bundle
from ledger.feed.legal_holds import LegalHoldDraft, place_legal_hold, release_legal_hold
from ledger.feed.merkle import verify_inclusion
from ledger.feed.proofs import compute_root, prove_inclusion
from ledger.feed.reading import read_entries
from ledger.feed.retention import ERASED_NUMBER, Retention, erase_old_entries, join_ranges
from ledger.feed.verification import Tampering
from ledger.feed.vocabulary import EventKind, HoldSubject, Subject
from ledger.identifiers import Position
from ledger.storage.roles import Role
from tests.support.audited import find_finding, read_now, verify_now

NUMBER = "+62890000001"


async def erase(audited, *, days=30, limit=5_000):
    async with audited.database.system(Role.RETENTION, as_of=read_now()) as tx:
        return (await erase_old_entries(tx, kept_days=days, limit=limit)).count


async def list_whole(audited):
    rows = await audited.owner.fetch(
        "SELECT position FROM feed f JOIN events e ON e.id = f.event_id WHERE erased_at IS NULL ORDER BY position"
    )
    return [row["position"] for row in rows]


class TestEraseOldEntries:
    async def test_takes_content_salts_and_actors_and_leaves_every_proof(self, audited, parties, as_of):
        size = await audited.fill(
            parties.officer, as_of, count=300, subject=Subject.NUMBER, subject_id=NUMBER, payload={"orderNo": "1"}
        )
        async with audited.database.reading(parties.agency, as_of=as_of) as tx:
            root = await compute_root(tx, size)
        assert await erase(audited) > 300
        await audited.settle()
        row = await audited.owner.fetchrow(
            "SELECT * FROM events e JOIN feed f ON f.event_id = e.id WHERE position = $1", size
        )
        assert (row["payload"], row["salt"], row["reserved_salt"]) == ("{}", None, None)
        assert (row["actor_officer_id"], row["actor_client_id"]) == (None, None)
        assert row["subject_id"] == ERASED_NUMBER
        assert await audited.owner.fetchval("SELECT count(*) FROM events WHERE subject_id = $1", NUMBER) == 0
        async with audited.database.reading(parties.agency, as_of=as_of) as tx:
            proof = await prove_inclusion(tx, size, size)
            assert await compute_root(tx, size) == root
        assert verify_inclusion(leaf_hash=proof.leaf_hash, index=size - 1, size=size, proof=proof.hashes, root=root)

    async def test_is_recorded_so_that_the_export_still_verifies(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=10)
        erased = await erase(audited)
        # An export waits for the record, even of an erasure that has only just happened.
        account = await verify_now(audited)
        assert account.finding is None
        assert (account.erased, account.with_content) == (erased, account.entries - erased)

    async def test_that_nobody_recorded_is_named(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=10)
        await erase(audited)
        size = await audited.settle()
        await audited.fill(parties.officer, read_now(), count=3)
        await audited.owner.execute(
            "UPDATE events SET salt = NULL, erased_at = now() "
            "WHERE id = (SELECT event_id FROM feed WHERE position = $1)",
            size + 2,
        )
        assert find_finding(await verify_now(audited)) == (Tampering.ERASURE_UNRECORDED, size + 2)

    async def test_goes_in_batches_and_leaves_young_entries_and_its_own_records(self, audited, parties, as_of):
        before = len(await list_whole(audited))
        await audited.fill(parties.officer, as_of, count=10)
        young = await audited.fill(parties.officer, read_now(), count=1)
        batches = []
        while count := await erase(audited, limit=4):
            batches.append(count)
        assert batches[:-1] == [4] * (len(batches) - 1)
        assert sum(batches) == before + 10
        await audited.settle()
        assert (await list_whole(audited))[0] == young
        assert await erase(audited, days=0) == 0
        later = read_now() + timedelta(days=40)
        async with audited.database.system(Role.RETENTION, as_of=later) as tx:
            await erase_old_entries(tx, kept_days=30)
        kinds = await audited.owner.fetch("SELECT DISTINCT kind FROM events WHERE salt IS NOT NULL")
        assert {row["kind"] for row in kinds} == {EventKind.ENTRIES_ERASED}

    async def test_waits_for_a_signed_checkpoint(self, sequenced, parties, as_of):
        await sequenced.append(parties.officer, as_of, payload={})
        await sequenced.wait()
        assert await erase(sequenced) == 0

    async def test_is_a_job_of_its_own_role(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of)
        jobs = list_jobs(
            token_event_days=1, retention=Retention(kept_days=30), access_record_days=1_825, complaint_content_days=0
        )
        [job] = [job for job in jobs if job.name == "erase_old_entries"]
        assert job.role is Role.RETENTION
        assert await run_job(job, audited.database, as_of=read_now()) > 0

    async def test_readers_get_erased_entries_without_content(self, audited, parties, as_of):
        size = await audited.fill(
            parties.officer, as_of, payload={"orderNo": "1"}, audience=[parties.telkomsel.member_id]
        )
        await erase(audited)
        async with audited.database.reading(parties.telkomsel, as_of=as_of) as tx:
            found = await read_entries(tx, after=Position(size - 1), limit=10)
        [entry] = [entry for entry in found.entries if entry.position == size]
        assert entry.payload == {}
        assert entry.erased_at is not None
        async with audited.database.system(Role.ARCHIVE, as_of=as_of) as tx:
            bundle = await make_bundle(tx, size)
        assert (bundle.entry, bundle.salt) == (None, None)


class TestRetention:
    """A run of the job: batches until nothing old is left, or its time is up."""

    def job(self, retention):
        [job] = [
            each
            for each in list_jobs(
                token_event_days=1, retention=retention, access_record_days=366, complaint_content_days=0
            )
            if each.name == "erase_old_entries"
        ]
        return job

    async def test_erases_everything_old_in_one_beat_in_batches_of_their_own(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=50)
        retention = Retention(kept_days=30, limit=7)
        old = len(await list_whole(audited))
        done = await run_to_end(self.job(retention), audited.database, now=read_now, seconds_max=60)
        assert (done, retention.status.erased, retention.has_more) == (old, old, False)
        assert retention.status.lag_s == 0
        await audited.settle()
        records = await audited.owner.fetch("SELECT payload FROM events WHERE kind = 'ENTRIES_ERASED'")
        assert len(records) == -(-old // 7)
        account = await verify_now(audited)
        assert (account.finding, account.erased) == (None, old)

    async def test_stops_when_its_time_is_up_and_tells_how_far_it_is_behind(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=50)
        retention = Retention(kept_days=30, limit=7)
        assert await run_to_end(self.job(retention), audited.database, now=read_now, seconds_max=0) == 7
        assert retention.has_more
        kept_too_long_s = (read_now() - timedelta(days=30) - as_of).total_seconds()
        assert retention.status.lag_s == pytest.approx(kept_too_long_s, abs=3_600)
        # The next beat continues there.
        await run_to_end(self.job(retention), audited.database, now=read_now, seconds_max=60)
        assert (retention.has_more, retention.status.lag_s) == (False, 0)
        whole = "SELECT count(*) FROM events WHERE erased_at IS NULL AND kind <> 'ENTRIES_ERASED'"
        assert await audited.owner.fetchval(whole) == 0

    async def test_is_not_stopped_by_a_batch_of_held_entries(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=20, subject=Subject.NUMBER, subject_id=NUMBER)
        draft = LegalHoldDraft(reason="Court", subject=HoldSubject.NUMBER, subject_id=NUMBER)
        async with audited.database.transaction(parties.officer, as_of=as_of) as tx:
            await place_legal_hold(tx, draft)
        after = await audited.fill(parties.officer, as_of + timedelta(seconds=1), count=5)
        retention = Retention(kept_days=30, limit=4)
        await run_to_end(self.job(retention), audited.database, now=read_now, seconds_max=60)
        whole = await list_whole(audited)
        assert not any(after - 5 < position <= after for position in whole)
        held = "SELECT count(*) FROM events WHERE subject_id = $1 AND erased_at IS NULL"
        assert await audited.owner.fetchval(held, NUMBER) == 20

    async def test_examines_no_more_entries_in_a_statement_than_its_limit(self, audited, parties, as_of):
        await audited.fill(parties.officer, as_of, count=20, subject=Subject.NUMBER, subject_id=NUMBER)
        draft = LegalHoldDraft(reason="Court", subject=HoldSubject.NUMBER, subject_id=NUMBER)
        async with audited.database.transaction(parties.officer, as_of=as_of) as tx:
            await place_legal_hold(tx, draft)
        counts, place = [], None
        while True:
            async with audited.database.system(Role.RETENTION, as_of=read_now()) as tx:
                erasure = await erase_old_entries(tx, kept_days=30, limit=5, after=place)
            counts.append(erasure.count)
            place = erasure.next_after
            if place is None:
                break
        assert 0 in counts
        assert max(counts) <= 5


class TestLegalHold:
    async def place(self, audited, parties, as_of, **draft):
        async with audited.database.transaction(parties.officer, as_of=as_of) as tx:
            return await place_legal_hold(tx, LegalHoldDraft(reason="Court order 12/2026", **draft))

    async def test_on_the_whole_log_keeps_all_until_it_is_released(self, audited, parties, as_of):
        hold = await self.place(audited, parties, as_of)
        await audited.fill(parties.officer, as_of, count=3)
        assert await erase(audited) == 0
        async with audited.database.transaction(parties.other_officer, as_of=as_of) as tx:
            await release_legal_hold(tx, hold.id)
        assert await erase(audited) > 3

    async def test_on_a_number_keeps_its_orders_and_complaints(self, audited, parties, as_of):
        from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, issue_orders

        [before] = await issue_orders(audited.database, parties, as_of, [TELKOMSEL_NUMBER])
        hold = await self.place(audited, parties, as_of, subject=HoldSubject.NUMBER, subject_id=TELKOMSEL_NUMBER)
        assert hold.subject_id == TELKOMSEL_NUMBER
        [other] = await issue_orders(audited.database, parties, as_of, [INDOSAT_NUMBER])
        await audited.settle()
        assert await erase(audited) > 0
        kept = await audited.owner.fetch("SELECT DISTINCT subject, subject_id FROM events WHERE erased_at IS NULL")
        subjects = {row["subject_id"] for row in kept}
        assert before.id in subjects
        assert other.id not in subjects
        complaints = await audited.owner.fetch("SELECT id::text, e164 FROM complaints")
        for row in complaints:
            assert (row["id"] in subjects) == (row["e164"] == TELKOMSEL_NUMBER)

    async def test_on_a_number_covers_a_complaint_that_appears_after_it(self, audited, parties, as_of):
        from tests.support.journeys import TELKOMSEL_NUMBER, file_verified

        await self.place(audited, parties, as_of, subject=HoldSubject.NUMBER, subject_id=TELKOMSEL_NUMBER)
        [complaint] = await file_verified(audited.database, parties, as_of, [TELKOMSEL_NUMBER])
        await audited.settle()
        await erase(audited)
        erased = await audited.owner.fetchval(
            "SELECT count(*) FROM events WHERE subject_id = $1 AND erased_at IS NOT NULL", complaint.id
        )
        assert erased == 0

    async def test_is_held_by_the_database_too(self, audited, parties, as_of):
        await self.place(audited, parties, as_of, subject=HoldSubject.NUMBER, subject_id=NUMBER)
        await audited.fill(parties.officer, as_of, subject=Subject.NUMBER, subject_id=NUMBER)
        for role, statement in (
            (Role.RETENTION, "UPDATE events SET payload = '{}' WHERE subject_id = '" + NUMBER + "'"),
            (Role.ARCHIVE, "DELETE FROM events WHERE subject_id = '" + NUMBER + "'"),
        ):
            async with audited.database.system(role, as_of=as_of) as tx:
                changed = await tx.connection.exec_driver_sql(statement)
                assert changed.rowcount == 0
        with pytest.raises(DBAPIError, match="permission denied"):
            async with audited.database.system(Role.RETENTION, as_of=as_of) as tx:
                await tx.connection.exec_driver_sql("UPDATE legal_holds SET released_at = now()")


class TestJoinRanges:
    def test_joins_what_stands_side_by_side(self):
        assert join_ranges([1, 2, 3, 5, 7, 8]) == [[1, 3], [5, 5], [7, 8]]
        assert join_ranges([]) == []
