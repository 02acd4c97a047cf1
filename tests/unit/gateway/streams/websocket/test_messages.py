"""Messages of graphql-transport-ws, without a socket: reading, the table of moves, rendering."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.streams.websocket.messages import (
    INIT_REPEATED,
    MOVES,
    NEXT_TAIL,
    REASON_BYTES_MAX,
    SOCKET_ENDS,
    UNAUTHORIZED,
    CloseCode,
    Kind,
    Message,
    Move,
    Phase,
    Refusal,
    choose_move,
    cut_reason,
    read_message,
    refuse_duplicate,
    render_acknowledgement,
    render_complete,
    render_error,
    render_next_head,
    render_pong,
)

DEPTH_MAX = 5
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


def read(value):
    return read_message(json.dumps(value), depth_max=DEPTH_MAX)


def nested(depth):
    value = {}
    for _ in range(depth - 1):
        value = {"a": value}
    return value


class TestReadMessage:
    @pytest.mark.parametrize("kind", ["connection_init", "ping", "pong"])
    @pytest.mark.parametrize("payload", [{}, {"payload": None}, {"payload": {}}, {"payload": {"a": [1]}}])
    def test_takes_a_payload_that_is_an_object_or_none(self, kind, payload):
        assert read({"type": kind, **payload}) == Message(Kind(kind), payload=payload.get("payload"))

    def test_takes_a_subscribe_with_all_that_a_request_may_have(self):
        payload = {"query": "{ a }", "operationName": "A", "variables": {"b": 1}, "extensions": {"cursor": "c"}}
        message = read({"id": "1", "type": "subscribe", "payload": payload})
        assert message.request.operation_name == "A"
        assert message.request.variables == {"b": 1}
        assert message.request.extensions == {"cursor": "c"}

    def test_takes_nulls_for_what_may_be_left_out(self):
        payload = {"query": "{ a }", "operationName": None, "variables": None, "extensions": None}
        assert read({"id": "1", "type": "subscribe", "payload": payload}).request.variables == {}

    def test_takes_members_that_it_does_not_know(self):
        assert read({"id": "1", "type": "complete", "more": 1}) == Message(Kind.COMPLETE, "1")

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "null",
            "1",
            '"ping"',
            "[]",
            '[{"type":"ping"}]',
            "{}",
            "{",
            '{"type":null}',
            '{"type":["ping"]}',
            '{"type":{"a":1}}',
            '{"type":"PING"}',
            '{"type":"start"}',
            '{"type":"connection_ack"}',
            '{"type":"next","id":"1","payload":{}}',
            '{"type":"ping","payload":1}',
            '{"type":"ping","payload":[]}',
            '{"type":"ping","type":"ping"}',
            '{"type":"ping","payload":{"a":NaN}}',
            '{"type":"ping","payload":{"a":Infinity}}',
            '{"type":"ping","payload":{"a":"\\u0000"}}',
            '{"type":"ping","payload":{"a":"\\ud800"}}',
            '{"type":"connection_init","payload":"Bearer"}',
            '{"type":"complete"}',
            '{"type":"complete","id":null}',
            '{"type":"complete","id":1}',
            '{"type":"complete","id":[1]}',
            '{"type":"complete","id":""}',
            '{"type":"subscribe","id":"1"}',
            '{"type":"subscribe","id":"1","payload":null}',
            '{"type":"subscribe","id":"1","payload":[]}',
            '{"type":"subscribe","id":"1","payload":{}}',
            '{"type":"subscribe","id":"1","payload":{"query":1}}',
            '{"type":"subscribe","id":"1","payload":{"query":"{a}","variables":[]}}',
            '{"type":"subscribe","id":"1","payload":{"query":"{a}","operationName":1}}',
            '{"type":"subscribe","id":"1","payload":{"query":"{a}","extensions":"x"}}',
            '{"type":"subscribe","id":[1],"payload":{"query":"{a}"}}',
            '{"type":"subscribe","payload":{"query":"{a}"}}',
            "[" * 100_000,
            '{"a":' * 100_000,
            '{"type":"ping","payload":{"a":' + "9" * 5_000 + "}}",
        ],
    )
    def test_refuses_what_is_malformed(self, text):
        verdict = read_message(text, depth_max=DEPTH_MAX)
        assert isinstance(verdict, Refusal)
        assert verdict.code == CloseCode.BAD_MESSAGE
        assert 0 < len(verdict.reason.encode()) <= REASON_BYTES_MAX

    def test_refuses_what_is_no_text(self):
        assert read_message(None, depth_max=DEPTH_MAX).code == CloseCode.BAD_MESSAGE

    def test_refuses_an_id_that_is_too_long(self):
        assert isinstance(read({"type": "complete", "id": "i" * 128}), Message)
        assert isinstance(read({"type": "complete", "id": "i" * 129}), Refusal)

    def test_bounds_the_nesting_of_variables(self):
        def subscribe(depth):
            return read({"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": nested(depth)}})

        assert isinstance(subscribe(DEPTH_MAX), Message)
        assert isinstance(subscribe(DEPTH_MAX + 1), Refusal)

    @given(st.text())
    def test_raises_nothing_on_any_text(self, text):
        assert isinstance(read_message(text, depth_max=DEPTH_MAX), (Message, Refusal))

    @given(
        st.fixed_dictionaries(
            {},
            optional={
                "type": st.sampled_from([*Kind, "next", "error"]) | JSON,
                "id": st.text(max_size=3) | JSON,
                "payload": JSON
                | st.fixed_dictionaries(
                    {"query": st.text()}, optional={"variables": JSON, "operationName": JSON, "extensions": JSON}
                ),
            },
        )
    )
    def test_raises_nothing_on_anything_like_a_message(self, value):
        verdict = read(value)
        if isinstance(verdict, Refusal):
            assert verdict.code == CloseCode.BAD_MESSAGE
            assert len(verdict.reason.encode()) <= REASON_BYTES_MAX
        elif verdict.kind is Kind.PING:
            assert json.loads(render_pong(verdict.payload))["type"] == "pong"


class TestMoves:
    def test_tells_every_kind_in_every_phase(self):
        assert set(MOVES) == set(Kind)
        assert all(set(row) == set(Phase) for row in MOVES.values())

    @pytest.mark.parametrize(
        ("kind", "expected"),
        [
            (Kind.CONNECTION_INIT, (Move.INITIALISE, INIT_REPEATED, INIT_REPEATED, Move.HEAR)),
            (Kind.SUBSCRIBE, (UNAUTHORIZED, UNAUTHORIZED, Move.START, Move.TURN_AWAY)),
            (Kind.COMPLETE, (Move.STOP,) * 4),
            (Kind.PING, (Move.ANSWER,) * 4),
            (Kind.PONG, (Move.HEAR,) * 4),
        ],
    )
    def test_is_the_protocols_table(self, kind, expected):
        assert tuple(choose_move(kind, phase) for phase in Phase) == expected


class TestCloseCodes:
    def test_stay_within_what_a_close_frame_may_say(self):
        for refusal in [*SOCKET_ENDS.values(), UNAUTHORIZED, INIT_REPEATED, refuse_duplicate("i" * 128)]:
            assert 1000 <= refusal.code <= 4999
            assert len(refusal.reason.encode()) <= REASON_BYTES_MAX

    def test_never_say_what_only_a_lost_connection_says(self):
        assert not {1005, 1006, 1011, 1015} & set(CloseCode)

    @given(st.text())
    def test_cut_a_reason_between_characters(self, text):
        cut = cut_reason(text)
        assert text.startswith(cut)
        assert len(cut.encode()) <= REASON_BYTES_MAX


class TestRendering:
    @given(st.text(min_size=1, max_size=128))
    def test_keeps_any_id(self, identifier):
        assert json.loads(render_next_head(identifier) + b'{"data":null}' + NEXT_TAIL) == {
            "id": identifier,
            "type": "next",
            "payload": {"data": None},
        }
        assert json.loads(render_complete(identifier))["id"] == identifier
        assert json.loads(render_error(identifier, [{"message": "m"}]))["payload"] == [{"message": "m"}]

    def test_answers_a_ping_with_its_payload(self):
        assert json.loads(render_pong({"at": 1})) == {"type": "pong", "payload": {"at": 1}}
        assert json.loads(render_pong(None)) == {"type": "pong"}

    def test_answers_a_ping_whose_payload_can_not_be_written(self):
        assert json.loads(render_pong({"at": 2**70})) == {"type": "pong"}

    def test_acknowledges_with_a_payload(self):
        assert json.loads(render_acknowledgement({"a": 1})) == {"type": "connection_ack", "payload": {"a": 1}}
