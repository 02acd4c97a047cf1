"""One subscription over one WebSocket, as a client of graphql-transport-ws; each end comes with a remedy.

It opens one socket for one subscription and never reconnects itself; the caller does, with the last cursor.
Source: graphql-transport-ws, PROTOCOL.md; docs/subscriptions.md.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

SUBPROTOCOL = Subprotocol("graphql-transport-ws")
_ID = "1"
_OPEN_SECONDS_MAX = 15
_CLOSE_SECONDS_MAX = 2
_MESSAGE_BYTES_MAX = 1 << 24


class Remedy(StrEnum):
    """What to do about an end."""

    COME_BACK = "come back"
    RENEW = "renew the token"
    GIVE_UP = "give up"


_CODES_THAT_PASS = frozenset({"RATE_LIMITED", "INTERNAL_SERVER_ERROR", "MEMBER_UNAVAILABLE"})
_PROBLEMS_THAT_PASS = frozenset({"FEED_RESET"})
_CLOSES_FOR_GOOD = frozenset({4400, 4406, 4409, 4413})
_CLOSES_FOR_TOKENS = frozenset({4401, 4403})
_UNAUTHORIZED, _TOO_MANY_REQUESTS, _SERVER_ERRORS = 401, 429, 500


class StreamEndedError(Exception):
    """The stream is over: a stable code, a message, and what to do about it."""

    def __init__(
        self, problem: str, message: str, remedy: Remedy, *, hint: str | None = None, cursor: str | None = None
    ) -> None:
        """Keep the end; cursor is the last one, where the end named it."""
        super().__init__(message)
        self.problem = problem
        self.message = message
        self.remedy = remedy
        self.hint = hint
        self.cursor = cursor


class SubscriptionSocket:
    """A running subscription. Made by open_subscription."""

    def __init__(self, connection: ClientConnection) -> None:
        """Begin after the subscription was sent."""
        self._connection = connection

    async def read(self) -> Mapping[str, Any]:
        """Return the next result. Errors: StreamEndedError."""
        while True:
            message = await _receive(self._connection)
            match message:
                case {"type": "next", "payload": dict() as result}:
                    return result
                case {"type": "error", "payload": [dict() as error, *_]}:
                    raise read_end(error)
                case {"type": "complete"}:
                    raise StreamEndedError("COMPLETE", "The gateway completed the subscription.", Remedy.COME_BACK)
                case {"type": "ping"}:
                    # A close may have arrived already; what was sent before it is still there to be read.
                    with suppress(StreamEndedError):
                        await _send(self._connection, {"type": "pong"})

    def abort(self) -> None:
        """Drop the connection immediately and silently, as when a cable is cut."""
        self._connection.transport.abort()


@asynccontextmanager
async def open_subscription(
    url: str, *, token: str, document: str, variables: Mapping[str, Any] | None = None, cursor: str | None = None
) -> AsyncIterator[SubscriptionSocket]:
    """Open a socket at a gateway's base URL and subscribe, after the cursor if there is one.

    Errors: StreamEndedError.
    """
    address = f"ws{url.removeprefix('http')}/graphql"
    payload: dict[str, Any] = {"query": document}
    if variables:
        payload["variables"] = variables
    if cursor is not None:
        payload["extensions"] = {"cursor": cursor}
    connection = await _connect(address)
    try:
        await _initialise(connection, token)
        await _send(connection, {"id": _ID, "type": "subscribe", "payload": payload})
        yield SubscriptionSocket(connection)
    finally:
        await connection.close()


def read_end(error: Mapping[str, Any]) -> StreamEndedError:
    """Return the end that a GraphQL error reports."""
    told: Mapping[str, Any] = error.get("extensions") or {}
    code, problem = str(told.get("code", "")), str(told.get("problem") or told.get("code") or "REFUSED")
    remedy = Remedy.GIVE_UP
    if code == "UNAUTHENTICATED":
        remedy = Remedy.RENEW
    elif code in _CODES_THAT_PASS or problem in _PROBLEMS_THAT_PASS:
        remedy = Remedy.COME_BACK
    hint, cursor = told.get("hint"), told.get("cursor")
    return StreamEndedError(problem, str(error.get("message", "")), remedy, hint=hint, cursor=cursor)


async def _connect(address: str) -> ClientConnection:
    try:
        return await connect(
            address,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            open_timeout=_OPEN_SECONDS_MAX,
            close_timeout=_CLOSE_SECONDS_MAX,
            max_size=_MESSAGE_BYTES_MAX,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        passes = status == _TOO_MANY_REQUESTS or status >= _SERVER_ERRORS
        remedy = Remedy.COME_BACK if passes else Remedy.GIVE_UP
        raise StreamEndedError("CONNECTION_REFUSED", f"The gateway returned {status}.", remedy) from error
    except InvalidURI as error:
        raise StreamEndedError("URL_INVALID", "The address is not that of a gateway.", Remedy.GIVE_UP) from error
    except (OSError, InvalidHandshake, TimeoutError) as error:
        said = f"The gateway can't be reached ({type(error).__name__})."
        raise StreamEndedError("CONNECTION_REFUSED", said, Remedy.COME_BACK) from error


async def _initialise(connection: ClientConnection, token: str) -> None:
    await _send(connection, {"type": "connection_init", "payload": {"Authorization": f"Bearer {token}"}})
    try:
        async with asyncio.timeout(_OPEN_SECONDS_MAX):
            while (await _receive(connection)).get("type") != "connection_ack":
                pass
    except TimeoutError as error:
        raise StreamEndedError("CONNECTION_LOST", "The gateway does not respond.", Remedy.COME_BACK) from error


async def _send(connection: ClientConnection, message: Mapping[str, Any]) -> None:
    try:
        await connection.send(orjson.dumps(message).decode())
    except ConnectionClosed as closed:
        raise _read_close(closed) from closed


async def _receive(connection: ClientConnection) -> dict[str, Any]:
    try:
        message = orjson.loads(await connection.recv())
    except ConnectionClosed as closed:
        raise _read_close(closed) from closed
    except orjson.JSONDecodeError as error:
        raise StreamEndedError("PROTOCOL", "The gateway sent something other than JSON.", Remedy.GIVE_UP) from error
    return message if isinstance(message, dict) else {}


def _read_close(closed: ConnectionClosed) -> StreamEndedError:
    if closed.rcvd is None:
        return StreamEndedError("CONNECTION_LOST", "The connection was lost.", Remedy.COME_BACK)
    code, reason = closed.rcvd.code, closed.rcvd.reason
    remedy = Remedy.COME_BACK
    if code in _CLOSES_FOR_TOKENS:
        remedy = Remedy.RENEW
    elif code in _CLOSES_FOR_GOOD:
        remedy = Remedy.GIVE_UP
    return StreamEndedError(f"CLOSED_{code}", f"The gateway closed the connection: {code} {reason}".strip(), remedy)
