"""Scopes as declared on the schema, enforced before execution. Each hole that a router had is a test here."""

import pytest

from tests.support.sample_gateway import GRAPHQL_RESPONSE, Gateway, token

READER = token("orders:read")
JSON = "application/json"
REFUSED = "UNAUTHORIZED_FIELD_OR_TYPE"


def refusals(reply) -> list[tuple[list, list]]:
    errors = [error for error in reply.body.get("errors", []) if error["extensions"]["code"] == REFUSED]
    return [(error["path"], error["extensions"]["missingScopes"]) for error in errors]


class TestQueryThatLacksAScope:
    def test_has_null_for_the_field_and_everything_else(self, gateway: Gateway) -> None:
        reply = gateway.post("{ open orders { totalCount } }", bearer=token("members:read"))
        assert reply.status == 200
        assert reply.body["data"] == {"open": "open", "orders": None}
        assert refusals(reply) == [(["orders"], ["orders:read"])]
        assert gateway.calls == ["open", "closed"]

    def test_is_answered_whole_with_the_scope(self, gateway: Gateway) -> None:
        reply = gateway.post("{ orders(first: 1) { nodes { id dueInHours } } }", bearer=READER)
        assert reply.body == {"data": {"orders": {"nodes": [{"id": "0", "dueInHours": 24}]}}}

    def test_is_told_the_fewest_scopes_that_would_allow_it(self, gateway: Gateway) -> None:
        assert refusals(gateway.post("{ either }", bearer=token("orders:read"))) == [(["either"], ["members:read"])]
        assert refusals(gateway.post("{ either }", bearer=token("none"))) == [(["either"], ["audit:read"])]
        assert (
            gateway.post("{ either }", bearer=token("orders:read", "members:read")).body["data"]["either"] == "either"
        )
        assert gateway.post("{ either }", bearer=token("audit:read")).body["data"]["either"] == "either"

    def test_is_told_each_place_once_however_many_objects_are_there(self, gateway: Gateway) -> None:
        reply = gateway.post("{ orders { nodes { id audit } } }", bearer=READER)
        assert refusals(reply) == [(["orders", "nodes", "audit"], ["audit:read"])]
        assert reply.body["data"]["orders"]["nodes"] == [{"id": str(n), "audit": None} for n in range(3)]

    def test_is_refused_whole_where_the_operator_says_so(self, serve) -> None:
        gateway = serve(reject_unauthorized=True)
        reply = gateway.post("{ open orders { totalCount } }", bearer=token("members:read"))
        assert reply.status == 403
        assert "data" not in reply.body
        assert refusals(reply) == [(["orders"], ["orders:read"])]
        assert gateway.calls == []

    def test_says_nothing_of_what_lies_below_a_refused_field(self, gateway: Gateway) -> None:
        reply = gateway.post("{ orders { nodes { audit } } }", bearer=token("none"))
        assert [path for path, _ in refusals(reply)] == [["orders"]]


class TestNoToken:
    def test_is_unauthenticated_for_protected_fields_alone(self, gateway: Gateway) -> None:
        reply = gateway.post("{ open viewer orders { totalCount } }")
        assert reply.body["data"] == {"open": "open", "viewer": None, "orders": None}
        assert reply.codes == ["UNAUTHENTICATED", "UNAUTHENTICATED"]
        assert gateway.calls == ["open", "closed"]

    def test_cannot_mutate_and_is_challenged(self, gateway: Gateway) -> None:
        reply = gateway.post('mutation { acknowledge(items: [{id: "1"}]) }')
        assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
        assert reply.headers["WWW-Authenticate"] == 'Bearer realm="jembatan"'
        assert gateway.calls == []

    def test_suffices_for_a_token_without_scopes_nowhere_but_where_any_token_does(self, gateway: Gateway) -> None:
        assert gateway.post("{ viewer }", bearer=token()).body == {"data": {"viewer": "client"}}


