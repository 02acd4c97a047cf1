"""The subscriptions of one process: who may open how many, which share a channel, and what ends them.

A transport runs the stages up to authorize, connects its client, and opens. The hub never speaks to a socket.
"""

from dataclasses import dataclass

from gateway.exchange import Exchange
from gateway.streams.subscription import Subscription


@dataclass(slots=True, eq=False)
class StreamConnection:
    """One connection of a client, counted while it is open. Made by StreamHub.connect alone."""

    client_id: str
    transport: str
    subscriptions: int = 0

    def close(self) -> None:
        """Let go; it may be called again."""
        raise NotImplementedError


class StreamHub:
    """All channels of a process. Owned by one event loop."""

    def connect(self, client_id: str, *, transport: str) -> StreamConnection:
        """Count a connection. Errors: TooManyStreamsError, ServerShutdownError."""
        raise NotImplementedError

    async def open(self, exchange: Exchange, cursor: str | None, *, connection: StreamConnection) -> Subscription:
        """A subscription for an exchange that the stages up to authorize have passed.

        Shapes: cursor is what the transport was told (Last-Event-ID), before extensions.cursor, before the root
        argument `after`. Errors, all before anything is streamed: ServerShutdownError, TooManyStreamsError,
        TooManySubscriptionsError, CursorInvalidError, CursorExpiredError, VariablesRefusedError, and what the field
        refuses (each can be told by gateway.failures.tell_failure).
        """
        raise NotImplementedError

    async def drain(self) -> None:
        """Refuse new subscriptions and end all open ones with SERVER_SHUTDOWN."""
        raise NotImplementedError
