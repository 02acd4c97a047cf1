"""The subscriptions of one process: how many a client may open, which share a channel, and what ends them.

A transport connects its client, and opens what the pipeline authorized; the hub never touches a socket. It doesn't
decide who may see what: the channel's viewer determines that, by the rules of the ledger.
Owned by one event loop. Source: docs/subscriptions.md; docs/adr/0056.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from auth.tokens.open_tokens import OpenToken, OpenTokens
from auth.tokens.principal import Principal
from gateway.operations.errors import OperationTimeoutError, UnauthenticatedError
from gateway.operations.progress import Authorized, Document
from gateway.operations.services import Services
from gateway.streams.catch_up import CatchUps
from gateway.streams.channel import Channel
from gateway.streams.counts import StreamCollector, StreamCounts
from gateway.streams.ends import (
    FeedResetError,
    ServerShutdownError,
    StreamEndError,
    TooManyStreamsError,
    TooManySubscriptionsError,
    end_of_token,
)
from gateway.streams.execution import Operation, SharedExecution
from gateway.streams.keys import ChannelKey, Following, choose_cursor, read_following
from gateway.streams.subscription import Subscription
from ledger.access_records.recording import is_recorded
from ledger.feed.cursors import FeedCursor, resolve_cursor
from ledger.feed.entries import Entry
from ledger.feed.follower import Follower
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ClientId

_TRIM_SECONDS = 1.0
_RETRY = {"Retry-After": "5"}
_UNSETTLING = frozenset({EventKind.ENTRIES_ERASED, EventKind.ENTRIES_ARCHIVED})
"""After these, the database no longer holds what was read before in that form."""
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class StreamConnection:
    """One connection of a client, counted while it is open. Made only by StreamHub.connect."""

    client: str
    transport: str
    subscriptions: int = 0
    on_close: Callable[["StreamConnection"], None] | None = field(default=None, repr=False)

    def close(self) -> None:
        """Release it; it may be called again."""
        on_close, self.on_close = self.on_close, None
        if on_close is not None:
            on_close(self)


class StreamHub:
    """All channels of a process."""

    def __init__(
        self,
        services: Services,
        follower: Follower,
        open_tokens: OpenTokens | None,
        *,
        now: Callable[[], datetime],
    ) -> None:
        """Start without subscribers. Without open_tokens a token's end goes unnoticed; only tests do that."""
        self.counts = StreamCounts()
        self._services = services
        self._follower = follower
        self._open_tokens = open_tokens
        self._now = now
        self._catch_ups = CatchUps(follower, services.settings, self.counts)
        # At most half of the pool, so that streams never keep requests from the database.
        self._gate = asyncio.Semaphore(max(1, services.settings.database_pool_size // 2))
        self._channels: dict[ChannelKey, Channel] = {}
        self._open: dict[Subscription, Callable[[], None]] = {}
        self._reserved = 0
        self._clients: Counter[str] = Counter()
        self._is_draining = False
        self._trimming: asyncio.TimerHandle | None = None
        follower.add_listener(self._on_entries, on_reset=self._on_reset)
        services.metrics.registry.register(StreamCollector(self.counts))

    @property
    def is_draining(self) -> bool:
        """Whether nothing new is accepted."""
        return self._is_draining

    def connect(self, client: str, *, transport: str) -> StreamConnection:
        """Count a connection of a client. Errors: TooManyStreamsError, ServerShutdownError."""
        self._refuse_draining()
        most = self._services.settings.stream_connections_per_client
        if self._clients[client] >= most:
            raise TooManyStreamsError(f"The client already has {most} connections with open streams.", headers=_RETRY)
        self._clients[client] += 1
        self.counts.connections[transport] += 1
        return StreamConnection(client, transport, on_close=self._disconnect)

    async def open(self, authorized: Authorized, cursor: str | None, *, connection: StreamConnection) -> Subscription:
        """Open a subscription, in place of the steps that follow authorization.

        Shapes: cursor comes from the transport (Last-Event-ID) and precedes extensions.cursor and the root argument
        `after`. Errors, all before anything is streamed: ServerShutdownError, TooManyStreamsError,
        TooManySubscriptionsError, CursorInvalidError, CursorExpiredError, VariablesRefusedError, refusals by the field,
        DatabaseUnavailableError, OperationTimeoutError.
        """
        self._check_limits(connection)
        principal = authorized.principal
        if principal is None:
            raise UnauthenticatedError("A subscription needs an access token.")
        self._reserved += 1
        connection.subscriptions += 1
        channel: Channel | None = None
        try:
            neutral = _neutralize(principal)
            following = read_following(authorized, viewer=neutral.viewer)
            said = choose_cursor(following, authorized.request.extensions, last_event_id=cursor)
            channel = self._take_channel(following, neutral, authorized.document)
            subscription = await self._begin(channel, said)
            self._refuse_draining()
        except BaseException as failure:
            connection.subscriptions -= 1
            if channel is not None:
                self._let_go(channel)
            if isinstance(failure, TimeoutError):
                raise OperationTimeoutError from None
            raise
        finally:
            self._reserved -= 1
        self._enter(subscription, channel, principal, connection)
        return subscription

    async def drain(self) -> None:
        """Refuse new subscriptions and end all open ones with SERVER_SHUTDOWN."""
        self._is_draining = True
        for subscription in tuple(self._open):
            subscription.end(ServerShutdownError())
        # Yield once, so that transports that wait for the event loop see it before the server checks them.
        await asyncio.sleep(0)

    def _refuse_draining(self) -> None:
        if self._is_draining:
            raise ServerShutdownError(headers=_RETRY)

    def _check_limits(self, connection: StreamConnection) -> None:
        settings = self._services.settings
        self._refuse_draining()
        if len(self._open) + self._reserved >= settings.streams_max:
            raise TooManyStreamsError("This process already serves as many subscriptions as it may.", headers=_RETRY)
        if connection.subscriptions >= settings.subscriptions_per_connection:
            most = settings.subscriptions_per_connection
            raise TooManySubscriptionsError(f"At most {most} operations may run on one connection.", headers=_RETRY)

    def _take_channel(self, following: Following, principal: Principal, document: Document) -> Channel:
        channel = self._channels.get(following.key)
        if channel is None:
            operation = Operation(
                document=document,
                operation_name=following.key.operation_name,
                variables=following.variables,
                principal=principal,
            )
            execution = SharedExecution(operation, self._services, gate=self._gate, counts=self.counts, now=self._now)
            batch_max = self._services.settings.catch_up_batch_max
            channel = Channel(
                following.key, principal.viewer, execution, batch_max=batch_max, catch_up=self._catch_ups.run
            )
            self._channels[following.key] = channel
            self.counts.channels = len(self._channels)
        channel.holds += 1
        return channel

    def _let_go(self, channel: Channel) -> None:
        channel.holds -= 1
        if channel.holds == 0:
            if self._channels.get(channel.key) is channel:
                del self._channels[channel.key]
                self.counts.channels = len(self._channels)
            channel.close()

    async def _begin(self, channel: Channel, said: str | None) -> Subscription:
        """Return a subscription at its position, with its first message if there is one."""
        here = None if said is None else await self._resolve(channel, said)
        await channel.prove(lambda: (self._follower.feed_id, self._follower.head))
        if here is not None and said is not None:
            return channel.open(position=here.position, cursor=said)
        position = self._follower.head
        end = self._follower.cursor_at(position)
        if end is None:
            raise RuntimeError("The follower doesn't know its own end.")
        place = await channel.tell_place(position, end.render())
        subscription = channel.open(position=position, cursor=place.cursor)
        subscription.hold([place], on_drained=None)
        return subscription

    async def _resolve(self, channel: Channel, said: str) -> FeedCursor:
        """Return the position that a cursor names. Errors: CursorInvalidError, CursorExpiredError."""
        known = FeedCursor.parse(said)
        # An entry in memory was not archived. What followed position 0 may have been.
        if known.position > 0 and self._follower.cursor_at(known.position) == known:
            return known
        found: FeedCursor = await channel.execution.read(lambda tx: resolve_cursor(tx, said))
        return found

    def _enter(
        self, subscription: Subscription, channel: Channel, principal: Principal, connection: StreamConnection
    ) -> None:
        hold: OpenToken | None = None
        if self._open_tokens is not None:
            hold = self._open_tokens.watch(principal, lambda reason: subscription.end(end_of_token(reason)))

        def leave() -> None:
            if hold is not None:
                hold.close()
            connection.subscriptions -= 1
            self.counts.open[connection.transport] -= 1
            channel.leave(subscription)
            self._let_go(channel)

        self._open[subscription] = leave
        self.counts.open[connection.transport] += 1
        subscription.watch_close(self._leave)
        if self._channels.get(channel.key) is channel:
            channel.feed(subscription, subscription.position)
            self._trim_later()
        else:
            subscription.end(FeedResetError())

    def _leave(self, subscription: Subscription) -> None:
        leave = self._open.pop(subscription, None)
        if leave is None:
            return
        problem = subscription.problem
        if problem != StreamEndError.code:
            self.counts.ends[problem] += 1
        leave()

    def _disconnect(self, connection: StreamConnection) -> None:
        self._clients[connection.client] -= 1
        if self._clients[connection.client] <= 0:
            del self._clients[connection.client]
        self.counts.connections[connection.transport] -= 1

    def _on_entries(self, entries: Sequence[Entry]) -> None:
        is_unsettled = any(entry.kind in _UNSETTLING for entry in entries)
        if is_unsettled:
            self._catch_ups.forget()
        for channel in tuple(self._channels.values()):
            if is_unsettled:
                channel.forget()
            channel.offer(entries)

    def _on_reset(self) -> None:
        self._catch_ups.forget()
        # New subscriptions get channels of the new feed.
        self._channels.clear()
        self.counts.channels = 0
        for subscription in tuple(self._open):
            subscription.end(FeedResetError())

    def _trim_later(self) -> None:
        """Check once a second, while anyone is subscribed, for results that are too old."""
        if self._trimming is None and self._channels:
            self._trimming = asyncio.get_running_loop().call_later(_TRIM_SECONDS, self._trim)

    def _trim(self) -> None:
        self._trimming = None
        self._catch_ups.trim()
        for channel in self._channels.values():
            channel.trim()
        self._trim_later()


def _neutralize(principal: Principal) -> Principal:
    """Return a principal that may see the same but has no token and, unless its reading is recorded, no client."""
    nobody = principal.client_id if is_recorded(principal.viewer) else ClientId("")
    return replace(
        principal, client_id=nobody, token_id="", expires_at=_END_OF_TIME, family_id=None, key_thumbprint=None
    )
