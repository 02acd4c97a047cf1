"""One query, each party's own answer: what is the regulator's alone is refused by name and never silently null."""

import pytest

from auth.scopes import BY_KIND
from ledger.viewer import MemberKind
from tests.support.graph_site import Site
from tests.support.journeys import issue_orders

NUMBER = "+6281200000001"


def codes(answer) -> list[str]:
    return sorted({error["extensions"]["code"] for error in answer.get("errors", [])})


def paths(answer) -> list[str]:
    return sorted(".".join(str(key) for key in error["path"]) for error in answer.get("errors", []))


@pytest.fixture
async def order(site: Site):
    (order,) = await issue_orders(site.database, site.parties, site.as_of, [NUMBER])
    return order


class TestWhoSeesWhat:
    async def test_shows_order_and_number_to_the_regulator_and_the_range_holder_alone(self, site: Site, order):
        query = "query($id: ID, $n: E164!) { blockOrder(id: $id) { state } number(e164: $n) { risk status } }"
        seen = {
            name: site.post(site.token(viewer), query, id=order.id, n=NUMBER)["data"]
            for name, viewer in site.parties.everyone.items()
        }
        whole = {"blockOrder": {"state": "ISSUED"}, "number": {"risk": "MEDIUM", "status": "BLOCK_ORDERED"}}
        assert seen["regulator"] == seen["officer"] == seen["telkomsel"] == whole
        assert seen["indosat"] == {"blockOrder": None, "number": {"risk": "MEDIUM", "status": None}}
        assert seen["agency"] == {"blockOrder": None, "number": whole["number"]}
        assert seen["other_agency"] == seen["provider"] == {"blockOrder": None, "number": None}

    async def test_refuses_a_carrier_by_name_what_is_the_regulators_alone(self, site: Site, order):
        query = """query($id: ID) { blockOrder(id: $id) { orderNo summary complaintCount
          draftedBy { displayName } approvedBy { displayName } holdReasons overrideNote endNote office { name }
          contentText contentHash proposal { contentText } isUnconfirmed emergencyNote complainantCount
          complaints { nodes { id } }
          number { e164 complaintCount verifiedComplaintCount } carrier { contact { email } } } }"""
        answer = site.post(site.token(site.parties.telkomsel), query, id=order.id)
        assert codes(answer) == ["UNAUTHORIZED_FIELD_OR_TYPE"]
        assert paths(answer) == [
            "blockOrder.approvedBy",
            "blockOrder.carrier.contact",
            "blockOrder.complainantCount",
            "blockOrder.complaints",
            "blockOrder.contentHash",
            "blockOrder.contentText",
            "blockOrder.draftedBy",
            "blockOrder.emergencyNote",
            "blockOrder.endNote",
            "blockOrder.holdReasons",
            "blockOrder.isUnconfirmed",
            "blockOrder.number.complaintCount",
            "blockOrder.number.verifiedComplaintCount",
            "blockOrder.office",
            "blockOrder.overrideNote",
            "blockOrder.proposal",
        ]
        shown = answer["data"]["blockOrder"]
        assert (shown["orderNo"], shown["complaintCount"], shown["number"]["e164"]) == (order.order_no, 1, NUMBER)
        assert shown["complaints"] is None
        officer = site.post(site.token(site.parties.officer), query, id=order.id)
        assert "errors" not in officer
        assert officer["data"]["blockOrder"]["draftedBy"] == {"displayName": "Sari"}

    async def test_shows_an_entity_only_to_those_whom_the_root_field_shows_it(self, site: Site, order):
        query = """query($r: [_Any!]!) { _entities(representations: $r) { ... on BlockOrder { orderNo }
          ... on Member { slug } } }"""
        representations = [
            {"__typename": "BlockOrder", "id": order.id},
            {"__typename": "Member", "id": order.carrier_id},
            {"__typename": "Nothing", "id": "1"},
        ]
        carrier = site.post(site.token(site.parties.telkomsel), query, r=representations)
        assert carrier["data"]["_entities"] == [{"orderNo": order.order_no}, {"slug": "telkomsel"}, None]
        unscoped = site.post(site.token(site.parties.telkomsel, without=("orders:read",)), query, r=representations)
        assert unscoped["data"]["_entities"] == [None, {"slug": "telkomsel"}, None]
        assert "UNAUTHORIZED_FIELD_OR_TYPE" in codes(unscoped)
        other = site.post(site.token(site.parties.indosat), query, r=representations)
        assert other["data"]["_entities"] == [None, None, None]
        anonymous = site.post(None, query, r=representations)
        assert anonymous["data"]["_entities"][:2] == [None, None]

    async def test_refuses_a_mutation_whole_that_selects_what_the_token_lacks(self, site: Site, order):
        mutation = """mutation($i: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $i) {
          results { blockOrder { state draftedBy { displayName } } } } }"""
        said = {"acknowledgements": [{"orderId": order.id, "kind": "EXECUTED", "reference": "TT-1"}]}
        token = site.token(site.parties.telkomsel)
        answer = site.post(token, mutation, i=said)
        assert codes(answer) == ["UNAUTHORIZED_FIELD_OR_TYPE"]
        assert answer.get("data") is None
        again = site.post(
            token, "query($id: ID) { blockOrder(id: $id) { state acknowledgements { id } } }", id=order.id
        )
        assert again["data"]["blockOrder"] == {"state": "ISSUED", "acknowledgements": []}

    async def test_needs_a_token_for_anything_but_the_shape_of_the_graph(self, site: Site):
        answer = site.post(None, "{ viewer { memberId } blockOrders { nodes { id } } }")
        assert codes(answer) == ["UNAUTHENTICATED"]
        assert not any((answer.get("data") or {}).values())
        assert site.post(None, "{ __typename }")["data"] == {"__typename": "Query"}

    async def test_tells_everyone_who_they_are_without_a_scope(self, site: Site):
        token = site.token(site.parties.provider, without=tuple(BY_KIND[MemberKind.OTT_PROVIDER]))
        answer = site.post(token, "{ viewer { memberKind clientId officerId scopes member { slug } } }")
        assert answer["data"]["viewer"] == {
            "memberKind": "OTT_PROVIDER",
            "clientId": "provider-system",
            "officerId": None,
            "scopes": [],
            "member": None,
        }
        assert paths(answer) == ["viewer.member"]


