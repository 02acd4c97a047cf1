"""Filters of block orders: what each selects, to the moment, and what it never tells another carrier."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from ledger.orders.closing import OrderNote, withdraw_block_orders
from ledger.orders.extensions import ExtensionDecision, decide_extensions
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.reading import OrderFilter, count_block_orders, get_block_order, list_block_orders
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis, OrderSort
from ledger.pages import PageRequest
from ledger.storage.roles import Role
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    draft_orders,
    file_verified,
    forward,
    issue_orders,
    lift_orders,
)

HOUR = timedelta(hours=1)
MOMENT = timedelta(microseconds=1)
SECOND_NUMBER = "+6281200000002"


async def find(database, viewer, as_of, sort=OrderSort.DUE_SOONEST, **wanted) -> list[str]:
    async with database.reading(viewer, as_of=as_of) as tx:
        found = await list_block_orders(tx, PageRequest(), OrderFilter(**wanted), sort=sort)
        assert (await count_block_orders(tx, OrderFilter(**wanted))).total == len(found.items)
    return [order.id for order in found.items]


class TestTimes:
    async def test_of_execution_include_their_beginning_and_not_their_end(self, database, parties, as_of):
        [order, _] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, SECOND_NUMBER])
        at = as_of + HOUR
        await acknowledge(database, parties.telkomsel, at, order)
        for bounds, expected in (
            ({"executed_after": at}, [order.id]),
            ({"executed_after": at + MOMENT}, []),
            ({"executed_before": at}, []),
            ({"executed_before": at + MOMENT}, [order.id]),
            ({"executed_after": at, "executed_before": at + MOMENT}, [order.id]),
        ):
            assert await find(database, parties.telkomsel, at, **bounds) == expected, bounds
            assert await find(database, parties.officer, at, OrderSort.EXECUTED_NEWEST, **bounds) == expected, bounds

    async def test_of_the_lift_are_those_of_its_acknowledgement(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        lift = LiftDraft(order_id=order.id, basis=LiftBasis.COURT, note="By order of the court.")
        await lift_orders(database, parties, as_of + HOUR, [lift])
        at = as_of + 2 * HOUR
        assert await find(database, parties.officer, at, lifted_after=as_of) == []
        await acknowledge(database, parties.telkomsel, at, order, AcknowledgementKind.LIFTED, reference="TT-2")
        assert await find(database, parties.telkomsel, at, lifted_after=at) == [order.id]
        assert await find(database, parties.telkomsel, at, lifted_before=at) == []
        assert await find(database, parties.officer, at, OrderSort.LIFTED_NEWEST) == [order.id]

    async def test_an_interval_that_ends_before_it_begins_holds_nothing(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        bounds = {"executed_after": as_of + HOUR, "executed_before": as_of}
        assert await find(database, parties.telkomsel, as_of, **bounds) == []

    async def test_lateness_is_that_of_the_answer(self, database, parties, as_of):
        late, punctual = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, SECOND_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, punctual)
        after_due = late.due_at + MOMENT
        await acknowledge(database, parties.telkomsel, after_due, late)
        for viewer in (parties.telkomsel, parties.officer):
            assert await find(database, viewer, after_due, was_late=True) == [late.id]
            assert await find(database, viewer, after_due, was_late=False) == [punctual.id]


class TestStatements:
    async def test_one_statement_meets_all_that_is_asked_of_statements(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        early, late = as_of + HOUR, as_of + 3 * HOUR
        await acknowledge(database, parties.telkomsel, early, order, AcknowledgementKind.RECEIVED, reference="TT-early")
        await acknowledge(database, parties.telkomsel, late, order, reference="TT-late")
        between = {"acknowledged_after": early + MOMENT, "acknowledged_before": late}
        for bounds, expected in (
            ({"acknowledged_after": early, "acknowledged_before": early + MOMENT}, [order.id]),
            (between, []),
            ({"acknowledged_after": late}, [order.id]),
            ({"acknowledged_after": late + MOMENT}, []),
            ({"acknowledged_before": early}, []),
            ({"reference": "TT-early"}, [order.id]),
            ({"reference": "TT-early", "acknowledged_before": late}, [order.id]),
            ({"reference": "TT-early", "acknowledged_after": late}, []),
        ):
            assert await find(database, parties.telkomsel, late, **bounds) == expected, bounds
            assert await find(database, parties.officer, late, **bounds) == expected, bounds

    async def test_an_order_with_many_statements_is_found_once(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for kind in (AcknowledgementKind.RECEIVED, AcknowledgementKind.PARTIAL, AcknowledgementKind.EXECUTED):
            await acknowledge(database, parties.telkomsel, as_of, order, kind, reference="TT-1")
        assert await find(database, parties.telkomsel, as_of, reference="TT-1") == [order.id]

    async def test_another_carriers_reference_finds_nothing(self, database, parties, as_of):
        """The attack: to learn from a guessed ticket number what a competitor was ordered to block."""
        [own] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [other] = await issue_orders(database, parties, as_of, [INDOSAT_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, own, reference="TT-own")
        await acknowledge(database, parties.indosat, as_of, other, reference="TT-other")
        assert await find(database, parties.telkomsel, as_of, reference="TT-other") == []
        assert await find(database, parties.telkomsel, as_of, reference="TT-own") == [own.id]
        assert await find(database, parties.agency, as_of, reference="TT-own") == []
        assert await find(database, parties.officer, as_of, reference="TT-other") == [other.id]

    async def test_both_carriers_may_use_the_same_reference(self, database, parties, as_of):
        [own] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [other] = await issue_orders(database, parties, as_of, [INDOSAT_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, own, reference="TT-1")
        await acknowledge(database, parties.indosat, as_of, other, reference="TT-1")
        assert await find(database, parties.telkomsel, as_of, reference="TT-1") == [own.id]
        assert await find(database, parties.indosat, as_of, reference="TT-1") == [other.id]

    async def test_a_client_of_one_brand_finds_its_brands_orders_alone(self, database, parties, as_of):
        """The attack: to find another brand's order by a reference that both brands' desks use."""
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        narrowed = replace(parties.telkomsel, brand_id=parties.brands["byu"])
        assert await find(database, narrowed, as_of, reference="TT-1") == []
        assert await find(database, narrowed, as_of, acknowledged_after=as_of) == []
        assert await find(database, narrowed, as_of, changed_since=as_of) == []


async def read_changed(database, viewer, as_of, order_id):
    async with database.reading(viewer, as_of=as_of) as tx:
        return (await get_block_order(tx, order_id=order_id)).changed_at


class TestChange:
    async def test_is_the_time_of_everything_that_the_carrier_is_told(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert order.changed_at == as_of
        received = as_of + HOUR
        said = await acknowledge(database, parties.telkomsel, received, order, AcknowledgementKind.RECEIVED)
        assert said.order.changed_at == received
        repeated = await acknowledge(database, parties.telkomsel, received + HOUR, order, AcknowledgementKind.RECEIVED)
        assert repeated.was_known
        assert repeated.order.changed_at == received
        asked = as_of + 3 * HOUR
        wanted = {"until": order.due_at + HOUR, "reason": "TECHNICAL", "reference": "TT-3"}
        await acknowledge(database, parties.telkomsel, asked, order, AcknowledgementKind.EXTENSION_REQUESTED, **wanted)
        assert await read_changed(database, parties.telkomsel, asked, order.id) == asked

    async def test_an_unmoved_order_changes_with_what_is_said_of_it(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await withdraw_block_orders(tx, [OrderNote(order_id=order.id, note="Wrong number.")])
        later = as_of + HOUR
        said = await acknowledge(database, parties.telkomsel, later, order, AcknowledgementKind.RECEIVED)
        assert said.acknowledgement.mark is not None
        assert await read_changed(database, parties.telkomsel, later, order.id) == later

    async def test_a_lift_that_waits_for_approval_does_not_show(self, database, parties, as_of):
        """The attack: to learn from an order's time that the regulator is about to lift it, and act before."""
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        executed = as_of + HOUR
        await acknowledge(database, parties.telkomsel, executed, order)
        lift = LiftDraft(order_id=order.id, basis=LiftBasis.COURT, note="By order of the court.")
        later = executed + HOUR
        async with database.transaction(parties.officer, as_of=later) as tx:
            await draft_lifts(tx, [lift])
        assert await read_changed(database, parties.telkomsel, later, order.id) == executed
        assert await find(database, parties.telkomsel, later, changed_since=later) == []

    async def test_never_goes_back(self, database, parties, as_of):
        """A transaction that began earlier may write later."""
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        received = as_of + HOUR
        await acknowledge(database, parties.telkomsel, received, order, AcknowledgementKind.RECEIVED)
        said = await acknowledge(database, parties.telkomsel, as_of + HOUR / 2, order)
        assert said.order.changed_at == received
        assert await read_changed(database, parties.telkomsel, received, order.id) == received

    async def test_a_poller_reads_what_changed_after_what_it_has(self, database, parties, as_of):
        numbers = [TELKOMSEL_NUMBER, SECOND_NUMBER, "+6281200000003"]
        first, second, third = await issue_orders(database, parties, as_of, numbers)
        since = as_of + HOUR
        await acknowledge(database, parties.telkomsel, since, third)
        await acknowledge(database, parties.telkomsel, since + HOUR, first)
        now = since + 2 * HOUR
        changed = {"changed_since": since, "sort": OrderSort.CHANGED_OLDEST}
        assert await find(database, parties.telkomsel, now, **changed) == [third.id, first.id]
        await acknowledge(database, parties.telkomsel, now, third, AcknowledgementKind.RECEIVED)
        await acknowledge(database, parties.telkomsel, now, second)
        assert await find(database, parties.telkomsel, now, **changed) == [first.id, *sorted([second.id, third.id])]


