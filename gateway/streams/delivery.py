"""One result on its way to subscribers. It knows neither its source nor its recipients."""

from dataclasses import dataclass

from gateway.streams.ends import StreamEndError
from ledger.identifiers import Position

KEPT_SECONDS = 5.0
"""How long a process keeps a result for subscribers that reach the same position soon after."""


@dataclass(slots=True, eq=False)
class Delivery:
    """One result of a shared execution, encoded once for all its subscribers.

    Shapes: payload is the JSON of a GraphQL ExecutionResult with extensions.cursor. ends is the reason why a
    subscriber's stream ends here; such a delivery has no payload. frame is that of a WebSocket whose operation has the
    head framed_for, the one that was rendered last.
    Units: made_at is by the event loop's clock, in seconds.
    """

    position: Position
    cursor: str
    payload: bytes
    made_at: float
    ends: StreamEndError | None = None
    frame: bytes = b""
    framed_for: bytes = b""
    _text: str | None = None
    _event: bytes | None = None

    @property
    def text(self) -> str:
        """The payload as text, decoded once for all subscribers."""
        if self._text is None:
            self._text = self.payload.decode()
        return self._text

    @property
    def event(self) -> bytes:
        """The payload as an event of text/event-stream, rendered once for all subscribers."""
        if self._event is None:
            self._event = b"event: next\nid: %b\ndata: %b\n\n" % (self.cursor.encode(), self.payload)
        return self._event
