"""The main job on real input: 179 complaints from real fraud texts, from filing to every carrier's last word.

The numbers are real and have long been given to other people: nothing here prints one.
"""

from collections import Counter, defaultdict
from datetime import timedelta

import pytest

from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints
from ledger.complaints.files import read_complaints
from ledger.complaints.imports import import_complaints
from ledger.complaints.reading import list_complaints
from ledger.complaints.rows import FileFormat, FileReading
from ledger.forwarding.proposals import ForwardingApproval, ForwardingRequest, approve_forwarding, forward_complaints
from ledger.forwarding.reading import list_forwarding_items
from ledger.forwarding.vocabulary import ForwardingResult
from ledger.numbers.plan import find_holders
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import AcknowledgedOrder, acknowledge_block_orders
from ledger.orders.approval import OrderNote, approve_block_orders
from ledger.orders.closing import withdraw_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.lifts import LiftDraft
from ledger.orders.reading import OrderFilter, get_block_order, list_block_orders
from ledger.orders.states import OrderState
from ledger.orders.table import BlockOrder
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from ledger.pages import PageRequest
from tests.support.journeys import WORDS, acknowledge, approval_of, lift_orders, override_number
from tests.support.places import SHARED_DATA

DATA = SHARED_DATA / "id_sms_complaints.csv"
REQUEST = ForwardingRequest(legal_basis=WORDS["legal_basis"], subscriber_notice=WORDS["subscriber_notice"])


async def verify_all(database, parties, as_of):
    async with database.reading(parties.officer, as_of=as_of) as tx:
        page = await list_complaints(tx, PageRequest(first=500))
    decisions = [ComplaintDecision(complaint_id=item.id, decision=Decision.VERIFY) for item in page.items]
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        await decide_complaints(tx, decisions)


async def issue_all(database, parties, as_of):
    """Forward and approve, held drafts with an override in writing; the manifest's items and the orders."""
    run = await database.run(parties.officer, as_of=as_of, work=lambda tx: forward_complaints(tx, REQUEST))
    async with database.transaction(parties.other_officer, as_of=as_of) as tx:
        items = (await list_forwarding_items(tx, run.id, PageRequest(first=500))).items
        held = {item.order_id: "Read and confirmed." for item in items if item.result is ForwardingResult.HELD}
        approval = ForwardingApproval(run_id=run.id, manifest_hash=run.manifest_hash, override_notes=held)
        _, orders, _ = await approve_forwarding(tx, approval)
    return items, orders


async def orders_of(database, viewer, as_of):
    async with database.reading(viewer, as_of=as_of) as tx:
        return list((await list_block_orders(tx, PageRequest(first=500))).items)


@pytest.mark.real_data
@pytest.mark.skipif(not DATA.exists(), reason="the real file is not here")
async def test_real_complaints_reach_their_carriers_and_come_back_answered(database, parties, as_of):
    with DATA.open("rb") as stream:
        rows = read_complaints(stream, FileReading(format=FileFormat.CSV))
        account = await import_complaints(database, parties.agency, rows, as_of=as_of)
    assert (account.read, account.filed) == (179, 179)
    await verify_all(database, parties, as_of)
    items, issued = await issue_all(database, parties, as_of)
    assert sum(item.complaint_count for item in items) == 179
    assert all(isinstance(order, BlockOrder) and order.state is OrderState.ISSUED for order in issued)
    async with database.reading(parties.officer, as_of=as_of) as tx:
        holders = await find_holders(tx, [order.e164 for order in issued], at=as_of)
    assert [order.carrier_id for order in issued] == [holders[order.e164].holder_id for order in issued]

    carriers = (parties.telkomsel, parties.indosat, parties.xlsmart)
    special: dict[str, BlockOrder] = {}
    for carrier in carriers:
        orders = await orders_of(database, carrier, as_of)
        assert orders, "every carrier holds some of these numbers"
        if carrier is parties.indosat:
            special = dict(zip(("impossible", "late", "withdrawn"), orders, strict=False))
        kept_back = {order.id for order in special.values()}
        drafts = [
            AcknowledgementDraft(order_id=order.id, kind=AcknowledgementKind.EXECUTED, reference=f"TT-{order.order_no}")
            for order in orders
            if order.id not in kept_back
        ]
        async with database.transaction(carrier, as_of=as_of + timedelta(hours=2)) as tx:
            results = await acknowledge_block_orders(tx, drafts)
        assert all(isinstance(result, AcknowledgedOrder) for result in results)

    await reroute(database, parties, as_of, special["impossible"])
    late = await acknowledge(database, parties.indosat, as_of + timedelta(hours=30), special["late"])
    assert late.acknowledgement.is_late
    await withdraw_and_lift(database, parties, as_of, special["withdrawn"])

    states = Counter(str(order.state) for order in await orders_of(database, parties.officer, as_of))
    assert states == {"EXECUTED": len(issued) - 1, "CLOSED": 1, "LIFTED": 1}
    outcomes = defaultdict(int)
    async with database.reading(parties.agency, as_of=as_of) as tx:
        for complaint in (await list_complaints(tx, PageRequest(first=500))).items:
            outcomes[str(complaint.state)] += 1
    unordered = sum(item.complaint_count for item in items if item.order_id is None)
    assert outcomes == {"RESOLVED": 179 - unordered} | ({"VERIFIED": unordered} if unordered else {})


async def reroute(database, parties, as_of, order):
    """The carrier doesn't hold the number; the plan is corrected and Telkomsel gets an order of its own."""
    said = {"kind": AcknowledgementKind.IMPOSSIBLE, "reason": "WRONG_RANGE_HOLDER"}
    await acknowledge(database, parties.indosat, as_of, order, **said)
    await override_number(database, parties, as_of, order.e164, parties.telkomsel.member_id, order_id=order.id)
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        [draft] = await draft_block_orders(tx, [OrderDraft(supersedes_id=order.id, **WORDS)])
    async with database.transaction(parties.other_officer, as_of=as_of) as tx:
        [issued] = await approve_block_orders(tx, [approval_of(draft)])
    done = await acknowledge(database, parties.telkomsel, as_of, issued)
    assert done.order.state is OrderState.EXECUTED


async def withdraw_and_lift(database, parties, as_of, order):
    """Withdrawn too late: the carrier had blocked the number, so a lift is issued and executed."""
    async with database.transaction(parties.officer, as_of=as_of) as tx:
        await withdraw_block_orders(tx, [OrderNote(order_id=order.id, note="The complaint was mistaken.")])
    await acknowledge(database, parties.indosat, as_of, order)
    lift = LiftDraft(order_id=order.id, basis=LiftBasis.REGULATOR_ERROR, note="Blocked all the same.")
    await lift_orders(database, parties, as_of, [lift])
    async with database.reading(parties.officer, as_of=as_of) as tx:
        assert (await get_block_order(tx, order_id=order.id)).state is OrderState.LIFT_ISSUED
        assert (
            len((await list_block_orders(tx, PageRequest(), OrderFilter(states=[OrderState.LIFT_ISSUED]))).items) == 1
        )
    await acknowledge(database, parties.indosat, as_of, order, kind=AcknowledgementKind.LIFTED, reference="TT-lift")