class TestErrors:
    async def test_of_an_item_leave_the_others_alone_and_top_level_ones_carry_both_codes(self, site: Site):
        token = site.token(site.parties.agency)
        mutation = """mutation($i: FileComplaintsInput!) { fileComplaints(input: $i) { problemCount results {
          complaint { state } problem { code field hint } } } }"""
        good = {"number": NUMBER, "medium": "SMS", "category": "FRAUD"}
        answer = site.post(token, mutation, i={"complaints": [good, good | {"number": "12"}]})
        assert "errors" not in answer
        assert answer["data"]["fileComplaints"]["problemCount"] == 1
        none = site.post(token, mutation, i={"complaints": []})
        (error,) = none["errors"]
        assert (error["extensions"]["code"], error["extensions"]["problem"]) == ("BAD_USER_INPUT", "NO_ITEMS")

    @pytest.mark.parametrize(
        ("query", "variables", "words"),
        [
            (
                "query($t: DateTime) { blockOrders(filter: {dueBefore: $t}) { totalCount } }",
                {"t": "tomorrow"},
                "RFC 3339",
            ),
            ('{ blockOrders(filter: {dueBefore: "2026-03-02"}) { totalCount } }', {}, "RFC 3339"),
            ("query($n: E164!) { number(e164: $n) { risk } }", {"n": "0812"}, "An E164 is written as"),
            ("{ blockOrders(filter: {states: [NOPE]}) { totalCount } }", {}, "NOPE"),
        ],
    )
    async def test_of_input_are_in_our_words(self, site: Site, query, variables, words):
        answer = site.post(site.token(site.parties.officer), query, **variables)
        text = str(answer["errors"])
        assert words in text
        assert not any(word in text for word in ("Traceback", "ValueError", "datetime", "isoformat", "fromiso"))

    async def test_of_pages_name_the_bound(self, site: Site):
        token = site.token(site.parties.officer)
        for first in (0, -1, 501, 2_147_483_647):
            answer = site.post(token, "query($f: Int) { blockOrders(first: $f) { totalCount } }", f=first)
            assert codes(answer) == ["BAD_USER_INPUT"], (first, answer)
        stray = site.post(token, '{ blockOrders(after: "bm8") { totalCount } }')
        assert [e["extensions"]["problem"] for e in stray["errors"]] == ["CURSOR_INVALID"]


class TestWholeBatches:
    async def test_of_1000_acknowledgements_and_pages_of_500_orders_fit_the_default_limits(self, site: Site):
        numbers = [f"+6281200{serial:05d}" for serial in range(1000)]
        orders = await issue_orders(site.database, site.parties, site.as_of, numbers)
        mutation = """mutation($i: AcknowledgeBlockOrdersInput!) { acknowledgeBlockOrders(input: $i) { problemCount
          results { wasKnown acknowledgement { id isLate mark } blockOrder { orderNo state dueAt }
          problem { code message field hint } } } }"""
        said = [{"orderId": o.id, "kind": "EXECUTED", "reference": "TT", "note": "Done."} for o in orders]
        token = site.token(site.parties.telkomsel)
        answer = site.post(token, mutation, i={"acknowledgements": said})
        assert "errors" not in answer, answer["errors"]
        assert answer["data"]["acknowledgeBlockOrders"]["problemCount"] == 0
        query = """{ blockOrders(first: 500) { totalCount nodes { orderNo state dueAt summary complaintCount
          number { e164 status risk brand { slug } } carrier { legalName } acknowledgements { kind reference } } } }"""
        page = site.post(token, query)
        assert "errors" not in page, page["errors"]
        assert len(page["data"]["blockOrders"]["nodes"]) == 500
