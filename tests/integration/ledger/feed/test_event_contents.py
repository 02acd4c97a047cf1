"""What the log holds: nothing that anybody typed, whatever was typed into every free text of the main journey."""

from datetime import timedelta

from ledger.complaints.complainant_drafts import ComplainantDraft
from ledger.complaints.complainants import reveal_complainant
from ledger.complaints.decisions import ComplaintDecision, Decision, decide_complaints, record_complainant_informed
from ledger.complaints.evidence_drafts import EvidenceDraft
from ledger.complaints.filing import file_complaints
from ledger.complaints.supplements import Supplement, supply_information, withdraw_complaints
from ledger.complaints.vocabulary import RejectionReason
from ledger.errors import Problem
from ledger.feed.events import EventDraft, append_events
from ledger.feed.vocabulary import EventKind, Subject
from ledger.forwarding.taking_back import TakeBack, take_back_complaints
from ledger.identifiers import new_id
from ledger.numbers.override_rules import OverrideDraft
from ledger.numbers.overrides import propose_overrides
from ledger.orders.approval import OrderNote, approve_block_orders, return_block_orders
from ledger.orders.closing import withdraw_block_orders
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.orders.extensions import ExtensionDecision, decide_extensions, load_extensions
from ledger.orders.lifts import LiftDraft
from ledger.orders.revisions import Revision
from ledger.orders.revisions import revise_block_orders as revise
from ledger.orders.vocabulary import AcknowledgementKind, LiftBasis
from ledger.reassignments.confirming import ReportRefusal, refuse_reassignments
from ledger.reassignments.reporting import ReassignmentDraft, report_reassignments
from tests.support.journeys import (
    INDOSAT_NUMBER,
    TELKOMSEL_NUMBER,
    acknowledge,
    approval_of,
    complaint_draft,
    issue_orders,
    lift_orders,
)

MARK = "Xanthippe"
PERSON = ComplainantDraft(
    name=f"{MARK} name", identity_number=f"{MARK}317", phone="+6289155500099", email=f"{MARK}@x.example", address=MARK
)
WORDS = {"legal_basis": f"{MARK} 5/2021", "summary": f"{MARK} summary.", "subscriber_notice": f"{MARK} notice."}
NUMBERS = (TELKOMSEL_NUMBER, INDOSAT_NUMBER, "+6281200000002", "+6281200000003")


def marked_draft(number):
    """A complaint with a mark in every text that a source can write."""
    return complaint_draft(
        number,
        source_reference=f"{MARK}-{number}",
        chronology=f"{MARK} was called and told to pay.",
        complainant=PERSON,
        account_platform="Messenger",
        account_handle=f"{MARK}.handle",
        account_url=f"https://x.example/{MARK}",
        evidence=(EvidenceDraft(content=MARK.encode(), media_type="text/plain", file_name=f"{MARK}.txt"),),
    )


def taken(results):
    assert not any(isinstance(result, Problem) for result in results), results
    return results


async def walk(database, parties, as_of):
    """From filing to a lift, with rejections, questions, withdrawals and a reveal between."""

    async def run(viewer, work, *arguments, later=timedelta(), **named):
        async with database.transaction(viewer, as_of=as_of + later) as tx:
            return await work(tx, *arguments, **named)

    filed = taken(await run(parties.agency, file_complaints, [marked_draft(number) for number in NUMBERS]))
    ids = [item.complaint.id for item in filed]

    async def decide(complaint_id, said, **more):
        decision = ComplaintDecision(complaint_id=complaint_id, decision=said, note=f"{MARK} noted", **more)
        taken(await run(parties.officer, decide_complaints, [decision]))

    await decide(ids[0], Decision.ASK_INFO)
    supplement = Supplement(complaint_id=ids[0], chronology=f"{MARK} adds this.")
    taken(await run(parties.agency, supply_information, [supplement]))
    await decide(ids[0], Decision.VERIFY)
    taken_back = TakeBack(complaint_id=ids[0], note=f"{MARK} was mistaken.")
    taken(await run(parties.officer, take_back_complaints, [taken_back]))
    for complaint_id in ids[:2]:
        await decide(complaint_id, Decision.VERIFY)
    await decide(ids[2], Decision.REJECT, reason=RejectionReason.NOT_MISUSE)
    taken(await run(parties.officer, record_complainant_informed, [ids[2]]))
    taken(await run(parties.agency, withdraw_complaints, [ids[3]]))
    await run(parties.officer, reveal_complainant, ids[0], purpose=f"Call {MARK} back.")

    drafts = [OrderDraft(number=number, **WORDS) for number in NUMBERS[:2]]
    orders = taken(await run(parties.officer, draft_block_orders, drafts))
    notes = [OrderNote(order_id=order.id, note=f"{MARK} wants it so.") for order in orders]
    taken(await run(parties.other_officer, return_block_orders, notes[:1]))
    [orders[0]] = taken(await run(parties.officer, revise, [Revision(order_id=orders[0].id, summary=f"{MARK} again.")]))
    taken(await run(parties.other_officer, approve_block_orders, [approval_of(order) for order in orders]))
    said = {"reference": f"{MARK}-1", "note": f"{MARK} said."}
    issued = as_of + timedelta(hours=1)
    asked = {"reason": "TECHNICAL", "until": as_of + timedelta(hours=30)} | said
    partial = AcknowledgementKind.PARTIAL
    taken([await acknowledge(database, parties.telkomsel, issued, orders[0], partial, **said)])
    correction = said | {"corrects_reference": f"{MARK}-1"}
    taken(
        [await acknowledge(database, parties.telkomsel, issued, orders[0], AcknowledgementKind.EXECUTED, **correction)]
    )
    kind = AcknowledgementKind.EXTENSION_REQUESTED
    taken([await acknowledge(database, parties.indosat, issued, orders[1], kind, **asked)])
    (extension,) = (await run(parties.officer, load_extensions, [orders[1].id]))[orders[1].id]
    decision = ExtensionDecision(extension_id=extension.id, is_granted=True)
    taken(await run(parties.officer, decide_extensions, [decision], later=timedelta(hours=2)))
    taken(await run(parties.officer, withdraw_block_orders, notes[1:], later=timedelta(hours=2)))
    lift = LiftDraft(order_id=orders[0].id, basis=LiftBasis.POLICE, note=f"{MARK} asked.")
    await lift_orders(database, parties, as_of + timedelta(hours=2), [lift])
    override = OverrideDraft(number=NUMBERS[0], holder_id=parties.indosat.member_id, reason=f"{MARK} says so.")
    taken(await run(parties.officer, propose_overrides, [override]))
    recycled = [ReassignmentDraft(number=INDOSAT_NUMBER, reassigned_at=issued)]
    (reported,) = taken(await run(parties.indosat, report_reassignments, recycled, later=timedelta(hours=2)))
    refusal = ReportRefusal(report_id=reported.report.id, reason=f"{MARK} still holds it.")
    taken(await run(parties.officer, refuse_reassignments, [refusal], later=timedelta(hours=2)))


