"""A carrier's pollers, as docs/clients.md prints them, against a gateway that is not always there."""

import signal
from datetime import UTC, datetime

import pytest

from auth.clients.registration import CreatedClient
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders
from ledger.orders.lifts import LiftDraft
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from tests.support.example_site import Site
from tests.support.examples import CARRIERS, Example
from tests.support.journeys import lift_orders
from tests.support.tapped_line import tap
from tests.support.waiting import until

pytestmark = [
    pytest.mark.conformance,
    pytest.mark.timeout(900),
    pytest.mark.parametrize("example", CARRIERS, indirect=True),
]
ACKNOWLEDGE = b"acknowledgeBlockOrders"


async def list_kinds(site: Site, orders: list[str]) -> list[list[AcknowledgementKind]]:
    return [[each.kind for each in said] for said in await site.read_said(orders)]


async def test_it_carries_out_all_pages_and_acknowledges_each_order_once(site: Site, example: Example) -> None:
    orders = await site.issue(450)
    async with site.run(example) as poller:
        await until(lambda: site.are(orders, OrderState.EXECUTED), "all are executed")
        later = await site.issue(1, begin=450)
        await until(lambda: site.are(later, OrderState.EXECUTED), "so is one that was issued later")
        assert await poller.end(signal.SIGTERM) == 0, poller.said
    assert await list_kinds(site, orders + later) == [[AcknowledgementKind.EXECUTED]] * 451


async def test_it_lifts_too(site: Site, example: Example) -> None:
    [order] = await site.issue(1)
    async with site.run(example) as poller:
        await until(lambda: site.are([order], OrderState.EXECUTED), "it is executed")
        lift = LiftDraft(order_id=order, basis=LiftBasis.APPEAL, note="The appeal was granted.")
        await lift_orders(site.database, site.parties, datetime.now(UTC), [lift])
        await until(lambda: site.are([order], OrderState.LIFTED), "it is lifted")
        assert await poller.end(signal.SIGTERM) == 0, poller.said


async def test_killed_before_it_could_acknowledge_it_says_afterwards_what_it_did_then(
    site: Site, example: Example
) -> None:
    orders = await site.issue(5)
    async with tap(site.serving.settings.port) as line:
        line.hold_at = ACKNOWLEDGE
        async with site.run(example, url=line.origin) as poller:
            await line.held.wait()
            assert await poller.end(signal.SIGKILL) == -signal.SIGKILL
    assert await list_kinds(site, orders) == [[]] * 5
    killed_at = datetime.now(UTC)
    async with site.run(example, "--once") as poller:
        assert await poller.wait() == 0, poller.said
    assert await list_kinds(site, orders) == [[AcknowledgementKind.EXECUTED]] * 5
    found = await site.read_orders(orders)
    assert all(order.effective_at is not None and order.effective_at < killed_at for order in found)


async def test_an_acknowledgement_whose_answer_was_lost_is_repeated_and_recorded_once(
    site: Site, example: Example
) -> None:
    orders = await site.issue(3)
    async with tap(site.serving.settings.port) as line:
        line.cut_after = ACKNOWLEDGE
        async with site.run(example, "--once", url=line.origin) as poller:
            assert await poller.wait() == 0, poller.said
        assert line.was_cut
        assert line.sent.count(ACKNOWLEDGE) == 2
    assert await list_kinds(site, orders) == [[AcknowledgementKind.EXECUTED]] * 3


async def test_it_goes_on_when_the_gateway_comes_back(site: Site, example: Example) -> None:
    async with site.run(example) as poller:
        first = await site.issue(1)
        await until(lambda: site.are(first, OrderState.EXECUTED), "the first is executed")
        await site.serving.stop()
        orders = await site.issue(2, begin=1)
        await until(lambda: "again" in poller.said, "it has noticed")
        site.serving.start()
        await until(lambda: site.are(orders, OrderState.EXECUTED), "the others are executed")
        assert await poller.end(signal.SIGTERM) == 0, poller.said


async def test_told_to_stop_while_the_gateway_is_away_it_ends_with_0(site: Site, example: Example) -> None:
    await site.serving.stop()
    async with site.run(example) as poller:
        await until(lambda: "again" in poller.said, "it has noticed")
        assert await poller.end(signal.SIGTERM) == 0, poller.said


async def test_it_gets_its_next_token_before_the_last_one_ends(site: Site, example: Example) -> None:
    await site.shorten_tokens(seconds=12)
    async with tap(site.serving.settings.port) as line, site.run(example, url=line.origin) as poller:
        await until(lambda: line.count(b"POST /oauth/token") >= 2, "it has a second token")
        orders = await site.issue(1)
        await until(lambda: site.are(orders, OrderState.EXECUTED), "it goes on")
        assert line.count_answers(401) == 0, poller.said


async def test_it_reports_an_order_that_a_correction_has_opened_again(site: Site, example: Example) -> None:
    orders = await site.issue(2)
    async with site.run(example, "--once") as poller:
        assert await poller.wait() == 0, poller.said
    [[said], _] = await site.read_said(orders)
    correction = AcknowledgementDraft(
        order_id=orders[0],
        kind=AcknowledgementKind.RECEIVED,
        reference="TT-1",
        note="It was another line.",
        corrects_reference=said.reference,
    )
    async with site.database.transaction(site.parties.telkomsel, as_of=datetime.now(UTC)) as tx:
        await acknowledge_block_orders(tx, [correction])
    async with site.run(example, "--once") as poller:
        assert await poller.wait() == 1
        assert poller.said.count("open again") == 1


async def test_it_ends_with_1_if_it_gets_no_token(site: Site, example: Example) -> None:
    site.carrier = CreatedClient(client_id=site.carrier.client_id, secret="wrong")
    async with site.run(example) as poller:
        assert await poller.wait() == 1
        assert "no token" in poller.said
