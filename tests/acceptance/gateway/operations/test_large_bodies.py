"""Bodies made to cost much: each is refused by its own bound, or parsed without holding up anybody else."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.sample_gateway import Gateway, Reply, token

MEGABYTES_4 = 4_194_304


def with_variables(variables: bytes) -> bytes:
    return b'{"query":"{ open }","variables":{"undeclared":' + variables + b"}}"


def fill(head: bytes, unit: bytes, tail: bytes) -> bytes:
    """Return head, unit as often as it fits in 4 MB, and tail."""
    return head + unit * ((MEGABYTES_4 - len(head) - len(tail)) // len(unit)) + tail


EMPTY_OBJECTS = fill(b'{"query":"{ open }","variables":{"undeclared":[', b"{},", b"{}]}}")
EMPTY_LISTS = fill(b'{"query":"{ open }","variables":{"undeclared":[', b"[],", b"[]]}}")
INTEGERS = fill(b'{"query":"{ open }","variables":{"undeclared":[', b"1,", b"1]}}")
COMMENT = fill(b'{"query":"{ open } #', b"x", b'"}')
STRING = fill(b'{"query":"{ echo(text: \\"', b"x", b'\\") }"}')
NAME = fill(b'{"query":"{ ', b"x", b' }"}')
NESTED = fill(b'{"query":"{ open }","variables":{"undeclared":[', b"[[[[[[[[[[1]]]]]]]]]],", b"1]}}")
TEXTS = fill(b'{"query":"{ open }","variables":{"undeclared":[', b'"",', b"1]}}")
ATTACKS = pytest.mark.parametrize(
    ("body", "problem"),
    [
        (EMPTY_OBJECTS, "TOO_MANY_VALUES"),
        (EMPTY_LISTS, "TOO_MANY_VALUES"),
        (NESTED, "TOO_MANY_VALUES"),
        (INTEGERS, "TOO_MANY_VALUES"),
        (TEXTS, "TOO_MANY_VALUES"),
        (COMMENT, "OPERATION_TOO_COMPLEX"),
        (STRING, "OPERATION_TOO_COMPLEX"),
        (NAME, "OPERATION_TOO_COMPLEX"),
    ],
    ids=["empty objects", "empty lists", "nested lists", "integers", "texts", "comment", "string", "name"],
)


def post_beside_small_ones(gateway: Gateway, body: bytes, *, bearer: str | None) -> Reply:
    """Return the answer to body, while small requests are answered."""
    is_over = threading.Event()

    def ask() -> None:
        while not is_over.is_set():
            assert gateway.send("GET", "/healthz").status == 200

    with ThreadPoolExecutor() as pool:
        asking = pool.submit(ask)
        try:
            reply = gateway.post_bytes(body, bearer=bearer)
        finally:
            is_over.set()
        asking.result()
    return reply


class TestOfFourMegabytes:
    @ATTACKS
    def test_from_nobody_is_413_and_holds_up_no_one(self, gateway: Gateway, body: bytes, problem: str) -> None:
        reply = post_beside_small_ones(gateway, body, bearer=None)
        assert (reply.status, reply.problems) == (413, ["BODY_TOO_LARGE"])

    @ATTACKS
    def test_from_a_client_is_refused_by_its_own_bound_and_holds_up_no_one(
        self, gateway: Gateway, body: bytes, problem: str
    ) -> None:
        reply = post_beside_small_ones(gateway, body, bearer=token())
        assert (reply.status, reply.problems) == (400, [problem])
        assert gateway.calls == []


class TestBodyWithoutAToken:
    def test_may_have_exactly_its_bound(self, gateway: Gateway) -> None:
        body = with_variables(b'"' + b"x" * (65_536 - len(with_variables(b'""'))) + b'"')
        assert len(body) == 65_536
        assert gateway.post_bytes(body).body == {"data": {"open": "open"}}
        assert gateway.post_bytes(body + b" ").problems == ["BODY_TOO_LARGE"]
        assert gateway.post_bytes(body + b" ", bearer=token()).body == {"data": {"open": "open"}}

    def test_is_never_allowed_more_than_one_with_a_token(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(body_bytes_max=2_000)
        assert gateway.post_bytes(with_variables(b'"' + b"x" * 2_000 + b'"')).problems == ["BODY_TOO_LARGE"]


class TestValues:
    @pytest.mark.parametrize(
        ("variables", "problems"),
        [
            (b"[" + b"1," * 95 + b"1]", []),
            (b"[" + b"1," * 96 + b"1]", ["TOO_MANY_VALUES"]),
            (b"[" + b"{ }," * 95 + b"{}]", []),
            (b"[" + b"{ }," * 96 + b"{}]", ["TOO_MANY_VALUES"]),
            (b"{" + b",".join(b'"k%d":[]' % n for n in range(96)) + b"}", []),
            (b"{" + b",".join(b'"k%d":[]' % n for n in range(97)) + b"}", ["TOO_MANY_VALUES"]),
            (b"[" + b"[[1]]," * 31 + b"[[1]]]", []),
            (b"[" + b"[[1]]," * 32 + b"[[1]]]", ["TOO_MANY_VALUES"]),
            (b'["' + b",[{" * 200 + b'\\",{}"]', []),
        ],
    )
    def test_are_counted_at_any_depth(
        self, serve: Callable[..., Gateway], variables: bytes, problems: list[str]
    ) -> None:
        # The body, its query, the variables and the undeclared one are four more.
        gateway = serve(body_values_max=100)
        reply = gateway.post_bytes(with_variables(variables))
        assert reply.problems == problems
        assert reply.status == (400 if problems else 200)
        assert [error["extensions"]["valuesMax"] for error in reply.body.get("errors", [])] == [100] * len(problems)


class TestDocument:
    @pytest.mark.parametrize("form", ["{{ open }} #{}", '{{ echo(text: "{}") }}'])
    def test_longer_than_its_bound_is_refused(self, serve: Callable[..., Gateway], form: str) -> None:
        gateway = serve(document_characters_max=1_000)
        room = 1_000 - len(form.format(""))
        assert gateway.post(form.format("x" * room)).status == 200
        reply = gateway.post(form.format("x" * (room + 1)))
        assert (reply.status, reply.problems) == (400, ["OPERATION_TOO_COMPLEX"])
        assert reply.body["errors"][0]["extensions"]["charactersMax"] == 1_000


class TestVariables:
    def test_that_the_operation_does_not_declare_are_never_looked_at(self, gateway: Gateway) -> None:
        undeclared = {"other": [{}] * 5_000}
        reply = gateway.post("query($t: String) { echo(text: $t) }", {"t": "hi", **undeclared})
        assert (reply.body, reply.headers["X-Jembatan-Cost"]) == ({"data": {"echo": "hi"}}, "0")

    def test_of_another_operation_of_the_document_are_undeclared(self, gateway: Gateway) -> None:
        document = "query A($t: String) { echo(text: $t) } query B($n: [Int!]) { echo(numbers: $n) }"
        reply = gateway.post(document, {"t": "hi", "n": [1] * 5_000}, operationName="A")
        assert reply.body == {"data": {"echo": "hi"}}