class TestEvents:
    async def test_hold_nothing_that_anybody_typed(self, database, parties, as_of, owner_connection):
        await walk(database, parties, as_of)
        rows = await owner_connection.fetch("SELECT kind, to_jsonb(e)::text AS row FROM events e")
        kinds = {row["kind"] for row in rows}
        assert {
            "COMPLAINT_TAKEN_BACK",
            "COMPLAINT_FILED", "COMPLAINT_DECIDED", "COMPLAINT_SUPPLEMENTED", "COMPLAINT_WITHDRAWN",
            "COMPLAINT_ESCALATED", "COMPLAINT_RESOLVED", "COMPLAINANT_REVEALED", "COMPLAINANT_INFORMED",
            "ORDER_DRAFTED", "ORDER_RETURNED", "ORDER_ISSUED", "ORDER_ACKNOWLEDGED", "ORDER_WITHDRAWN",
            "ORDER_LIFT_ISSUED", "EXTENSION_REQUESTED", "EXTENSION_DECIDED", "NUMBER_OVERRIDE_PROPOSED",
            "REASSIGNMENT_REPORTED", "REASSIGNMENT_REFUSED",
        } <= kinds  # fmt: skip
        typed = [MARK.casefold(), "89155500099", *(reference.encode().hex() for reference in (MARK,))]
        told = [row["kind"] for row in rows if any(each in row["row"].casefold() for each in typed)]
        assert told == []

    async def test_hold_no_number_that_was_complained_of(self, database, parties, as_of, owner_connection):
        await walk(database, parties, as_of)
        rows = await owner_connection.fetch(
            "SELECT kind, to_jsonb(e)::text AS row FROM events e WHERE subject <> 'NUMBER'"
        )
        assert [row["kind"] for row in rows if any(number[1:] in row["row"] for number in NUMBERS)] == []


class TestSalts:
    """Whoever knows the salts of some entries knows nothing of any other's."""

    async def test_are_three_for_each_event_and_never_the_same(self, database, parties, as_of, owner_connection):
        await issue_orders(database, parties, as_of, NUMBERS)
        await issue_orders(database, parties, as_of, ["+6281200000004"])
        rows = await owner_connection.fetch("SELECT salt, reserved_salt, content_salt FROM events")
        salts = [bytes(salt) for row in rows for salt in row]
        assert len(rows) > 15
        assert {len(salt) for salt in salts} == {32}
        assert len(set(salts)) == len(salts) == 3 * len(rows)

    async def test_of_the_same_events_differ_each_time(self, database, parties, as_of, owner_connection):
        draft = EventDraft(kind=EventKind.ORDER_DRAFTED, subject=Subject.BLOCK_ORDER, subject_id=new_id())
        for _ in range(2):
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                await append_events(tx, [draft, draft])
        rows = await owner_connection.fetch(
            "SELECT salt, reserved_salt, content_salt FROM events WHERE subject_id = $1", draft.subject_id
        )
        assert len({bytes(salt) for row in rows for salt in row}) == 12
