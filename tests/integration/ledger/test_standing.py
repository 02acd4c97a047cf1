"""How the installation stands: counts that anybody who shows them agrees on."""

from datetime import timedelta

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.filing import file_complaints
from ledger.complaints.vocabulary import Remedy
from ledger.feed.batches import sequence_batch
from ledger.feed.direct import DirectSession
from ledger.members.standing import count_members
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from ledger.standing import measure_standing
from ledger.storage.job_outcomes import JobOutcome, record_outcomes
from ledger.storage.roles import Role
from ledger.viewer import MemberKind
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    complaint_draft,
    draft_orders,
    file_verified,
    issue_orders,
    override_number,
)
from tests.support.statements import count_statements


async def measure(database, as_of):
    async with database.snapshot(Role.REGULATOR, as_of=as_of) as tx:
        return await measure_standing(tx)


class TestComplaints:
    async def test_that_wait_are_counted_by_whom_they_wait_for(self, database, parties, as_of):
        async with database.transaction(parties.agency, as_of=as_of) as tx:
            asked, *_ = await file_complaints(tx, [complaint_draft(TELKOMSEL_NUMBER) for _ in range(3)])
        asking = ComplaintDecision(complaint_id=asked.complaint.id, decision=Decision.ASK_INFO, note="Which day?")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await decide_complaints(tx, [asking])
        await file_verified(database, parties, as_of, [INDOSAT_NUMBER])
        standing = await measure(database, as_of)
        counted = (standing.awaiting_verification, standing.needs_info, standing.verified_unforwarded)
        assert (*counted, standing.verification_overdue) == (2, 1, 1, 0)
        assert (await measure(database, as_of + timedelta(days=2))).verification_overdue == 2

    async def test_that_ask_for_no_block_are_not_waiting_to_be_forwarded(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER], remedy=Remedy.OTT_ACTION)
        assert (await measure(database, as_of)).verified_unforwarded == 0


class TestOrders:
    async def test_are_open_then_overdue_and_unanswered_by_carrier(self, database, parties, as_of):
        answered, _ = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, answered, kind=AcknowledgementKind.RECEIVED)
        telkomsel, indosat = parties.telkomsel.member_id, parties.indosat.member_id
        standing = await measure(database, as_of)
        assert standing.orders_open_by_carrier == {telkomsel: 1, indosat: 1}
        assert (standing.orders_overdue_by_carrier, standing.orders_unanswered_by_carrier) == ({}, {})
        late = await measure(database, answered.due_at + timedelta(seconds=1))
        assert late.orders_overdue_by_carrier == {telkomsel: 1, indosat: 1}
        assert late.orders_unanswered_by_carrier == {indosat: 1}

    async def test_that_were_executed_are_no_longer_open(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        assert (await measure(database, order.due_at + timedelta(days=9))).orders_open == 0

    async def test_that_were_drafted_await_approval_and_some_an_override(self, database, parties, as_of):
        exchange = "+622150001234"
        await override_number(database, parties, as_of, exchange, parties.telkomsel.member_id)
        await file_verified(database, parties, as_of, [INDOSAT_NUMBER, exchange])
        await draft_orders(database, parties, as_of, [INDOSAT_NUMBER, exchange])
        standing = await measure(database, as_of)
        assert (standing.drafts_awaiting_approval, standing.drafts_held) == (2, 1)

    async def test_with_a_lift_that_was_drafted_await_approval(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        lift = LiftDraft(order_id=order.id, basis=LiftBasis.APPEAL, note="Granted.")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await draft_lifts(tx, [lift])
        assert (await measure(database, as_of)).proposals_awaiting_approval == 1


class TestLog:
    async def test_is_behind_by_the_events_without_a_position(self, database, parties, as_of):
        before = await measure(database, as_of)
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert (await measure(database, as_of)).feed_pending > before.feed_pending
        session = await DirectSession.open(database.settings, Role.SEQUENCER, application_name="test")
        while (await sequence_batch(session, epoch=0, batch_max=1_000)).count:
            continue
        await session.close()
        after = await measure(database, as_of)
        assert (after.feed_pending, after.feed_lag_seconds) == (0, 0.0)


class TestJobs:
    async def record(self, database, *outcomes):
        async with database.system(Role.TRANSITION, as_of=outcomes[0].ran_at) as tx:
            await record_outcomes(tx, outcomes)

    async def test_that_failed_are_named_until_they_succeed(self, database, as_of):
        failed = JobOutcome(name="a", ran_at=as_of, failures=1, failed_at=as_of, error="ValueError")
        await self.record(database, failed, JobOutcome(name="b", ran_at=as_of))
        later = as_of + timedelta(minutes=1)
        await self.record(database, JobOutcome(name="a", ran_at=later, failures=1, failed_at=later, error="OSError"))
        twice = JobOutcome(name="a", ran_at=later, failures=2, failed_at=later, error="OSError")
        assert (await measure(database, as_of)).failed_jobs == [twice]
        await self.record(database, JobOutcome(name="a", ran_at=later))
        assert (await measure(database, as_of)).failed_jobs == []

    async def test_keep_their_last_error_when_they_succeed(self, database, as_of, owner_connection):
        await self.record(database, JobOutcome(name="a", ran_at=as_of, failures=1, failed_at=as_of, error="OSError"))
        await self.record(database, JobOutcome(name="a", ran_at=as_of + timedelta(minutes=1)))
        row = await owner_connection.fetchrow("SELECT failures, failed_at, error FROM job_outcomes")
        assert tuple(row) == (0, as_of, "OSError")


async def test_members_are_counted_by_kind(database, parties, as_of):
    async with database.snapshot(Role.REGULATOR, as_of=as_of) as tx:
        counted = {each.kind: (each.admitted, each.suspended) for each in await count_members(tx)}
    assert counted[MemberKind.REGULATOR] == (1, 0)
    assert counted[MemberKind.CARRIER][0] >= 3


async def test_measuring_takes_one_statement_for_each_section(database, parties, as_of):
    await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
    async with database.snapshot(Role.REGULATOR, as_of=as_of) as tx:
        statements: list[str] = []
        stop = count_statements(database, statements.append)
        await measure_standing(tx)
        stop()
    read = [statement for statement in statements if "set_config" not in statement]
    assert len(read) == 6
