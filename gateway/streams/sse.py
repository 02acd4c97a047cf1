"""Frames of text/event-stream, in the distinct connections mode of graphql-sse: one operation per request.

Lines end with LF alone: some clients split at LF LF and would lose every event if a CR came between. An event's id is
its cursor, so that a client that reconnects automatically sends it back as Last-Event-ID and resumes from there.
Source: graphql-sse, PROTOCOL.md; HTML Living Standard, "Server-sent events"; graphql-facts item 8.
"""

from collections.abc import Mapping

import orjson

from gateway.streams.delivery import Delivery
from gateway.streams.ends import StreamEnded

CONTENT_TYPE = "text/event-stream; charset=utf-8"
HEADERS: Mapping[str, str] = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
RETRY_MS = 1_000

_COMPLETE = b"event: complete\ndata: \n\n"


class EventStream:
    """The form of a stream of events."""

    headers = HEADERS
    heartbeat = b":\n\n"
    # It makes proxies and clients see the headers before there is anything to send.
    opening = b":\n\n"
    completion = _COMPLETE

    def __init__(self) -> None:
        """Start before the first event."""
        # Part of the first event, since a separate event without a name would confuse strict readers.
        self._first: bytes = b"retry: %d\n" % RETRY_MS

    def render(self, delivery: Delivery) -> bytes:
        """Render one event."""
        first, self._first = self._first, b""
        return first + delivery.event if first else delivery.event

    def render_end(self, ended: StreamEnded, request_id: str) -> bytes:
        """Render the last event, with the reason and the cursor, and that nothing more follows."""
        body = orjson.dumps({"errors": ended.tell(request_id), "extensions": {"cursor": ended.cursor}})
        return b"event: next\nid: %b\ndata: %b\n\n" % (ended.cursor.encode(), body) + _COMPLETE


def render_single(payload: bytes) -> bytes:
    """Render the whole stream of an operation with one result."""
    return b"event: next\ndata: %b\n\n" % payload + _COMPLETE
