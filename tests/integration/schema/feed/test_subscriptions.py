"""Subscriptions over a batch: what each message tells, in which order, to whom, and by how many statements."""

from dataclasses import replace

import pytest
from graphql import GraphQLError

from ledger.complaints.decisions import record_complainant_informed
from ledger.errors import ForbiddenError
from ledger.identifiers import Position
from ledger.orders.approval import OrderNote
from ledger.orders.closing import withdraw_block_orders
from ledger.orders.states import OrderState
from ledger.orders.vocabulary import AcknowledgementKind
from resolvers.batches import BLOCK_REQUESTS, COMPLAINTS, FEED, follow
from resolvers.sources import EventBatch, Message, Source
from tests.support.desk import Desk
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    draft_orders,
    file_verified,
    issue_orders,
)

BLOCK_REQUEST_EVENTS = """subscription($after: FeedCursor) { blockRequestEvents(after: $after) { cursor event {
  position kind state version orderNo recordedAt dueAt acknowledgement reason isLate erasedAt
  blockOrder {
    orderNo state number { e164 status } carrier { slug } acknowledgements { kind } extensions { state } } } } }"""
COMPLAINT_EVENTS = """subscription { complaintEvents { cursor event {
  kind state category medium decision reason outcome complaintId
  complaint { ticketNo state outcome chronology } } } }"""


async def history(desk: Desk, sequenced, viewer, source: Source) -> EventBatch:
    await sequenced.wait()
    return EventBatch(await desk.read_history(viewer, source))


def events_of(stream, field="blockRequestEvents"):
    assert stream.errors == []
    return [message[field]["event"] for message in stream.messages]


