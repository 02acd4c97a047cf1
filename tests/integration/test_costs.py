"""What whole jobs cost in statements: the same for a thousand items as for one, and few for a page."""

import io
from collections.abc import Awaitable, Callable

import pytest

from ledger.complaints.files import read_complaints
from ledger.complaints.imports import BATCH_SIZE, import_complaints
from ledger.complaints.rows import FileFormat, FileReading
from ledger.complaints.vocabulary import Medium, Remedy
from ledger.orders.approval import approve_block_orders
from ledger.orders.content import hash_content
from ledger.orders.drafting import OrderDraft, draft_block_orders
from ledger.storage.database import Database
from tests.support.desk import Desk
from tests.support.journeys import WORDS, acknowledge, approval_of, draft_orders, file_verified, issue_orders
from tests.support.referral_journeys import join_referrals, refer
from tests.support.signing_journeys import accept, appoint, countersign, offer, publish, sign
from tests.support.statements import count_statements

Count = Callable[[Awaitable[object]], Awaitable[int]]
MANY = 1000


def numbers_of(count: int, *, prefix: str = "+62812") -> list[str]:
    return [f"{prefix}{serial:07d}" for serial in range(1, count + 1)]


@pytest.fixture
def count(database: Database) -> Count:
    """Statements of some work; transaction control and binding the viewer are not counted."""

    async def call(work: Awaitable[object]) -> int:
        statements: list[str] = []
        stop = count_statements(database, statements.append)
        try:
            await work
        finally:
            stop()
        return len([statement for statement in statements if "set_config" not in statement])

    return call


class TestImport:
    @pytest.fixture
    def run(self, database, parties, as_of):
        def start(*, rows: int):
            lines = [f"{number},SMS,FRAUD,a {number}\n" for number in numbers_of(rows)]
            stream = io.BytesIO(("number,medium,category,narrative\n" + "".join(lines)).encode())
            reading = FileReading(format=FileFormat.CSV)
            return import_complaints(database, parties.agency, read_complaints(stream, reading), as_of=as_of)

        return start

    async def test_costs_the_same_for_a_whole_batch_as_for_a_row_and_little_the_second_time(self, run, count):
        row = await count(run(rows=1))
        batch = await count(run(rows=BATCH_SIZE))
        assert row == batch <= 6
        assert await count(run(rows=BATCH_SIZE)) == 1

    async def test_grows_with_the_batches_alone(self, run, count):
        one = await count(run(rows=1))
        assert await count(run(rows=3 * BATCH_SIZE)) == 3 * one


class TestOrders:
    @pytest.mark.parametrize("size", [1, MANY])
    async def test_are_drafted_and_approved_in_a_fixed_number_of_statements(
        self, database, parties, as_of, count, size
    ):
        numbers = numbers_of(size)
        await file_verified(database, parties, as_of, numbers)

        async def draft():
            async with database.transaction(parties.officer, as_of=as_of) as tx:
                self.drafts = await draft_block_orders(tx, [OrderDraft(number=number, **WORDS) for number in numbers])

        async def approve():
            async with database.transaction(parties.other_officer, as_of=as_of) as tx:
                await approve_block_orders(tx, [approval_of(each) for each in self.drafts])

        assert (await count(draft()), await count(approve())) == (6, 6)


class TestMutation:
    APPROVE = """mutation($input: ApproveBlockOrdersInput!) { approveBlockOrders(input: $input) {
      problemCount results { blockOrder { state dueAt number { e164 status } carrier { slug } } } } }"""
    ACKNOWLEDGE = """mutation($input: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $input) {
      problemCount results { blockOrder { state number { status } acknowledgements { kind } } } } }"""

    async def test_of_1000_approvals_costs_12_statements_with_all_that_hangs_on_its_answer(self, desk: Desk):
        numbers = numbers_of(MANY)
        await file_verified(desk.database, desk.parties, desk.as_of, numbers)
        drafts = await draft_orders(desk.database, desk.parties, desk.as_of, numbers)
        approvals = [{"orderId": draft.id, "contentHash": hash_content(draft)} for draft in drafts]
        answer = await desk.ask(desk.parties.other_officer, self.APPROVE, input={"approvals": approvals})
        assert (answer.errors, answer.data["approveBlockOrders"]["problemCount"]) == ([], 0)
        assert len(answer.statements) <= 12, answer.statements

    async def test_of_1000_acknowledgements_costs_12_statements_with_all_that_hangs_on_its_answer(self, desk: Desk):
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(MANY))
        said = [{"orderId": order.id, "kind": "EXECUTED", "reference": order.e164} for order in orders]
        answer = await desk.ask(desk.parties.telkomsel, self.ACKNOWLEDGE, input={"acknowledgements": said})
        assert (answer.errors, answer.data["acknowledgeBlockOrders"]["problemCount"]) == ([], 0)
        states = {
            result["blockOrder"]["number"]["status"] for result in answer.data["acknowledgeBlockOrders"]["results"]
        }
        assert states == {"BLOCKED"}
        assert len(answer.statements) <= 12, answer.statements

    async def test_of_1000_corrections_mends_a_faulty_batch_in_one_call_of_13_statements(self, desk: Desk):
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(MANY))
        said = [{"orderId": order.id, "kind": "EXECUTED", "reference": order.e164} for order in orders]
        await desk.ask(desk.parties.telkomsel, self.ACKNOWLEDGE, input={"acknowledgements": said})
        mended = [
            item
            | {
                "kind": "IMPOSSIBLE",
                "reason": "TECHNICAL",
                "note": "The job never ran.",
                "correctsReference": reference,
            }
            for item in said
            if (reference := item["reference"])
        ]
        answer = await desk.ask(desk.parties.telkomsel, self.ACKNOWLEDGE, input={"acknowledgements": mended})
        payload = answer.data["acknowledgeBlockOrders"]
        assert (answer.errors, payload["problemCount"]) == ([], 0)
        assert {
            (result["blockOrder"]["state"], result["blockOrder"]["number"]["status"]) for result in payload["results"]
        } == {("IMPOSSIBLE", "CLEAR")}
        assert len(answer.statements) <= 13, answer.statements
        complaints = await desk.ask(
            desk.parties.officer, "{ complaints(filter: { states: [ESCALATED] }, first: 1) { totalCount } }"
        )
        assert complaints.data["complaints"]["totalCount"] == MANY


