"""The subscriptions of one process: who may open how many, which share a channel, and what ends them.

A transport connects its client, and opens what the list of steps authorized; the hub never speaks to a socket. It asks
nobody who may see what: that is in the channel's viewer, by the rules of the ledger.
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
from ledger.feed.cursors import FeedCursor, resolve_cursor
from ledger.feed.entries import Entry
from ledger.feed.follower import Follower
from ledger.feed.vocabulary import EventKind
from ledger.identifiers import ClientId

_TRIM_SECONDS = 1.0
_RETRY = {"Retry-After": "5"}
_UNSETTLING = frozenset({EventKind.ENTRIES_ERASED, EventKind.ENTRIES_ARCHIVED})
"""After these, what was read before no longer stands so in the database."""
_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True, eq=False)
class StreamConnection:
    """One connection of a client, counted while it is open. Made by StreamHub.connect alone."""

    client: str
    transport: str
    subscriptions: int = 0
    on_close: Callable[["StreamConnection"], None] | None = field(default=None, repr=False)

    def close(self) -> None:
        """Let go; it may be called again."""
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
        """Nobody is subscribed. Without open_tokens no token's end is noticed: for tests of other things alone."""
        self.counts = StreamCounts()
        self._services = services
        self._follower = follower
        self._open_tokens = open_tokens
        self._now = now
        self._catch_ups = CatchUps(follower, services.settings, self.counts)
        # Half the pool at the most, so that streams never keep requests from the database.
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
        """Whether nothing new is taken."""
        return self._is_draining

    def connect(self, client: str, *, transport: str) -> StreamConnection:
        """Count a connection of a client. Errors: TooManyStreamsError, ServerShutdownError."""
        self._refuse_draining()
        most = self._services.settings.stream_connections_per_client
        if self._clients[client] >= most:
            raise TooManyStreamsError(f"The client has {most} connections with streams open.", headers=_RETRY)
        self._clients[client] += 1
        self.counts.connections[transport] += 1
        return StreamConnection(client, transport, on_close=self._disconnect)

    async def open(self, authorized: Authorized, cursor: str | None, *, connection: StreamConnection) -> Subscription:
        """A subscription in place of the steps that follow authorizing.

        Shapes: cursor is what the transport was told (Last-Event-ID); extensions.cursor and the root argument `after`
        come behind it. Errors, all before anything is streamed: ServerShutdownError, TooManyStreamsError,
        TooManySubscriptionsError, CursorInvalidError, CursorExpiredError, VariablesRefusedError, what the field
        refuses, DatabaseUnavailableError, OperationTimeoutError.
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
        # Once around, so that transports that wait for their event loop see it before the server looks at them.
        await asyncio.sleep(0)

    def _refuse_draining(self) -> None:
        if self._is_draining:
            raise ServerShutdownError(headers=_RETRY)

    def _check_limits(self, connection: StreamConnection) -> None:
        settings = self._services.settings
        self._refuse_draining()
        if len(self._open) + self._reserved >= settings.streams_max:
            raise TooManyStreamsError("This process serves as many subscriptions as it may.", headers=_RETRY)
        if connection.subscriptions >= settings.subscriptions_per_connection:
            most = settings.subscriptions_per_connection
            raise TooManySubscriptionsError(f"At most {most} operations run on one connection.", headers=_RETRY)

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
        """A subscription at its place, with its first message where there is one."""
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
        """The place that a cursor names. Errors: CursorInvalidError, CursorExpiredError."""
        known = FeedCursor.parse(said)
        # What is in memory was not archived. What is before everything may have been.
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
        # Who opens now gets channels of the new feed.
        self._channels.clear()
        self.counts.channels = 0
        for subscription in tuple(self._open):
            subscription.end(FeedResetError())

    def _trim_later(self) -> None:
        """Look once a second, while anybody is subscribed, for what is kept and too old."""
        if self._trimming is None and self._channels:
            self._trimming = asyncio.get_running_loop().call_later(_TRIM_SECONDS, self._trim)

    def _trim(self) -> None:
        self._trimming = None
        self._catch_ups.trim()
        for channel in self._channels.values():
            channel.trim()
        self._trim_later()


def _neutralize(principal: Principal) -> Principal:
    """A principal that may see the same and is nobody's: no client, no token."""
    nobody = ClientId("")
    return replace(
        principal, client_id=nobody, token_id="", expires_at=_END_OF_TIME, family_id=None, key_thumbprint=None
    )
