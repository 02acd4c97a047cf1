"""What hostile or broken clients send: the server answers or closes with a code of its own, and serves the others.

The faults are those that the libraries beside ours were seen to have; each test names one.
"""

import asyncio
import json
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from gateway.streams.websocket.messages import CloseCode, Kind
from tests.support.raw_socket import CLOSE, CONTINUATION, PING, TEXT, RawSocket
from tests.support.sample_gateway import token
from tests.support.sockets import SampleGateway, open_bare, open_socket
from tests.support.waiting import until

OPEN = "{ open }"
SLOW = "{ slow }"


@pytest.fixture(scope="module")
def sample() -> Iterator[SampleGateway]:
    gateway = SampleGateway()
    yield gateway
    gateway.end()


@pytest.fixture
def raw(sample: SampleGateway) -> Iterator[RawSocket]:
    connection = RawSocket(sample.port)
    yield connection
    connection.close()


class TestMalformedMessages:
    """Fault: `payload: null`, a message that is no object, or `id: [1]` crash the handler (1006)."""

    @pytest.mark.parametrize(
        "message",
        [
            '{"id":"1","type":"subscribe","payload":null}',
            '{"id":[1],"type":"subscribe","payload":{"query":"{ open }"}}',
            '{"id":{"a":1},"type":"complete"}',
            "null",
            "1",
            '"text"',
            "[]",
            "not JSON",
            "",
            '{"type":"subscribe"',
            '{"type":"start","id":"1","payload":{"query":"{ open }"}}',
            '{"type":"next","id":"1","payload":{}}',
            '{"type":"ping","payload":{"a":NaN}}',
            '{"id":"1","type":"subscribe","payload":{"query":"{ open }","variables":[1]}}',
            '{"id":"1","type":"subscribe","payload":{"query":["{ open }"]}}',
            '{"id":"1","type":"subscribe","payload":{"query":"{ open }","variables":' + '{"a":' * 5_000,
            "[" * 60_000,
            b"binary",
            b'{"type":"ping"}',
        ],
    )
    async def test_close_4400_with_a_reason(self, sample: SampleGateway, message: str | bytes) -> None:
        async with open_socket(sample.url) as bystander, open_socket(sample.url) as client:
            await client.send(message)
            code, reason = await client.read_close()
            assert code == 4400
            assert 0 < len(reason.encode()) <= 123
            assert await bystander.is_alive()

    async def test_of_a_syntax_error_leave_the_sockets_other_operations_alone(self, sample: SampleGateway) -> None:
        """Fault: a syntax error or an unknown operationName closes the whole socket."""
        async with open_socket(sample.url) as client:
            await client.subscribe("lives", SLOW)
            for payload in ({"query": "{{"}, {"query": "query A { open }", "operationName": "B"}):
                await client.subscribe("fails", **payload)
                assert (await client.read_errors("fails"))[0]["extensions"]["code"]
            assert (await client.run(OPEN))["data"] == {"open": "open"}


