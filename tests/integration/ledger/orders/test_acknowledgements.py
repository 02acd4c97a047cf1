"""Acknowledgements: append-only, idempotent, late by our clock, and worth nothing on another carrier's order."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from ledger.complaints.reading import get_complaint
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.errors import ForbiddenError, NoItemsError, Problem, TooManyItemsError
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import (
    STATEMENTS_MAX,
    AcknowledgedOrder,
    acknowledge_block_orders,
    load_acknowledgements,
)
from ledger.orders.approval import OrderNote
from ledger.orders.closing import withdraw_block_orders
from ledger.orders.content import hash_content
from ledger.orders.extensions import ExtensionDecision, decide_extensions, load_extensions
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.reading import get_block_order
from ledger.orders.revisions import Revision, reissue_block_orders
from ledger.orders.states import ExtensionState, OrderState
from ledger.orders.vocabulary import AcknowledgementKind as Kind
from ledger.orders.vocabulary import AcknowledgementMark, LiftBasis
from ledger.storage.roles import Role
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    draft_orders,
    file_verified,
    issue_orders,
    lift_orders,
)
from tests.support.statements import count_statements


class TestAcknowledge:
    async def test_executed_blocks_the_number_and_resolves_its_complaints(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        done = await acknowledge(database, parties.telkomsel, as_of, order)
        assert done.order.state is OrderState.EXECUTED
        assert not done.acknowledgement.is_late
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.BLOCKED
            complaint_ids = (await tx.execute(text("SELECT id FROM complaints"))).scalars().all()
            complaint = await get_complaint(tx, str(complaint_ids[0]))
        assert (complaint.state, complaint.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.BLOCKED)

    async def test_by_order_number_is_the_same_as_by_id(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            [done] = await acknowledge_block_orders(
                tx, [AcknowledgementDraft(order_no=order.order_no.lower(), kind=Kind.RECEIVED, reference="r")]
            )
        assert done.order.id == order.id

    async def test_again_answers_the_first_recording(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        first = await acknowledge(database, parties.telkomsel, as_of, order)
        again = await acknowledge(database, parties.telkomsel, as_of + timedelta(hours=1), order)
        assert again.was_known
        assert again.acknowledgement == first.acknowledgement

    async def test_again_after_a_reissue_still_answers_the_first_recording(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        said = {"kind": Kind.IMPOSSIBLE, "reason": "TECHNICAL"}
        first = await acknowledge(database, parties.telkomsel, as_of, order, **said)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await reissue_block_orders(tx, [Revision(order_id=order.id, content_hash=hash_content(order))])
        again = await acknowledge(database, parties.telkomsel, as_of, order, **said)
        assert again.was_known
        assert again.acknowledgement.id == first.acknowledgement.id
        assert again.order.state is OrderState.ISSUED

    async def test_with_other_content_under_the_same_reference_is_a_conflict(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        other = await acknowledge(database, parties.telkomsel, as_of, order, note="and something else")
        assert other.code == "ACKNOWLEDGEMENT_CONFLICT"

    async def test_of_another_carriers_order_looks_exactly_like_an_unknown_one(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        theirs = await acknowledge(database, parties.indosat, as_of, order)
        async with database.transaction(parties.indosat, as_of=as_of) as tx:
            drafts = [
                AcknowledgementDraft(order_id=unknown, kind=Kind.EXECUTED, reference="TT-1")
                for unknown in ("01900000-0000-7000-8000-000000000000", "no id at all", "\x00", "\ud800")
            ]
            results = await acknowledge_block_orders(tx, drafts)
        assert results == [theirs] * 4
        assert theirs.code == "NOT_FOUND"

    async def test_is_a_carriers_alone(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for viewer in (parties.officer, parties.regulator, parties.agency, parties.provider):
            with pytest.raises(ForbiddenError):
                await acknowledge(database, viewer, as_of, order)

    async def test_of_a_draft_looks_unknown_too(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert (await acknowledge(database, parties.telkomsel, as_of, draft)).code == "NOT_FOUND"

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({"reason": "BECAUSE"}, "REASON_UNKNOWN"),
            ({"kind": Kind.IMPOSSIBLE}, "REASON_MISSING"),
            ({"kind": Kind.RECEIVED, "reason": "TECHNICAL"}, "REASON_UNKNOWN"),
            ({"reference": "  "}, "REFERENCE_MISSING"),
            ({"reference": "x" * 129}, "TEXT_TOO_LONG"),
            ({"reference": "a\x00b"}, "TEXT_INVALID"),
            ({"reference": "\ud800"}, "TEXT_INVALID"),
            ({"note": "a\x0bb"}, "TEXT_INVALID"),
            ({"version": 2}, "VERSION_UNKNOWN"),
            ({"version": 0}, "VERSION_UNKNOWN"),
            ({"kind": Kind.LIFTED}, "INCOMPATIBLE_STATE"),
            ({"kind": Kind.EXTENSION_REQUESTED, "reason": "TECHNICAL"}, "EXTENSION_TIME_INVALID"),
        ],
    )
    async def test_refuses_what_it_can_not_mean(self, database, parties, as_of, said, code):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        problem = await acknowledge(database, parties.telkomsel, as_of, order, **said)
        assert isinstance(problem, Problem)
        assert problem.code == code
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await load_acknowledgements(tx, [order.id]))[order.id] == []
            assert (await get_block_order(tx, order_id=order.id)).state is OrderState.ISSUED

    async def test_effective_time_is_bounded_by_issuance_and_the_tolerated_skew(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for effective_at in (as_of - timedelta(hours=1), as_of + timedelta(minutes=6)):
            problem = await acknowledge(database, parties.telkomsel, as_of, order, effective_at=effective_at)
            assert problem.code == "EFFECTIVE_TIME_INVALID"
        done = await acknowledge(
            database, parties.telkomsel, as_of, order, effective_at=as_of - timedelta(days=9), reason="ALREADY_BLOCKED"
        )
        assert done.order.state is OrderState.EXECUTED

    async def test_late_goes_by_our_clock_and_stays_marked(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        late = as_of + timedelta(hours=24, seconds=1)
        done = await acknowledge(database, parties.telkomsel, late, order, effective_at=as_of + timedelta(hours=1))
        assert done.acknowledgement.is_late
        assert done.order.state is OrderState.EXECUTED
        assert done.order.was_late

    async def test_at_the_due_time_itself_is_in_time(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        done = await acknowledge(database, parties.telkomsel, as_of + timedelta(hours=24), order)
        assert not done.acknowledgement.is_late

    async def test_of_an_old_version_is_kept_and_moves_nothing(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(
            database, parties.telkomsel, as_of, order, kind=Kind.IMPOSSIBLE, reason="TECHNICAL", reference="a"
        )
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await reissue_block_orders(tx, [Revision(order_id=order.id, content_hash=hash_content(order))])
        stale = await acknowledge(database, parties.telkomsel, as_of, order, version=1, reference="b")
        assert stale.acknowledgement.mark is AcknowledgementMark.STALE_VERSION
        assert not stale.acknowledgement.moved_state
        assert (stale.order.state, stale.order.version) == (OrderState.ISSUED, 2)

    async def test_executed_on_a_withdrawn_order_drafts_a_lift(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await withdraw_block_orders(tx, [OrderNote(order_id=order.id, note="Wrong number.")])
            lift = LiftDraft(order_id=order.id, basis=LiftBasis.REGULATOR_ERROR, note="Blocked all the same.")
            [early] = await draft_lifts(tx, [lift])
        assert early.code == "INCOMPATIBLE_STATE"
        kept = await acknowledge(database, parties.telkomsel, as_of, order)
        assert kept.acknowledgement.mark is AcknowledgementMark.ORDER_WITHDRAWN
        assert kept.order.state is OrderState.WITHDRAWN
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            assert (await get_block_order(tx, order_id=order.id)).lift_drafted_at == as_of
        [lifted] = await lift_orders(database, parties, as_of, [lift])
        assert lifted.state is OrderState.LIFT_ISSUED

    async def test_received_after_the_act_is_kept_and_moves_nothing(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        received = await acknowledge(database, parties.telkomsel, as_of, order, kind=Kind.RECEIVED)
        assert received.acknowledgement.mark is AcknowledgementMark.STATE_UNMOVED
        assert received.order.state is OrderState.EXECUTED

    async def test_items_of_one_call_see_what_earlier_ones_changed(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        kinds = (Kind.RECEIVED, Kind.PARTIAL, Kind.EXECUTED, Kind.EXECUTED)
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            drafts = [AcknowledgementDraft(order_id=order.id, kind=kind, reference="TT") for kind in kinds]
            results = await acknowledge_block_orders(tx, drafts)
        assert [result.was_known for result in results] == [False, False, False, True]
        assert results[-1].order.state is OrderState.EXECUTED

    async def test_one_bad_item_does_not_sink_the_rest(self, database, parties, as_of):
        orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            drafts = [AcknowledgementDraft(order_id=order.id, kind=Kind.EXECUTED, reference="TT") for order in orders]
            results = await acknowledge_block_orders(tx, drafts)
        assert isinstance(results[0], AcknowledgedOrder)
        assert results[1].code == "NOT_FOUND"

    async def test_takes_one_to_a_thousand_items(self, database, parties, as_of):
        draft = AcknowledgementDraft(order_id="x", kind=Kind.EXECUTED, reference="TT")
        for drafts, error in (([], NoItemsError), ([draft] * 1001, TooManyItemsError)):
            with pytest.raises(error):
                async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
                    await acknowledge_block_orders(tx, drafts)

    async def test_of_one_order_are_bounded_whatever_their_references(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            drafts = [
                AcknowledgementDraft(order_id=order.id, kind=Kind.RECEIVED, reference=f"TT-{n}")
                for n in range(STATEMENTS_MAX + 1)
            ]
            results = await acknowledge_block_orders(tx, drafts)
            [again] = await acknowledge_block_orders(tx, drafts[:1])
        assert [isinstance(result, Problem) for result in results] == [False] * STATEMENTS_MAX + [True]
        assert results[-1].code == "TOO_MANY_ACKNOWLEDGEMENTS"
        assert again.was_known

    async def test_eight_at_once_of_the_same_statement_record_it_once(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])

        async def say(tx):
            draft = AcknowledgementDraft(order_id=order.id, kind=Kind.EXECUTED, reference="TT")
            return (await acknowledge_block_orders(tx, [draft]))[0]

        results = await asyncio.gather(*(database.run(parties.telkomsel, as_of=as_of, work=say) for _ in range(8)))
        assert sorted(result.was_known for result in results) == [False] + [True] * 7
        assert len({result.acknowledgement.id for result in results}) == 1

    async def test_batches_that_meet_in_opposite_order_all_succeed(self, database, parties, as_of):
        numbers = [f"+62812000003{place:02}" for place in range(10)]
        orders = await issue_orders(database, parties, as_of, numbers)

        def batch(reference, chosen):
            async def say(tx):
                drafts = [
                    AcknowledgementDraft(order_id=order.id, kind=Kind.RECEIVED, reference=reference) for order in chosen
                ]
                return await acknowledge_block_orders(tx, drafts)

            return database.run(parties.telkomsel, as_of=as_of, work=say)

        results = await asyncio.gather(*(batch(f"r{n}", orders[:: 1 if n % 2 else -1]) for n in range(6)))
        assert all(isinstance(item, AcknowledgedOrder) for result in results for item in result)


class TestCost:
    async def test_a_batch_of_a_thousand_takes_at_most_twelve_statements(self, database, parties, as_of):
        numbers = [f"+6281200{place:06}" for place in range(1000)]
        orders = await issue_orders(database, parties, as_of, numbers)
        statements = []
        stop = count_statements(database, statements.append)
        async with database.transaction(parties.telkomsel, as_of=as_of) as tx:
            drafts = [AcknowledgementDraft(order_id=order.id, kind=Kind.EXECUTED, reference="TT") for order in orders]
            results = await acknowledge_block_orders(tx, drafts)
        stop()
        assert all(isinstance(result, AcknowledgedOrder) for result in results)
        counted = [statement for statement in statements if "set_config" not in statement]
        assert len(counted) <= 12, counted


class TestExtension:
    async def test_moves_the_due_time_only_when_it_is_granted_and_keeps_the_one_before(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        until = order.due_at + timedelta(hours=6)
        asked = await acknowledge(
            database, parties.telkomsel, as_of, order, kind=Kind.EXTENSION_REQUESTED, reason="TECHNICAL", until=until
        )
        assert (asked.order.state, asked.order.due_at) == (OrderState.ISSUED, order.due_at)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [request] = (await load_extensions(tx, [order.id]))[order.id]
            decision = ExtensionDecision(extension_id=request.id, is_granted=True)
            [granted] = await decide_extensions(tx, [decision])
            [again] = await decide_extensions(tx, [decision])
            moved = await get_block_order(tx, order_id=order.id)
        assert granted.state is ExtensionState.GRANTED
        assert granted.due_before == order.due_at
        assert moved.due_at == until
        assert again.code == "INCOMPATIBLE_STATE"


class TestRecord:
    """The log of what was said can't be rewritten, whichever role a transaction runs as."""

    @pytest.mark.parametrize("role", list(Role))
    @pytest.mark.parametrize("table", ["order_acknowledgements", "events"])
    @pytest.mark.parametrize("act", ["UPDATE {} SET kind = kind", "DELETE FROM {}", "TRUNCATE {}"])
    async def test_can_be_neither_changed_nor_deleted(self, database, as_of, role, table, act):
        if (role, table, act.split()[0]) == (Role.ARCHIVE, "events", "DELETE"):
            return  # what the archive may drop, and when, is told in tests/integration/ledger/feed/test_archive.py
        with pytest.raises(DBAPIError, match="permission denied"):
            async with database.system(role, as_of=as_of) as tx:
                await tx.execute(text(act.format(table)))
