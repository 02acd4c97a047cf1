"""Reading the schema costs what it returns, happens once in an operation, and needs a token unless it is public."""

from collections.abc import Callable

import pytest
from graphql import get_introspection_query

from gateway.operations.services import CONSTANTS_MAX
from gateway.operations.stages import authorize_fields
from tests.support.sample_gateway import Gateway, token

BEARER = token("orders:read")
FIELDS = {
    "__schema": "__schema {{ queryType {{ name }} }}",
    "__type": '__type(name: "Order") {{ name }}',
    "_service": "_service {{ sdl }}",
}


def list_aliases(selection: str, times: int = 30) -> str:
    return " ".join(f"a{number}: {selection.format()}" for number in range(times))


class TestRepeatedIntrospection:
    @pytest.mark.parametrize("name", FIELDS)
    def test_thirty_aliases_of_introspection_are_refused_before_execution(self, gateway: Gateway, name: str) -> None:
        reply = gateway.post(f"{{ {list_aliases(FIELDS[name])} }}", bearer=BEARER)
        assert (reply.status, reply.codes) == (400, ["OPERATION_TOO_COMPLEX"])
        assert reply.problems == ["INTROSPECTION_REPEATED"]
        assert gateway.calls == []

    @pytest.mark.parametrize("name", FIELDS)
    def test_a_second_alias_behind_a_fragment_is_refused(self, gateway: Gateway, name: str) -> None:
        selection = FIELDS[name].format()
        reply = gateway.post(f"{{ {selection} ...More }} fragment More on Query {{ b: {selection} }}", bearer=BEARER)
        assert reply.problems == ["INTROSPECTION_REPEATED"]

    def test_thirty_aliases_of_the_sdl_are_refused(self, gateway: Gateway) -> None:
        reply = gateway.post(f"{{ _service {{ {list_aliases('sdl')} }} }}", bearer=BEARER)
        assert reply.problems == ["INTROSPECTION_REPEATED"]

    def test_one_of_each_is_answered_and_the_same_response_key_twice_is_one(self, gateway: Gateway) -> None:
        selections = " ".join(selection.format() for selection in FIELDS.values())
        reply = gateway.post(f"{{ {selections} __schema {{ queryType {{ kind }} }} }}", bearer=BEARER)
        assert reply.status == 200
        assert reply.body["data"]["__schema"] == {"queryType": {"name": "Query", "kind": "OBJECT"}}
        assert reply.body["data"]["__type"] == {"name": "Order"}


class TestCostOfIntrospection:
    @pytest.mark.parametrize(
        ("query", "cost"),
        [
            ("{ __typename }", 0),
            ("{ __schema { queryType { name } } }", 2),
            ('{ __type(name: "Order") { fields { name } } }', 5),
            ('{ __type(name: "Order") { fields { type { kind ofType { name } } } } }', 11),
            ('{ __type(name: "Order") { fields @skip(if: true) { name } } }', 1),
            ('{ __type(name: "Nothing") { fields { name } } }', 0),
            ('{ __type(name: "Order") { a: name b: name c: description } }', 2),
            ('{ __type(name: "Order") { fields { a: description b: description c: description } } }', 13),
            ("{ _service { sdl } }", 1_001),
            ("{ _service { __typename } }", 1),
        ],
    )
    def test_is_the_objects_that_it_returns(self, gateway: Gateway, query: str, cost: int) -> None:
        reply = gateway.post(query, bearer=BEARER)
        assert (reply.status, reply.headers["X-Jembatan-Cost"]) == (200, str(cost))

    def test_aliases_and_chains_within_introspection_are_refused_before_execution(
        self, serve: Callable[..., Gateway]
    ) -> None:
        gateway = serve(cost_max=5_000)
        chain = (
            "types {{ fields {{ args {{ type {{ ofType {{ ofType {{ name }} }} }} }} type {{ fields {{ name }} }} }} }}"
        )
        reply = gateway.post(f"{{ __schema {{ {list_aliases(chain)} }} }}", bearer=BEARER)
        assert (reply.status, reply.problems) == (400, ["OPERATION_TOO_COMPLEX"])
        extensions = reply.body["errors"][0]["extensions"]
        assert extensions["cost"] > extensions["costMax"]
        assert gateway.calls == []

    def test_is_of_the_type_that_a_variable_names_each_time(self, gateway: Gateway) -> None:
        query = "query($n: String!) { __type(name: $n) { fields { name } } }"
        replies = [gateway.post(query, {"n": name}, bearer=BEARER) for name in ("Nothing", "Order", "Referral")]
        assert [reply.headers["X-Jembatan-Cost"] for reply in replies] == ["0", "5", "4"]
        assert [bool(reply.body["data"]["__type"]) for reply in replies] == [False, True, True]

    @pytest.mark.parametrize("name", [[], {}, 7, None])
    def test_never_answers_500_to_a_name_that_is_none(self, gateway: Gateway, name: object) -> None:
        query = "query($n: String!) { __type(name: $n) { name } }"
        assert gateway.post(query, {"n": name}, bearer=BEARER).codes == ["BAD_USER_INPUT"]


