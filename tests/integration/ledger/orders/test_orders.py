"""Block orders: drafted from verified complaints, issued by a second officer, seen by their addressee alone."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import event, text

from ledger.complaints.reading import get_complaint
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.errors import ForbiddenError, OfficerRequiredError, Problem, TooManyItemsError, UnknownError
from ledger.identifiers import new_id
from ledger.numbers.reading import get_number
from ledger.numbers.vocabulary import NumberStatus
from ledger.orders.approval import OrderNote, approve_block_orders, return_block_orders
from ledger.orders.closing import close_block_orders, discard_block_orders, withdraw_block_orders
from ledger.orders.content import hash_content
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.lifts import LiftDraft
from ledger.orders.reading import OrderFilter, count_block_orders, get_block_order, list_block_orders
from ledger.orders.revisions import Revision, reissue_block_orders, revise_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis, OrderSort
from ledger.pages import PageRequest, encode_cursor
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    WORDS,
    acknowledge,
    approval_of,
    draft_orders,
    file_verified,
    issue_orders,
    lift_orders,
    override_number,
)


class TestDraft:
    async def test_goes_to_the_range_holder_with_all_verified_complaints_of_the_number(self, database, parties, as_of):
        complaints = await file_verified(
            database, parties, as_of, [TELKOMSEL_NUMBER, TELKOMSEL_NUMBER], chronology="a prize I never won"
        )
        [order] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert order.carrier_id == parties.telkomsel.member_id
        assert order.state is OrderState.DRAFT
        assert order.complaint_count == 2
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert (await get_complaint(tx, complaint_id=complaints[0].id)).state is ComplaintState.ESCALATED

    @pytest.mark.parametrize(
        ("number", "code"),
        [
            ("+12025550123", "NOT_DOMESTIC"),
            ("159", "NUMBER_PROTECTED"),
            ("1500123", "NUMBER_PROTECTED"),
            ("not a number", "NUMBER_INVALID"),
            ("+62812000000000000000", "NUMBER_INVALID"),
            ("+6281299999999", "NO_VERIFIED_COMPLAINT"),
        ],
    )
    async def test_refuses_what_can_not_be_ordered(self, database, parties, as_of, number, code):
        [problem] = await draft_orders(database, parties, as_of, [number])
        assert isinstance(problem, Problem)
        assert problem.code == code
        assert problem.field == "number"

    async def test_refuses_a_foreign_number_that_was_complained_of(self, database, parties, as_of):
        await file_verified(database, parties, as_of, ["+12025550123"])
        [problem] = await draft_orders(database, parties, as_of, ["+12025550123"])
        assert problem.code == "NOT_DOMESTIC"

    async def test_stands_open_once_for_a_number(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [problem] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert problem.code == "ORDER_ALREADY_OPEN"

    async def test_one_bad_item_does_not_sink_the_rest(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        results = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER, "159", INDOSAT_NUMBER])
        assert [isinstance(result, Problem) for result in results] == [False, True, False]

    async def test_names_exactly_one_ground(self, database, parties, as_of):
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [problem] = await draft_block_orders(tx, [OrderDraft(**WORDS)])
        assert problem.code == "GROUNDS_UNCLEAR"

    async def test_takes_complaints_by_id_and_refuses_unknown_and_unverified_ones(self, database, parties, as_of):
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            results = await draft_block_orders(
                tx,
                [
                    OrderDraft(complaint_ids=(complaint.id,), **WORDS),
                    OrderDraft(complaint_ids=("no such id",), **WORDS),
                ],
            )
            again = await draft_block_orders(tx, [OrderDraft(complaint_ids=(complaint.id,), **WORDS)])
        assert results[0].e164 == TELKOMSEL_NUMBER
        assert results[1].code == "NOT_FOUND"
        assert again[0].code == "INCOMPATIBLE_STATE"

    async def test_takes_as_many_complaints_as_a_call_may_name(self, database, parties, as_of):
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        unknown = [tuple(new_id() for _ in range(1000)) for _ in range(33)]
        drafts = [OrderDraft(complaint_ids=ids, **WORDS) for ids in (*unknown, (complaint.id,))]
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            *refused, drafted = await draft_block_orders(tx, drafts)
        assert {problem.code for problem in refused} == {"NOT_FOUND"}
        assert drafted.complaint_count == 1

    async def test_is_an_officers_never_a_machines_nor_another_partys(self, database, parties, as_of):
        for viewer, error in (
            (parties.regulator, OfficerRequiredError),
            (parties.telkomsel, ForbiddenError),
            (parties.agency, ForbiddenError),
            (parties.provider, ForbiddenError),
        ):
            with pytest.raises(error):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await draft_block_orders(tx, [OrderDraft(number=TELKOMSEL_NUMBER, **WORDS)])

    async def test_takes_at_most_a_thousand_items(self, database, parties, as_of):
        with pytest.raises(TooManyItemsError):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await draft_block_orders(tx, [OrderDraft(number=TELKOMSEL_NUMBER, **WORDS)] * 1001)


class TestApproval:
    async def test_issues_with_a_due_time_a_day_later(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        assert order.state is OrderState.ISSUED
        assert order.issued_at == as_of
        assert order.due_at == as_of + timedelta(hours=24)
        assert order.order_no.startswith("O-2026-")
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.BLOCK_ORDERED

    async def test_of_ones_own_draft_is_refused_under_four_eyes(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [problem] = await approve_block_orders(tx, [approval_of(draft)])
        assert problem.code == "FOUR_EYES"

    async def test_of_a_held_draft_needs_an_override_in_writing(self, database, parties, as_of):
        number = "+622150001234"
        await override_number(database, parties, as_of, number, parties.telkomsel.member_id)
        await file_verified(database, parties, as_of, [number])
        [draft] = await draft_orders(database, parties, as_of, [number])
        assert draft.hold_reasons == ("PBX",)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [held] = await approve_block_orders(tx, [approval_of(draft)])
            [issued] = await approve_block_orders(
                tx, [approval_of(draft, override_note="The holder confirmed a single line.")]
            )
        assert held.code == "ORDER_HELD"
        assert issued.state is OrderState.ISSUED

    async def test_of_two_officers_at_once_one_wins(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])

        async def approve(tx):
            return (await approve_block_orders(tx, [approval_of(draft)]))[0]

        results = await asyncio.gather(
            *(database.run(parties.other_officer, as_of=as_of, work=approve) for _ in range(4))
        )
        codes = sorted(getattr(result, "code", "issued") for result in results)
        assert codes == ["INCOMPATIBLE_STATE"] * 3 + ["issued"]

    async def test_can_be_refused_by_returning_and_follows_a_revision(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [returned] = await return_block_orders(tx, [OrderNote(order_id=draft.id, note="Say which prize.")])
            assert returned.return_reason == "Say which prize."
            [revised] = await revise_block_orders(tx, [Revision(order_id=draft.id, summary="A car that was no car.")])
            [own] = await approve_block_orders(tx, [approval_of(draft)])
        assert revised.drafted_by == parties.other_officer.officer_id
        assert own.code == "FOUR_EYES"


class TestVisibility:
    async def test_a_draft_is_the_regulators_alone(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for name, viewer in parties.everyone.items():
            async with database.reading(viewer, as_of=as_of) as tx:
                page = await list_block_orders(tx, PageRequest())
            assert len(page.items) == (1 if name in {"regulator", "officer"} else 0), name
        with pytest.raises(UnknownError):
            async with database.reading(parties.telkomsel, as_of=as_of) as tx:
                await get_block_order(tx, order_id=draft.id)

    async def test_an_issued_order_is_its_addressees_and_looks_unknown_to_others(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        for name, viewer in parties.everyone.items():
            async with database.reading(viewer, as_of=as_of) as tx:
                sees = [item.id for item in (await list_block_orders(tx, PageRequest())).items]
                assert (await count_block_orders(tx)).total == len(sees)
            assert sees == ([order.id] if name in {"regulator", "officer", "telkomsel"} else []), name
            if not sees:
                for lookup in ({"order_id": order.id}, {"order_no": order.order_no}):
                    with pytest.raises(UnknownError):
                        async with database.reading(viewer, as_of=as_of) as tx:
                            await get_block_order(tx, **lookup)

    async def test_a_carrier_sees_neither_officers_nor_the_guards_reasons(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            seen = await get_block_order(tx, order_no=order.order_no)
        assert (seen.drafted_by, seen.approved_by, seen.office_id, seen.hold_reasons) == (None, None, None, None)
        assert seen.summary == WORDS["summary"]
        assert seen.complaint_count == 1


class TestList:
    async def test_pages_by_due_time_and_survives_inserts(self, database, parties, as_of):
        numbers = [f"+62812000001{place:02}" for place in range(5)]
        for place, number in enumerate(numbers):
            await issue_orders(database, parties, as_of + timedelta(hours=place), [number])
        seen = []
        after = None
        while True:
            async with database.reading(parties.telkomsel, as_of=as_of) as tx:
                page = await list_block_orders(tx, PageRequest(first=2, after=after))
            seen.extend(order.e164 for order in page.items)
            if len(seen) == 2:
                await issue_orders(database, parties, as_of, ["+6281200000999"])
            if not page.has_next_page:
                break
            after = page.cursors[-1]
        assert seen == numbers

    async def test_pages_over_drafts_that_have_no_due_time(self, database, parties, as_of):
        numbers = [f"+62812000002{place:02}" for place in range(5)]
        await file_verified(database, parties, as_of, numbers)
        await draft_orders(database, parties, as_of, numbers)
        await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            for sort in (OrderSort.DUE_SOONEST, OrderSort.ISSUED_NEWEST, OrderSort.CHANGED_OLDEST):
                first = await list_block_orders(tx, PageRequest(first=3), sort=sort)
                rest = await list_block_orders(tx, PageRequest(first=50, after=first.cursors[-1]), sort=sort)
                assert len({order.id for order in (*first.items, *rest.items)}) == 6
                assert not rest.has_next_page

    async def test_takes_the_cursors_that_clients_have_kept(self, database, parties, as_of):
        older, newer = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, "+6281200000002"])
        kept = encode_cursor("orders:ISSUED_NEWEST", [newer.due_at, newer.id])
        async with database.reading(parties.officer, as_of=as_of) as tx:
            first = await list_block_orders(tx, PageRequest(first=1), sort=OrderSort.ISSUED_NEWEST)
            rest = await list_block_orders(tx, PageRequest(after=kept), sort=OrderSort.ISSUED_NEWEST)
        assert list(first.cursors) == [kept]
        assert [order.id for order in rest.items] == [older.id]

    async def test_finds_what_is_overdue_by_an_index(self, database, parties, as_of):
        asked = []

        def note(_connection, _cursor, statement, parameters, *_):
            asked.append((statement, parameters))

        async with database.reading(parties.officer, as_of=as_of) as tx:
            event.listen(database.engine.sync_engine, "before_cursor_execute", note)
            await count_block_orders(tx, OrderFilter(is_overdue=True))
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
            [(statement, parameters)] = asked
            await tx.execute(text("SET LOCAL enable_seqscan = off"))
            plan = await tx.connection.exec_driver_sql(f"EXPLAIN {statement}", parameters)
        [condition] = [line for line in plan.scalars() if "Index Cond" in line and "due_at" in line]
        assert "due_at <" in condition
        assert "due_at >=" in condition, "what was due before the present hour is in a tally"

    async def test_filters_what_is_overdue(self, database, parties, as_of):
        [late, _] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, "+6281200000002"])
        later = as_of + timedelta(hours=25)
        async with database.reading(parties.telkomsel, as_of=later) as tx:
            overdue = await list_block_orders(tx, PageRequest(), OrderFilter(is_overdue=True))
            assert len(overdue.items) == 2
            assert overdue.items[0].is_overdue
        await acknowledge(database, parties.telkomsel, later, late)
        async with database.reading(parties.telkomsel, as_of=later) as tx:
            assert (await count_block_orders(tx, OrderFilter(is_overdue=True))).total == 1
            assert (await count_block_orders(tx, OrderFilter(is_overdue=False))).total == 1
            assert (await count_block_orders(tx, OrderFilter(states=[OrderState.EXECUTED]))).total == 1
            assert (await count_block_orders(tx, OrderFilter(number=TELKOMSEL_NUMBER))).total == 1
            assert (await count_block_orders(tx, OrderFilter(carrier_id="nobody"))).total == 0
            assert (await count_block_orders(tx, OrderFilter(due_before=as_of))).total == 0


class TestEnding:
    async def test_withdrawing_resolves_the_complaints_and_clears_the_number(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [withdrawn] = await withdraw_block_orders(tx, [OrderNote(order_id=order.id, note="Wrong number.")])
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.CLEAR
        assert withdrawn.state is OrderState.WITHDRAWN

    async def test_discarding_a_draft_resolves_its_complaints_as_not_actionable(self, database, parties, as_of):
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        [draft] = await draft_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await discard_block_orders(tx, [OrderNote(order_id=draft.id, note="Not a fraud after all.")])
        async with database.reading(parties.agency, as_of=as_of) as tx:
            seen = await get_complaint(tx, complaint_id=complaint.id)
        assert (seen.state, seen.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.NOT_ACTIONABLE)

    async def test_a_lift_is_the_next_version_with_its_own_number_and_due_time(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        later = as_of + timedelta(days=3)
        wanted = LiftDraft(order_id=order.id, basis=LiftBasis.REGULATOR_ERROR, note="The victim's own number.")
        [lift] = await lift_orders(database, parties, later, [wanted])
        assert (lift.state, lift.version, lift.due_at) == (OrderState.LIFT_ISSUED, 2, later + timedelta(hours=24))
        assert lift.lift_no == f"{order.order_no}-L2"
        done = await acknowledge(
            database, parties.telkomsel, later, order, kind=AcknowledgementKind.LIFTED, reference="TT-2"
        )
        assert done.order.state is OrderState.LIFTED
        async with database.reading(parties.officer, as_of=later) as tx:
            assert (await get_number(tx, TELKOMSEL_NUMBER)).status is NumberStatus.CLEAR

    async def test_an_impossible_order_is_reissued_or_closed(self, database, parties, as_of):
        orders = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER, "+6281200000002"])
        for order in orders:
            await acknowledge(
                database, parties.telkomsel, as_of, order, kind=AcknowledgementKind.IMPOSSIBLE, reason="TECHNICAL"
            )
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            same = Revision(order_id=orders[0].id, content_hash=hash_content(orders[0]))
            [reissued] = await reissue_block_orders(tx, [same])
            [closed] = await close_block_orders(tx, [OrderNote(order_id=orders[1].id, note="Given up.")])
        assert (reissued.state, reissued.version) == (OrderState.ISSUED, 2)
        assert closed.state is OrderState.CLOSED

    async def test_an_order_to_the_wrong_holder_is_superseded_never_readdressed(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(
            database, parties.telkomsel, as_of, order, kind=AcknowledgementKind.IMPOSSIBLE, reason="WRONG_RANGE_HOLDER"
        )
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            [refused] = await reissue_block_orders(tx, [Revision(order_id=order.id)])
        assert refused.code == "SUPERSEDE_INSTEAD"
        successor = OrderDraft(supersedes_id=order.id, **WORDS)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [unchanged] = await draft_block_orders(tx, [successor])
        assert unchanged.code == "HOLDER_UNCHANGED"
        await override_number(database, parties, as_of, TELKOMSEL_NUMBER, parties.indosat.member_id, order_id=order.id)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            [draft] = await draft_block_orders(tx, [successor])
        assert (draft.carrier_id, draft.supersedes_id) == (parties.indosat.member_id, order.id)
        assert draft.directive_id == order.directive_id
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            await approve_block_orders(tx, [approval_of(draft)])
            old = await get_block_order(tx, order_id=order.id)
        assert old.state is OrderState.CLOSED
        done = await acknowledge(database, parties.indosat, as_of, draft)
        assert done.order.state is OrderState.EXECUTED
