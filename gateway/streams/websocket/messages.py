"""The messages of graphql-transport-ws: strictly parsed, judged by one table, rendered. It knows no socket or clock.

What a client sends is either a Message or a Refusal, which says with which code and reason the socket closes. Nothing
here raises on a client's fault, and no reason repeats what a client sent except the id of an operation.
Source: the protocol's own text (enisdenjo/graphql-ws, PROTOCOL.md); docs/adr/0057.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Any

import orjson

from gateway.operations.errors import MalformedRequestError
from gateway.operations.progress import GraphQLRequest
from gateway.operations.requests import VARIABLES_DEPTH_MAX, build_request, load_json

SUBPROTOCOL = "graphql-transport-ws"
ID_CHARACTERS_MAX = 128
REASON_BYTES_MAX = 123
"""RFC 6455 section 5.5: a control frame holds 125 bytes, of which the code takes two."""


class CloseCode(IntEnum):
    """Why a socket was closed; docs/subscriptions.md says what to do about each."""

    NORMAL = 1000
    RESTART = 1012
    TRY_AGAIN = 1013
    BAD_MESSAGE = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    INIT_TIMEOUT = 4408
    DUPLICATE_ID = 4409
    SLOW_READER = 4410
    MESSAGE_TOO_LARGE = 4413
    TOO_MANY = 4429
    INTERNAL = 4500


class Kind(StrEnum):
    """What a client may send."""

    CONNECTION_INIT = "connection_init"
    PING = "ping"
    PONG = "pong"
    SUBSCRIBE = "subscribe"
    COMPLETE = "complete"


class Phase(StrEnum):
    """The state of a socket. It only ever moves forward."""

    OPENED = "opened"
    INITIALISING = "initialising"
    ACKNOWLEDGED = "acknowledged"
    ENDING = "ending"


class Move(StrEnum):
    """What a message makes the server do."""

    INITIALISE = "initialise"
    START = "start"
    TURN_AWAY = "turn_away"
    STOP = "stop"
    ANSWER = "answer"
    HEAR = "hear"


@dataclass(frozen=True, slots=True)
class Message:
    """A well-formed message; only a subscribe message has a request."""

    kind: Kind
    id: str = ""
    payload: Mapping[str, Any] | None = None
    request: GraphQLRequest | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """The code and reason with which the socket closes."""

    code: CloseCode
    reason: str


UNAUTHORIZED = Refusal(CloseCode.UNAUTHORIZED, "Unauthorized")
FORBIDDEN = Refusal(CloseCode.FORBIDDEN, "Forbidden")
WRONG_SUBPROTOCOL = Refusal(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
INIT_TIMEOUT = Refusal(CloseCode.INIT_TIMEOUT, "Connection initialisation timeout")
INIT_REPEATED = Refusal(CloseCode.TOO_MANY, "Too many initialisation requests")
RATE_LIMITED = Refusal(CloseCode.TOO_MANY, "RATE_LIMITED")
TOKENS_DIFFER = Refusal(CloseCode.FORBIDDEN, "The token of the payload is not that of the Authorization header")
TOKEN_MISPLACED = Refusal(
    CloseCode.BAD_MESSAGE, 'The payload has a token where none is read. Send it as {"Authorization": "Bearer <token>"}.'
)
TRY_AGAIN = Refusal(CloseCode.TRY_AGAIN, "Try again later")
INTERNAL = Refusal(CloseCode.INTERNAL, "Internal server error")

MOVES: Mapping[Kind, Mapping[Phase, Move | Refusal]] = {
    Kind.CONNECTION_INIT: {
        Phase.OPENED: Move.INITIALISE,
        Phase.INITIALISING: INIT_REPEATED,
        Phase.ACKNOWLEDGED: INIT_REPEATED,
        Phase.ENDING: Move.HEAR,
    },
    Kind.SUBSCRIBE: {
        Phase.OPENED: UNAUTHORIZED,
        Phase.INITIALISING: UNAUTHORIZED,
        Phase.ACKNOWLEDGED: Move.START,
        Phase.ENDING: Move.TURN_AWAY,
    },
    # A client may complete an operation that has just ended by itself.
    Kind.COMPLETE: dict.fromkeys(Phase, Move.STOP),
    Kind.PING: dict.fromkeys(Phase, Move.ANSWER),
    Kind.PONG: dict.fromkeys(Phase, Move.HEAR),
}

# What ends not only an operation but the socket, by the problem's code.
SOCKET_ENDS: Mapping[str, Refusal] = {
    "TOKEN_EXPIRED": Refusal(CloseCode.UNAUTHORIZED, "TOKEN_EXPIRED"),
    "TOKEN_REVOKED": Refusal(CloseCode.UNAUTHORIZED, "TOKEN_REVOKED"),
    "SLOW_READER": Refusal(CloseCode.SLOW_READER, "SLOW_READER"),
    "TOO_MANY_STREAMS": Refusal(CloseCode.TOO_MANY, "TOO_MANY_STREAMS"),
    "SERVER_SHUTDOWN": Refusal(CloseCode.RESTART, "SERVER_SHUTDOWN"),
}

PING = b'{"type":"ping"}'


def read_message(text: str | None, *, depth_max: int = VARIABLES_DEPTH_MAX) -> Message | Refusal:
    """Parse a message, or return why it is refused; None is a message that is not text.

    Shapes: depth_max bounds the nesting of variables and of extensions.
    """
    try:
        return _read(text, depth_max=depth_max)
    except MalformedRequestError as error:
        return Refusal(CloseCode.BAD_MESSAGE, cut_reason(error.message))


def choose_move(kind: Kind, phase: Phase) -> Move | Refusal:
    """Return what a message of that kind does to a socket in that phase."""
    return MOVES[kind][phase]


def refuse_duplicate(identifier: str) -> Refusal:
    """Return the refusal of an id that an operation of the socket already has, in the protocol's words."""
    return Refusal(CloseCode.DUPLICATE_ID, cut_reason(f"Subscriber for {identifier} already exists"))


