"""Entities: a viewer gets exactly what the root field would show, and one bad representation spoils no other."""

from ledger.identifiers import new_id
from tests.support.desk import Desk
from tests.support.journeys import issue_orders

ENTITIES = """query($r: [_Any!]!) { _entities(representations: $r) { __typename
  ... on BlockOrder { id order: state } ... on PhoneNumber { e164 risk status } ... on Member { slug }
  ... on Complaint { id state } } }"""
NUMBER = "+6281200000001"


class TestEntities:
    async def test_show_what_the_root_field_would_show(self, desk: Desk):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, [NUMBER])
        representations = [
            {"__typename": "BlockOrder", "id": order.id},
            {"__typename": "PhoneNumber", "e164": NUMBER},
            {"__typename": "Member", "id": order.carrier_id},
        ]
        root = """query($id: ID!, $e: E164!, $m: ID!) { a: blockOrder(id: $id) { __typename id order: state }
          b: number(e164: $e) { __typename e164 risk status } c: member(id: $m) { __typename slug } }"""
        for viewer in desk.parties.everyone.values():
            entities = await desk.ask(viewer, ENTITIES, r=representations)
            roots = await desk.ask(viewer, root, id=order.id, e=NUMBER, m=order.carrier_id)
            assert entities.data["_entities"] == [roots.data["a"], roots.data["b"], roots.data["c"]]
            assert len(entities.errors) == len(roots.errors)

    async def test_answer_null_and_an_error_in_the_place_of_a_bad_one(self, desk: Desk):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, [NUMBER])
        good = {"__typename": "BlockOrder", "id": order.id}
        bad = [
            {"__typename": "Nothing", "id": "1"},
            {"id": order.id},
            {"__typename": "BlockOrder"},
            {"__typename": "BlockOrder", "id": 7},
            {"__typename": "BlockOrder", "id": "x"},
            {"__typename": "BlockOrder", "id": new_id()},
            {"__typename": "PhoneNumber", "e164": "0812"},
            {"__typename": "PhoneNumber", "e164": "+62812\0"},
            {"__typename": "PageInfo", "id": "1"},
            {"__typename": "Category", "id": "1"},
            {"__typename": None},
            {"__typename": ["BlockOrder"], "id": order.id},
            "text",
            [],
        ]
        answer = await desk.ask(desk.parties.telkomsel, ENTITIES, r=[good, *bad, good])
        found = answer.data["_entities"]
        assert found[0] == found[-1] == {"__typename": "BlockOrder", "id": order.id, "order": "ISSUED"}
        assert found[1:-1] == [None] * len(bad)
        assert sorted(error.path[1] for error in answer.errors) == list(range(1, len(bad) + 1))

    async def test_take_an_extra_field_that_another_subgraph_gave(self, desk: Desk):
        (order,) = await issue_orders(desk.database, desk.parties, desk.as_of, [NUMBER])
        given = {"__typename": "BlockOrder", "id": order.id, "line": {"state": "IN_FORCE"}, "self": 1, "info": 2}
        answer = await desk.ask(desk.parties.telkomsel, ENTITIES, r=[given])
        assert answer.data["_entities"][0]["order"] == "ISSUED"

    async def test_of_500_take_one_statement(self, desk: Desk):
        numbers = [f"+6281200{serial:05d}" for serial in range(500)]
        orders = await issue_orders(desk.database, desk.parties, desk.as_of, numbers)
        answer = await desk.ask(
            desk.parties.telkomsel, ENTITIES, r=[{"__typename": "BlockOrder", "id": order.id} for order in orders]
        )
        assert [each["id"] for each in answer.data["_entities"]] == [order.id for order in orders]
        assert len(answer.statements) == 1

    async def test_beyond_the_bound_are_refused(self, desk: Desk):
        many = [{"__typename": "Member", "id": "x"}] * 10_001
        answer = await desk.ask(desk.parties.telkomsel, ENTITIES, r=many)
        assert answer.problems == ["TOO_MANY_ITEMS"]
