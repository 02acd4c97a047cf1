"""Forwarding on a schedule: once for each moment, whatever happened meanwhile, and approved by two pairs of eyes."""

import asyncio
from datetime import timedelta

import pytest
from asyncpg import CheckViolationError

from gateway.process.jobs import JOBS, run_job
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.errors import ForbiddenError, FourEyesError, Problem
from ledger.forwarding.proposals import ForwardingApproval, approve_forwarding
from ledger.forwarding.reading import list_forwarding_items, list_forwarding_runs
from ledger.forwarding.scheduling import get_schedule
from ledger.forwarding.vocabulary import ScheduleKind
from ledger.orders.approval import approve_block_orders
from ledger.orders.content import hash_content
from ledger.orders.emergencies import ApproveInsteadError, EmergencyIssue, issue_in_emergency
from ledger.orders.reading import list_block_orders
from ledger.orders.revisions import Revision, revise_block_orders
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.pages import PageRequest
from ledger.policies import Policies
from tests.support.audited import compare_now
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    approval_of,
    complaint_draft,
    file_verified,
    forward,
    issue_orders,
)

[SCHEDULED] = [job for job in JOBS if job.name == "forward_on_schedule"]
WORDS = {"forwarding_legal_basis": "PM 5/2021", "forwarding_subscriber_notice": "Blocked; appeal to the help desk."}
DAY = timedelta(days=1)


@pytest.fixture
def daily(database):
    database.policies = Policies(forwarding_schedule="daily", forwarding_hour=7, **WORDS)


async def run(database, as_of):
    return await run_job(SCHEDULED, database, as_of=as_of)


async def read_runs(database, parties, as_of):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return (await list_forwarding_runs(tx, PageRequest(first=500))).items


async def read_orders(database, parties, as_of):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return (await list_block_orders(tx, PageRequest(first=500))).items


async def read_schedule(database, parties, as_of):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return await get_schedule(tx)


async def verify_by(database, parties, officer, as_of, *numbers):
    async with database.transaction(parties.agency, as_of=as_of) as tx:
        filed = await file_complaints(tx, [complaint_draft(number) for number in numbers])
    async with database.transaction(officer, as_of=as_of) as tx:
        await decide_complaints(
            tx, [ComplaintDecision(complaint_id=item.complaint.id, decision=Decision.VERIFY) for item in filed]
        )


async def approve_run(database, officer, as_of, proposed):
    async with database.transaction(officer, as_of=as_of) as tx:
        approval = ForwardingApproval(run_id=proposed.id, manifest_hash=proposed.manifest_hash)
        return (await approve_forwarding(tx, approval))[:2]


