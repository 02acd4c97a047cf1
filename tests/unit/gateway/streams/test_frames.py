"""The frames of event streams and of multipart, byte by byte, and who is given a stream at all."""

import pytest

from gateway.operations.media_types import EVENT_STREAM, MULTIPART, choose_stream
from gateway.streams.delivery import Delivery
from gateway.streams.ends import ServerShutdownError, StreamEnded
from gateway.streams.multipart import Multipart
from gateway.streams.multipart import render_single as render_part
from gateway.streams.sse import EventStream
from gateway.streams.sse import render_single as render_event
from ledger.identifiers import Position

DELIVERY = Delivery(Position(7), "CURSOR", b'{"data":1}', made_at=0.0)
ENDED = StreamEnded(ServerShutdownError(), "CURSOR")


class TestEventStream:
    def test_names_each_event_by_its_cursor_and_says_once_how_soon_to_return(self) -> None:
        form = EventStream()
        assert form.render(DELIVERY) == b'retry: 1000\nevent: next\nid: CURSOR\ndata: {"data":1}\n\n'
        assert form.render(DELIVERY) == b'event: next\nid: CURSOR\ndata: {"data":1}\n\n'

    def test_never_sends_a_carriage_return(self) -> None:
        form = EventStream()
        sent = [form.opening, form.heartbeat, form.render(DELIVERY), form.render_end(ENDED, "r"), render_event(b"{}")]
        assert not any(b"\r" in frame for frame in sent)
        assert all(frame.endswith(b"\n\n") for frame in sent)

    def test_ends_with_the_reason_and_completes(self) -> None:
        end = EventStream().render_end(ENDED, "r")
        assert end.startswith(b"event: next\nid: CURSOR\ndata: ")
        assert b'"problem":"SERVER_SHUTDOWN"' in end
        assert b'"cursor":"CURSOR"' in end
        assert end.endswith(b"\n\nevent: complete\ndata: \n\n")


class TestMultipart:
    def test_is_one_message_of_parts(self) -> None:
        form = Multipart()
        body = b"".join((form.opening, form.render(DELIVERY), form.heartbeat, form.render_end(ENDED, "r")))
        preamble, *parts, epilogue = body.split(b"\r\n--graphql")
        assert (preamble, epilogue) == (b"", b"--\r\n")
        assert [part.partition(b"\r\n\r\n")[0] for part in parts] == [
            b"\r\nContent-Type: application/json; charset=utf-8"
        ] * 3
        contents = [part.partition(b"\r\n\r\n")[2] for part in parts]
        assert contents[:2] == [b'{"payload":{"data":1}}', b"{}"]
        assert contents[2].startswith(b'{"payload":null,"errors":[{')

    def test_carries_a_single_result(self) -> None:
        assert render_part(b"{}") == (
            b'\r\n--graphql\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"payload":{}}\r\n--graphql--\r\n'
        )


class TestChoosingAStream:
    @pytest.mark.parametrize(
        ("accept", "chosen"),
        [
            (None, None),
            ("*/*", None),
            ("text/*", None),
            ("application/json", None),
            ("text/event-stream", EVENT_STREAM),
            ("TEXT/Event-Stream", EVENT_STREAM),
            ("text/event-stream;q=0", None),
            ("multipart/mixed", None),
            ('multipart/mixed;boundary="graphql";subscriptionSpec="1.0"', MULTIPART),
            ("multipart/mixed; subscriptionSpec=1.0, application/json", MULTIPART),
            ("multipart/mixed;subscriptionSpec=2.0", None),
            ("multipart/mixed;deferSpec=20220824", None),
            ("text/event-stream;q=0.5,multipart/mixed;subscriptionSpec=1.0;q=0.9", MULTIPART),
        ],
    )
    def test_is_given_to_who_names_one(self, accept: str | None, chosen: str | None) -> None:
        assert choose_stream(accept) == chosen
