"""Nested fields and look-ups of single items are noted like lists: no way to read many rows leaves no trace."""

from datetime import timedelta

from ledger.accesses import AccessKind
from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import load_reveals, reveal_complainant
from ledger.complaints.reading import get_complaint_by_ticket
from ledger.forwarding.reading import get_forwarding_run, list_forwarding_items, read_manifest
from ledger.orders.acknowledgements import load_acknowledgements
from ledger.orders.extensions import load_extensions
from ledger.orders.lifts import LiftDraft, draft_lifts
from ledger.orders.proposals import load_pending_proposals
from ledger.orders.reading import get_block_order, load_orders_by_number
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from ledger.pages import PageRequest
from ledger.signals.reading import load_signal_contributors, load_signals
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, acknowledge, file_verified, forward, issue_orders
from tests.support.signal_journeys import complain, contribute, read_signals

NUMBERS = (TELKOMSEL_NUMBER, "+6281200000002")


async def noted(database, viewer, as_of, read, *arguments) -> dict[str, set[str]]:
    """What one reading leaves to be recorded, by the list."""
    async with database.reading(viewer, as_of=as_of) as tx:
        await read(tx, *arguments)
        assert all(kind is AccessKind.LIST for kind, _ in tx.accesses.noted)
        return {listed or "": set(items.ids) for (_, listed), items in tx.accesses.noted.items()}


class TestNestedReading:
    async def test_of_orders_and_what_was_said_about_them_is_noted(self, database, parties, as_of):
        orders = await issue_orders(database, parties, as_of, NUMBERS)
        ids = [order.id for order in orders]
        kinds = (AcknowledgementKind.RECEIVED, AcknowledgementKind.EXTENSION_REQUESTED)
        for kind in kinds:
            for order in orders:
                until = order.due_at + timedelta(hours=6)
                asked = {"until": until, "reason": "TECHNICAL"} if kind is kinds[1] else {}
                await acknowledge(database, parties.telkomsel, as_of, order, kind, kind.value, **asked)
        officer = parties.officer
        by_number = await noted(database, officer, as_of, load_orders_by_number, NUMBERS)
        assert by_number == {"block_orders": set(ids)}
        said = await noted(database, officer, as_of, load_acknowledgements, ids)
        assert len(said["order_acknowledgements"]) == len(kinds) * len(ids)
        assert len((await noted(database, officer, as_of, load_extensions, ids))["order_extensions"]) == len(ids)
        assert await noted(database, officer, as_of, _get_order, orders[0].order_no) == {"block_orders": {ids[0]}}

    async def test_of_what_waits_for_approval_is_noted(self, database, parties, as_of):
        (order,) = await issue_orders(database, parties, as_of, NUMBERS[:1])
        await acknowledge(database, parties.telkomsel, as_of, order)
        lift = LiftDraft(order_id=order.id, basis=LiftBasis.REGULATOR_ERROR, note="Not the caller.")
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await draft_lifts(tx, [lift])
        pending = await noted(database, parties.officer, as_of, load_pending_proposals, [order.id])
        assert len(pending["order_proposals"]) == 1

    async def test_of_a_manifest_is_noted_as_pages_and_as_one_text(self, database, parties, as_of):
        await file_verified(database, parties, as_of, [*NUMBERS, INDOSAT_NUMBER])
        run = await forward(database, parties, as_of)
        pages = await noted(database, parties.officer, as_of, list_forwarding_items, run.id, PageRequest())
        assert len(pages["forwarding_items"]) == 3
        assert await noted(database, parties.officer, as_of, read_manifest, run.id) == pages
        one = await noted(database, parties.officer, as_of, get_forwarding_run, run.id)
        assert one == {"forwarding_runs": {run.id}}

    async def test_of_reveals_and_of_a_ticket_is_noted(self, database, parties, as_of):
        (complaint,) = await file_verified(
            database, parties, as_of, NUMBERS[:1], complainant=ComplainantDraft(name="Ani")
        )
        async with database.transaction(parties.officer, as_of=as_of) as tx:
            await reveal_complainant(tx, complaint.id, purpose="calling back")
        opened = await noted(database, parties.other_officer, as_of, load_reveals, [complaint.id])
        assert len(opened["complainant_reveals"]) == 1
        by_ticket = await noted(database, parties.officer, as_of, get_complaint_by_ticket, complaint.ticket_no)
        assert by_ticket == {"complaints": {complaint.id}}

    async def test_of_signals_and_who_contributed_is_noted(self, database, parties, as_of):
        await complain(database, parties, as_of, TELKOMSEL_NUMBER)
        await contribute(database, parties.telkomsel, as_of, TELKOMSEL_NUMBER)
        (signal,) = await read_signals(database, parties.officer, as_of)
        for read in (load_signals, load_signal_contributors):
            assert await noted(database, parties.officer, as_of, read, [signal.id]) == {"fraud_signals": {signal.id}}


async def _get_order(tx, order_no):
    return await get_block_order(tx, order_no=order_no)
