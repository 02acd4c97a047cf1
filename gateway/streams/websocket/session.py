"""One WebSocket from its acceptance to its close: its state, what runs on it, and what ends it.

Three parties work on a session, all in one event loop: the reader takes messages and waits for no operation; only the
writer sends (writer.py); a timer detects silence and clients that don't read. A subscription is pulled only while there
is room to write, so nothing of it waits here for a slow client.
messages.MOVES says what a message does; docs/adr/0057 says why this is our own code.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import structlog
from starlette.types import Receive

from auth.tokens.open_tokens import OpenToken, OpenTokens
from auth.tokens.principal import Principal
from auth.tokens.verification import Refusal as TokenRefusal
from gateway.operations.failures import log_causes, tell_failure
from gateway.operations.media_types import MediaType
from gateway.operations.progress import (
    Answer,
    Called,
    GraphQLRequest,
    Received,
    Transport,
    Weigh,
    advance,
    read_nothing,
)
from gateway.operations.services import Services
from gateway.streams.ends import (
    ServerShutdownError,
    SlowReaderError,
    StreamEnded,
    StreamEndError,
    TooManySubscriptionsError,
    end_of_token,
)
from gateway.streams.hub import StreamConnection, StreamHub
from gateway.streams.subscription import Subscription
from gateway.streams.websocket.login import Login, choose_principal
from gateway.streams.websocket.messages import (
    INIT_TIMEOUT,
    INTERNAL,
    NEXT_TAIL,
    PING,
    SOCKET_ENDS,
    Message,
    Move,
    Phase,
    Refusal,
    choose_move,
    read_message,
    refuse_duplicate,
    render_acknowledgement,
    render_complete,
    render_error,
    render_next_head,
    render_pong,
)
from gateway.streams.websocket.operations import Operation, list_errors
from gateway.streams.websocket.writer import Flow, Socket, Turns, Writer
from ledger.identifiers import new_id

_TICKS = 4
"""How often the timer checks within the shorter of the times that it watches."""
_CUT_OFF = 1006
"""The code of a connection that ended without one (RFC 6455 section 7.1.5); only for the log."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """A session's connection: where to receive and to send, how to cut it off, and the peer's address."""

    receive: Receive
    socket: Socket
    turns: Turns
    abort: Callable[[], None]
    peer: str


class Session:
    """An accepted socket. Owned by the event loop; run is called once."""

    def __init__(
        self,
        carrier: Carrier,
        services: Services,
        hub: StreamHub,
        open_tokens: OpenTokens | None,
        *,
        login: Login,
        now: Callable[[], datetime],
    ) -> None:
        """Bind to the connection and to whom its upgrade was authenticated as."""
        self._carrier, self._services, self._hub, self._login, self._now = carrier, services, hub, login, now
        self._open_tokens = open_tokens
        self._token: OpenToken | None = None
        self._settings = services.settings
        self._loop = asyncio.get_running_loop()
        self._phase = Phase.OPENED
        self._is_draining = False
        self._close: Refusal | None = None
        self._peer_code: int | None = None
        self._principal: Principal | None = None
        self._connection: StreamConnection | None = None
        self._operations: dict[str, Operation] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._initialising: asyncio.Task[None] | None = None
        self._writer = Writer(
            carrier.socket,
            carrier.turns,
            waiting_bytes_max=self._settings.stream_buffer_bytes_max,
        )
        self._init_timer = self._loop.call_later(self._settings.stream_init_seconds, self.end, INIT_TIMEOUT)
        self._pulse: asyncio.TimerHandle | None = None
        self._heard_at = self._moved_at = self._loop.time()
        self._pinged_at: float | None = None
        self._waiting_then: int | None = None
        self._counts = {"messages": 0, "operations": 0, "results": 0}

    @property
    def is_opening(self) -> bool:
        """Whether the connection is not acknowledged yet."""
        return self._phase in {Phase.OPENED, Phase.INITIALISING}

    async def run(self) -> None:
        """Serve until the socket is closed, by either side. Raises nothing but cancellation."""
        self._beat()
        try:
            await self._read()
        except Exception as error:  # noqa: BLE001 - an internal fault ends this socket, with a code
            log_causes([error])
            self.end(INTERNAL)
        finally:
            await self._leave()

    def end(self, refusal: Refusal, failure: StreamEndError | None = None) -> None:
        """Close the socket after what was sent; a failure is first reported to each operation."""
        if self._close is not None:
            return
        self._close, self._phase = refusal, Phase.ENDING
        for operation in tuple(self._operations.values()):
            if failure is not None:
                self._tell(operation, failure)
            self._stop(operation)
        self._writer.close(refusal)

    def drain(self) -> None:
        """Accept nothing new, end the subscriptions, and close once everything else has been answered."""
        if self._close is not None:
            return
        self._phase, self._is_draining = Phase.ENDING, True
        for operation in tuple(self._operations.values()):
            if operation.subscription is not None:
                self._tell(operation, ServerShutdownError())
                self._stop(operation)
        self._close_if_drained()

    def describe(self) -> dict[str, Any]:
        """Return what the log records about it."""
        code = self._peer_code if self._close is None else int(self._close.code)
        client_id = None if self._principal is None else self._principal.client_id
        officer_id = None if self._principal is None else self._principal.officer_id
        reason = None if self._close is None else self._close.reason
        return {"client_id": client_id, "officer_id": officer_id, "code": code, "reason": reason, **self._counts}

    async def _read(self) -> None:
        while True:
            event = await self._carrier.receive()
            if event["type"] == "websocket.disconnect":
                self._peer_code = self._peer_code or event.get("code")
                return
            self._heard_at = self._loop.time()
            self._counts["messages"] += 1
            if self._close is None:
                self._hear(event.get("text"))
            await self._writer.wait_for_room()

    def _hear(self, text: str | None) -> None:
        message = read_message(text)
        if isinstance(message, Refusal):
            self.end(message)
            return
        move = choose_move(message.kind, self._phase)
        if isinstance(move, Refusal):
            self.end(move)
        elif move in {Move.START, Move.TURN_AWAY}:
            self._start(message)
        elif move is Move.STOP:
            operation = self._operations.get(message.id)
            if operation is not None:
                self._stop(operation)
        elif move is Move.ANSWER:
            self._writer.say(render_pong(message.payload))
        elif move is Move.INITIALISE:
            self._phase = Phase.INITIALISING
            self._init_timer.cancel()
            self._initialising = self._launch(self._initialise(message.payload or {}))

    async def _initialise(self, payload: Mapping[str, Any]) -> None:
        principal = await choose_principal(self._login, payload, self._receive(), self._services)
        if self._close is not None:
            return
        if isinstance(principal, Refusal):
            self.end(principal)
            return
        try:
            client = self._carrier.peer if principal is None else principal.client_id
            self._connection = self._hub.connect(client, transport=Transport.WEBSOCKET.value)
        except StreamEndError as failure:
            self.end(SOCKET_ENDS[failure.code])
            return
        self._principal = principal
        if principal is not None and self._open_tokens is not None:
            # Even without subscriptions: queries would otherwise outlive the token.
            self._token = self._open_tokens.watch(principal, self._end_token)
        self._phase = Phase.ACKNOWLEDGED
        told = {
            "heartbeatSeconds": self._settings.stream_heartbeat_seconds,
            "messageBytesMax": self._settings.stream_message_bytes_max,
            "operationsMax": self._settings.subscriptions_per_connection,
        }
        self._writer.say(render_acknowledgement(told))

    def _end_token(self, reason: TokenRefusal) -> None:
        failure = end_of_token(reason)
        self.end(SOCKET_ENDS[failure.code], failure)

    def _start(self, message: Message) -> None:
        if message.id in self._operations:
            self.end(refuse_duplicate(message.id))
            return
        if self._phase is Phase.ENDING:
            self._turn_away(message.id, ServerShutdownError())
        elif len(self._operations) >= self._settings.subscriptions_per_connection:
            self._turn_away(message.id, TooManySubscriptionsError())
        elif message.request is not None:
            self._counts["operations"] += 1
            called = advance(self._receive(message.request), Called, principal=self._principal)
            operation = self._operations[message.id] = Operation(message.id, called, self._services)
            operation.task = self._launch(self._operate(operation))

    def _turn_away(self, identifier: str, failure: StreamEndError) -> None:
        """Refuse an operation before it begins."""
        self._writer.say(render_error(identifier, [error.body for error in tell_failure(failure, new_id())]))

    async def _operate(self, operation: Operation) -> None:
        if self._connection is None:
            raise RuntimeError("An operation was started before the socket was acknowledged.")
        with structlog.contextvars.bound_contextvars(request_id=operation.request_id):
            outcome = await operation.take(self._hub, self._connection)
        self._take_outcome(operation, outcome)

    def _take_outcome(self, operation: Operation, outcome: Answer | Subscription) -> None:
        if operation.is_over:
            if isinstance(outcome, Subscription):
                outcome.close()
        elif isinstance(outcome, Subscription):
            operation.subscription = outcome
            head, on_end = render_next_head(operation.id), partial(self._end_subscription, operation)
            operation.flow = Flow(outcome, self._writer, head=head, on_end=on_end)
        elif outcome.is_result:
            self._writer.say(render_next_head(operation.id) + outcome.body + NEXT_TAIL)
            self._writer.say(render_complete(operation.id))
            self._stop(operation)
        else:
            self._writer.say(render_error(operation.id, list_errors(outcome)))
            self._stop(operation)

    def _end_subscription(self, operation: Operation, end: StreamEnded) -> None:
        if operation.is_over:
            return
        if end.problem == ServerShutdownError.code:
            self.drain()
        elif end.problem in SOCKET_ENDS and isinstance(end.failure, StreamEndError):
            self.end(SOCKET_ENDS[end.problem], end.failure)
        else:
            self._tell(operation, end.failure)
            self._stop(operation)

    def _tell(self, operation: Operation, failure: Exception) -> None:
        """Tell the client why an operation ends, with the last cursor if there is one."""
        if operation.subscription is None:
            errors = [error.body for error in tell_failure(failure, operation.request_id)]
        else:
            # It has usually ended by itself; where the session ends it, the hub counts why.
            operation.subscription.end(failure)
            errors = StreamEnded(failure, operation.subscription.cursor).tell(operation.request_id)
        operation.codes = tuple(error["extensions"]["code"] for error in errors)
        self._writer.say(render_error(operation.id, errors))

    def _stop(self, operation: Operation) -> None:
        """Forget an operation, and cancel what it runs unless that is a mutation."""
        operation.is_over = True
        self._operations.pop(operation.id, None)
        if operation.subscription is not None:
            operation.subscription.close()
        if (
            operation.task is not None
            and operation.task is not asyncio.current_task()
            and not operation.run.is_mutation
        ):
            operation.task.cancel()
        self._counts["results"] += operation.results
        operation.record()
        # It refers back to the operation; docs/adr/0083.
        operation.flow = None
        self._close_if_drained()

    def _close_if_drained(self) -> None:
        if self._is_draining and not self._operations:
            self.end(SOCKET_ENDS[ServerShutdownError.code])

    def _receive(self, request: GraphQLRequest | None = None) -> Received:
        """Return what came over the socket: an operation, or the credentials that it begins with."""

        async def read(bytes_max: int, weigh: Weigh) -> GraphQLRequest:
            return request or await read_nothing(bytes_max, weigh)

        return Received(
            request_id=new_id(),
            as_of=self._now(),
            method="POST",
            media_type=MediaType.GRAPHQL_RESPONSE,
            peer=self._carrier.peer,
            transport=Transport.WEBSOCKET,
            read=read,
        )

    def _launch(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._settle)
        return task

    def _settle(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception):
            log_causes([error])
            self.end(INTERNAL)

    def _beat(self) -> None:
        """Check whether the peer takes what it is sent, and whether it is alive."""
        heartbeat, stall = self._settings.stream_heartbeat_seconds, self._settings.stream_stall_seconds
        self._pulse = self._loop.call_later(min(heartbeat, stall) / _TICKS, self._beat)
        now = self._loop.time()
        waiting = self._carrier.socket.count_waiting_bytes() if self._writer.is_blocked else None
        if waiting is None or self._waiting_then is None or waiting < self._waiting_then:
            self._moved_at = now
        elif now - self._moved_at >= stall:
            self.end(SOCKET_ENDS[SlowReaderError.code], SlowReaderError())
            return
        self._waiting_then = waiting
        if self._pinged_at is not None and self._heard_at >= self._pinged_at:
            self._pinged_at = None
        if self._pinged_at is not None and now - self._pinged_at >= stall:
            self._peer_code = _CUT_OFF
            self._carrier.abort()
        elif self._pinged_at is None and now - self._heard_at >= heartbeat and self._close is None:
            self._writer.say(PING)
            self._pinged_at = now

    async def _leave(self) -> None:
        """Release everything that the socket held; a mutation runs to its end, as over HTTP."""
        self._init_timer.cancel()
        if self._pulse is not None:
            self._pulse.cancel()
        if self._initialising is not None:
            self._initialising.cancel()
        self._writer.stop()
        for operation in tuple(self._operations.values()):
            self._stop(operation)
        if self._token is not None:
            self._token.close()
            self._token = None
        if self._connection is not None:
            self._connection.close()
        if self._tasks:
            await asyncio.wait(self._tasks)
