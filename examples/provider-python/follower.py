"""Follows fraud signals and keeps them in a database, together with the place up to which it has followed.

It runs until SIGTERM or Ctrl-C, which end it with 0, or until the gateway ends it for good, with 1. It may be killed at
any time: the next start goes on after the last message that was written.
"""

import asyncio
import logging
import os
import random
import signal
import sys
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractAsyncContextManager, aclosing
from pathlib import Path
from typing import NoReturn, cast

import httpx
from jembatan_client.exceptions import GraphQLClientError
from jembatan_client.follow_signals import FollowSignals as Message
from jembatan_client.follow_signals import FollowSignalsFraudSignalsEvent as Event
from pydantic import ValidationError
from store import Signal, Store
from websockets.exceptions import WebSocketException

from gateway import End, Login, LoginRefusedError, Remedy, StrictClient, make_client, obtain_token, present, read_end

WAIT_S_MAX = 60.0
RUNNING_S = 5.0
"""A connection that lasted longer was accepted; whatever ended it is a new trouble."""

log = logging.getLogger("follower")


class StoppedError(Exception):
    """The gateway ended the stream, and opening it again would not help."""


class Follower:
    """Keeps the store up with the gateway."""

    def __init__(self, login: Login, store: Store) -> None:
        self._login = login
        self._store = store
        self._starts_over = store.cursor is None
        self._tries = 0

    async def run(self) -> NoReturn:
        """Follow, connection after connection. Errors: StoppedError."""
        while True:
            opened_at = time.monotonic()
            end = await self._connect()
            if end is None:
                continue
            if end.remedy is Remedy.STOP:
                raise StoppedError(end.text)
            self._starts_over = self._starts_over or end.remedy is Remedy.START_OVER
            self._tries = 1 if time.monotonic() - opened_at > RUNNING_S else self._tries + 1
            # The first time at once: most often, one of several processes is being restarted.
            backoff_s = random.uniform(0.5, 1.0) * min(2.0 ** (self._tries - 1), WAIT_S_MAX)
            wait_s = max(end.wait_s, 0.0 if self._tries == 1 else backoff_s)
            log.warning("%s; %s in %.1f s", end.text, end.remedy.value, wait_s)
            await asyncio.sleep(wait_s)

    async def _connect(self) -> End | None:
        """Follow on one connection with a token of its own; return why it ended, or None if for a new token."""
        try:
            token = await obtain_token(self._login)
            async with make_client(self._login, token) as client:
                try:
                    async with asyncio.timeout(token.renewed_after_s) as life:
                        await self._follow(client)
                except TimeoutError:
                    if life.expired():
                        return None
                    raise
        except (LoginRefusedError, GraphQLClientError, WebSocketException, httpx.HTTPError, OSError) as error:
            return read_end(error)
        return End("the gateway completed the stream", Remedy.RETRY)

    async def _follow(self, client: StrictClient) -> None:
        """Write message after message, each with its cursor."""
        if self._starts_over:
            await self._start_over(client)
            self._starts_over = False
        async with open_stream(client, after=self._store.cursor) as messages:
            async for message in messages:
                told = present(message.fraudSignals)
                signal_ = read_event(told.event) if told.event else None
                self._store.take(signal_, cursor=told.cursor)
                if signal_ is not None:
                    log.info("%s is %s, %s", signal_.id, signal_.state, signal_.risk)

    async def _start_over(self, client: StrictClient) -> None:
        """Take the present place, then every signal that is active, and put both in the place of what was known.

        What happens in between is in the list, and comes once more as an event.
        """
        async with open_stream(client, after=None) as messages:
            first = await anext(messages, None)
        if first is None:
            raise ConnectionResetError("the gateway completed the stream")
        cursor = present(first.fraudSignals).cursor
        signals: list[Signal] = []
        after: str | None = None
        while True:
            page = present((await client.active_signals(after=after)).fraudSignals)
            for node in page.nodes or []:
                hashes = tuple(each.hash for each in node.hashes or [])
                signals.append(
                    Signal(node.id, node.state.value, node.risk.value, node.category.value, node.validUntil, hashes)
                )
            if not page.pageInfo.hasNextPage:
                break
            after = page.pageInfo.endCursor
        self._store.replace(signals, cursor=cursor)
        log.info("started with %d active signals", len(signals))


def open_stream(client: StrictClient, *, after: str | None) -> AbstractAsyncContextManager[AsyncIterator[Message]]:
    """Open the subscription, to be closed at the end of the block; the client generates no more than an iterator."""
    return aclosing(cast("AsyncGenerator[Message]", client.follow_signals(after=after)))


def read_event(event: Event) -> Signal:
    """Read what an event says. Its signal is None if it may no longer be seen; what retention erased is None too."""
    return Signal(
        id=event.signalId,
        state=event.state and event.state.value,
        risk=event.risk and event.risk.value,
        category=event.category and event.category.value,
        valid_until=event.signal.validUntil if event.signal else None,
        hashes=tuple(each.hash for each in event.signal.hashes or []) if event.signal else (),
    )


async def follow() -> int:
    """Run as the module says."""
    follower = Follower(Login.from_environment(), Store(Path(os.environ.get("SIGNALS_FILE", "signals.db"))))
    task = asyncio.create_task(follower.run())
    for ending in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(ending, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        return 0
    except StoppedError as error:
        log.error("stopped: %s", error)
    except ValidationError as error:
        log.error("stopped: the generated client does not know what the gateway sent; generate it again. %s", error)
    return 1


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sys.exit(asyncio.run(follow()))
