"""An outage of the gateway stops the clock of the orders that ran: once, by the overlap, and never backwards."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from asyncpg import CheckViolationError, ExclusionViolationError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import ForbiddenError
from ledger.feed.event_log import EventFilter, list_events
from ledger.feed.vocabulary import EventKind
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders, load_acknowledgements
from ledger.orders.extensions import ExtensionDecision, decide_extensions, load_extensions
from ledger.orders.lifts import LiftDraft
from ledger.orders.reading import get_block_order
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from ledger.outages.reading import list_outages
from ledger.outages.recording import DECLARED_DAYS_MAX, OutageTimeError, declare_outage
from ledger.outages.vocabulary import OutageCause
from ledger.pages import PageRequest
from ledger.viewer import OPERATOR
from tests.support.audited import compare_now, verify_now
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, acknowledge, issue_orders, lift_orders
from tests.support.outages import declare, read_extensions, stop_clock
from tests.support.statements import count_statements
from tests.support.waiting import until

HOUR = timedelta(hours=1)
LATER = timedelta(days=6)
SPANS = st.lists(
    st.tuples(st.integers(-30, 100), st.integers(1, 40)).map(lambda span: (span[0], span[0] + span[1])),
    min_size=1,
    max_size=5,
)
_weeks = count(1)


async def read(database, viewer, as_of, order):
    async with database.reading(viewer, as_of=as_of) as tx:
        return await get_block_order(tx, order_id=order.id)


async def read_said(database, viewer, as_of, order):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await load_acknowledgements(tx, [order.id]))[order.id]


async def read_events(database, parties, as_of, *kinds):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return (await list_events(tx, PageRequest(first=500), EventFilter(kinds=kinds))).items


async def wait_until_blocked(owner):
    async def is_blocked():
        return await owner.fetchval("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")

    await until(is_blocked, "the other transaction waits")


class TestDueTime:
    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(spans=SPANS, order=st.randoms(use_true_random=False))
    async def test_is_that_of_a_clock_that_stood_still_and_never_moves_back(
        self, database, parties, as_of, spans, order
    ):
        """Spans are hours from the issue. However they overlap and in whatever order they are recorded."""
        begun = as_of + timedelta(weeks=4 * next(_weeks))
        [issued] = await issue_orders(database, parties, begun, [f"+628120{next(_weeks):06}"])
        wanted = [(begun + first * HOUR, begun + last * HOUR) for first, last in spans]
        recorded = list(wanted)
        order.shuffle(recorded)
        due_at = issued.due_at
        for starts_at, ends_at in recorded:
            await declare(database, begun + LATER, starts_at, ends_at)
            after = await read(database, parties.telkomsel, begun, issued)
            assert after.due_at >= due_at
            due_at = after.due_at
        assert due_at == stop_clock(issued.issued_at, issued.due_at, wanted)
        given_back = await read_extensions(database, parties.telkomsel, begun, issued)
        assert sum((each.due_after - each.due_before for each in given_back), timedelta()) == due_at - issued.due_at

    @pytest.mark.parametrize(
        ("starts", "ends", "gained"),
        [
            (2, 5, 3),
            (-4, 3, 3),  # it was issued during the outage
            (20, 40, 20),  # the due time fell in the outage
            (24, 30, 0),  # it was due when the outage began
            (30, 40, 0),
            (-5, 0, 0),
        ],
    )
    async def test_moves_by_the_part_of_the_outage_in_which_the_order_ran(
        self, database, parties, as_of, starts, ends, gained
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [outage] = await declare(database, as_of + LATER, as_of + starts * HOUR, as_of + ends * HOUR)
        after = await read(database, parties.telkomsel, as_of + 23 * HOUR, order)
        assert after.due_at == order.due_at + gained * HOUR
        given_back = await read_extensions(database, parties.telkomsel, as_of, order)
        wanted = [(outage.id, order.due_at, after.due_at)] if gained else []
        assert [(each.outage_id, each.due_before, each.due_after) for each in given_back] == wanted

    async def test_decides_what_is_overdue(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        now = as_of + 25 * HOUR
        assert (await read(database, parties.officer, now, order)).is_overdue
        await declare(database, now, as_of + 20 * HOUR, as_of + 22 * HOUR)
        assert not (await read(database, parties.officer, now, order)).is_overdue
        assert (await read(database, parties.officer, as_of + 26 * HOUR + timedelta(seconds=1), order)).is_overdue

    async def test_of_a_lift_runs_from_the_lift(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        [lift] = await lift_orders(
            database, parties, as_of + 48 * HOUR, [LiftDraft(order_id=order.id, basis=LiftBasis.APPEAL, note="So.")]
        )
        await declare(database, as_of + LATER, as_of + 10 * HOUR, as_of + 50 * HOUR)
        after = await read(database, parties.telkomsel, as_of, order)
        assert after.due_at == lift.due_at + 2 * HOUR

    async def test_of_what_is_no_longer_owed_stays(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of + HOUR, order)
        await declare(database, as_of + LATER, as_of, as_of + 5 * HOUR)
        assert (await read(database, parties.telkomsel, as_of, order)).due_at == order.due_at

    async def test_is_moved_in_a_constant_number_of_statements(self, database, parties, as_of):
        costs = []
        for place, number in enumerate((2, 60)):
            begun = as_of + place * timedelta(weeks=2)
            await issue_orders(database, parties, begun, [f"+62812001{place}{n:03}" for n in range(number)])
            statements = []
            stop = count_statements(database, statements.append)
            await declare(database, begun + LATER, begun + HOUR, begun + 2 * HOUR)
            stop()
            costs.append(len([statement for statement in statements if "set_config" not in statement]))
        assert costs[0] == costs[1]
        assert costs[0] <= 8


class TestRecording:
    async def test_twice_changes_nothing(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for wanted in (1, 0, 0):
            assert len(await declare(database, as_of + LATER, as_of, as_of + HOUR)) == wanted
        assert (await read(database, parties.telkomsel, as_of, order)).due_at == order.due_at + HOUR
        assert len(await read_events(database, parties, as_of, EventKind.ORDER_DUE_EXTENDED)) == 1

    async def test_at_once_counts_once(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        spans = [(as_of + n * HOUR, as_of + (n + 4) * HOUR) for n in range(4)]
        await asyncio.gather(*(declare(database, as_of + LATER, *span) for span in spans))
        assert (await read(database, parties.telkomsel, as_of, order)).due_at == order.due_at + 7 * HOUR

    async def test_leaves_out_what_was_recorded_before(self, database, as_of):
        await declare(database, as_of, as_of - 5 * HOUR, as_of - 4 * HOUR)
        parts = await declare(database, as_of, as_of - 6 * HOUR, as_of - 3 * HOUR)
        assert [(as_of - part.starts_at, as_of - part.ends_at) for part in parts] == [
            (6 * HOUR, 5 * HOUR),
            (4 * HOUR, 3 * HOUR),
        ]

    async def test_is_the_operators_alone(self, database, parties, as_of):
        for viewer in parties.everyone.values():
            with pytest.raises(ForbiddenError):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await declare_outage(tx, as_of - HOUR, as_of, reason="We were late.")

    @pytest.mark.parametrize(
        ("starts", "ends"),
        [(-1, 1), (1, 2), (-1, -1), (-1, -2), (-24 * DECLARED_DAYS_MAX - 1, 0)],
    )
    async def test_that_is_not_over_or_impossible_is_refused(self, database, as_of, starts, ends):
        with pytest.raises(OutageTimeError):
            await declare(database, as_of, as_of + starts * HOUR, as_of + ends * HOUR)

    async def test_is_told_to_every_member_and_each_order_to_its_carrier(self, database, parties, as_of):
        orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        [outage] = await declare(database, as_of + LATER, as_of + HOUR, as_of + 3 * HOUR)
        [told] = await read_events(database, parties, as_of, EventKind.OUTAGE_RECORDED)
        members = {viewer.member_id for viewer in parties.everyone.values()} - {parties.regulator.member_id}
        assert set(told.audience) >= members
        assert (told.subject_id, told.payload["cause"]) == (outage.id, "DECLARED")
        assert datetime.fromisoformat(told.payload["endsAt"]) == as_of + 3 * HOUR
        moved = await read_events(database, parties, as_of, EventKind.ORDER_DUE_EXTENDED)
        assert {(event.subject_id, event.audience) for event in moved} == {
            (order.id, (order.carrier_id,)) for order in orders
        }
        assert {event.payload["formerDueAt"] for event in moved} == {orders[0].due_at.isoformat()}
        assert {event.payload["dueAt"] for event in moved} == {(orders[0].due_at + 2 * HOUR).isoformat()}
        assert {tuple(event.payload["outageIds"]) for event in moved} == {(outage.id,)}
        assert moved[0].actor_member_id is None

    async def test_every_member_reads_outages_and_a_carrier_its_own_orders_extensions(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [outage] = await declare(database, as_of + LATER, as_of, as_of + HOUR)
        for viewer in parties.everyone.values():
            async with database.reading(viewer, as_of=as_of) as tx:
                assert (await list_outages(tx, PageRequest())).items == [outage]
        assert outage.cause is OutageCause.DECLARED
        assert await read_extensions(database, parties.telkomsel, as_of, order)
        assert await read_extensions(database, parties.officer, as_of, order)
        assert await read_extensions(database, parties.indosat, as_of, order) == []
        for other in (parties.agency, parties.provider):
            assert await read_extensions(database, other, as_of, order) == []

    async def test_overlapping_or_shortening_rows_fail_in_the_database_too(
        self, database, parties, as_of, owner_connection
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await declare(database, as_of + LATER, as_of, as_of + 2 * HOUR)
        again = (
            "INSERT INTO outages SELECT gen_random_uuid(), starts_at + interval '1 hour', ends_at, cause, reason, "
            "recorded_at FROM outages"
        )
        with pytest.raises(ExclusionViolationError, match="ex_outages_overlap"):
            await owner_connection.execute(again)
        with pytest.raises(CheckViolationError, match="ck_outage_extensions_later"):
            await owner_connection.execute("UPDATE outage_extensions SET due_after = due_before - interval '1 s'")
        assert order.state is OrderState.ISSUED


class TestLateAnswer:
    async def test_from_before_the_outage_was_recorded_is_excused(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        said = await acknowledge(database, parties.telkomsel, as_of + 26 * HOUR, order)
        assert (said.acknowledgement.is_late, said.order.was_late) == (True, True)
        await declare(database, as_of + LATER, as_of + 22 * HOUR, as_of + 25 * HOUR)
        after = await read(database, parties.telkomsel, as_of, order)
        assert (after.state, after.was_late, after.due_at) == (OrderState.EXECUTED, False, order.due_at + 3 * HOUR)
        [kept] = await read_said(database, parties.telkomsel, as_of, order)
        assert (kept.is_late, kept.is_excused) == (True, True)

    async def test_that_is_late_all_the_same_stays_late(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of + 26 * HOUR, order)
        await declare(database, as_of + LATER, as_of + 22 * HOUR, as_of + 23 * HOUR)
        after = await read(database, parties.telkomsel, as_of, order)
        [kept] = await read_said(database, parties.telkomsel, as_of, order)
        assert (after.was_late, after.due_at, kept.is_excused) == (True, order.due_at + HOUR, False)

    async def test_is_not_excused_by_an_outage_that_began_after_it(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await declare(database, as_of + LATER, as_of, as_of + 3 * HOUR)
        await acknowledge(database, parties.telkomsel, as_of + 28 * HOUR, order)
        await declare(database, as_of + LATER, as_of + 29 * HOUR, as_of + 40 * HOUR)
        after = await read(database, parties.telkomsel, as_of, order)
        assert (after.was_late, after.due_at) == (True, order.due_at + 3 * HOUR)

    async def test_at_the_same_time_as_the_outage_is_recorded_is_excused(
        self, database, parties, as_of, owner_connection
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order, kind=AcknowledgementKind.RECEIVED)
        async with database.transaction(parties.telkomsel, as_of=as_of + 26 * HOUR) as tx:
            draft = AcknowledgementDraft(order_id=order.id, kind=AcknowledgementKind.EXECUTED, reference="TT-2")
            [said] = await acknowledge_block_orders(tx, [draft])
            assert said.order.was_late
            recording = asyncio.create_task(declare(database, as_of + LATER, as_of + 22 * HOUR, as_of + 25 * HOUR))
            await wait_until_blocked(owner_connection)
        await recording
        after = await read(database, parties.telkomsel, as_of, order)
        assert (after.state, after.was_late, after.due_at) == (OrderState.EXECUTED, False, order.due_at + 3 * HOUR)

    async def test_while_an_outage_is_recorded_waits_and_is_in_time(self, database, parties, as_of, owner_connection):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(OPERATOR, as_of=as_of + LATER) as tx:
            await declare_outage(tx, as_of + 22 * HOUR, as_of + 25 * HOUR, reason="No connection.")
            answering = asyncio.create_task(acknowledge(database, parties.telkomsel, as_of + 26 * HOUR, order))
            await wait_until_blocked(owner_connection)
        said = await answering
        assert (said.acknowledgement.is_late, said.order.was_late) == (False, False)


class TestGrantedExtension:
    async def test_at_the_same_time_neither_is_lost(self, database, parties, as_of, owner_connection):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        until_when = as_of + 30 * HOUR
        await acknowledge(
            database, parties.telkomsel, as_of, order, kind=AcknowledgementKind.EXTENSION_REQUESTED,
            reason="TECHNICAL", until=until_when,
        )  # fmt: skip
        async with database.reading(parties.officer, as_of=as_of) as tx:
            [asked] = (await load_extensions(tx, [order.id]))[order.id]
        async with database.transaction(parties.officer, as_of=as_of + HOUR) as tx:
            await decide_extensions(tx, [ExtensionDecision(extension_id=asked.id, is_granted=True)])
            recording = asyncio.create_task(declare(database, as_of + LATER, as_of + HOUR, as_of + 3 * HOUR))
            await wait_until_blocked(owner_connection)
        await recording
        assert (await read(database, parties.telkomsel, as_of, order)).due_at == until_when + 2 * HOUR


class TestLog:
    async def test_commits_to_outages_and_to_what_they_extended(self, audited, parties, as_of):
        database = audited.database
        now = datetime.now(UTC)
        orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of + 26 * HOUR, orders[0])
        await declare(database, min(now, as_of + LATER), as_of + 22 * HOUR, as_of + 25 * HOUR)
        await audited.settle()
        account = await compare_now(audited)
        assert (account.finding, account.uncommitted) == (None, 0)
        assert (await verify_now(audited)).finding is None

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE outages SET ends_at = ends_at - interval '1 h'",
            "UPDATE outage_extensions SET due_before = due_before - interval '1 h'",
            "DELETE FROM outage_extensions",
            "UPDATE block_orders SET due_at = due_at + interval '1 h'",
        ],
    )
    async def test_names_whoever_changes_them(self, audited, parties, as_of, change):
        database = audited.database
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await declare(database, as_of + LATER, as_of, as_of + 3 * HOUR)
        await audited.settle()
        await audited.owner.execute(change)
        assert (await compare_now(audited)).finding is not None