class TestReferrals:
    OFFER = """mutation($input: OfferReferralsInput!) { offerReferrals(input: $input) {
      problemCount results { referral { referralNo state } } } }"""
    RESPOND = """mutation($input: RespondToReferralsInput!) { respondToReferrals(input: $input) {
      problemCount results { referral { state responses { kind } } } } }"""

    async def test_1000_are_offered_in_12_statements(self, desk: Desk):
        numbers = numbers_of(MANY)
        await join_referrals(desk.database, desk.parties, desk.as_of)
        await file_verified(
            desk.database, desk.parties, desk.as_of, numbers, medium=Medium.OTT, remedy=Remedy.OTT_ACTION
        )
        provider_id = desk.parties.provider.member_id
        offers = [{"providerId": provider_id, "number": number, "summary": "Fraud."} for number in numbers]
        answer = await desk.ask(desk.parties.officer, self.OFFER, input={"offers": offers})
        assert (answer.errors, answer.data["offerReferrals"]["problemCount"]) == ([], 0)
        assert len(answer.statements) <= 12, answer.statements

    async def test_1000_are_answered_in_12_statements(self, desk: Desk):
        await join_referrals(desk.database, desk.parties, desk.as_of)
        referred = await refer(desk.database, desk.parties, desk.as_of, *numbers_of(MANY))
        acted = {"kind": "ACTIONED", "action": "BANNED", "ground": "OWN_TERMS"}
        said = [{"referralId": each.id, "reference": each.referral_no, **acted} for each in referred]
        answer = await desk.ask(desk.parties.provider, self.RESPOND, input={"responses": said})
        assert (answer.errors, answer.data["respondToReferrals"]["problemCount"]) == ([], 0)
        assert len(answer.statements) <= 12, answer.statements


def without_record(statements: list[str]) -> list[str]:
    """The statements that read; what an officer was shown is recorded in at most one more."""
    reading = [statement for statement in statements if "INSERT INTO access_records" not in statement]
    assert len(statements) - len(reading) <= 1
    return reading


class TestPage:
    ORDERS = """query($first: Int) { blockOrders(first: $first) { nodes {
      orderNo complaintCount number { e164 status } acknowledgements { kind reference } carrier { legalName } } } }"""
    COMPLAINTS = """query($first: Int) { complaints(first: $first) { nodes {
      ticketNo state number { e164 status } source { legalName } chronology } } }"""

    @pytest.mark.parametrize("party", ["telkomsel", "officer", "regulator"])
    async def test_of_orders_costs_the_same_whatever_its_size(self, desk: Desk, party: str):
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of(200))
        for order in orders[:3]:
            await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order, reference=order.e164)
        costs = set()
        for first in (1, 50, 200):
            answer = await desk.ask(getattr(desk.parties, party), self.ORDERS, first=first)
            assert (answer.errors, len(answer.data["blockOrders"]["nodes"])) == ([], first)
            costs.add(len(without_record(answer.statements)))
        assert costs == {4}

    @pytest.mark.parametrize("party", ["agency", "officer"])
    async def test_of_complaints_costs_the_same_whatever_its_size(self, desk: Desk, party: str):
        await file_verified(desk.database, desk.parties, desk.as_of, numbers_of(200), chronology="A prize.")
        costs = set()
        for first in (1, 50, 200):
            answer = await desk.ask(getattr(desk.parties, party), self.COMPLAINTS, first=first)
            assert (answer.errors, len(answer.data["complaints"]["nodes"])) == ([], first)
            costs.add(len(without_record(answer.statements)))
        assert len(costs) == 1
        assert costs.pop() <= 4


class TestTakingPart:
    PARTICIPATIONS = """query($first: Int) { participations(first: $first) { nodes {
      state previous { id } member { legalName } terms { version texts { language } }
      proposal { contentHash acceptedBy { displayName } } } } }"""

    async def test_is_signed_by_each_side_in_a_fixed_number_of_statements(self, database, parties, as_of, count):
        signatory = await appoint(database, as_of, parties.provider)
        await publish(database, parties, as_of)
        offered = await offer(database, parties, as_of)
        costs = [
            await count(accept(database, signatory, as_of, offered)),
            await count(countersign(database, parties.officer, as_of, offered)),
        ]
        assert costs == [6, 14]

    async def test_is_listed_at_the_same_cost_whatever_the_page(self, desk: Desk):
        signatory = await appoint(desk.database, desk.as_of, desk.parties.provider)
        await publish(desk.database, desk.parties, desk.as_of)
        for _ in range(5):
            await sign(desk.database, desk.parties, signatory, desk.as_of)
        costs = set()
        for first in (2, 5):
            answer = await desk.ask(desk.parties.officer, self.PARTICIPATIONS, first=first)
            assert (answer.errors, len(answer.data["participations"]["nodes"])) == ([], first)
            costs.add(len(without_record(answer.statements)))
        assert costs == {7}
