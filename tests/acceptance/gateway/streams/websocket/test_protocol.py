"""graphql-transport-ws as its own text says: initialisation, operations of all kinds, ids, errors, pings."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from tests.support.sample_gateway import token
from tests.support.sockets import RELEASED, SampleGateway, open_bare, open_socket

OPEN = "{ open }"
SLOW = "{ slow }"


@pytest.fixture(scope="module")
def sample() -> Iterator[SampleGateway]:
    gateway = SampleGateway(stream_init_seconds=1, subscriptions_per_connection=3)
    yield gateway
    gateway.end()


def codes(errors) -> list[tuple[str, str]]:
    return [(error["extensions"]["code"], error["extensions"]["problem"]) for error in errors]


class TestInitialisation:
    async def test_is_acknowledged_with_the_limits_of_the_socket(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            assert client.connection.subprotocol == "graphql-transport-ws"
            assert client.acknowledged["payload"] == {
                "heartbeatSeconds": 15.0,
                "messageBytesMax": 65_536,
                "operationsMax": 3,
            }

    @pytest.mark.parametrize("name", ["Authorization", "authorization"])
    async def test_knows_the_caller_by_the_token_in_its_payload(self, sample: SampleGateway, name: str) -> None:
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": {name: f"Bearer {token(client='alice')}"}})
            assert (await client.read())["type"] == "connection_ack"
            assert (await client.run("{ viewer }"))["data"] == {"viewer": "alice"}

    async def test_knows_the_caller_by_the_upgrades_header(self, sample: SampleGateway) -> None:
        headers = {"Authorization": f"Bearer {token(client='bob')}"}
        async with open_socket(sample.url, additional_headers=headers) as client:
            assert (await client.run("{ viewer }"))["data"] == {"viewer": "bob"}

    async def test_takes_both_where_they_are_the_same(self, sample: SampleGateway) -> None:
        bearer = token(client="carol")
        headers = {"Authorization": f"bearer  {bearer}"}
        async with open_socket(sample.url, bearer, additional_headers=headers) as client:
            assert (await client.run("{ viewer }"))["data"] == {"viewer": "carol"}

    async def test_refuses_both_where_they_differ(self, sample: SampleGateway) -> None:
        headers = {"Authorization": f"Bearer {token(client='carol')}"}
        payload = {"Authorization": f"Bearer {token(client='mallory')}"}
        async with open_bare(sample.url, additional_headers=headers) as client:
            await client.send({"type": "connection_init", "payload": payload})
            assert (await client.read_close())[0] == 4403

    async def test_refuses_two_tokens_in_one_payload(self, sample: SampleGateway) -> None:
        payload = {"Authorization": f"Bearer {token(client='a')}", "authorization": f"Bearer {token(client='b')}"}
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": payload})
            assert (await client.read_close())[0] == 4403

    @pytest.mark.parametrize(
        "said", ["Bearer expired~a", "Bearer ", "Bearer", "", "Basic YTpi", "Bearer a b", "x" * 9000]
    )
    async def test_refuses_a_token_that_is_not_valid(self, sample: SampleGateway, said: str) -> None:
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": {"Authorization": said}})
            assert await client.read_close() == (4403, "Forbidden")

    @pytest.mark.parametrize("said", [1, ["Bearer a~"], {"token": "a~"}, True])
    async def test_refuses_a_token_that_is_no_text(self, sample: SampleGateway, said: object) -> None:
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": {"Authorization": said}})
            assert (await client.read_close())[0] == 4400

    @pytest.mark.parametrize(
        "payload",
        [
            {"headers": {"Authorization": "Bearer a~"}},
            {"headers": {"authorization": "Bearer a~"}},
            {"Headers": [{"x-auth-token": "a~"}]},
            {"authToken": "a~"},
            {"auth_token": "a~"},
            {"token": "a~"},
            {"Token": "a~"},
            {"accessToken": "a~"},
            {"access_token": "Bearer a~"},
            {"AUTHORIZATION": "Bearer a~"},
            {"auth": {"data": {"jwt": "a~"}}},
            {"context": "Bearer a~"},
            {"context": {"session": ["eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"]}},
            {"Authorization": None, "authToken": "a~"},
            {"Authorization": "Bearer b~", "headers": {"Authorization": "Bearer a~"}},
        ],
        ids=json.dumps,
    )
    async def test_takes_nobody_for_anonymous_who_put_a_token_where_none_is_read(
        self, sample: SampleGateway, payload: object
    ) -> None:
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": payload})
            code, reason = await client.read_close()
            assert (code, '{"Authorization": "Bearer <token>"}' in reason) == (4400, True)

    @pytest.mark.parametrize(
        "payload",
        [
            {},
            {"headers": {"Authorization": None}},
            {"authToken": ""},
            {"token": 7},
            {"csrfToken": "abc"},
            {"headers": {"X-Request-Id": "desk-12345678"}, "tokens": {}, "client": "desk"},
        ],
        ids=json.dumps,
    )
    async def test_takes_who_gives_no_token_anywhere_for_anonymous(
        self, sample: SampleGateway, payload: object
    ) -> None:
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": payload})
            assert (await client.read())["type"] == "connection_ack"
            assert (await client.run("{ viewer }"))["data"] == {"viewer": None}

    async def test_takes_the_same_token_once_more_elsewhere(self, sample: SampleGateway) -> None:
        bearer = token(client="alice")
        payload = {
            "Authorization": f"Bearer {bearer}",
            "token": bearer,
            "headers": {"authorization": f"bearer {bearer}"},
        }
        async with open_bare(sample.url) as client:
            await client.send({"type": "connection_init", "payload": payload})
            assert (await client.read())["type"] == "connection_ack"
            assert (await client.run("{ viewer }"))["data"] == {"viewer": "alice"}

    async def test_refuses_a_misplaced_token_beside_a_header_of_somebody_else(self, sample: SampleGateway) -> None:
        headers = {"Authorization": f"Bearer {token(client='proxy')}"}
        async with open_bare(sample.url, additional_headers=headers) as client:
            await client.send({"type": "connection_init", "payload": {"authToken": token(client="alice")}})
            assert (await client.read_close())[0] == 4400

    async def test_is_waited_for_no_longer_than_it_may_take(self, sample: SampleGateway) -> None:
        async with open_bare(sample.url) as client:
            assert await client.read_close() == (4408, "Connection initialisation timeout")

    async def test_comes_once(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await client.send({"type": "connection_init"})
            assert await client.read_close() == (4429, "Too many initialisation requests")

    async def test_comes_first(self, sample: SampleGateway) -> None:
        async with open_bare(sample.url) as client:
            await client.subscribe("1", OPEN)
            assert await client.read_close() == (4401, "Unauthorized")

    async def test_is_no_bar_to_pings(self, sample: SampleGateway) -> None:
        async with open_bare(sample.url) as client:
            await client.send({"type": "ping"})
            assert await client.read() == {"type": "pong"}
            await client.send({"type": "pong", "payload": {}})
            await client.complete("unknown")
            await client.init()


class TestOperations:
    async def test_answers_a_query_with_one_result(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await client.subscribe("q", 'query A { open } query B { echo(text: "b") }', operationName="B")
            assert await client.read() == {"id": "q", "type": "next", "payload": {"data": {"echo": "b"}}}
            assert await client.read() == {"id": "q", "type": "complete"}

    async def test_runs_a_mutation_with_variables(self, sample: SampleGateway) -> None:
        query = "mutation ($items: [ItemInput!]!) { acknowledge(items: $items) }"
        async with open_socket(sample.url, token("orders:acknowledge")) as client:
            result = await client.run(query, variables={"items": [{"id": "1"}, {"id": "2"}]})
        assert result["data"] == {"acknowledge": 2}, result

    async def test_answers_partly_where_a_field_fails(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            result = await client.run("{ open boom }")
        assert result["data"] == {"open": "open", "boom": None}
        assert result["errors"][0]["message"] == "Internal server error"
        assert "requestId" in result["errors"][0]["extensions"]

    async def test_leaves_out_fields_that_the_token_may_not_read(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, token()) as client:
            result = await client.run("{ open orders { totalCount } }")
        assert result["data"] == {"open": "open", "orders": None}
        assert result["errors"][0]["extensions"]["code"] == "UNAUTHORIZED_FIELD_OR_TYPE"

    async def test_lets_a_quick_one_pass_a_slow_one(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await client.subscribe("slow", SLOW)
            await client.subscribe("quick", OPEN)
            assert (await client.read())["id"] == "quick"

    async def test_may_have_any_id(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            for identifier in ('"', "\\", "ü\n", "\u2028", "}{", "x" * 128):
                await client.subscribe(identifier, OPEN)
                assert (await client.read_next(identifier))["data"] == {"open": "open"}
                assert await client.read() == {"id": identifier, "type": "complete"}

    async def test_may_use_an_id_again_after_its_end(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            for _ in range(3):
                assert (await client.run(OPEN))["data"]
            await client.subscribe("again", SLOW)
            await client.complete("again")
            await client.subscribe("again", OPEN)
            assert (await client.read_next("again"))["data"] == {"open": "open"}

    async def test_says_nothing_more_of_what_the_client_completed(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await client.subscribe("gone", SLOW)
            await client.complete("gone")
            assert await client.is_alive()

    async def test_refuses_an_id_that_runs(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await client.subscribe("twice", SLOW)
            await client.subscribe("twice", OPEN)
            assert await client.read_close() == (4409, "Subscriber for twice already exists")

    async def test_refuses_one_more_than_may_run_at_once_and_no_other(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            for identifier in ("1", "2", "3"):
                await client.subscribe(identifier, SLOW)
            await client.subscribe("4", OPEN)
            assert codes(await client.read_errors("4")) == [("RATE_LIMITED", "TOO_MANY_SUBSCRIPTIONS")]
            await client.complete("1")
            await client.subscribe("4", OPEN)
            assert (await client.read_next("4"))["data"] == {"open": "open"}

    async def test_lets_a_mutation_end_that_was_begun_whoever_leaves(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, token()) as client:
            await client.subscribe("1", "mutation { hold }")
            await sample.until("hold begun")
            await client.complete("1")
            assert await client.is_alive()
        RELEASED.set()
        await sample.until("hold ended")

    async def test_stops_a_query_whose_client_left(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url, token()) as client:
            await client.subscribe("1", SLOW)
            assert await client.is_alive()
            sample.calls.clear()
        await sample.until("slow was cancelled")


class TestRefusals:
    """Each is told to its own id; the socket and what else runs on it live on."""

    @pytest.mark.parametrize(
        ("payload", "code", "problem"),
        [
            ({"query": "{"}, "GRAPHQL_PARSE_FAILED", "DOCUMENT_SYNTAX"),
            ({"query": ""}, "GRAPHQL_PARSE_FAILED", "DOCUMENT_SYNTAX"),
            ({"query": "{ nothing }"}, "GRAPHQL_VALIDATION_FAILED", "DOCUMENT_INVALID"),
            ({"query": "query A { open }", "operationName": "B"}, "GRAPHQL_VALIDATION_FAILED", "OPERATION_UNKNOWN"),
            ({"query": "query A { open } query B { open }"}, "GRAPHQL_VALIDATION_FAILED", "OPERATION_UNKNOWN"),
            ({"query": "query ($n: Int!) { boom(at: $n) }"}, "BAD_USER_INPUT", "VARIABLES_INVALID"),
            ({"query": "mutation { acknowledge(items: []) }"}, "UNAUTHENTICATED", "TOKEN_REQUIRED"),
            ({"query": "{ " + "open " * 2_000 + "}"}, "OPERATION_TOO_COMPLEX", "OPERATION_TOO_COMPLEX"),
            ({"query": "{ away }"}, "INTERNAL_SERVER_ERROR", "DATABASE_UNAVAILABLE"),
        ],
    )
    async def test_end_one_operation_with_the_codes_of_http(
        self, sample: SampleGateway, payload: dict[str, str], code: str, problem: str
    ) -> None:
        async with open_socket(sample.url) as client:
            await client.subscribe("lives", SLOW)
            await client.subscribe("fails", **payload)
            assert (code, problem) in codes(await client.read_errors("fails"))
            assert await client.is_alive()
            await client.subscribe("fails", OPEN)
            assert (await client.read_next("fails"))["data"] == {"open": "open"}

    async def test_of_the_rate_tell_how_long_to_wait(self) -> None:
        gateway = SampleGateway(rate_burst=2, rate_per_second=0.5)
        try:
            async with open_socket(gateway.url, token()) as client:
                for _ in range(2):
                    await client.run(OPEN)
                await client.subscribe("1", OPEN)
                (error,) = await client.read_errors("1")
                assert error["extensions"]["code"] == "RATE_LIMITED"
                assert error["extensions"]["retryAfterSeconds"] >= 1
                assert await client.is_alive()
        finally:
            gateway.end()

    async def test_never_show_what_failed_inside(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            result = await client.run("{ booms { value } boom }")
        assert {error["message"] for error in result["errors"]} == {"Internal server error"}
        assert "one cause" not in json.dumps(result)


class TestPings:
    async def test_of_the_client_are_answered_with_their_payload(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            for payload in ({}, {"a": [1, {"b": None}]}, {"ü": "\u2028"}):
                await client.send({"type": "ping", "payload": payload})
                assert await client.read() == {"type": "pong", "payload": payload}

    async def test_of_the_protocol_beneath_are_answered_too(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await asyncio.wait_for(await client.connection.ping(), 10)