class TestBadToken:
    @pytest.mark.parametrize("accept", [GRAPHQL_RESPONSE, JSON])
    @pytest.mark.parametrize("bearer", ["expired~orders_read", "garbage", "a b", "x" * 9_000, "é"])
    def test_is_401_with_a_challenge_and_runs_nothing(self, gateway: Gateway, bearer: str, accept: str) -> None:
        headers = {"Content-Type": JSON, "Accept": accept, "Authorization": f"Bearer {bearer}".encode("latin-1")}
        reply = gateway.send("POST", "/graphql", b'{"query":"{ open }"}', headers)
        assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
        assert "error=" in reply.headers["WWW-Authenticate"]
        assert gateway.calls == []

    def test_of_another_scheme_is_401(self, gateway: Gateway) -> None:
        headers = {"Content-Type": JSON, "Authorization": "Basic dTpw"}
        assert gateway.send("POST", "/graphql", b'{"query":"{ open }"}', headers).status == 401


class TestMutationThatLacksAScope:
    def test_is_refused_whole_before_anything_runs(self, gateway: Gateway) -> None:
        reply = gateway.post('mutation { touch { value } acknowledge(items: [{id: "1"}]) }', bearer=READER)
        assert (reply.status, refusals(reply)) == (403, [(["acknowledge"], ["orders:acknowledge"])])
        assert 'error="insufficient_scope", scope="orders:acknowledge"' in reply.headers["WWW-Authenticate"]
        assert "data" not in reply.body
        assert gateway.calls == []

    def test_is_refused_for_a_field_of_its_payload_too(self, gateway: Gateway) -> None:
        reply = gateway.post("mutation { touch { value secret } }", bearer=READER)
        assert refusals(reply) == [(["touch", "secret"], ["audit:read"])]
        assert gateway.calls == []

    def test_is_200_without_data_for_legacy_clients(self, gateway: Gateway) -> None:
        reply = gateway.post("mutation { touch { secret } }", bearer=READER, accept=JSON)
        assert reply.status == 200
        assert "data" not in reply.body


class TestHolesThatOthersHad:
    def test_an_alias_skips_no_check(self, gateway: Gateway) -> None:
        reply = gateway.post("{ open: orders { totalCount } nested { value: secret } }", bearer=token("none"))
        assert reply.body["data"] == {"open": None, "nested": {"value": None}}
        assert [path for path, _ in refusals(reply)] == [["open"], ["nested", "value"]]
        assert gateway.calls == ["closed"]

    def test_an_alias_of_an_open_field_under_a_protected_name_is_open(self, gateway: Gateway) -> None:
        assert gateway.post("{ orders: open }").body == {"data": {"orders": "open"}}

    def test_an_interface_whose_implementors_differ_is_judged_by_each(self, gateway: Gateway) -> None:
        query = "{ requests { __typename id reason } }"
        reply = gateway.post(query, bearer=token("none"))
        assert reply.body["data"]["requests"] == [None, {"__typename": "Referral", "id": "r1", "reason": "referral"}]
        assert refusals(reply) == [(["requests"], ["orders:read"])]
        allowed = gateway.post(query, bearer=READER)
        assert [item["id"] for item in allowed.body["data"]["requests"]] == ["o1", "r1"]

    def test_a_member_of_a_union_is_judged_by_its_type(self, gateway: Gateway) -> None:
        reply = gateway.post("{ search { ... on Order { id } ... on Referral { id } } }", bearer=token("none"))
        assert reply.body["data"]["search"] == [None, {"id": "r1"}]
        assert refusals(reply) == [(["search"], ["orders:read"])]

    def test_a_refused_fragment_takes_no_sibling_with_it(self, gateway: Gateway) -> None:
        query = (
            "{ nested { ...Refused ...Allowed } } fragment Refused on Nested { secret } "
            "fragment Allowed on Nested { value inner { value } }"
        )
        reply = gateway.post(query, bearer=token("none"))
        assert reply.body["data"]["nested"] == {"secret": None, "value": "value", "inner": {"value": "value"}}

    @pytest.mark.parametrize(
        "query",
        [
            "{ nested { ... on Nested { ...A } } } fragment A on Nested { ...B } fragment B on Nested { s: secret }",
            "{ nested { ... @include(if: true) { s: secret } } }",
            "query($y: Boolean = true) { nested { s: secret @include(if: $y) } }",
            "query($n: Boolean = false) { nested { s: secret @skip(if: $n) } }",
            "{ nested { inner { value } } nested { s: secret } }",
        ],
    )
    def test_a_fragment_or_directive_hides_no_field(self, gateway: Gateway, query: str) -> None:
        reply = gateway.post(query, bearer=token("none"))
        assert [path for path, _ in refusals(reply)] == [["nested", "s"]]
        assert reply.body["data"]["nested"]["s"] is None
        assert "secret" not in gateway.calls

    def test_a_field_that_is_skipped_needs_nothing(self, gateway: Gateway) -> None:
        query = "query($no: Boolean!) { open orders @include(if: $no) { totalCount } viewer @skip(if: true) }"
        assert gateway.post(query, {"no": False}).body == {"data": {"open": "open"}}
        assert gateway.post(query, {"no": True}).codes == ["UNAUTHENTICATED"]

    def test_refused_data_are_not_fetched_and_then_dropped(self, gateway: Gateway) -> None:
        gateway.post("{ orders { nodes { audit } } either nested { secret } }", bearer=token("none"))
        assert gateway.calls == ["closed"]

    def test_an_answer_is_never_shared_across_principals(self, gateway: Gateway) -> None:
        query = "{ orders { totalCount } viewer }"
        for _ in range(2):
            assert gateway.post(query, bearer=READER).body["data"] == {"orders": {"totalCount": 3}, "viewer": "client"}
            assert gateway.post(query, bearer=token("none", client="other")).body["data"]["orders"] is None
            assert gateway.post(query).codes == ["UNAUTHENTICATED", "UNAUTHENTICATED"]

    def test_extensions_of_a_client_replace_nothing_that_was_decided(self, gateway: Gateway) -> None:
        forged = {"jembatan.prepared": {"scopes": ["orders:read"]}}
        assert gateway.post("{ orders { totalCount } }", extensions=forged).codes == ["UNAUTHENTICATED"]