def cut_reason(text: str) -> str:
    """Return a reason that fits a close frame, cut between characters."""
    return text.encode()[:REASON_BYTES_MAX].decode(errors="ignore")


def render_acknowledgement(payload: Mapping[str, Any]) -> bytes:
    """Render the answer to connection_init."""
    return orjson.dumps({"type": "connection_ack", "payload": payload})


def render_pong(payload: Mapping[str, Any] | None) -> bytes:
    """Render the answer to a ping, with its payload if that can be written as it was read."""
    try:
        return orjson.dumps({"type": "pong", "payload": payload} if payload is not None else {"type": "pong"})
    except orjson.JSONEncodeError:
        # An integer of more than 64 bits. A pong needs no payload, and the ping was no fault.
        return b'{"type":"pong"}'


def render_next_head(identifier: str) -> bytes:
    """Render what precedes a result's JSON; NEXT_TAIL follows it. Made once for an operation."""
    return b'{"id":%b,"type":"next","payload":' % orjson.dumps(identifier)


NEXT_TAIL = b"}"


def render_complete(identifier: str) -> bytes:
    """Render the end of an operation."""
    return orjson.dumps({"id": identifier, "type": "complete"})


def render_error(identifier: str, errors: Sequence[Mapping[str, Any]]) -> bytes:
    """Render the end of an operation that was refused or ended by force; the socket's others continue."""
    return orjson.dumps({"id": identifier, "type": "error", "payload": list(errors)})


def _read(text: str | None, *, depth_max: int) -> Message:
    if text is None:
        raise MalformedRequestError("A message must be text.")
    # The message and its payload add two levels to what is bounded.
    value = load_json(text.encode(), what="message", depth_max=depth_max + 2)
    if not isinstance(value, Mapping):
        raise MalformedRequestError("A message must be a JSON object.")
    kind = _read_kind(value.get("type"))
    payload = value.get("payload")
    if kind is Kind.COMPLETE:
        return Message(kind, _read_id(value.get("id")))
    if kind is Kind.SUBSCRIBE:
        if not isinstance(payload, Mapping):
            raise MalformedRequestError("The message's payload must be an object.")
        return Message(kind, _read_id(value.get("id")), payload, build_request(payload))
    if payload is not None and not isinstance(payload, Mapping):
        raise MalformedRequestError("The message's payload must be an object, or be left out.")
    return Message(kind, payload=payload)


def _read_kind(value: object) -> Kind:
    if isinstance(value, str) and value in set(Kind):
        return Kind(value)
    raise MalformedRequestError("The message's type is not one that a client may send.")


def _read_id(value: object) -> str:
    if isinstance(value, str) and 1 <= len(value) <= ID_CHARACTERS_MAX:
        return value
    raise MalformedRequestError(f"The message's id must be a string of 1 to {ID_CHARACTERS_MAX} characters.")