class TestFrames:
    def test_in_pieces_make_a_message(self, raw: RawSocket) -> None:
        raw.init()
        message = b'{"type":"ping"}'
        pieces = [raw.frame(CONTINUATION, message[index : index + 1], fin=False) for index in range(1, len(message))]
        raw.send(raw.frame(TEXT, message[:1], fin=False), *pieces, raw.frame(PING, b"between"))
        raw.send(raw.frame(CONTINUATION, b"", fin=False), raw.frame(CONTINUATION, b""))
        assert raw.read_frame() == (0xA, b"between")
        assert json.loads(raw.read_frame()[1]) == {"type": "pong"}

    def test_that_are_together_too_large_are_refused(self, raw: RawSocket) -> None:
        raw.init()
        raw.send(raw.frame(TEXT, b" " * 40_000, fin=False), raw.frame(CONTINUATION, b" " * 40_000, fin=False))
        assert raw.read_close() == CloseCode.MESSAGE_TOO_LARGE

    def test_that_say_to_be_too_large_are_refused_before_they_come(self, raw: RawSocket) -> None:
        raw.init()
        raw.send(raw.frame(TEXT, b" " * 70_000)[:14])
        assert raw.read_close() == CloseCode.MESSAGE_TOO_LARGE

    async def test_too_large_let_their_sender_read_why(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            await client.send("x" * 1_000_000)
            assert (await client.read_close())[0] == CloseCode.MESSAGE_TOO_LARGE

    @pytest.mark.parametrize("behind", [[], [(PING, b"behind", True, True)], [(TEXT, b"{}", True, True)]])
    @pytest.mark.parametrize(
        ("frames", "code"),
        [
            ([(TEXT, b"\xff\xfe", True, True)], 1007),
            ([(TEXT, b"\xc3", False, True), (CONTINUATION, b"(", True, True)], 1007),
            ([(TEXT, b"\xe2\x82", False, True), (CONTINUATION, b"", True, True)], 1007),
            ([(CLOSE, b"\x03\xe8\xff", True, True)], 1007),
            ([(TEXT, b'{"type":"ping"}', True, False)], 1002),
            ([(CONTINUATION, b"x", True, True)], 1002),
            ([(TEXT, b"{", False, True), (TEXT, b"}", True, True)], 1002),
            ([(3, b"", True, True)], 1002),
            ([(PING, b"x" * 126, True, True)], 1002),
            ([(CLOSE, b"\x03", True, True)], 1002),
            ([(TEXT, b" " * 70_000, True, True)], CloseCode.MESSAGE_TOO_LARGE),
        ],
    )
    def test_that_are_none_of_the_protocol_close_with_its_codes_whatever_is_behind_them(
        self,
        raw: RawSocket,
        caplog: pytest.LogCaptureFixture,
        frames: list[tuple[int, bytes, bool, bool]],
        code: int,
        behind: list[tuple[int, bytes, bool, bool]],
    ) -> None:
        """Fault: the pong to a ping behind text that is not UTF-8 was an error in the log, and no close came."""
        raw.init()
        sent = [*frames, *behind]
        raw.send(*(raw.frame(opcode, data, fin=fin, is_masked=masked) for opcode, data, fin, masked in sent))
        assert raw.read_close() == code
        assert raw.reader.read() == b""
        assert caplog.records == []

    def test_in_pieces_may_be_cut_within_a_character(self, raw: RawSocket) -> None:
        raw.init()
        head, tail = '{"type":"ping","payload":{"a":"€"}}'.encode().split(b"\x82")
        raw.send(raw.frame(TEXT, head, fin=False), raw.frame(CONTINUATION, b"\x82" + tail))
        assert json.loads(raw.read_frame()[1]) == {"type": "pong", "payload": {"a": "€"}}

    async def test_without_end_use_up_their_rate(self) -> None:
        gateway = SampleGateway(stream_messages_per_second=10)
        try:
            for flood in (
                lambda raw: raw.frame(PING, b"") * 200,
                lambda raw: raw.frame(TEXT, b"{", fin=False) + raw.frame(CONTINUATION, b"", fin=False) * 1_000,
                lambda raw: raw.frame(TEXT, b'{"type":"ping"}') * 200,
            ):
                raw = RawSocket(gateway.port)
                raw.init()
                raw.send(flood(raw))
                assert raw.read_close() == CloseCode.TOO_MANY
                raw.close()
            async with open_socket(gateway.url) as client:
                assert await client.is_alive()
        finally:
            await asyncio.to_thread(gateway.end)


class TestArbitraryMessages:
    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=8,
    )
    PAYLOAD = st.fixed_dictionaries(
        {"query": st.sampled_from([OPEN, SLOW, "{", "subscription { a }", "{ boom away }", ""]) | st.text(max_size=20)},
        optional={"variables": JSON, "operationName": JSON, "extensions": JSON},
    )
    MESSAGE = st.fixed_dictionaries(
        {"type": st.sampled_from([*Kind, *Kind, "next", "error", "connection_ack"]) | JSON},
        optional={"id": st.sampled_from(["1", "2"]) | JSON, "payload": PAYLOAD | JSON},
    )
    SENT = st.lists(MESSAGE.map(json.dumps) | st.text(max_size=50) | st.binary(max_size=50), max_size=6)
    DOCUMENTED = frozenset(CloseCode) | {1007}

    @given(sent=SENT, begins=st.booleans())
    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_are_answered_or_closed_with_a_documented_code(
        self, sample: SampleGateway, sent: list[Any], *, begins: bool
    ) -> None:
        async def converse() -> None:
            async with open_socket(sample.url, token()) if begins else open_bare(sample.url) as client:
                try:
                    for message in sent:
                        await client.send(message)
                    assert await client.is_alive()
                except ConnectionClosed as closed:
                    close = closed.rcvd
                else:
                    return
            assert close is not None
            assert close.code in self.DOCUMENTED - {CloseCode.INTERNAL}, close

        asyncio.run(asyncio.wait_for(converse(), 20))

    async def test_leave_nothing_behind(self, sample: SampleGateway) -> None:
        async with open_socket(sample.url) as client:
            assert await client.is_alive()
        await until(lambda: sample.sockets_open == 0, "all sockets are let go of")
        assert sample.app.state.services.in_flight.running == 0


class TestLostConnections:
    async def test_let_go_of_all_that_ran(self, sample: SampleGateway) -> None:
        def lose() -> None:
            raw = RawSocket(sample.port)
            raw.init()
            payload = {"id": "1", "type": "subscribe", "payload": {"query": SLOW}}
            raw.send(raw.frame(TEXT, json.dumps(payload).encode()), raw.frame(TEXT, b'{"type":"ping"}'))
            assert json.loads(raw.read_frame()[1]) == {"type": "pong"}
            # Closed with a linger of zero it is reset, not ended.
            raw.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            raw.close()

        sample.calls.clear()
        await asyncio.to_thread(lose)
        await sample.until("slow was cancelled")
        await until(lambda: sample.sockets_open == 0, "the socket is let go of")

    async def test_before_anything_was_said_cost_nothing(self, sample: SampleGateway) -> None:
        for _ in range(20):
            raw = await asyncio.to_thread(RawSocket, sample.port)
            raw.close()
        await until(lambda: sample.sockets_open == 0, "the sockets are let go of")