@dataclass(frozen=True)
class Told:
    """The last event that all readers of an order receive, beside when the order says that it changed."""

    told_at: object
    changed_at: object


async def read_told(database, as_of) -> Sequence[Told]:
    statement = text(
        "SELECT o.changed_at, (SELECT max(e.recorded_at) FROM events e WHERE e.subject = 'BLOCK_ORDER' "
        "AND e.subject_id = o.id::text AND (cardinality(e.audience) > 0 OR o.issued_at IS NULL)) AS told_at "
        "FROM block_orders o"
    )
    async with database.snapshot(Role.VERIFIER, as_of=as_of) as tx:
        return [Told(row.told_at, row.changed_at) for row in await tx.execute(statement)]


class TestWhoeverWrites:
    """However an order is written, it says the time of the last event that its readers receive."""

    async def test_what_writes_orders_by_itself_dates_them_too(self, database, parties, as_of):
        order, refused = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, SECOND_NUMBER])
        wanted = {"until": refused.due_at + HOUR, "reason": "TECHNICAL"}
        await acknowledge(
            database, parties.telkomsel, as_of, refused, AcknowledgementKind.EXTENSION_REQUESTED, **wanted
        )
        decided = as_of + HOUR
        async with database.transaction(parties.officer, as_of=decided) as tx:
            [request] = (await tx.execute(text("SELECT id FROM order_extensions"))).scalars()
            await decide_extensions(tx, [ExtensionDecision(extension_id=request, is_granted=False)])
        assert await read_changed(database, parties.telkomsel, decided, refused.id) == decided
        joined = as_of + 2 * HOUR
        await file_verified(database, parties, joined, [TELKOMSEL_NUMBER])
        await forward(database, parties, joined)
        assert await read_changed(database, parties.telkomsel, joined, order.id) == joined
        await file_verified(database, parties, joined, [INDOSAT_NUMBER])
        await draft_orders(database, parties, joined + HOUR, [INDOSAT_NUMBER])
        told = await read_told(database, joined)
        assert len(told) == 3
        assert all(each.told_at == each.changed_at for each in told)

    @pytest.mark.parametrize(("audience", "is_dated"), [("ARRAY[carrier_id]", True), ("ARRAY[]::uuid[]", False)])
    async def test_a_process_of_the_version_before_dates_what_the_carrier_is_told(
        self, database, parties, as_of, owner_connection, audience, is_dated
    ):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        later = as_of + HOUR
        await owner_connection.execute(
            "INSERT INTO events (kind, subject, subject_id, state, audience, payload, recorded_at) "
            f"SELECT 'ORDER_ACKNOWLEDGED', 'BLOCK_ORDER', id::text, state, {audience}, '{{}}', $1 FROM block_orders",
            later,
        )
        changed = await read_changed(database, parties.telkomsel, later, order.id)
        assert changed == (later if is_dated else as_of)
