"""Why a stream ends that its client did not end: one class a reason, each with a code of its own, and the last cursor.

A client that opens the same subscription again with that cursor loses nothing and reads nothing twice.
docs/subscriptions.md tells it what to do about each code.
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
    """The access token that the stream was opened with has expired."""

    code = "TOKEN_EXPIRED"
    category = Code.UNAUTHENTICATED
    status = 401
    hint = "Get a new token and open the subscription again with the last cursor."


class TokenRevokedError(StreamEndError):
    """The access token was revoked, or who holds it may not act any more."""

    code = "TOKEN_REVOKED"
    category = Code.UNAUTHENTICATED
    status = 401
    hint = "Get a new token, where you still may, and open the subscription again with the last cursor."


class SlowReaderError(StreamEndError):
    """The stream was not read for longer than is waited."""

    code = "SLOW_READER"
    category = Code.RATE_LIMITED
    status = 503
    hint = "Open the subscription again with the last cursor, and read faster."


class ServerShutdownError(StreamEndError):
    """This process is about to stop."""

    code = "SERVER_SHUTDOWN"
    category = Code.RATE_LIMITED
    status = 503
    hint = "Open the subscription again at once with the last cursor; another process takes it."


class ParticipationEndedError(StreamEndError):
    """The participation that the stream hangs on has ended."""

    code = "PARTICIPATION_ENDED"
    hint = "Nothing more comes until a new participation begins."


class FeedResetError(StreamEndError):
    """The feed behind the stream was replaced, as by a restored database."""

    code = "FEED_RESET"
    category = Code.CURSOR_EXPIRED
    status = 503
    hint = "Open the subscription again with the last cursor; CURSOR_EXPIRED then tells what of it is gone."


class StreamFailedError(StreamEndError):
    """Something of ours failed."""

    code = "STREAM_FAILED"
    category = Code.INTERNAL_SERVER_ERROR
    status = 500
    hint = "Open the subscription again with the last cursor."


class TooManyStreamsError(StreamEndError):
    """As many streams are open as may be."""

    code = "TOO_MANY_STREAMS"
    category = Code.RATE_LIMITED
    status = 429
    hint = "Close streams that you need no more, or carry several subscriptions over one WebSocket."


class TooManySubscriptionsError(StreamEndError):
    """As many operations run on this connection as may."""

    code = "TOO_MANY_SUBSCRIPTIONS"
    category = Code.RATE_LIMITED
    status = 429
    hint = "Complete some, or open another connection."


def end_of_token(reason: Refusal) -> TokenExpiredError | TokenRevokedError:
    """Why a stream ends whose token did."""
    return TokenExpiredError() if reason is Refusal.EXPIRED else TokenRevokedError()


class StreamEnded(Exception):  # noqa: N818 - the end of a stream is no error of whoever reads it
    """A subscription is over: why, and the cursor to go on from."""

    def __init__(self, failure: Exception, cursor: str) -> None:
        """Keep the reason, a GatewayError, a LedgerError or what is told as internal, and the last cursor."""
        super().__init__(str(failure))
        self.failure = failure
        self.cursor = cursor

    @property
    def problem(self) -> str:
        """The stable code of the reason."""
        if isinstance(self.failure, (GatewayError, LedgerError)):
            return self.failure.code
        return Code.INTERNAL_SERVER_ERROR.value

    def tell(self, request_id: str) -> list[Mapping[str, Any]]:
        """The GraphQL errors that the client reads, each with the cursor in its extensions."""
        told = [dict(error.body) for error in tell_failure(self.failure, request_id)]
        for body in told:
            body["extensions"] = {**body["extensions"], "cursor": self.cursor}
        return [*told]
