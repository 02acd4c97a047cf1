"""The load's own HTTP: what it takes for an answer, what it counts, and what makes it stop."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from bench.http_load import Exchange, UnexpectedAnswerError, load, read_answer, render_request

_RIGHT = b'{"data":{"blockOrders":[]}}'
_WHOLE = b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n" + _RIGHT
_CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b'a\r\n{"data":{"\r\n11;name=value\r\nblockOrders":[]}}\r\n0\r\n\r\n'
)


class TestReadingAnAnswer:
    def test_takes_the_body_by_its_length(self) -> None:
        assert read_answer(_WHOLE) == (_RIGHT, len(_WHOLE))

    def test_puts_chunks_together(self) -> None:
        assert read_answer(_CHUNKED) == (_RIGHT, len(_CHUNKED))

    @pytest.mark.parametrize("whole", [_WHOLE, _CHUNKED])
    def test_waits_for_the_rest_wherever_it_was_cut(self, whole: bytes) -> None:
        assert all(read_answer(whole[:length]) is None for length in range(len(whole)))

    @pytest.mark.parametrize("status", [b"401 Unauthorized", b"500 Internal Server Error", b"204 No Content"])
    def test_refuses_every_status_but_200(self, status: bytes) -> None:
        with pytest.raises(UnexpectedAnswerError, match=status.decode()):
            read_answer(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")

    def test_refuses_an_answer_whose_end_it_cannot_know(self) -> None:
        with pytest.raises(UnexpectedAnswerError, match="no length"):
            read_answer(b"HTTP/1.1 200 OK\r\nServer: x\r\n\r\n" + _RIGHT)


@asynccontextmanager
async def serve(answers: Sequence[bytes]) -> AsyncIterator[tuple[tuple[str, int], list[bytes]]]:
    """Answer each request of a connection with the next of these, the last one again and again."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        place = 0
        while request := await reader.read(65_536):
            asked.append(request)
            writer.write(answers[min(place, len(answers) - 1)])
            place += 1
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[:2], asked


_ASKED = Exchange(render_request("http://localhost/graphql", token="t", body=b"{}"), _RIGHT)


class TestLoading:
    async def test_counts_the_answers_of_all_connections(self) -> None:
        async with serve([_WHOLE]) as (address, asked):
            taken = await load(address, [_ASKED], connections=3, seconds=0.2, per_second=None)

        assert taken["failure"] is None
        assert 3 <= taken["answers"] <= len(asked)
        assert 0 < taken["p50_ms"] <= taken["p99_ms"]

    async def test_stops_at_the_first_body_that_differs_by_a_byte(self) -> None:
        other = _WHOLE.replace(b"[]", b"[ ]"[:2])
        assert len(other) == len(_WHOLE)
        async with serve([_WHOLE, other.replace(b"blockOrders", b"blockOrderz")]) as (address, asked):
            taken = await load(address, [_ASKED], connections=1, seconds=30, per_second=None)

        assert "differs from the checked one" in taken["failure"]
        assert taken["answers"] == 1
        assert len(asked) == 2

    async def test_reports_a_graphql_error_although_its_status_is_200(self) -> None:
        refused = b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"errors":[]}'
        async with serve([refused]) as (address, _):
            taken = await load(address, [_ASKED], connections=1, seconds=30, per_second=None)

        assert "differs from the checked one" in taken["failure"]
        assert taken["answers"] == 0

    async def test_asks_no_faster_than_it_is_told(self) -> None:
        async with serve([_WHOLE]) as (address, asked):
            await load(address, [_ASKED], connections=4, seconds=0.5, per_second=20)

        assert 1 <= len(asked) <= 10

    async def test_asks_every_request_in_turn(self) -> None:
        second = Exchange(render_request("http://localhost/graphql", token="t", body=b'{"second":1}'), _RIGHT)
        async with serve([_WHOLE]) as (address, asked):
            await load(address, [_ASKED, second], connections=1, seconds=0.2, per_second=None)

        assert [request.endswith(b'{"second":1}') for request in asked[:4]] == [False, True, False, True]