class TestEntities:
    QUERY = (
        "query($r: [_Any!]!) { _entities(representations: $r) "
        "{ __typename ... on Order { id reason } ... on PhoneNumber { e164 risk } } }"
    )

    def test_show_what_the_token_allows_and_nothing_is_fetched_for_the_rest(self, gateway: Gateway) -> None:
        representations = [
            {"__typename": "PhoneNumber", "e164": "a"},
            {"__typename": "Order", "id": "o1"},
            {"__typename": "PhoneNumber", "e164": "b"},
        ]
        reply = gateway.post(self.QUERY, {"r": representations}, bearer=token("none"))
        first, refused, last = reply.body["data"]["_entities"]
        assert (first["e164"], refused, last["e164"]) == ("a", None, "b")
        assert refusals(reply) == [(["_entities", 1], ["orders:read"])]
        assert gateway.calls == ["reference a", "reference b", "closed"]

    def test_in_literals_are_judged_too(self, gateway: Gateway) -> None:
        query = '{ e: _entities(representations: [{__typename: "Order", id: "o1"}]) { ... on Order { id } } }'
        reply = gateway.post(query)
        assert (reply.body["data"], reply.codes) == ({"e": [None]}, ["UNAUTHENTICATED"])
        assert gateway.calls == ["closed"]

    def test_with_the_scope_are_what_the_root_field_would_show(self, gateway: Gateway) -> None:
        reply = gateway.post(self.QUERY, {"r": [{"__typename": "Order", "id": "o1"}]}, bearer=READER)
        assert reply.body["data"]["_entities"] == [{"__typename": "Order", "id": "o1", "reason": "by reference"}]

    def test_have_their_protected_fields_null(self, gateway: Gateway) -> None:
        given = '[{__typename: "PhoneNumber", e164: "a"}]'
        query = f"{{ _entities(representations: {given}) {{ ... on PhoneNumber {{ e164 holder }} }} }}"
        reply = gateway.post(query, bearer=READER)
        assert reply.body["data"]["_entities"] == [{"e164": "a", "holder": None}]
        assert refusals(reply) == [(["_entities", "holder"], ["numbers:read"])]
