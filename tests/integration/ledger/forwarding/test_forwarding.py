"""Forwarding runs: everything verified goes to the carrier that holds the number, or the manifest says why not."""

import asyncio

import pytest

from ledger.complaints.reading import get_complaint
from ledger.complaints.states import ComplaintState
from ledger.complaints.vocabulary import ComplaintOutcome
from ledger.errors import ConflictError, ForbiddenError, OfficerRequiredError, StateConflictError, UnknownError
from ledger.forwarding.proposals import (
    ForwardingApproval,
    ForwardingRequest,
    ManifestChangedError,
    NothingToForwardError,
    approve_forwarding,
    discard_forwarding,
    forward_complaints,
)
from ledger.forwarding.reading import get_forwarding_run, list_forwarding_items, list_forwarding_runs
from ledger.forwarding.states import ForwardingState
from ledger.orders.reading import get_block_order, list_block_orders
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.pages import PageRequest
from tests.support.journeys import (
    FORWARDING,
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    file_verified,
    forward,
    issue_orders,
)
from tests.support.statements import count_statements

FOREIGN, HOTLINE, NOBODYS, FIXED = "+12025550123", "159", "+6286800000001", "+622150001234"


async def read_items(database, parties, as_of, run):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        return (await list_forwarding_items(tx, run.id, PageRequest(first=500))).items


