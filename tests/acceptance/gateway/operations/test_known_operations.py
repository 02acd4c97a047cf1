"""An operation that is known is refused exactly as one that nobody has sent before: whole answers are compared."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any
from urllib.parse import urlencode

import pytest

from auth.tokens.verification import Failure, Refusal, Verdict
from gateway.operations import pipeline
from gateway.operations.progress import Authorized, Executed
from gateway.operations.services import Services
from gateway.operations.stages.execute_operation import execute_operation
from tests.support.sample_gateway import GRAPHQL_RESPONSE, Gateway, Reply, token, verify_sample

READER = token("orders:read")
WRITER = token("orders:acknowledge")
ORDERS = "query Orders($n: Int) { orders(first: $n) { nodes { id audit } totalCount } }"
ACKNOWLEDGE = "mutation($i: [ItemInput!]!) { acknowledge(items: $i) }"
DIFFERENT_EACH_TIME = {"date", "x-request-id"}


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One request; a POST unless url_parameters are given."""

    query: str = "{ open nested { value } }"
    variables: Mapping[str, Any] | None = None
    bearer: str | None = READER
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    url_parameters: Mapping[str, str] | None = None
    before: bytes = b""

    def to(self, gateway: Gateway) -> Reply:
        headers = {"Accept": GRAPHQL_RESPONSE, "Content-Type": "application/json"}
        if self.bearer is not None:
            headers["Authorization"] = f"Bearer {self.bearer}"
        headers |= self.headers
        if self.url_parameters is not None:
            return gateway.send("GET", f"/graphql?{urlencode(self.url_parameters)}", None, headers)
        body = {"query": self.query, "variables": self.variables, **self.more}
        return gateway.send("POST", "/graphql", self.before + json.dumps(body).encode(), headers)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A refused request, and one whose operation is alike or the same and which is not refused for that reason."""

    problem: str
    refused: Sent
    known: Sent = field(default_factory=Sent)
    settings: Mapping[str, Any] = field(default_factory=dict)


ONE = {"i": [{"id": "1"}]}
DEEP = {"id": "1", "note": [{} for _ in range(30)]}
CASES = {
    "a bad token": Case(problem="TOKEN_INVALID", refused=Sent(bearer="garbage")),
    "an expired token": Case(problem="TOKEN_INVALID", refused=Sent(bearer="expired~orders_read")),
    "a malformed Authorization header": Case(
        problem="TOKEN_INVALID", refused=Sent(headers={"Authorization": "Basic YTpi"})
    ),
    "a proof of possession where none is taken": Case(
        problem="TOKEN_INVALID", refused=Sent(headers={"Authorization": f"DPoP {READER}"})
    ),
    "a missing token": Case(
        problem="TOKEN_REQUIRED",
        known=Sent(query=ORDERS),
        refused=Sent(query=ORDERS, bearer=None),
        settings={"reject_unauthorized": True},
    ),
    "a missing scope of a mutation": Case(
        problem="SCOPES_MISSING",
        known=Sent(query=ACKNOWLEDGE, variables=ONE, bearer=WRITER),
        refused=Sent(query=ACKNOWLEDGE, variables=ONE),
    ),
    "the schema, for who may not read it": Case(
        problem="TOKEN_REQUIRED",
        known=Sent(query="{ __schema { queryType { name } } }"),
        refused=Sent(query="{ __schema { queryType { name } } }", bearer=None),
    ),
    "another body than JSON": Case(
        problem="UNSUPPORTED_MEDIA_TYPE", refused=Sent(headers={"Content-Type": "text/plain"})
    ),
    "a compressed body": Case(problem="UNSUPPORTED_MEDIA_TYPE", refused=Sent(headers={"Content-Encoding": "gzip"})),
    "an answer of another type": Case(problem="NOT_ACCEPTABLE", refused=Sent(headers={"Accept": "text/csv"})),
    "a page of another site": Case(
        problem="CROSS_SITE_REQUEST",
        refused=Sent(headers={"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}),
    ),
    "a body that is too large": Case(
        problem="BODY_TOO_LARGE", refused=Sent(before=b" " * 2_000), settings={"body_bytes_max": 2_000}
    ),
    "a body that is too large without a token": Case(
        problem="BODY_TOO_LARGE",
        known=Sent(bearer=None),
        refused=Sent(bearer=None, before=b" " * 2_000),
        settings={"body_anonymous_bytes_max": 2_000},
    ),
    "too many values": Case(
        problem="TOO_MANY_VALUES",
        refused=Sent(variables={"unused": list(range(200))}),
        settings={"body_values_max": 100},
    ),
    "what is no JSON": Case(problem="REQUEST_MALFORMED", refused=Sent(before=b"[")),
    "variables that are no object": Case(problem="REQUEST_MALFORMED", refused=Sent(more={"variables": [1]})),
    "a NUL character": Case(problem="REQUEST_MALFORMED", refused=Sent(variables={"a": "\0"})),
    "half of a surrogate pair": Case(problem="REQUEST_MALFORMED", refused=Sent(variables={"a": "\ud83d"})),
    "variables nested too deeply": Case(
        problem="REQUEST_MALFORMED", refused=Sent(variables=json.loads('{"a":' * 30 + "1" + "}" * 30))
    ),
    "a hash that is of another document": Case(
        problem="REQUEST_MALFORMED", refused=Sent(more={"documentId": "sha256:" + "0" * 64})
    ),
    "an operation that the document doesn't have": Case(
        problem="OPERATION_UNKNOWN", refused=Sent(more={"operationName": "Other"})
    ),
    "a number in the URL": Case(
        problem="NUMBER_IN_URL",
        known=Sent(query='{ echo(text: "+6281234567890") }'),
        refused=Sent(url_parameters={"query": '{ echo(text: "\\u002b6281234567890") }'}),
    ),
    "a token in the URL": Case(
        problem="TOKEN_IN_URL", refused=Sent(url_parameters={"query": Sent.query, "access_token": "x"})
    ),
    "a mutation by GET": Case(
        problem="OPERATION_NEEDS_POST",
        known=Sent(query="mutation { touch { value } }"),
        refused=Sent(url_parameters={"query": "mutation { touch { value } }"}),
    ),
    "a page that is too large": Case(
        problem="PAGE_TOO_LARGE",
        known=Sent(query=ORDERS, variables={"n": 2}),
        refused=Sent(query=ORDERS, variables={"n": 100_000}),
    ),
    "the cost of an operation": Case(
        problem="OPERATION_TOO_COMPLEX",
        known=Sent(query=ORDERS, variables={"n": 2}),
        refused=Sent(query=ORDERS, variables={"n": 30}),
        settings={"cost_max": 20},
    ),
    "the cost of variables": Case(
        problem="OPERATION_TOO_COMPLEX",
        known=Sent(query=ACKNOWLEDGE, variables=ONE, bearer=WRITER),
        refused=Sent(query=ACKNOWLEDGE, variables={"i": [DEEP]}, bearer=WRITER),
        settings={"cost_max": 20},
    ),
    "a list in variables": Case(
        problem="TOO_MANY_ITEMS",
        known=Sent(query=ACKNOWLEDGE, variables=ONE, bearer=WRITER),
        refused=Sent(query=ACKNOWLEDGE, variables={"i": [DEEP]}, bearer=WRITER),
        settings={"list_items_max": 20},
    ),
    "variables of another type": Case(
        problem="VARIABLES_INVALID",
        known=Sent(query=ACKNOWLEDGE, variables=ONE, bearer=WRITER),
        refused=Sent(query=ACKNOWLEDGE, variables={"i": [{"note": "1"}]}, bearer=WRITER),
    ),
    "a deadline": Case(
        problem="OPERATION_TIMEOUT",
        known=Sent(query="{ slow }"),
        refused=Sent(query="{ slow }"),
        settings={"operation_timeout_seconds": 0.1},
    ),
    "a subscription without a stream": Case(
        problem="STREAM_REQUIRED",
        known=Sent(query="subscription { ticks }"),
        refused=Sent(query="subscription { ticks }"),
    ),
}


def tell(reply: Reply) -> tuple[int, dict[str, str], Any]:
    """All of an answer that is not different each time."""
    headers = {name.lower(): value for name, value in reply.headers.items() if name.lower() not in DIFFERENT_EACH_TIME}
    body = reply.body
    for error in body.get("errors", ()):
        assert error["extensions"].pop("requestId") == reply.headers["X-Request-Id"]
    return reply.status, headers, body


@pytest.fixture
def revocable(serve: Callable[..., Gateway]) -> tuple[Callable[..., Gateway], set[str]]:
    """Starts gateways whose tokens are refused once they are in the set."""
    revoked: set[str] = set()

    async def verify(bearer: str, as_of: Any) -> Verdict:
        return Failure(Refusal.REVOKED) if bearer in revoked else await verify_sample(bearer, as_of)

    return lambda **settings: serve(verify_token=verify, **settings), revoked


class TestRefusals:
    @pytest.mark.parametrize("case", CASES.values(), ids=CASES)
    def test_are_the_same_for_a_known_operation(self, serve: Callable[..., Gateway], case: Case) -> None:
        first, later = serve(**case.settings), serve(**case.settings)
        unknown = tell(case.refused.to(first))
        for _ in range(2):
            case.known.to(later)
        assert tell(case.refused.to(later)) == unknown
        assert unknown[2]["errors"][0]["extensions"]["problem"] == case.problem

    def test_hold_for_a_token_that_was_revoked_since(self, revocable: tuple[Callable[..., Gateway], set[str]]) -> None:
        serve, revoked = revocable
        first, later = serve(), serve()
        assert [Sent().to(later).status for _ in range(2)] == [200, 200]
        revoked.add(READER)
        unknown = tell(Sent().to(first))
        assert tell(Sent().to(later)) == unknown
        assert unknown[0] == 401

    def test_hold_for_the_rate(self, serve: Callable[..., Gateway]) -> None:
        first, later = (serve(rate_per_second=0.001, rate_burst=2) for _ in range(2))
        unknown = [tell(Sent(query=f"{{ open a{n}: __typename }}").to(first)) for n in range(3)]
        known = [tell(Sent(query="{ open a1: __typename }").to(later)) for _ in range(3)]
        assert (known[2], known[2][0]) == (unknown[2], 429)

    def test_hold_for_the_rate_of_bad_tokens(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_anonymous_per_second=0.001, rate_anonymous_burst=2)
        assert [Sent().to(gateway).status for _ in range(2)] == [200, 200]
        assert [Sent(bearer="garbage").to(gateway).status for _ in range(3)] == [401, 401, 429]

    def test_hold_for_a_cost_that_took_the_rate(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_per_second=0.001, rate_burst=12, cost_per_operation=100)
        # Each counts as one operation and its cost of 500 as five more.
        assert [Sent(query="{ expensive }").to(gateway).status for _ in range(3)] == [200, 200, 429]

    def test_hold_for_a_body_that_took_the_rate(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_per_second=0.001, rate_burst=4, body_bytes_per_operation=1_024)
        sent = Sent(before=b" " * 1_024)
        assert [sent.to(gateway).status for _ in range(3)] == [200, 200, 429]

    def test_hold_for_a_full_process(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(in_flight_max=1, operation_timeout_seconds=2)
        Sent().to(gateway)
        running = gateway.app.state.services.in_flight
        slow = threading.Thread(target=Sent(query="{ slow }").to, args=(gateway,))
        slow.start()
        try:
            while running.running == 0 and slow.is_alive():
                slow.join(0.01)
            known, unknown = tell(Sent().to(gateway)), tell(Sent(query="{ open nested { value } } # new").to(gateway))
        finally:
            slow.join()
        assert known == unknown
        assert known[0] == 503


class TestKnownOperations:
    def test_are_not_parsed_validated_or_authorized_again(
        self, serve: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gateway = serve()
        sent = Sent(query=ORDERS, variables={"n": 2})
        first = tell(sent.to(gateway))
        for step in ("parse_document", "validate_document", "authorize_fields"):
            monkeypatch.setattr(pipeline, step, None)
        assert tell(sent.to(gateway)) == first
        assert first[2]["errors"][0]["extensions"]["coordinate"] == "Order.audit"

    @pytest.mark.parametrize(
        "sent",
        [Sent(query=ORDERS, variables={"n": 2, "unused": 1}), Sent(query=ACKNOWLEDGE, variables=ONE, bearer=WRITER)],
        ids=["a query with a denied field", "a mutation"],
    )
    def test_reach_execution_with_all_that_the_steps_would_have_found(
        self, serve: Callable[..., Gateway], monkeypatch: pytest.MonkeyPatch, sent: Sent
    ) -> None:
        gateway, reached = serve(), []

        async def note(authorized: Authorized, services: Services) -> Executed:
            reached.append(vars(authorized))
            return await execute_operation(authorized, services)

        monkeypatch.setattr(pipeline, "execute_operation", note)
        for _ in range(2):
            sent.to(gateway)
        first, second = reached
        assert first.keys() == second.keys() == {each.name for each in fields(Authorized)}
        of_one_request = {"request_id", "as_of", "read", "principal"}
        same = {name for name in first if first[name] == second[name]}
        assert same | of_one_request == first.keys()
        assert first["plan"] is second["plan"]

    def test_are_told_of_and_counted_as_before(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve()
        count = gateway.app.state.metrics.registry.get_sample_value
        for sent in range(1, 4):
            assert Sent(query="{ expensive }").to(gateway).headers["X-Jembatan-Cost"] == "500"
            assert count("jembatan_operations_total", {"kind": "query", "outcome": "done"}) == sent
            assert count("jembatan_operation_cost_count") == sent
            assert count("jembatan_operation_cost_sum") == sent * 500

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (Sent(query=ORDERS), Sent(query=ORDERS, bearer=token("orders:read", "audit:read"))),
            (Sent(query=ORDERS, variables={"n": 1}), Sent(query=ORDERS, variables={"n": 2})),
            (Sent(query=ORDERS), Sent(query=ORDERS, bearer=None)),
            (
                Sent(query="query A { open } query B { nested { value } }", more={"operationName": "A"}),
                Sent(query="query A { open } query B { nested { value } }", more={"operationName": "B"}),
            ),
            (
                Sent(query="query($x: Boolean!) { open @skip(if: $x) }", variables={"x": True}),
                Sent(query="query($x: Boolean!) { open @skip(if: $x) }", variables={"x": False}),
            ),
            (
                Sent(query="query($x: Boolean = true) { open @skip(if: $x) }", variables={}),
                Sent(query="query($x: Boolean = true) { open @skip(if: $x) }", variables={"x": False}),
            ),
        ],
        ids=["scopes", "page", "no token", "operation name", "skip", "default"],
    )
    def test_are_never_taken_for_others(self, serve: Callable[..., Gateway], one: Sent, other: Sent) -> None:
        fresh, used = serve(), serve()
        expected = tell(other.to(fresh))
        assert tell(one.to(used)) != expected
        assert tell(one.to(used)) != expected
        assert [tell(other.to(used)) for _ in range(2)] == [expected, expected]

    def test_are_bounded(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(document_cache_entries=3)
        for number in range(10):
            Sent(query=f"{{ a{number}: open }}").to(gateway)
        services = gateway.app.state.services
        assert (len(services.outlines), len(services.known)) == (3, 3)

    @pytest.mark.parametrize(
        "sent",
        [
            Sent(query="{ open } # " + "x" * 17_000),
            Sent(query="{ nothing }"),
            Sent(query=ACKNOWLEDGE, variables=ONE),
            Sent(
                query="query($r: [_Any!]!) { _entities(representations: $r) { __typename } }",
                variables={"r": [{"__typename": "PhoneNumber", "e164": "1"}]},
            ),
            Sent(query="query($n: String!) { __type(name: $n) { name } }", variables={"n": "Order"}),
        ],
        ids=["a long one", "an invalid one", "a refused one", "entities", "the schema by a variable"],
    )
    def test_are_not_all(self, serve: Callable[..., Gateway], sent: Sent) -> None:
        gateway = serve()
        sent.to(gateway)
        assert len(gateway.app.state.services.known) == 0
