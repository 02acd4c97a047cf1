"""Every bound refuses before anything is executed, with a code and what to do."""

import json
import threading
from collections.abc import Callable

import pytest

from gateway.operations.stages import validate_document
from tests.support.sample_gateway import Gateway, token

READER = token("orders:read")


@pytest.fixture(scope="module")
def bounded(serve: Callable[..., Gateway]) -> Gateway:
    return serve(
        document_tokens_max=200,
        document_depth_max=5,
        document_aliases_max=5,
        document_directives_max=3,
        document_selections_max=60,
    )


class TestDocumentBounds:
    @pytest.mark.parametrize(
        "query",
        [
            "{ " + "open " * 300 + "}",
            "#\n" * 300 + "{ open }",
            "{ nested { inner { inner { inner { inner { value } } } } } }",
            (
                "{ nested { ...A } } fragment A on Nested { inner { inner { ...B } } } "
                "fragment B on Nested { inner { inner { value } } }"
            ),
            "{ " + " ".join(f"a{n}: open" for n in range(6)) + " }",
            "{ open @skip(if: false) nested @skip(if: false) { value @skip(if: false) } viewer @skip(if: false) }",
            "{ " + "open " * 21 + "}",
            "{ " + "nested {" * 150 + "value" + "}" * 150 + " }",
        ],
        ids=["tokens", "comments", "depth", "depth through fragments", "aliases", "directives", "repeats", "nesting"],
    )
    def test_refuses_a_document_beyond_them(self, bounded: Gateway, query: str) -> None:
        bounded.calls.clear()
        reply = bounded.post(query)
        assert (reply.status, reply.codes) == (400, ["OPERATION_TOO_COMPLEX"])
        assert bounded.calls == []

    @pytest.mark.parametrize(
        "query",
        [
            "{ nested { ...A } } fragment A on Nested { ...A }",
            "{ nested { ...A } } fragment A on Nested { inner { ...B } } fragment B on Nested { inner { ...A } }",
        ],
    )
    def test_end_on_a_fragment_within_itself(self, gateway: Gateway, query: str) -> None:
        assert gateway.post(query).codes == ["GRAPHQL_VALIDATION_FAILED"]

    def test_hold_for_fragments_that_double_at_each_level(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(document_depth_max=20, document_aliases_max=50)
        names = [f"F{n}" for n in range(14)]
        bodies = [
            f"fragment {name} on Nested {{ a: inner {{ ...{beneath} }} b: inner {{ ...{beneath} }} }}"
            for name, beneath in zip(names, [*names[1:], "Last"], strict=True)
        ]
        query = "{ nested { ...F0 } } fragment Last on Nested { value } " + " ".join(bodies)
        assert gateway.post(query).codes == ["OPERATION_TOO_COMPLEX"]

    def test_let_introspection_through(self, gateway: Gateway) -> None:
        from graphql import get_introspection_query

        assert gateway.post(get_introspection_query(), bearer=READER).status == 200


class TestPages:
    @pytest.mark.parametrize(
        ("query", "variables"),
        [
            ("{ orders(first: 2147483647) { totalCount } }", None),
            ("query($n: Int) { orders(first: $n) { totalCount } }", {"n": 100_000}),
            ("query($n: Int) { orders(first: $n) { totalCount } }", {"n": 100_000.0}),
            ("query($n: Int = 100000) { orders(first: $n) { totalCount } }", None),
            ("{ pages(last: 100000) { value } }", None),
            ("{ orders(first: -1) { totalCount } }", None),
        ],
    )
    def test_of_any_size_are_refused_before_execution(self, gateway: Gateway, query: str, variables: object) -> None:
        reply = gateway.post(query, variables, bearer=READER)
        assert (reply.status, reply.problems) == (400, ["PAGE_TOO_LARGE"])
        assert gateway.calls == []

    @pytest.mark.parametrize("arguments", ["", "(first: 1, last: 1)", "(first: null)"])
    def test_need_one_slicing_argument_where_the_schema_says_so(self, gateway: Gateway, arguments: str) -> None:
        reply = gateway.post(f"{{ pages{arguments} {{ value }} }}")
        assert reply.problems == ["SLICING_ARGUMENT_REQUIRED"]


class TestLists:
    @pytest.mark.parametrize("literal", [str(list(range(1_001))), "$n"])
    def test_of_too_many_items_are_refused_before_execution(self, serve: Callable[..., Gateway], literal: str) -> None:
        gateway = serve(document_tokens_max=10_000)
        head = "query($n: [Int!]) " if literal == "$n" else ""
        reply = gateway.post(f"{head}{{ echo(numbers: {literal}) }}", {"n": list(range(1_001))})
        assert (reply.status, reply.codes, reply.problems) == (400, ["BAD_USER_INPUT"], ["TOO_MANY_ITEMS"])

    def test_of_a_thousand_items_are_taken(self, gateway: Gateway) -> None:
        reply = gateway.post(
            "mutation($i: [ItemInput!]!) { acknowledge(items: $i) }",
            {"i": [{"id": str(n)} for n in range(1_000)]},
            bearer=token("orders:acknowledge"),
        )
        assert reply.body == {"data": {"acknowledge": 1_000}}
        assert int(reply.headers["X-Jembatan-Cost"]) >= 1_000


class TestCost:
    @pytest.mark.parametrize(
        ("query", "variables", "cost"),
        [
            ("{ open }", None, 0),
            ("{ expensive }", None, 500),
            ("{ nested { value inner { value } } }", None, 2),
            ("{ orders(first: 50) { nodes { id dueInHours } totalCount } }", None, 51),
            ("query($n: Int) { orders(first: $n) { nodes { id } } }", {"n": 20}, 21),
            ("query($n: Int = 20) { orders(first: $n) { nodes { id } } }", None, 21),
            ("query($n: Int) { orders(first: $n) { nodes { id } } }", None, 4),
            ("{ orders(first: null) { nodes { id } } }", None, 11),
            ("{ pages(first: 3) { inner { inner { value } } } }", None, 9),
            ("{ pages(first: 3) { inner @skip(if: true) { value } } }", None, 3),
            ("{ requests { id } }", None, 10),
            ("{ a: open b: open c: open }", None, 2),
            ("{ open a: open nested { value a: value b: value } }", None, 4),
            ("{ pages(first: 3) { a: value b: value a: value } }", None, 6),
            ("mutation($i: [ItemInput!]!) { acknowledge(items: $i) }", {"i": [{"id": "1"}, {"id": "2"}]}, 2),
            ('mutation { acknowledge(items: [{id: "1"}, {id: "2"}]) }', None, 2),
        ],
    )
    def test_is_told_in_a_header(self, gateway: Gateway, query: str, variables: object, cost: int) -> None:
        reply = gateway.post(query, variables, bearer=token("orders:read", "orders:acknowledge"))
        assert reply.headers["X-Jembatan-Cost"] == str(cost)

    def test_beyond_the_bound_is_refused_with_both_figures(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(cost_max=100)
        reply = gateway.post("{ orders(first: 100) { nodes { id } } }", bearer=READER)
        assert (reply.status, reply.codes) == (400, ["OPERATION_TOO_COMPLEX"])
        extensions = reply.body["errors"][0]["extensions"]
        assert (extensions["cost"], extensions["costMax"]) == (101, 100)
        assert reply.headers["X-Jembatan-Cost"] == "101"
        assert gateway.calls == []

    def test_counts_representations_of_entities(self, gateway: Gateway) -> None:
        query = "query($r: [_Any!]!) { _entities(representations: $r) { ... on PhoneNumber { e164 } } }"
        reply = gateway.post(query, {"r": [{"__typename": "PhoneNumber", "e164": str(n)} for n in range(7)]})
        assert int(reply.headers["X-Jembatan-Cost"]) == 14

    def test_lets_a_router_ask_for_more_entities_than_a_list_may_hold_items(self, gateway: Gateway) -> None:
        query = "query($r: [_Any!]!) { _entities(representations: $r) { __typename } }"
        items = [{"__typename": "PhoneNumber", "e164": str(n)} for n in range(2_000)]
        assert len(gateway.post(query, {"r": items}, bearer=READER).body["data"]["_entities"]) == 2_000
        assert gateway.post(query, {"r": items * 3}, bearer=READER).problems == ["TOO_MANY_ITEMS"]


class TestRate:
    def test_beyond_a_clients_own_is_429_with_retry_after_and_others_go_on(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_per_second=0.001, rate_burst=2, rate_anonymous_burst=100)
        replies = [gateway.post("{ open }", bearer=READER) for _ in range(3)]
        assert [reply.status for reply in replies] == [200, 200, 429]
        assert replies[2].codes == ["RATE_LIMITED"]
        assert int(replies[2].headers["Retry-After"]) >= 1
        assert gateway.post("{ open }", bearer=token(client="other")).status == 200
        assert gateway.post("{ open }").status == 200

    def test_of_bad_tokens_goes_by_address_too(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_anonymous_per_second=0.001, rate_anonymous_burst=2)
        assert [gateway.post("{ open }", bearer="garbage").status for _ in range(3)] == [401, 401, 429]

    def test_without_a_token_goes_by_address(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_anonymous_per_second=0.001, rate_anonymous_burst=1)
        assert [gateway.post("{ open }", accept="application/json").status for _ in range(2)] == [200, 429]

    def test_of_callers_without_a_token_is_that_of_a_64_bit_prefix(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_anonymous_per_second=0.001, rate_anonymous_burst=2)
        addresses = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]
        body = b'{"query": "{ open }"}'
        statuses = [gateway.post_bytes(body, **{"X-Forwarded-For": address}).status for address in addresses]
        assert statuses == [200, 200, 429, 200]


class TestTime:
    def test_beyond_the_bound_ends_the_operation(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(operation_timeout_seconds=0.2)
        reply = gateway.post("{ slow }")
        assert (reply.status, reply.problems) == (504, ["OPERATION_TIMEOUT"])
        assert gateway.calls == ["slow was cancelled", "closed"]

    def test_more_operations_at_once_than_may_run_are_503(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(in_flight_max=1, operation_timeout_seconds=2)
        first = threading.Thread(target=gateway.post, args=("{ slow }",))
        first.start()
        try:
            running = gateway.app.state.services.in_flight
            while running.running == 0 and first.is_alive():
                first.join(0.01)
            reply = gateway.post("{ open }")
        finally:
            first.join()
        assert (reply.status, reply.problems) == (503, ["OVERLOADED"])
        assert reply.headers["Retry-After"] == "1"


class TestCaches:
    def test_are_bounded(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(document_cache_entries=3)
        for number in range(10):
            gateway.post(f"{{ a{number}: open }}")
        services = gateway.app.state.services
        assert (len(services.documents), len(services.plans)) == (3, 3)

    def test_keep_no_long_document_and_none_that_is_invalid(
        self, serve: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(validate_document, "CACHED_TEXT_LENGTH_MAX", 20)
        gateway = serve()
        gateway.post("{ open } # " + "x" * 50)
        gateway.post("{ nothing }")
        assert len(gateway.app.state.services.documents) == 0

    def test_serve_other_variables_with_their_own_plan(self, gateway: Gateway) -> None:
        query = "query($n: Int, $t: String) { orders(first: $n) { nodes { id } } echo(text: $t) }"
        costs = [
            gateway.post(query, {"n": n, "t": "x"}, bearer=READER).headers["X-Jembatan-Cost"] for n in (5, 6, 5, True)
        ]
        assert costs[:3] == ["6", "7", "6"]

    def test_are_kept_by_document_not_by_its_values(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve()
        for number in range(5):
            gateway.post("query($t: String) { echo(text: $t) }", {"t": json.dumps(number)})
        assert len(gateway.app.state.services.plans) == 1
