"""Answers made to be large: refused over every transport before they are whole; what is sent is paid for."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.client import HTTPConnection

import pytest

from auth.tokens.verification import Verdict
from tests.support.sample_gateway import Gateway, token, verify_sample
from tests.support.sockets import SampleGateway, open_socket
from tests.support.waiting import block_until

BYTES_MAX = 65_536
CLIENT = token("orders:read")
TEXT = "x" * 4_000
ECHOES = "query($t: String) { " + " ".join(f"a{n}: echo(text: $t)" for n in range(30)) + " }"
ONE = "query($t: String) { echo(text: $t) }"
OVERHEAD = len('{"data":{"echo":""}}')


@pytest.fixture(scope="module")
def bounded(serve: Callable[..., Gateway]) -> Gateway:
    return serve(answer_bytes_max=BYTES_MAX)


@pytest.fixture(scope="module")
def streaming() -> Iterator[SampleGateway]:
    gateway = SampleGateway(answer_bytes_max=BYTES_MAX)
    yield gateway
    gateway.end()


class TestAliasesOfALongText:
    def test_are_refused_with_what_to_do(self, bounded: Gateway) -> None:
        reply = bounded.post(ECHOES, {"t": TEXT})
        assert (reply.status, reply.codes, reply.problems) == (400, ["OPERATION_TOO_COMPLEX"], ["ANSWER_TOO_LARGE"])
        extensions = reply.body["errors"][0]["extensions"]
        assert extensions["bytesMax"] == BYTES_MAX
        assert "smaller page" in extensions["hint"]
        assert "data" not in reply.body

    @pytest.mark.parametrize("accept", ["text/event-stream", "multipart/mixed;subscriptionSpec=1.0"])
    def test_are_refused_in_a_stream_of_one_result(self, streaming: SampleGateway, accept: str) -> None:
        connection = HTTPConnection("127.0.0.1", streaming.port, timeout=20)
        body = json.dumps({"query": ECHOES, "variables": {"t": TEXT}})
        connection.request("POST", "/graphql", body, {"Content-Type": "application/json", "Accept": accept})
        answered = connection.getresponse().read()
        connection.close()
        assert b"ANSWER_TOO_LARGE" in answered
        assert len(answered) < BYTES_MAX

    async def test_are_refused_over_a_websocket(self, streaming: SampleGateway) -> None:
        async with open_socket(streaming.url) as client:
            await client.subscribe("1", ECHOES, variables={"t": TEXT})
            (error,) = await client.read_errors("1")
        assert error["extensions"]["problem"] == "ANSWER_TOO_LARGE"

    def test_run_nothing_once_there_is_too_much(self, bounded: Gateway) -> None:
        bounded.calls.clear()
        reply = bounded.post(ECHOES.replace(" }", " open }"), {"t": TEXT})
        assert reply.problems == ["ANSWER_TOO_LARGE"]
        assert "open" not in bounded.calls

    def test_of_long_names_count_too(self, bounded: Gateway) -> None:
        name = "n" * 15_000
        reply = bounded.post(f"{{ booms {{ {name}: __typename }} }}")
        assert reply.problems == ["ANSWER_TOO_LARGE"]


class TestBound:
    def test_is_exact(self, bounded: Gateway) -> None:
        fitting = BYTES_MAX - OVERHEAD
        assert len(bounded.post(ONE, {"t": "x" * fitting}, bearer=CLIENT).content) == BYTES_MAX
        assert bounded.post(ONE, {"t": "x" * (fitting + 1)}, bearer=CLIENT).problems == ["ANSWER_TOO_LARGE"]

    def test_counts_bytes_and_what_json_escapes(self, bounded: Gateway) -> None:
        for text in ("é", "\n"):
            assert bounded.post(ONE, {"t": text * (BYTES_MAX // 2)}, bearer=CLIENT).problems == ["ANSWER_TOO_LARGE"]


class TestCostlyOperations:
    def test_take_as_much_of_the_rate_as_their_cost_before_they_run(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_anonymous_burst=10, rate_anonymous_per_second=0.001, cost_per_operation=2)
        reply = gateway.post("{ " + " ".join(f"a{n}: open" for n in range(11)) + " }")
        assert reply.status == 200
        assert [gateway.post("{ open }").status for _ in range(5)] == [200] * 4 + [429]


class TestUnknownDocuments:
    def test_take_as_much_of_the_rate_as_the_work_on_them_and_known_ones_nothing(
        self, serve: Callable[..., Gateway]
    ) -> None:
        gateway = serve(rate_burst=10, rate_per_second=0.001)
        text = "{ open } #" + "x" * 2_600
        first, second = token(client="first"), token(client="second")
        assert [gateway.post(text, bearer=first).status for _ in range(2)] == [200, 429]
        assert [gateway.post(text, bearer=second).status for _ in range(11)] == [200] * 10 + [429]

    def test_take_it_each_time_where_they_are_refused(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_burst=10, rate_per_second=0.001)
        text = "{ nothing } #" + "x" * 1_200
        assert [gateway.post(text, bearer=token(client="third")).status for _ in range(5)] == [400] * 4 + [429]


class TestLargeBodies:
    def test_take_it_also_where_they_are_refused(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(rate_burst=10, rate_per_second=0.001, body_bytes_per_operation=1_024)
        statuses = [gateway.post("{", {"t": "x" * 5_000}, bearer=token(client="large")).status for _ in range(3)]
        assert statuses == [400, 400, 429]

    def test_sent_at_once_are_read_only_as_far_as_the_rate_has_room_for_them(
        self, serve: Callable[..., Gateway]
    ) -> None:
        verified: list[str] = []

        async def verify(bearer: str, as_of: datetime) -> Verdict:
            verified.append(bearer)
            return await verify_sample(bearer, as_of)

        gateway = serve(
            verify_token=verify,
            rate_burst=3,
            rate_per_second=0.001,
            body_bytes_per_operation=1_024,
            at_once_per_client_max=1,
        )
        first = HTTPConnection("127.0.0.1", gateway.port, timeout=20)
        first.putrequest("POST", "/graphql")
        body = b'{"query":"{ open }"}'
        for name, value in (("Authorization", f"Bearer {CLIENT}"), ("Content-Type", "application/json")):
            first.putheader(name, value)
        first.putheader("Content-Length", str(len(body)))
        first.endheaders(body[:1])
        with ThreadPoolExecutor(2) as pool:
            large = [pool.submit(gateway.post, "{ open }", {"t": "x" * 5_000}, bearer=CLIENT) for _ in range(2)]
            block_until(lambda: len(verified) == 3, "each was verified")
            first.send(body[1:])
            assert first.getresponse().status == 200
            first.close()
            statuses = sorted(each.result().status for each in large)
        assert statuses == [200, 429], "both were granted before either was counted"


class TestLargeAnswers:
    def test_take_as_much_of_the_rate_as_many_small_ones(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(
            rate_anonymous_burst=14,
            rate_anonymous_per_second=0.001,
            bytes_per_operation=1_024,
            body_bytes_per_operation=1_024,
        )
        assert gateway.post(ONE, {"t": "x" * 5_000}).status == 200, "1, 4 for the body and 4 for the answer"
        statuses = [gateway.post("{ open }").status for _ in range(6)]
        assert statuses == [200] * 5 + [429]

    def test_take_it_when_they_are_refused_too(self, serve: Callable[..., Gateway]) -> None:
        gateway = serve(
            rate_anonymous_burst=10,
            rate_anonymous_per_second=0.001,
            bytes_per_operation=1_024,
            answer_bytes_max=16_384,
        )
        assert gateway.post(ECHOES, {"t": TEXT}).problems == ["ANSWER_TOO_LARGE"]
        reply = gateway.post("{ open }")
        assert reply.status == 429
        assert 0 < int(reply.headers["Retry-After"]) <= 11_000, "the debt is at most one burst"
