"""Reassignments in the graph: a carrier reports, an officer decides, each sees its own; what a brand's client sees."""

from dataclasses import replace

import pytest

from ledger.orders.vocabulary import AcknowledgementKind
from tests.support.desk import Desk
from tests.support.journeys import acknowledge, issue_orders, override_number

XL_NUMBER, AXIS_NUMBER = "+6281700000001", "+6283100000001"
REPORT = """mutation($i: ReportReassignmentsInput!) { reportReassignments(input: $i) { problemCount results {
  wasKnown problem { code field hint } report { id e164 epoch state brand { slug } carrier { slug } }
  reassignment { epoch wasKnown endedOrders } } } }"""
CONFIRM = """mutation($i: ConfirmReassignmentsInput!) { confirmReassignments(input: $i) { problemCount results {
  problem { code } report { state endedOrderCount number { epoch status } decidedBy { displayName } } } } }"""
REFUSE = """mutation($i: RefuseReassignmentsInput!) { refuseReassignments(input: $i) { results {
  problem { code field } report { state refusalReason } } } }"""
LIST = """query($f: ReassignmentReportFilter) { reassignmentReports(filter: $f, first: 5) { nodes {
  e164 state refusalReason } } }"""


def report_of(desk: Desk, *numbers: str):
    at = desk.as_of.isoformat()
    return {"reassignments": [{"number": number, "reassignedAt": at} for number in numbers]}


@pytest.fixture
async def orders(desk: Desk):
    """Executed orders of two brands of one carrier."""
    found = await issue_orders(desk.database, desk.parties, desk.as_of, [XL_NUMBER, AXIS_NUMBER])
    for order in found:
        await acknowledge(desk.database, desk.parties.xlsmart, desk.as_of, order)
    return found


class TestReassignments:
    async def test_are_reported_confirmed_and_refused(self, desk: Desk, orders):
        answer = await desk.ask(desk.parties.xlsmart, REPORT, i=report_of(desk, XL_NUMBER, AXIS_NUMBER))
        xl, axis = answer.data["reportReassignments"]["results"]
        assert (xl["report"]["state"], xl["wasKnown"]) == ("REPORTED", False)
        assert xl["reassignment"] == {"epoch": 2, "wasKnown": False, "endedOrders": 0}
        waiting = await desk.ask(desk.parties.officer, LIST, f={"states": ["REPORTED"]})
        assert len(waiting.data["reassignmentReports"]["nodes"]) == 2
        done = await desk.ask(desk.parties.officer, CONFIRM, i={"reportIds": [xl["report"]["id"]]})
        (confirmed,) = done.data["confirmReassignments"]["results"]
        assert confirmed["report"] == {
            "state": "CONFIRMED",
            "endedOrderCount": 1,
            "number": {"epoch": 2, "status": "CLEAR"},
            "decidedBy": {"displayName": "Sari"},
        }
        refusal = {"refusals": [{"reportId": axis["report"]["id"], "reason": "The subscriber is the same."}]}
        await desk.ask(desk.parties.other_officer, REFUSE, i=refusal)
        own = await desk.ask(desk.parties.xlsmart, LIST)
        assert [(item["state"], item["refusalReason"]) for item in own.data["reassignmentReports"]["nodes"]] == [
            ("REFUSED", "The subscriber is the same."), ("CONFIRMED", None),
        ]  # fmt: skip
        again = await desk.ask(desk.parties.xlsmart, REPORT, i=report_of(desk, XL_NUMBER))
        (known,) = again.data["reportReassignments"]["results"]
        assert (known["wasKnown"], known["reassignment"]["endedOrders"]) == (True, 1)

    async def test_cost_a_fixed_number_of_statements(self, desk: Desk):
        numbers = [f"+6281200{place:05d}" for place in range(1000)]
        issued = await issue_orders(desk.database, desk.parties, desk.as_of, numbers)
        said = [{"orderId": order.id, "kind": "EXECUTED", "reference": "TT"} for order in issued]
        acknowledging = (
            "mutation($i: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $i) { problemCount } }"
        )
        await desk.ask(desk.parties.telkomsel, acknowledging, i={"acknowledgements": said})
        reported = await desk.ask(desk.parties.telkomsel, REPORT, i=report_of(desk, *numbers))
        assert (reported.errors, reported.data["reportReassignments"]["problemCount"]) == ([], 0)
        assert len(reported.statements) <= 12, reported.statements
        ids = [result["report"]["id"] for result in reported.data["reportReassignments"]["results"]]
        confirmed = await desk.ask(desk.parties.officer, CONFIRM, i={"reportIds": ids})
        assert (confirmed.errors, confirmed.data["confirmReassignments"]["problemCount"]) == ([], 0)
        ended = {result["report"]["endedOrderCount"] for result in confirmed.data["confirmReassignments"]["results"]}
        assert ended == {1}
        assert len(confirmed.statements) <= 32, confirmed.statements

    @pytest.mark.parametrize("name", ["regulator", "agency", "xlsmart", "indosat", "provider"])
    async def test_are_decided_by_no_machine_and_no_other_member(self, desk: Desk, orders, name):
        answer = await desk.ask(desk.parties.xlsmart, REPORT, i=report_of(desk, XL_NUMBER))
        (reported,) = answer.data["reportReassignments"]["results"]
        decided = await desk.ask(desk.parties.everyone[name], CONFIRM, i={"reportIds": [reported["report"]["id"]]})
        assert decided.data == {"confirmReassignments": None}
        assert decided.problems[0] in {"FORBIDDEN", "OFFICER_REQUIRED"}