class TestSchedule:
    async def test_is_off_by_default(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert await run(database, as_of) == 0
        assert await read_runs(database, parties, as_of) == []
        schedule = await read_schedule(database, parties, as_of)
        assert (schedule.kind, schedule.next_due_at, schedule.standing) == (ScheduleKind.OFF, None, None)

    @pytest.mark.usefixtures("daily")
    async def test_runs_once_for_each_moment(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert await run(database, as_of) == 1
        await file_verified(database, parties, as_of, [INDOSAT_NUMBER])
        assert await run(database, as_of + timedelta(minutes=5)) == 0
        # 07:00 in Jakarta is midnight UTC.
        tomorrow = (as_of + DAY).replace(hour=0)
        assert await run(database, tomorrow - timedelta(microseconds=1)) == 0
        assert await run(database, tomorrow) == 1
        assert await run(database, tomorrow) == 0
        assert len(await read_runs(database, parties, tomorrow)) == 2

    @pytest.mark.usefixtures("daily")
    async def test_makes_up_for_what_was_missed_by_one_run(self, database, parties, as_of):
        await run(database, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        later = as_of + 9 * DAY
        schedule = await read_schedule(database, parties, later)
        assert schedule.next_due_at == later.replace(hour=0)
        assert [await run(database, later), await run(database, later)] == [1, 0]
        [only] = await read_runs(database, parties, later)
        assert only.complaint_count == 2

    @pytest.mark.usefixtures("daily")
    async def test_of_two_processes_at_once_one_runs(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [f"+62812000006{n:02}" for n in range(10)])
        done = await asyncio.gather(*(run(database, as_of) for _ in range(4)))
        assert [one for one in done if one] == [1]
        assert len(await read_orders(database, parties, as_of)) == 10

    @pytest.mark.usefixtures("daily")
    async def test_leaves_no_run_where_nothing_can_be_ordered_and_does_not_try_again(self, database, parties, as_of):
        await file_verified(database, parties, as_of, ["+12025550123"])
        assert await run(database, as_of) == 0
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert await run(database, as_of) == 0
        assert await read_runs(database, parties, as_of) == []

    @pytest.mark.usefixtures("daily")
    async def test_run_that_failed_stays_due(self, database, parties, as_of, owner_connection):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await owner_connection.execute("ALTER TABLE forwarding_items ADD CONSTRAINT broken CHECK (false) NOT VALID")
        with pytest.raises(Exception, match="broken"):
            await run(database, as_of)
        assert await read_runs(database, parties, as_of) == []
        await owner_connection.execute("ALTER TABLE forwarding_items DROP CONSTRAINT broken")
        assert await run(database, as_of) == 1

    async def test_continuous_covers_what_was_verified_meanwhile_and_lists_nothing_else(self, database, parties, as_of):
        database.policies = Policies(forwarding_schedule="continuous", forwarding_minutes=15, **WORDS)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, "+12025550123"])
        assert await run(database, as_of) == 1
        await file_verified(database, parties, as_of, [INDOSAT_NUMBER])
        assert await run(database, as_of + timedelta(minutes=14)) == 0
        assert await run(database, as_of + timedelta(minutes=15)) == 1
        assert await run(database, as_of + timedelta(minutes=30)) == 0
        found = await read_runs(database, parties, as_of)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            items = [(await list_forwarding_items(tx, each.id, PageRequest())).items for each in found]
        assert [[item.e164 for item in manifest] for manifest in items] == [[INDOSAT_NUMBER], [TELKOMSEL_NUMBER]]

    async def test_tells_the_regulator_alone_when_the_next_run_is_due(self, database, parties, as_of):
        database.policies = Policies(forwarding_schedule="monthly", forwarding_day=1, **WORDS)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert (await read_schedule(database, parties, as_of)).next_due_at == as_of.replace(day=1, hour=0)
        await run(database, as_of)
        schedule = await read_schedule(database, parties, as_of)
        [only] = await read_runs(database, parties, as_of)
        assert schedule.next_due_at == as_of.replace(month=4, day=1, hour=0)
        assert (schedule.standing.ran_at, schedule.standing.last_run_id) == (as_of, only.id)
        for viewer in (parties.telkomsel, parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                async with database.reading(viewer, as_of=as_of) as tx:
                    await get_schedule(tx)


class TestPace:
    @pytest.fixture(autouse=True)
    def _paced(self, database):
        database.policies = Policies(
            forwarding_schedule="continuous", forwarding_minutes=5, forwarding_carrier_daily=3, **WORDS
        )

    async def test_gives_a_carrier_so_many_drafts_in_a_legal_day_and_the_oldest_first(self, database, parties, as_of):
        numbers = [f"+62812000007{n:02}" for n in range(7)]
        for number in numbers:
            await file_verified(database, parties, as_of, [number])
        await file_verified(database, parties, as_of, [INDOSAT_NUMBER])
        drafted = []
        for hours in (0, 1, 13, 14, 38):  # as_of is 10:00 in Jakarta; midnight there is 14 hours later
            await run(database, as_of + timedelta(hours=hours))
            orders = await read_orders(database, parties, as_of)
            drafted.append(sorted(order.e164 for order in orders if order.carrier_id == parties.telkomsel.member_id))
            assert sum(order.carrier_id == parties.indosat.member_id for order in orders) == 1
        assert drafted == [numbers[:3], numbers[:3], numbers[:3], numbers[:6], numbers]

    async def test_counts_what_officers_forwarded_on_that_day(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [f"+62812000008{n:02}" for n in range(2)])
        await forward(database, parties, as_of)
        await file_verified(database, parties, as_of, [f"+62812000009{n:02}" for n in range(4)])
        assert await run(database, as_of + timedelta(hours=1)) == 1
        assert len(await read_orders(database, parties, as_of)) == 3

    async def test_counts_no_complaint_that_joins_an_open_order(self, database, parties, as_of):
        numbers = [f"+62812000010{n:02}" for n in range(3)]
        await issue_orders(database, parties, as_of, numbers)
        await file_verified(database, parties, as_of, numbers)
        assert await run(database, as_of) == 1
        await file_verified(database, parties, as_of, ["+6281200001199"])
        assert await run(database, as_of + timedelta(minutes=5)) == 1


@pytest.mark.usefixtures("daily")
class TestFourEyes:
    async def test_any_officer_approves_what_another_verified(self, database, parties, as_of):
        await verify_by(database, parties, parties.officer, as_of, TELKOMSEL_NUMBER)
        await run(database, as_of)
        [proposed] = await read_runs(database, parties, as_of)
        assert (proposed.started_by, proposed.office_id, proposed.is_scheduled) == (None, None, True)
        _, [order] = await approve_run(database, parties.other_officer, as_of, proposed)
        assert order.state is OrderState.ISSUED
        assert (order.drafted_by, order.approved_by) == (None, parties.other_officer.officer_id)

    async def test_an_officer_who_verified_alone_does_not_issue_alone(self, database, parties, as_of):
        await verify_by(database, parties, parties.officer, as_of, TELKOMSEL_NUMBER)
        await run(database, as_of)
        [proposed] = await read_runs(database, parties, as_of)
        kept, [problem] = await approve_run(database, parties.officer, as_of, proposed)
        assert isinstance(problem, Problem)
        assert problem.code == FourEyesError.code
        assert kept.state.value == "PROPOSED"
        [draft] = await read_orders(database, parties, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [again] = await approve_block_orders(tx, [approval_of(draft)])
        assert again.code == FourEyesError.code

    async def test_an_officer_who_verified_one_of_several_does(self, database, parties, as_of):
        await verify_by(database, parties, parties.officer, as_of, TELKOMSEL_NUMBER)
        await verify_by(database, parties, parties.other_officer, as_of, TELKOMSEL_NUMBER)
        await run(database, as_of)
        [proposed] = await read_runs(database, parties, as_of)
        _, [order] = await approve_run(database, parties.officer, as_of, proposed)
        assert isinstance(order, BlockOrder)

    async def test_an_officer_who_revised_it_is_its_drafter(self, database, parties, as_of):
        await verify_by(database, parties, parties.officer, as_of, TELKOMSEL_NUMBER)
        await run(database, as_of)
        [draft] = await read_orders(database, parties, as_of)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [revised] = await revise_block_orders(tx, [Revision(order_id=draft.id, summary="Prize fraud.")])
        assert revised.drafted_by == parties.other_officer.officer_id
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [problem] = await approve_block_orders(tx, [approval_of(revised)])
        assert problem.code == FourEyesError.code

    async def test_nobody_issues_it_in_an_emergency(self, database, parties, as_of, owner_connection):
        policies = database.policies.model_dump() | {"emergency_orders": True}
        database.policies = Policies(**policies)
        await verify_by(database, parties, parties.officer, as_of, TELKOMSEL_NUMBER)
        await run(database, as_of)
        [draft] = await read_orders(database, parties, as_of)
        issue = EmergencyIssue(order_id=draft.id, content_hash=hash_content(draft), note="Now.")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [problem] = await issue_in_emergency(tx, [issue])
        assert problem.code == ApproveInsteadError.code
        with pytest.raises(CheckViolationError, match="emergency_has_drafter"):
            await owner_connection.execute("UPDATE block_orders SET is_emergency = true")

    async def test_the_log_commits_to_all_of_it(self, audited, database, parties, as_of):
        audited.database.policies = database.policies
        await verify_by(audited.database, parties, parties.officer, as_of, TELKOMSEL_NUMBER)
        await run(audited.database, as_of)
        [proposed] = await read_runs(audited.database, parties, as_of)
        await approve_run(audited.database, parties.other_officer, as_of, proposed)
        await audited.settle()
        assert (await compare_now(audited)).finding is None
