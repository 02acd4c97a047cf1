"""Numbers that Python can't read, or reads as infinite, are the client's mistake wherever a client can write one."""

import json
from urllib.parse import quote, urlencode

import pytest

from tests.support.sample_gateway import GRAPHQL_RESPONSE, Gateway, token

ENDLESS = "9" * 4_301
"""One digit more than Python reads."""


class TestLiteral:
    @pytest.mark.parametrize(
        "query",
        [
            "{ pages(first: %s) { value } }",
            "{ pages(first: -%s) { value } }",
            "{ orders(first: %s) { totalCount } }",
            "query($n: Int = %s) { pages(first: $n) { value } }",
            "{ echo(numbers: [1, %s]) }",
            "{ open @include(if: %s) }",
            "{ open @skip(if: %s) }",
            "{ open(unknown: %s) }",
            '{ _entities(representations: [{__typename: "PhoneNumber", e164: %s}]) { ... on PhoneNumber { risk } } }',
        ],
    )
    @pytest.mark.parametrize("number", ["99999999999", ENDLESS, "9" * 20_000])
    def test_is_not_valid_however_long(self, gateway: Gateway, query: str, number: str) -> None:
        reply = gateway.post(query % number, bearer=token("orders:read"))
        assert reply.status in {200, 400}
        assert "INTERNAL_SERVER_ERROR" not in reply.codes
        if number != "99999999999":
            assert (reply.status, reply.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])
            assert reply.body["errors"][0]["locations"][0]["line"] == 1
            assert b"9999" not in reply.content

    def test_of_the_usual_kind_is_answered_as_before(self, gateway: Gateway) -> None:
        reply = gateway.post("{ pages(first: 99999999999) { value } }")
        assert (reply.status, reply.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])
        assert "Int cannot represent" in reply.body["errors"][0]["message"]

    @pytest.mark.parametrize("number", ["1e400", "-1e400", f"1e{ENDLESS}", f"{ENDLESS}.0"])
    def test_of_a_float_is_not_valid(self, gateway: Gateway, number: str) -> None:
        reply = gateway.post(f"{{ pages(first: {number}) {{ value }} }}")
        assert (reply.status, reply.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])

    def test_in_a_url_is_not_valid_either(self, gateway: Gateway) -> None:
        query = quote(f"{{ pages(first: {ENDLESS}) {{ value }} }}")
        reply = gateway.send("GET", f"/graphql?query={query}", headers={"Accept": GRAPHQL_RESPONSE})
        assert (reply.status, reply.codes) == (400, ["GRAPHQL_VALIDATION_FAILED"])


class TestJson:
    @pytest.mark.parametrize("number", [ENDLESS, f"-{ENDLESS}", "1e400", "-1e400", f"1e{ENDLESS}", f"{ENDLESS}.5"])
    @pytest.mark.parametrize(
        "body",
        [
            '{"query":"query($n:Int){ pages(first:$n) { value } }","variables":{"n":%s}}',
            '{"query":"query($n:[Int!]){ echo(numbers:$n) }","variables":{"n":[%s]}}',
            '{"query":"{ open }","extensions":{"n":%s}}',
            '{"query":"{ open }","operationName":%s}',
        ],
    )
    def test_is_malformed(self, gateway: Gateway, body: str, number: str) -> None:
        reply = gateway.post_bytes((body % number).encode())
        assert (reply.status, reply.problems) == (400, ["REQUEST_MALFORMED"])
        assert "out of range" in reply.body["errors"][0]["message"]

    @pytest.mark.parametrize("number", ["1e308", "-1e308", "5.0e-400", "9" * 4_000, "99999999999", "2147483648", "1.5"])
    def test_that_can_be_read_is_refused_by_its_type(self, gateway: Gateway, number: str) -> None:
        body = f'{{"query":"query($n:[Int!]){{ echo(numbers:$n) }}","variables":{{"n":[{number}]}}}}'
        reply = gateway.post_bytes(body.encode())
        if number == "5.0e-400":
            assert reply.body == {"data": {"echo": "1"}}
        else:
            assert (reply.status, reply.codes) == (400, ["BAD_USER_INPUT"])

    def test_in_a_url_is_malformed(self, gateway: Gateway) -> None:
        for number in (ENDLESS, "1e400"):
            parameters = urlencode({"query": "{ open }", "variables": json.dumps({"n": 0}).replace("0", number)})
            assert gateway.send("GET", f"/graphql?{parameters}").problems == ["REQUEST_MALFORMED"]


class TestHeader:
    @pytest.mark.parametrize("weight", ["1e400", "inf", "nan", "-1", "1_0", "0x1", "١", "", ".", "1" * 5_000, "a"])
    def test_of_a_weight_that_is_none_weighs_nothing(self, gateway: Gateway, weight: str) -> None:
        headers = {
            "Accept": f"application/json;q={weight}".encode().decode("latin-1"),
            "Content-Type": "application/json",
        }
        reply = gateway.send("POST", "/graphql", b'{"query":"{ open }"}', headers)
        assert (reply.status, reply.problems) == (406, ["NOT_ACCEPTABLE"])

    @pytest.mark.parametrize("weight", ["1", "1.0", "0.001", ".5", "1.", "7", "0.3333333"])
    def test_of_a_weight_counts(self, gateway: Gateway, weight: str) -> None:
        assert gateway.post("{ open }", accept=f"application/json;q={weight}").status == 200

    def test_of_a_length_without_an_end_is_400(self, gateway: Gateway) -> None:
        for length in (ENDLESS, "-1", "1e3", "99999999999999999999"):
            reply = gateway.send(
                "POST", "/graphql", None, {"Content-Type": "application/json", "Content-Length": length}
            )
            assert reply.status == 400
