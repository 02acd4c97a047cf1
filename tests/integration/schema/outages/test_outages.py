"""Outages in the graph: to every member, and with each order that got time back for them."""

from datetime import datetime, timedelta

from tests.support.desk import Desk
from tests.support.journeys import INDOSAT_NUMBER, TELKOMSEL_NUMBER, acknowledge, issue_orders
from tests.support.outages import declare

HOUR = timedelta(hours=1)
OUTAGES = """query($first: Int, $after: String) { outages(first: $first, after: $after) {
  nodes { id startsAt endsAt cause reason recordedAt } pageInfo { endCursor hasNextPage } } }"""
ORDERS = """{ blockOrders { nodes { orderNo dueAt wasLate acknowledgements { ... on OrderAcknowledgement {
  isLate isExcused } } outageExtensions { version formerDueAt dueAt extendedAt outage { startsAt } } } } }"""


def read_moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


class TestOutages:
    async def test_are_listed_to_every_member_the_latest_first(self, desk: Desk):
        spans = [(desk.as_of + n * HOUR, desk.as_of + (n + 1) * HOUR) for n in (2, 0, 5)]
        for span in spans:
            await declare(desk.database, desk.as_of + 9 * HOUR, *span)
        for viewer in desk.parties.everyone.values():
            read, after = [], None
            while True:
                page = (await desk.ask(viewer, OUTAGES, first=2, after=after)).data["outages"]
                read += page["nodes"]
                after = page["pageInfo"]["endCursor"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
            told = [(read_moment(node["startsAt"]), read_moment(node["endsAt"])) for node in read]
            assert told == sorted(spans, reverse=True)
            assert {(node["cause"], node["reason"]) for node in read} == {("DECLARED", "No connection.")}

    async def test_show_a_carrier_what_its_orders_got_back_in_a_constant_number_of_statements(self, desk: Desk):
        numbers = [TELKOMSEL_NUMBER, INDOSAT_NUMBER]
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers)
        await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of + 26 * HOUR, orders[0])
        before = await desk.ask(desk.parties.telkomsel, ORDERS)
        later = desk.as_of + 30 * HOUR
        await declare(desk.database, later, desk.as_of + HOUR, desk.as_of + 2 * HOUR)
        await declare(desk.database, later, desk.as_of + 3 * HOUR, desk.as_of + 5 * HOUR)
        answer = await desk.ask(desk.parties.telkomsel, ORDERS)
        [node] = answer.data["blockOrders"]["nodes"]
        assert before.data["blockOrders"]["nodes"][0]["wasLate"] is True
        assert (node["wasLate"], node["acknowledgements"]) == (False, [{"isLate": True, "isExcused": True}])
        due = [(read_moment(each["formerDueAt"]), read_moment(each["dueAt"])) for each in node["outageExtensions"]]
        assert due == [
            (orders[0].due_at, orders[0].due_at + HOUR),
            (orders[0].due_at + HOUR, orders[0].due_at + 3 * HOUR),
        ]
        assert read_moment(node["dueAt"]) == orders[0].due_at + 3 * HOUR
        assert len(answer.statements) <= len(before.statements) + 1
