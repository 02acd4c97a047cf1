"""Parts of multipart/mixed as Apollo's clients and router read them: {"payload": result}, with {} as a heartbeat.

An error that ends the stream accompanies a null payload. The boundary follows each part immediately; otherwise a client
would wait for the next event to know that the last one is complete.
Source: Apollo, "Multipart HTTP protocol for GraphQL subscriptions", subscriptionSpec 1.0; RFC 2046 section 5.1.
"""

from collections.abc import Mapping

import orjson

from gateway.streams.delivery import Delivery
from gateway.streams.ends import StreamEnded

CONTENT_TYPE = 'multipart/mixed;boundary="graphql";subscriptionSpec="1.0"'
HEADERS: Mapping[str, str] = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}

_DELIMITER = b"\r\n--graphql"
_HEAD = b"\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
_CLOSING = b"--\r\n"


class Multipart:
    """The form of a stream of parts. Each part ends with the delimiter of the next one."""

    headers = HEADERS
    heartbeat = _HEAD + b"{}" + _DELIMITER
    opening = _DELIMITER
    completion = _CLOSING

    def render(self, delivery: Delivery) -> bytes:
        """Render one part."""
        return b'%b{"payload":%b}%b' % (_HEAD, delivery.payload, _DELIMITER)

    def render_end(self, ended: StreamEnded, request_id: str) -> bytes:
        """Render the last part, with the reason and the cursor, and that nothing more follows."""
        body = orjson.dumps({"payload": None, "errors": ended.tell(request_id)})
        return _HEAD + body + _DELIMITER + _CLOSING


def render_single(payload: bytes) -> bytes:
    """Render the whole stream of an operation with one result."""
    return b'%b%b{"payload":%b}%b%b' % (_DELIMITER, _HEAD, payload, _DELIMITER, _CLOSING)