class TestBlockRequestEvents:
    async def test_tell_how_it_was_then_and_give_the_order_as_it_is_now(self, desk: Desk, sequenced):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order, AcknowledgementKind.RECEIVED)
        await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order, reference="TT-2")
        batch = await history(desk, sequenced, desk.parties.telkomsel, BLOCK_REQUESTS)
        events = events_of(await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, batch))
        assert [(event["kind"], event["state"], event["acknowledgement"]) for event in events] == [
            ("ORDER_ISSUED", "ISSUED", None),
            ("ORDER_ACKNOWLEDGED", "RECEIVED", "RECEIVED"),
            ("ORDER_ACKNOWLEDGED", "EXECUTED", "EXECUTED"),
        ]
        assert {event["blockOrder"]["state"] for event in events} == {"EXECUTED"}
        assert [event["dueAt"] for event in events] == ["2026-03-03T03:00:00Z", None, None]
        assert [event["isLate"] for event in events] == [None, False, False]
        assert events[0]["orderNo"] == events[0]["blockOrder"]["orderNo"]

    async def test_come_in_the_batchs_order_with_the_batchs_cursors(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, "+6281200000002"])
        batch = await history(desk, sequenced, desk.parties.officer, BLOCK_REQUESTS)
        stream = await desk.follow(desk.parties.officer, BLOCK_REQUEST_EVENTS, batch)
        positions = [int(event["position"]) for event in events_of(stream)]
        assert positions == sorted(positions)
        assert len(positions) == 4
        cursors = [message["blockRequestEvents"]["cursor"] for message in stream.messages]
        assert cursors == [message.cursor for message in batch.messages]

    async def test_may_tell_the_place_alone(self, desk: Desk):
        batch = EventBatch([Message("the place")])
        stream = await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, batch)
        assert stream.messages == [{"blockRequestEvents": {"cursor": "the place", "event": None}}]
        assert stream.statements == []

    async def test_of_drafts_are_the_regulators_alone(self, desk: Desk, sequenced):
        await file_verified(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        await draft_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        await sequenced.wait()
        assert await desk.read_history(desk.parties.telkomsel, BLOCK_REQUESTS) == []
        (drafted,) = await desk.read_history(desk.parties.officer, BLOCK_REQUESTS)
        assert drafted.entry.state == OrderState.DRAFT
        assert drafted.entry.audience == ()

    async def test_of_another_carrier_are_never_told(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        for viewer, number in ((desk.parties.telkomsel, TELKOMSEL_NUMBER), (desk.parties.indosat, INDOSAT_NUMBER)):
            batch = await history(desk, sequenced, viewer, BLOCK_REQUESTS)
            (event,) = events_of(await desk.follow(viewer, BLOCK_REQUEST_EVENTS, batch))
            assert event["blockOrder"]["number"]["e164"] == number
        for viewer in (desk.parties.agency, desk.parties.provider, desk.parties.xlsmart):
            assert await desk.read_history(viewer, BLOCK_REQUESTS) == []

    async def test_handed_to_the_wrong_viewer_give_no_order(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        batch = await history(desk, sequenced, desk.parties.telkomsel, BLOCK_REQUESTS)
        (event,) = events_of(await desk.follow(desk.parties.indosat, BLOCK_REQUEST_EVENTS, batch))
        assert event["blockOrder"] is None

    async def test_of_another_brand_are_not_told_to_a_brands_client(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, ["+6281700000001", "+6283100000001"])
        narrowed = replace(desk.parties.xlsmart, brand_id=desk.parties.brands["axis"])
        batch = await history(desk, sequenced, narrowed, BLOCK_REQUESTS)
        (event,) = events_of(await desk.follow(narrowed, BLOCK_REQUEST_EVENTS, batch))
        assert event["blockOrder"]["number"]["e164"] == "+6283100000001"
        assert len(await desk.read_history(desk.parties.xlsmart, BLOCK_REQUESTS)) == 2

    async def test_of_a_hundred_orders_take_the_statements_of_one(self, desk: Desk, sequenced):
        numbers = [f"+62812000{place:05d}" for place in range(100)]
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers)
        for order in orders[:3]:
            await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order, reference=order.order_no)
        batch = await history(desk, sequenced, desk.parties.telkomsel, BLOCK_REQUESTS)
        assert len(batch.messages) == 103
        one = await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, EventBatch(batch.messages[:1]))
        all_ = await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, batch)
        assert len({event["blockOrder"]["orderNo"] for event in events_of(all_)}) == 100
        assert len(all_.statements) == len(one.statements) == 5

    async def test_read_nothing_where_nothing_but_the_event_is_asked(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        batch = await history(desk, sequenced, desk.parties.telkomsel, BLOCK_REQUESTS)
        query = "subscription { blockRequestEvents { event { kind orderNo } } }"
        assert (await desk.follow(desk.parties.telkomsel, query, batch)).statements == []

    async def test_of_which_the_content_was_erased_say_so_and_nothing_else(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        (message,) = (await history(desk, sequenced, desk.parties.telkomsel, BLOCK_REQUESTS)).messages
        erased = replace(message.entry, payload={}, erased_at=desk.as_of)
        batch = EventBatch([Message(message.cursor, erased)])
        (event,) = events_of(await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, batch))
        assert (event["orderNo"], event["version"], event["dueAt"]) == (None, None, None)
        assert event["erasedAt"] == "2026-03-02T03:00:00Z"
        assert (event["kind"], event["state"]) == ("ORDER_ISSUED", "ISSUED")


class TestComplaintEvents:
    async def test_tell_a_source_its_outcomes_and_no_other_sources(self, desk: Desk, sequenced):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order)
        batch = await history(desk, sequenced, desk.parties.agency, COMPLAINTS)
        stream = await desk.follow(desk.parties.agency, COMPLAINT_EVENTS, batch)
        events = events_of(stream, "complaintEvents")
        assert [(event["kind"], event["state"]) for event in events] == [
            ("COMPLAINT_FILED", "SUBMITTED"),
            ("COMPLAINT_DECIDED", "VERIFIED"),
            ("COMPLAINT_ESCALATED", "ESCALATED"),
            ("COMPLAINT_RESOLVED", "RESOLVED"),
        ]
        assert (events[0]["category"], events[0]["medium"]) == ("FRAUD", "SMS")
        assert (events[1]["decision"], events[3]["outcome"]) == ("VERIFY", "BLOCKED")
        assert {event["complaint"]["outcome"] for event in events} == {"BLOCKED"}
        for viewer in (desk.parties.other_agency, desk.parties.telkomsel, desk.parties.provider):
            assert await desk.read_history(viewer, COMPLAINTS) == []

    async def test_tell_when_the_complainant_was_informed(self, desk: Desk, sequenced):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER])
        note = OrderNote(order_id=order.id, note="Mistaken.")
        async with desk.database.transaction(desk.parties.officer, as_of=desk.as_of) as tx:
            await withdraw_block_orders(tx, [note])
        filed = (await history(desk, sequenced, desk.parties.agency, COMPLAINTS)).messages[0].entry.subject_id
        async with desk.database.transaction(desk.parties.officer, as_of=desk.as_of) as tx:
            await record_complainant_informed(tx, [filed])
        batch = await history(desk, sequenced, desk.parties.agency, COMPLAINTS)
        stream = await desk.follow(desk.parties.agency, COMPLAINT_EVENTS, batch)
        assert [event["kind"] for event in events_of(stream, "complaintEvents")][-2:] == [
            "COMPLAINT_RESOLVED",
            "COMPLAINANT_INFORMED",
        ]

    async def test_of_many_complaints_take_the_statements_of_one(self, desk: Desk, sequenced):
        numbers = [f"+62812000{place:05d}" for place in range(60)]
        await file_verified(desk.database, desk.parties, desk.as_of, numbers, chronology="It began on Monday.")
        batch = await history(desk, sequenced, desk.parties.agency, COMPLAINTS)
        one = await desk.follow(desk.parties.agency, COMPLAINT_EVENTS, EventBatch(batch.messages[:1]))
        all_ = await desk.follow(desk.parties.agency, COMPLAINT_EVENTS, batch)
        assert len(all_.messages) == 120
        assert len(all_.statements) == len(one.statements) == 2