class TestABrandsClient:
    """A client that is narrowed to Axis, and the numbers, orders and statements of XL, the carrier's other brand."""

    @pytest.fixture
    def axis(self, desk: Desk):
        return replace(desk.parties.xlsmart, brand_id=desk.parties.brands["axis"])

    async def test_ends_no_block_of_another_brand(self, desk: Desk, orders, axis):
        answer = await desk.ask(axis, REPORT, i=report_of(desk, XL_NUMBER, AXIS_NUMBER, "+6281700000099"))
        other, own, unknown = answer.data["reportReassignments"]["results"]
        assert other["problem"] == unknown["problem"]
        assert other["problem"]["code"] == "NOT_FOUND"
        assert own["report"]["brand"]["slug"] == "axis"

    async def test_reads_the_numbers_of_its_brand_alone(self, desk: Desk, orders, axis):
        everything = await desk.ask(axis, "{ numbers(first: 50) { nodes { e164 } } }")
        assert everything.data["numbers"]["nodes"] == [{"e164": AXIS_NUMBER}]
        xl = desk.parties.brands["xl"]
        asked = await desk.ask(
            axis, "query($b: ID) { numbers(first: 5, filter: {brandId: $b}) { nodes { e164 } } }", b=xl
        )
        assert asked.data["numbers"]["nodes"] == []
        one = "query($n: E164!) { number(e164: $n) { e164 risk status epoch brand { slug } blockOrders { id } } }"
        hidden = (await desk.ask(axis, one, n=XL_NUMBER)).data["number"]
        blank = {"status": None, "epoch": None, "brand": None, "blockOrders": []}
        assert hidden == {"e164": XL_NUMBER, "risk": "MEDIUM"} | blank
        own = (await desk.ask(axis, one, n=AXIS_NUMBER)).data["number"]
        assert (own["status"], own["epoch"], own["brand"]) == ("BLOCKED", 1, {"slug": "axis"})

    async def test_reads_no_other_number_as_an_entity_either(self, desk: Desk, orders, axis):
        query = """query($r: [_Any!]!) { _entities(representations: $r) { ... on PhoneNumber { e164 status }
          ... on BlockOrder { orderNo } } }"""
        representations = [
            {"__typename": "PhoneNumber", "e164": XL_NUMBER},
            {"__typename": "PhoneNumber", "e164": AXIS_NUMBER},
            {"__typename": "BlockOrder", "id": orders[0].id},
        ]
        answer = await desk.ask(axis, query, r=representations)
        assert answer.data["_entities"] == [
            {"e164": XL_NUMBER, "status": None}, {"e164": AXIS_NUMBER, "status": "BLOCKED"}, None,
        ]  # fmt: skip

    async def test_reads_the_ranges_of_its_brand_alone(self, desk: Desk, axis):
        answer = await desk.ask(axis, "{ numberingPlan(first: 500) { nodes { prefix brand { slug } } } }")
        nodes = answer.data["numberingPlan"]["nodes"]
        assert {node["brand"]["slug"] for node in nodes} == {"axis"}

    async def test_reads_no_order_signal_or_report_of_another_brand(self, desk: Desk, orders, axis):
        await desk.ask(desk.parties.xlsmart, REPORT, i=report_of(desk, XL_NUMBER, AXIS_NUMBER))
        query = """{ blockOrders(first: 9) { totalCount nodes { e164 acknowledgements { id } } }
          fraudSignals(first: 9) { nodes { e164 } } reassignmentReports(first: 9) { nodes { e164 } } }"""
        data = (await desk.ask(axis, query)).data
        assert data["blockOrders"]["totalCount"] == 1
        for name in ("blockOrders", "fraudSignals", "reassignmentReports"):
            assert {node["e164"] for node in data[name]["nodes"]} == {AXIS_NUMBER}, name

    async def test_acknowledges_no_order_of_another_brand(self, desk: Desk, orders, axis):
        said = await acknowledge(desk.database, axis, desk.as_of, orders[0], reference="of another brand")
        unsaid = await acknowledge(
            desk.database, axis, desk.as_of, replace(orders[0], id=axis.member_id), reference="x"
        )
        assert said == unsaid
        assert said.code == "NOT_FOUND"
        own = await acknowledge(
            desk.database, axis, desk.as_of, orders[1], kind=AcknowledgementKind.RECEIVED, reference="of its own"
        )
        assert own.acknowledgement.order_id == orders[1].id

    async def test_loses_a_number_that_moves_to_another_brand(self, desk: Desk, orders, axis):
        query = "{ numbers(first: 50) { nodes { e164 } } }"
        move = {"brand_id": desk.parties.brands["xl"]}
        await override_number(
            desk.database, desk.parties, desk.as_of, AXIS_NUMBER, desk.parties.xlsmart.member_id, **move
        )
        assert (await desk.ask(axis, query)).data["numbers"]["nodes"] == []
