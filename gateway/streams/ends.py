"""Why the server ends a stream: one class per reason, each with a code of its own, and the last cursor.

A client that opens the same subscription again with that cursor misses nothing and reads nothing twice.
docs/subscriptions.md says what to do about each code.
"""

from collections.abc import Mapping
from typing import Any

from auth.tokens.verification import Refusal
from gateway.operations.errors import Code, GatewayError, RequestRefusedError
from gateway.operations.failures import tell_failure
from ledger.errors import LedgerError


class StreamEndError(RequestRefusedError):
    """The stream was ended."""

    code = "STREAM_ENDED"


class TokenExpiredError(StreamEndError):
    """The access token with which the stream was opened has expired."""

    code = "TOKEN_EXPIRED"
    category = Code.UNAUTHENTICATED
    status = 401
    hint = "Get a new token and open the subscription again with the last cursor."


class TokenRevokedError(StreamEndError):
    """The access token was revoked, or its holder may no longer act."""

    code = "TOKEN_REVOKED"
    category = Code.UNAUTHENTICATED
    status = 401
    hint = "Get a new token, if you still may, and open the subscription again with the last cursor."


class SlowReaderError(StreamEndError):
    """The client did not read the stream for too long."""

    code = "SLOW_READER"
    category = Code.RATE_LIMITED
    status = 503
    hint = (
        "Open the subscription again with the last cursor, and read faster. The bound is JEMBATAN_STREAM_STALL_SECONDS."
    )


class ServerShutdownError(StreamEndError):
    """This process is shutting down."""

    code = "SERVER_SHUTDOWN"
    category = Code.RATE_LIMITED
    status = 503
    hint = "Open the subscription again immediately with the last cursor; another process will serve it."


class ParticipationEndedError(StreamEndError):
    """The participation that the stream depends on has ended."""

    code = "PARTICIPATION_ENDED"
    hint = "Nothing more is sent until a new participation begins."


class FeedResetError(StreamEndError):
    """The feed behind the stream was replaced, for example because the database was restored."""

    code = "FEED_RESET"
    category = Code.CURSOR_EXPIRED
    status = 503
    hint = "Open the subscription again with the last cursor; CURSOR_EXPIRED then says what part of the feed is gone."


class StreamFailedError(StreamEndError):
    """The stream failed because of an internal error."""

    code = "STREAM_FAILED"
    category = Code.INTERNAL_SERVER_ERROR
    status = 500
    hint = "Open the subscription again with the last cursor."


class TooManyStreamsError(StreamEndError):
    """Too many streams are open."""

    code = "TOO_MANY_STREAMS"
    category = Code.RATE_LIMITED
    status = 429
    hint = (
        "Close streams that you no longer need, or use one WebSocket for several subscriptions. The bounds are "
        "JEMBATAN_STREAM_CONNECTIONS_PER_CLIENT and JEMBATAN_STREAMS_MAX."
    )


class TooManySubscriptionsError(StreamEndError):
    """Too many operations are running on this connection."""

    code = "TOO_MANY_SUBSCRIPTIONS"
    category = Code.RATE_LIMITED
    status = 429
    hint = "Complete some, or open another connection. The bound is JEMBATAN_SUBSCRIPTIONS_PER_CONNECTION."


def end_of_token(reason: Refusal) -> TokenExpiredError | TokenRevokedError:
    """Return why a stream ends when its token does."""
    return TokenExpiredError() if reason is Refusal.EXPIRED else TokenRevokedError()


class StreamEnded(Exception):  # noqa: N818 - the end of a stream is not an error of its reader
    """A subscription is over: the reason, and the cursor to resume from."""

    def __init__(self, failure: Exception, cursor: str) -> None:
        """Keep the last cursor and the reason: a GatewayError, a LedgerError or an error reported as internal."""
        super().__init__(str(failure))
        self.failure = failure
        self.cursor = cursor

    def renew(self) -> "StreamEnded":
        """Return an equal one to raise: a raised one refers to its raiser, a cycle if that keeps it; docs/adr/0083."""
        return StreamEnded(self.failure, self.cursor)

    @property
    def problem(self) -> str:
        """The stable code of the reason."""
        if isinstance(self.failure, (GatewayError, LedgerError)):
            return self.failure.code
        return Code.INTERNAL_SERVER_ERROR.value

    def tell(self, request_id: str) -> list[Mapping[str, Any]]:
        """Return the GraphQL errors that the client reads, each with the cursor in its extensions."""
        told = [dict(error.body) for error in tell_failure(self.failure, request_id)]
        for body in told:
            body["extensions"] = {**body["extensions"], "cursor": self.cursor}
        return [*told]
