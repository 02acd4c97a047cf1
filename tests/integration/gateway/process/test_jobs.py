"""Jobs: what time does by itself, in one process at a time."""

from datetime import timedelta

from gateway.process.jobs import JOBS, Job, make_compaction_job, run_job, run_on_beat, running_jobs
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.complaints.reading import get_complaint
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import RejectionReason
from ledger.storage.job_outcomes import list_failing_jobs
from ledger.storage.roles import Role
from tests.support.journeys import TELKOMSEL_NUMBER, complaint_draft
from tests.support.waiting import until


class TestExpiry:
    async def test_rejects_what_nobody_answered_in_time_and_nothing_else(self, database, parties, as_of):
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            asked, untouched = await file_complaints(tx, [complaint_draft(TELKOMSEL_NUMBER) for _ in range(2)])
        decision = ComplaintDecision(complaint_id=asked.complaint.id, decision=Decision.ASK_INFO, note="Which day?")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await decide_complaints(tx, [decision])
        [expiry] = [job for job in JOBS if job.name == "expire_information_requests"]
        waited = timedelta(days=database.policies.information_due_days)
        assert await run_job(expiry, database, as_of=as_of + waited - timedelta(seconds=1)) == 0
        assert await run_job(expiry, database, as_of=as_of + waited + timedelta(seconds=1)) == 1
        assert await run_job(expiry, database, as_of=as_of + waited + timedelta(days=1)) == 0
        async with database.reading(parties.agency, as_of=as_of) as tx:
            rejected = await get_complaint(tx, asked.complaint.id)
            other = await get_complaint(tx, untouched.complaint.id)
        assert (rejected.state, rejected.rejection_reason) == (
            ComplaintState.REJECTED,
            RejectionReason.EVIDENCE_MISSING,
        )
        assert other.state is ComplaintState.SUBMITTED


class TestRunJob:
    async def test_is_left_to_the_process_that_is_at_it(self, database, as_of):
        async def work(tx):
            return await run_job(JOBS[0], database, as_of=as_of) is None

        same = Job(name=JOBS[0].name, role=Role.TRANSITION, work=work)
        assert await run_job(same, database, as_of=as_of) is True

    async def test_every_job_runs_on_an_empty_database(self, database, as_of):
        done = {job.name: await run_job(job, database, as_of=as_of) for job in JOBS}
        assert {name: count for name, count in done.items() if count} == {"recount_tallies": 1}, "an empty one, too"

    async def test_puts_the_rows_of_sums_together(self, database, as_of, owner_connection):
        await owner_connection.execute("INSERT INTO table_changes (source, n) VALUES ('members', 1), ('members', 2)")
        assert await run_job(make_compaction_job(), database, as_of=as_of) == 2
        assert await owner_connection.fetchval("SELECT array_agg(n::text) FROM table_changes") == ["3"]


class TestRunningJobs:
    async def test_goes_on_after_a_job_that_failed(self, database, as_of):
        done = []

        async def fail(tx):
            raise RuntimeError("no")

        async def work(tx):
            done.append(tx.as_of)
            return 1

        jobs = [Job(name="a", role=Role.JOBS, work=fail), Job(name="b", role=Role.JOBS, work=work)]
        async with running_jobs(database, now=lambda: as_of, beat_seconds=0.01, jobs=jobs):
            await until(lambda: len(done) >= 2, "the other job has run twice")

    async def test_records_how_each_job_ended(self, database, as_of):
        """For operators: the log of the process that ran it may be on another machine."""
        works = iter([RuntimeError, ValueError])

        async def fail_twice(tx):
            error = next(works, None)
            if error is not None:
                raise error("with the text of a complaint")
            return 0

        async def list_failing():
            async with database.snapshot(Role.REGULATOR, as_of=as_of) as tx:
                return [(job.name, job.failures, job.error) for job in await list_failing_jobs(tx)]

        job = Job(name="a", role=Role.JOBS, work=fail_twice)

        async def beat():
            return await run_on_beat([job], database, now=lambda: as_of, beat_seconds=1)

        await beat()
        await beat()
        assert await list_failing() == [("a", 2, "ValueError")]
        await beat()
        assert await list_failing() == []