class TestRun:
    async def test_drafts_to_the_right_holders_and_says_why_the_rest_can_not_be_ordered(self, database, parties, as_of):
        numbers = [TELKOMSEL_NUMBER, INDOSAT_NUMBER, FOREIGN, HOTLINE, NOBODYS, FIXED]
        await file_verified(database, parties, as_of, numbers)
        run = await forward(database, parties, as_of)
        items = {item.e164: item for item in await read_items(database, parties, as_of, run)}
        assert {e164: str(item.result) for e164, item in items.items()} == {
            TELKOMSEL_NUMBER: "DRAFTED",
            INDOSAT_NUMBER: "DRAFTED",
            FOREIGN: "NOT_DOMESTIC",
            "+62159": "PROTECTED",
            NOBODYS: "UNALLOCATED",
            FIXED: "HOLDER_UNKNOWN",
        }
        assert items[TELKOMSEL_NUMBER].carrier_id == parties.telkomsel.member_id
        assert items[INDOSAT_NUMBER].carrier_id == parties.indosat.member_id

    async def test_leaves_what_it_can_not_order_verified(self, database, parties, as_of):
        [complaint] = await file_verified(database, parties, as_of, [FOREIGN])
        await forward(database, parties, as_of)
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert (await get_complaint(tx, complaint.id)).state is ComplaintState.VERIFIED

    async def test_joins_another_victims_complaint_to_the_open_order(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        run = await forward(database, parties, as_of)
        [item] = await read_items(database, parties, as_of, run)
        assert (str(item.result), item.order_id) == ("JOINED", order.id)
        async with database.reading(parties.telkomsel, as_of=as_of) as tx:
            assert (await get_block_order(tx, order_id=order.id)).complaint_count == 2
        async with database.reading(parties.agency, as_of=as_of) as tx:
            assert (await get_complaint(tx, complaint.id)).state is ComplaintState.ESCALATED

    async def test_resolves_at_once_a_complaint_that_joins_an_executed_order(self, database, parties, as_of):
        [order] = await issue_orders(database, parties, as_of, [TELKOMSEL_NUMBER])
        await acknowledge(database, parties.telkomsel, as_of, order)
        [complaint] = await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await forward(database, parties, as_of)
        async with database.reading(parties.agency, as_of=as_of) as tx:
            seen = await get_complaint(tx, complaint.id)
        assert (seen.state, seen.outcome) == (ComplaintState.RESOLVED, ComplaintOutcome.BLOCKED)

    async def test_finds_nothing_the_second_time(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        await forward(database, parties, as_of)
        with pytest.raises(NothingToForwardError):
            await forward(database, parties, as_of)

    async def test_two_at_once_order_nothing_twice(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [f"+62812000004{n:02}" for n in range(20)])
        results = await asyncio.gather(*(forward(database, parties, as_of) for _ in range(3)), return_exceptions=True)
        assert sum(isinstance(result, NothingToForwardError) for result in results) == 2
        async with database.reading(parties.officer, as_of=as_of) as tx:
            page = await list_block_orders(tx, PageRequest(first=500))
        assert len(page.items) == len({order.e164 for order in page.items}) == 20

    async def test_paces_what_one_carrier_gets_after_a_backlog(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [f"+62812000005{n:02}" for n in range(5)] + [INDOSAT_NUMBER])
        request = ForwardingRequest(
            legal_basis=FORWARDING.legal_basis, subscriber_notice=FORWARDING.subscriber_notice, carrier_limit=2
        )
        run = await forward(database, parties, as_of, request)
        carriers = [item.carrier_id for item in await read_items(database, parties, as_of, run)]
        assert carriers.count(parties.telkomsel.member_id) == 2
        assert carriers.count(parties.indosat.member_id) == 1

    async def test_takes_a_constant_number_of_statements(self, database, parties, as_of):
        costs = []
        for first, count in ((0, 3), (100, 60)):
            await file_verified(database, parties, as_of, [f"+628120001{first + n:04}" for n in range(count)])
            statements = []
            stop = count_statements(database, statements.append)
            await forward(database, parties, as_of)
            stop()
            costs.append(len([statement for statement in statements if "set_config" not in statement]))
        assert costs[0] == costs[1]
        assert costs[0] <= 14

    async def test_is_an_officers_alone(self, database, parties, as_of):
        for viewer, error in ((parties.regulator, OfficerRequiredError), (parties.telkomsel, ForbiddenError)):
            with pytest.raises(error):
                async with database.transaction(viewer, as_of=as_of) as tx:
                    await forward_complaints(tx, FORWARDING)
        with pytest.raises(ForbiddenError):
            async with database.reading(parties.agency, as_of=as_of) as tx:
                await list_forwarding_runs(tx, PageRequest())


class TestApproval:
    async def test_by_its_hash_issues_the_whole_manifest(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        run = await forward(database, parties, as_of)
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            concluded, results, _ = await approve_forwarding(
                tx, ForwardingApproval(run_id=run.id, manifest_hash=run.manifest_hash)
            )
        assert all(isinstance(result, BlockOrder) and result.state is OrderState.ISSUED for result in results)
        assert (concluded.state, concluded.approved_count) == (ForwardingState.APPROVED, 2)
        async with database.reading(parties.officer, as_of=as_of) as tx:
            assert await get_forwarding_run(tx, run.id) == concluded

    async def test_by_item_leaves_out_what_is_excluded(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        run = await forward(database, parties, as_of)
        items = await read_items(database, parties, as_of, run)
        approval = ForwardingApproval(
            run_id=run.id, manifest_hash=run.manifest_hash, excluded_order_ids=frozenset({items[0].order_id})
        )
        async with database.transaction(parties.other_officer, as_of=as_of) as tx:
            _, results, _ = await approve_forwarding(tx, approval)
            left = await get_block_order(tx, order_id=items[0].order_id)
        assert [result.id for result in results] == [items[1].order_id]
        assert left.state is OrderState.DRAFT

    async def test_by_whoever_started_the_run_is_refused_item_by_item(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        run = await forward(database, parties, as_of)
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            still_open, [problem], _ = await approve_forwarding(
                tx, ForwardingApproval(run_id=run.id, manifest_hash=run.manifest_hash)
            )
        assert problem.code == "FOUR_EYES"
        assert still_open.state is ForwardingState.PROPOSED

    async def test_of_another_manifest_a_concluded_run_or_an_unknown_one_is_refused(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [TELKOMSEL_NUMBER])
        run = await forward(database, parties, as_of)
        attempts: list[tuple[str, str, type[Exception]]] = [
            (run.id, "0" * 64, ManifestChangedError),
            ("nothing", run.manifest_hash, UnknownError),
        ]
        for run_id, manifest_hash, error in attempts:
            with pytest.raises(error):
                async with database.transaction(parties.other_officer, as_of=as_of) as tx:
                    await approve_forwarding(tx, ForwardingApproval(run_id=run_id, manifest_hash=manifest_hash))
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await discard_forwarding(tx, run.id)
        with pytest.raises(StateConflictError):
            async with database.transaction(parties.other_officer, as_of=as_of) as tx:
                await approve_forwarding(tx, ForwardingApproval(run_id=run.id, manifest_hash=run.manifest_hash))
        assert issubclass(ManifestChangedError, ConflictError)
