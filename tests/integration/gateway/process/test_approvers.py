"""The gauge of active approvers follows who may approve, in every process, and not only at its start."""

import pytest
from structlog.testing import capture_logs

from auth.settings import AuthSettings
from gateway.process.approvers import ApproverWatch
from gateway.process.jobs import run_job, running_jobs
from ledger.members.admission import OfficerDraft, add_officer, disable_officer
from ledger.storage.roles import Role
from ledger.viewer import OPERATOR
from tests.support.waiting import until

SETTINGS = AuthSettings(second_factor="optional")


@pytest.fixture
async def approvers(database, parties, as_of):
    async with database.transaction(OPERATOR, as_of=as_of) as tx:
        drafts = [
            OfficerDraft(office_id=parties.officer.office_id, display_name=name, scopes=("orders:approve",))
            for name in ("Cici", "Dedi")
        ]
        return [await add_officer(tx, draft) for draft in drafts]


class TestActiveApprovers:
    async def test_are_measured_anew_on_the_beat_of_every_process(self, database, approvers, as_of):
        counted: list[list[float]] = [[], []]
        first, second = (ApproverWatch(SETTINGS, report=into.append) for into in counted)
        async with (
            running_jobs(database, now=lambda: as_of, beat_seconds=0.01, jobs=[first.job]),
            running_jobs(database, now=lambda: as_of, beat_seconds=0.01, jobs=[second.job]),
        ):
            await until(lambda: all(into and into[-1] == 2 for into in counted), "both have counted two")
            async with database.transaction(OPERATOR, as_of=as_of) as tx:
                await disable_officer(tx, approvers[0].id)
            await until(lambda: all(into[-1] == 1 for into in counted), "both have counted one")

    async def test_are_measured_while_another_process_holds_the_jobs_lock(self, database, approvers, as_of):
        counted: list[float] = []
        job = ApproverWatch(SETTINGS, report=counted.append).job
        async with database.system(Role.JOBS, as_of=as_of) as other:
            assert await other.try_lock(f"jembatan.job.{job.name}")
            assert await run_job(job, database, as_of=as_of) == 0
        assert counted == [2]

    async def test_that_are_too_few_are_told_once_and_not_on_every_beat(self, database, approvers, as_of):
        watch = ApproverWatch(SETTINGS, report=lambda _count: None)
        async with database.transaction(OPERATOR, as_of=as_of) as tx:
            await disable_officer(tx, approvers[0].id)
        with capture_logs() as told:
            for _ in range(3):
                await run_job(watch.job, database, as_of=as_of)
        assert [(line["event"], line["approvers"]) for line in told] == [("no second approver", 1)]