class TestKeptIntrospection:
    def test_is_executed_once_and_answered_with_the_same_bytes(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve()
        replies = [gateway.post(get_introspection_query(), bearer=BEARER) for _ in range(3)]
        assert gateway.calls == ["closed"]
        assert {(reply.status, reply.content) for reply in replies} == {(200, replies[0].content)}
        assert replies[0].body["data"]["__schema"]["queryType"] == {"name": "Query", "kind": "OBJECT"}

    def test_is_bounded(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve()
        for number in range(CONSTANTS_MAX + 4):
            gateway.post(f"{{ __schema {{ a{number}: __typename }} }}", bearer=BEARER)
        assert len(gateway.app.state.services.constants) == CONSTANTS_MAX

    def test_keeps_nothing_that_depends_on_more_than_the_document(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve()
        gateway.post("{ __schema { __typename } open }", bearer=BEARER)
        gateway.post("query($n: String!) { __type(name: $n) { name } }", {"n": "Order"}, bearer=BEARER)
        assert len(gateway.app.state.services.constants) == 0


class TestIntrospectionWithoutAToken:
    @pytest.mark.parametrize("name", FIELDS)
    def test_is_refused_entirely_also_after_someone_with_a_token_asked_the_same(
        self, gateway: Gateway, name: str
    ) -> None:
        query = f"{{ {FIELDS[name].format()} }}"
        assert gateway.post(query, bearer=BEARER).status == 200
        gateway.calls.clear()
        for document in (query, f"{{ open {FIELDS[name].format()} }}"):
            reply = gateway.post(document)
            assert (reply.status, reply.codes) == (401, ["UNAUTHENTICATED"])
            assert reply.headers["WWW-Authenticate"] == 'Bearer realm="jembatan"'
            assert reply.headers["X-Jembatan-Cost"] == "0"
            assert "data" not in reply.body
        assert gateway.calls == []

    def test_is_priced_for_a_token_also_after_someone_without_one_asked_the_same(self, gateway: Gateway) -> None:
        query = "{ __schema { mutationType { name } } }"
        assert gateway.post(query).status == 401
        assert gateway.post(query, bearer=BEARER).headers["X-Jembatan-Cost"] == "2"

    @pytest.mark.parametrize("name", FIELDS)
    def test_is_refused_by_the_executor_too(self, gateway: Gateway, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(authorize_fields, "_list_outermost", lambda _denied: [])
        reply = gateway.post(f"{{ b: {FIELDS[name].format()} }}")
        assert reply.codes == ["UNAUTHENTICATED"]
        assert not (reply.body["data"] or {}).get("b")

    def test_leaves_the_rest_of_the_graph_open(self, gateway: Gateway) -> None:
        assert gateway.post("{ __typename open }").body == {"data": {"__typename": "Query", "open": "open"}}

    def test_is_answered_where_it_is_public(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(introspection_public=True)
        assert gateway.post(get_introspection_query()).status == 200
        assert "@requiresScopes" in gateway.post("{ _service { sdl } }").body["data"]["_service"]["sdl"]


class TestSuggestions:
    def test_of_names_come_only_to_callers_who_may_read_the_schema(
        self, gateway: Gateway, serve: Callable[..., Gateway]
    ) -> None:
        for query in ("{ opn }", "{ nested { valu } }", '{ echo(tex: "x") }', "{ requests { ... on Ordr { id } } }"):
            assert "Did you mean" not in gateway.post(query).content.decode()
            assert "Did you mean" in gateway.post(query, bearer=BEARER).content.decode()
            assert "Did you mean" in serve(introspection_public=True).post(query).content.decode()
