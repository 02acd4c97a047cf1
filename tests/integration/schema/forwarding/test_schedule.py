"""The schedule in the graph: when the next run is due, and that nobody started what it started."""

from datetime import datetime

from gateway.process.jobs import JOBS, run_job
from ledger.policies import Policies
from tests.support.desk import Desk
from tests.support.journeys import TELKOMSEL_NUMBER, file_verified

[SCHEDULED] = [job for job in JOBS if job.name == "forward_on_schedule"]
ASKED = """{ forwardingSchedule { kind nextDueAt doneUntil ranAt carrierDailyMax lastRun { id } }
  forwardingRuns { nodes { id isScheduled startedBy { displayName } office { slug } items { nodes {
    blockOrder { draftedBy { displayName } office { slug } state } } } } } }"""


class TestSchedule:
    async def test_is_off_by_default(self, desk: Desk):
        answer = await desk.ask(desk.parties.officer, ASKED)
        assert answer.errors == []
        schedule = answer.data["forwardingSchedule"]
        assert (schedule["kind"], schedule["nextDueAt"], schedule["lastRun"]) == ("OFF", None, None)

    async def test_shows_the_run_that_nobody_started_and_when_the_next_is_due(self, desk: Desk):
        desk.database.policies = Policies(
            forwarding_schedule="daily", forwarding_legal_basis="PM 5/2021", forwarding_subscriber_notice="Blocked."
        )
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        assert await run_job(SCHEDULED, desk.database, as_of=desk.as_of) == 1
        answer = await desk.ask(desk.parties.officer, ASKED)
        assert answer.errors == []
        [run] = answer.data["forwardingRuns"]["nodes"]
        assert (run["isScheduled"], run["startedBy"], run["office"]) == (True, None, None)
        [item] = run["items"]["nodes"]
        assert item["blockOrder"] == {"draftedBy": None, "office": None, "state": "DRAFT"}
        schedule = answer.data["forwardingSchedule"]
        assert (schedule["kind"], schedule["lastRun"]["id"]) == ("DAILY", run["id"])
        due = datetime.fromisoformat(schedule["nextDueAt"]) - datetime.fromisoformat(schedule["doneUntil"])
        assert due.days == 1
        assert datetime.fromisoformat(schedule["ranAt"]) == desk.as_of

    async def test_is_the_regulators_alone(self, desk: Desk):
        for viewer in (desk.parties.telkomsel, desk.parties.agency, desk.parties.provider):
            answer = await desk.ask(viewer, "{ forwardingSchedule { kind } }")
            assert answer.problems == ["FORBIDDEN"]