class TestFollow:
    async def test_names_its_source_before_anything_is_told(self, desk: Desk):
        batch = EventBatch()
        stream = await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, batch, after="anything")
        assert (stream.messages, stream.errors) == ([], [])
        assert batch.source is BLOCK_REQUESTS

    async def test_refuses_whom_the_source_refuses_and_tells_nothing(self, desk: Desk):
        async def refuse(tx):
            raise ForbiddenError

        class Surroundings:
            batch = EventBatch([Message("c")])

            async def read(self, work):
                return await work(None)

        with pytest.raises(ForbiddenError):
            _ = [message async for message in follow(Surroundings(), Source(kinds=frozenset(), check=refuse))]
        assert Surroundings.batch.source.check is refuse

    async def test_refuses_a_cursor_that_is_no_text(self, desk: Desk):
        stream = await desk.follow(desk.parties.telkomsel, BLOCK_REQUEST_EVENTS, EventBatch(), after=7)
        (error,) = stream.errors
        assert isinstance(error, GraphQLError)
        assert "FeedCursor" in error.message


class TestFeed:
    QUERY = """subscription { feed { cursor entry { position cursor kind subjectId text salt leafHash } } }"""

    async def test_tells_every_entry_of_ones_own_by_one_statement(self, desk: Desk, sequenced):
        await issue_orders(desk.database, desk.parties, desk.as_of, [TELKOMSEL_NUMBER, INDOSAT_NUMBER])
        batch = await history(desk, sequenced, desk.parties.telkomsel, FEED)
        stream = await desk.follow(desk.parties.telkomsel, self.QUERY, batch)
        assert stream.errors == []
        entries = [message["feed"]["entry"] for message in stream.messages]
        assert [entry["kind"] for entry in entries if entry["kind"].startswith("ORDER")] == ["ORDER_ISSUED"]
        assert all(entry["text"] and entry["salt"] for entry in entries)
        assert [Position(int(entry["position"])) for entry in entries] == [
            message.entry.position for message in batch.messages
        ]
        assert [message["feed"]["cursor"] for message in stream.messages] == [entry["cursor"] for entry in entries]
        assert len(stream.statements) == 1
