"""Reading block orders: what a page costs, who sees what, and pages that survive inserts."""

from tests.support.desk import Desk
from tests.support.journeys import acknowledge, draft_orders, file_verified, issue_orders

PAGE = """{ blockOrders(first: 50) { nodes {
  orderNo state isOverdue complaintCount number { e164 status risk } carrier { legalName }
  acknowledgements { kind reference } } } }"""


def numbers_of(prefix: str, count: int) -> list[str]:
    return [f"{prefix}{serial:07d}" for serial in range(1, count + 1)]


class TestBlockOrderPage:
    async def test_of_50_takes_at_most_4_statements(self, desk: Desk):
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of("+62812", 50))
        for place, order in enumerate(orders):
            await acknowledge(desk.database, desk.parties.telkomsel, desk.as_of, order, reference=f"TT-{place}")
        for viewer in (desk.parties.telkomsel, desk.parties.officer):
            answer = await desk.ask(viewer, PAGE)
            assert answer.errors == []
            nodes = answer.data["blockOrders"]["nodes"]
            assert len(nodes) == 50
            assert all(node["acknowledgements"] and node["number"] and node["carrier"] for node in nodes)
            assert len(answer.statements) <= 4, answer.statements

    async def test_counts_the_whole_list_only_when_asked(self, desk: Desk):
        await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of("+62812", 3))
        plain = await desk.ask(desk.parties.telkomsel, "{ blockOrders(first: 2) { nodes { id } } }")
        assert len(plain.statements) == 1
        counted = await desk.ask(desk.parties.telkomsel, "{ blockOrders(first: 2) { totalCount nodes { id } } }")
        assert counted.data["blockOrders"]["totalCount"] == 3
        assert len(counted.statements) == 2

    async def test_can_be_followed_to_the_end_while_orders_are_added(self, desk: Desk):
        await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of("+62812", 5))
        query = """query($after: String) { blockOrders(first: 2, after: $after) {
          edges { cursor node { e164 } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""
        seen, after = [], None
        for turn in range(10):
            answer = await desk.ask(desk.parties.telkomsel, query, after=after)
            page = answer.data["blockOrders"]
            seen += [edge["node"]["e164"] for edge in page["edges"]]
            assert page["pageInfo"]["hasPreviousPage"] is (turn > 0)
            assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                break
            if turn == 0:
                await issue_orders(desk.database, desk.parties, desk.as_of, ["+6281299999999"])
        assert seen == [*numbers_of("+62812", 5), "+6281299999999"]

    async def test_filters_by_state_category_number_time_and_what_is_overdue(self, desk: Desk):
        await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of("+62812", 2))
        count = "query($f: BlockOrderFilter) { blockOrders(filter: $f) { totalCount } }"
        due = desk.as_of.replace(day=desk.as_of.day + 2).isoformat()
        for wanted, expected in (
            ({"states": ["ISSUED"], "categories": ["FRAUD"], "dueBefore": due, "isOverdue": False}, 2),
            ({"states": ["EXECUTED"]}, 0),
            ({"number": "+628120000001"}, 1),
            ({"number": "0812-0000-001"}, 1),
            ({"issuedAfter": due}, 0),
            ({"isOverdue": True}, 0),
            ({"carrierId": desk.parties.indosat.member_id}, 0),
            ({"carrierId": "no id at all"}, 0),
        ):
            answer = await desk.ask(desk.parties.officer, count, f=wanted)
            assert answer.errors == [], wanted
            assert answer.data["blockOrders"]["totalCount"] == expected, wanted


class TestBlockOrder:
    async def test_is_found_by_its_number_and_by_its_id(self, desk: Desk):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, ["+6281200000001"])
        query = "query($id: ID, $no: String) { a: blockOrder(id: $id) { orderNo } b: blockOrder(orderNo: $no) { id } }"
        answer = await desk.ask(desk.parties.telkomsel, query, id=order.id, no=order.order_no)
        assert answer.data == {"a": {"orderNo": order.order_no}, "b": {"id": order.id}}

    async def test_of_another_carrier_looks_like_one_that_does_not_exist(self, desk: Desk):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, ["+6281200000001"])
        for keys in ({"id": order.id}, {"id": "nonsense"}, {"no": order.order_no}, {"no": "O-2026-9999999"}):
            query = "query($id: ID, $no: String) { blockOrder(id: $id, orderNo: $no) { id } }"
            answer = await desk.ask(desk.parties.indosat, query, **keys)
            assert (answer.data, answer.problems) == ({"blockOrder": None}, ["NOT_FOUND"]), keys

    async def test_needs_exactly_one_key(self, desk: Desk):
        for keys in ("", '(id: "x", orderNo: "y")'):
            answer = await desk.ask(desk.parties.officer, f"{{ blockOrder{keys or '(id: null)'} {{ id }} }}")
            assert answer.problems == ["ONE_KEY_NEEDED"]

    async def test_shows_the_regulator_who_drafted_and_which_complaints(self, desk: Desk):
        complaints = await file_verified(desk.database, desk.parties, desk.as_of, ["+6281200000001"] * 2)
        (order,) = await draft_orders(desk.database, desk.parties, desk.as_of, ["+6281200000001"])
        answer = await desk.ask(
            desk.parties.regulator,
            """query($id: ID) { blockOrder(id: $id) { draftedBy { displayName office { slug } } office { name }
               approvedBy { id } holdReasons complaints { nodes { id } } number { complaintCount verifiedComplaintCount
               blockOrders { id } } } }""",
            id=order.id,
        )
        assert answer.data["blockOrder"] == {
            "draftedBy": {"displayName": "Sari", "office": {"slug": "desk"}},
            "office": {"name": "Help desk"},
            "approvedBy": None,
            "holdReasons": [],
            "complaints": {"nodes": [{"id": complaint.id} for complaint in complaints]},
            "number": {"complaintCount": 2, "verifiedComplaintCount": 2, "blockOrders": [{"id": order.id}]},
        }

    async def test_gives_the_complaints_behind_it_by_pages(self, desk: Desk):
        complaints = await file_verified(desk.database, desk.parties, desk.as_of, ["+6281200000001"] * 5)
        (order,) = await draft_orders(desk.database, desk.parties, desk.as_of, ["+6281200000001"])
        query = """query($id: ID, $after: String) { blockOrder(id: $id) { complaints(first: 2, after: $after) {
          nodes { id } pageInfo { hasNextPage endCursor } } } }"""
        seen, after, has_next = [], None, True
        while has_next:
            answer = await desk.ask(desk.parties.officer, query, id=order.id, after=after)
            page = answer.data["blockOrder"]["complaints"]
            seen += [node["id"] for node in page["nodes"]]
            after, has_next = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]
        assert seen == [complaint.id for complaint in complaints]
        stray = await desk.ask(desk.parties.officer, query, id=order.id, after="bm8")
        assert stray.problems == ["CURSOR_INVALID"]

    async def test_shows_a_carrier_its_numbers_other_orders_in_one_statement_more(self, desk: Desk):
        await issue_orders(desk.database, desk.parties, desk.as_of, numbers_of("+62812", 10))
        answer = await desk.ask(desk.parties.telkomsel, "{ blockOrders { nodes { number { blockOrders { id } } } } }")
        assert len(answer.statements) == 3


class TestCorrection:
    SAY = """mutation($input: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $input) {
      results { acknowledgement { id } blockOrder { state } problem { code field } } } }"""
    SHOW = "{ blockOrders { nodes { acknowledgements { id corrects correctedBy } } } }"

    async def test_is_shown_beside_what_it_corrects_to_the_carrier_and_the_regulator(self, desk: Desk):
        [order] = await issue_orders(desk.database, desk.parties, desk.as_of, ["+6281200000001"])
        said = {"orderNo": order.order_no, "kind": "EXECUTED", "reference": "TT-1"}

        async def say(**more):
            answer = await desk.ask(desk.parties.telkomsel, self.SAY, input={"acknowledgements": [said | more]})
            (result,) = answer.data["acknowledgeBlockOrders"]["results"]
            return result

        wrong = (await say())["acknowledgement"]["id"]
        correction = {"kind": "IMPOSSIBLE", "reason": "TECHNICAL", "reference": "TT-2", "correctsId": wrong}
        assert (await say(**correction))["problem"] == {"code": "CORRECTION_REASON_MISSING", "field": "note"}
        done = await say(**correction, note="The job never ran.")
        assert (done["blockOrder"], done["problem"]) == ({"state": "IMPOSSIBLE"}, None)
        right = done["acknowledgement"]["id"]
        for viewer in (desk.parties.telkomsel, desk.parties.officer):
            answer = await desk.ask(viewer, self.SHOW)
            (node,) = answer.data["blockOrders"]["nodes"]
            assert node["acknowledgements"] == [
                {"id": wrong, "corrects": None, "correctedBy": right},
                {"id": right, "corrects": wrong, "correctedBy": None},
            ]
