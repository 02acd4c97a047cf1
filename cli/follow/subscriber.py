"""Follows a subscription for as long as needed: each event is handed on once, and every end is resumed from.

At least once: an event is handed on first, its cursor is on disk second, and only then is the next event read.
Whatever ends the process or the machine, nothing is lost; only an end between the two steps hands the last event on a
second time.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cli.failures import CommandError
from cli.follow.client_tokens import Tokens
from cli.follow.socket import Remedy, StreamEndedError, open_subscription
from ledger.bounds.backoff import Backoff

_BACKOFF = Backoff(0.25, 30.0)
_RUNNING_SECONDS = 5.0
_TOKENS_REFUSED_MAX = 3
"""How many new tokens in a row may be refused before it gives up."""


class FollowingError(CommandError):
    """The gateway ended the subscription, and reconnecting would not help."""

    code = "STREAM_ENDED"

    def __init__(self, ended: StreamEndedError) -> None:
        """Use the gateway's own code and message."""
        super().__init__(ended.message, hint=ended.hint)
        self.code = ended.problem  # type: ignore[misc]  # the gateway's codes are as stable as ours


class Keeper(Protocol):
    """Keeps the cursor to resume from."""

    def write(self, cursor: str) -> None:
        """Keep it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One message with an event, and its cursor."""

    cursor: str
    value: Mapping[str, Any]


@dataclass(slots=True, kw_only=True)
class Subscriber:
    """Owned by the command's task. hand_on is called in order; note reports progress to a person."""

    url: str
    document: str
    tokens: Tokens
    hand_on: Callable[[Event], None]
    note: Callable[[str], None]
    keeper: Keeper | None = None
    cursor: str | None = None
    count: int = 0
    _token: str | None = None
    _tries: int = 0
    _refused: int = 0

    async def run(self, *, count_max: int | None) -> None:
        """Follow until count_max events were handed on, or forever. Errors: FollowingError, whatever hand_on raises."""
        while count_max is None or self.count < count_max:
            try:
                await self._follow(count_max)
            except StreamEndedError as ended:
                self.cursor = ended.cursor or self.cursor
                await self._prepare(ended)

    async def _follow(self, count_max: int | None) -> None:
        """Read one connection until it ends or enough events were handed on."""
        if self._token is None:
            self._token = await self.tokens.obtain()
        opening = open_subscription(self.url, token=self._token, document=self.document, cursor=self.cursor)
        opened_at = time.monotonic()
        async with opening as stream:
            self.note("Following from now." if self.cursor is None else "Following from the last cursor.")
            try:
                while count_max is None or self.count < count_max:
                    self._take(await stream.read())
            finally:
                # A stream that ran for a while was accepted, even if nothing happened on it.
                if time.monotonic() - opened_at > _RUNNING_SECONDS:
                    self._tries = self._refused = 0

    def _take(self, result: Mapping[str, Any]) -> None:
        cursor = (result.get("extensions") or {}).get("cursor")
        if not isinstance(cursor, str):
            said = "The gateway's results have no cursor."
            raise FollowingError(StreamEndedError("CURSOR_MISSING", said, Remedy.GIVE_UP))
        self._tries = self._refused = 0
        value = _read_event(result)
        if value is not None:
            self.hand_on(Event(cursor=cursor, value=value))
            self.count += 1
        self.cursor = cursor
        if self.keeper is not None:
            self.keeper.write(cursor)

    async def _prepare(self, ended: StreamEndedError) -> None:
        """Report the end, and wait until it is time to reconnect. Errors: FollowingError."""
        if ended.remedy is Remedy.RENEW:
            self._token = None
            self._refused += 1
        if ended.remedy is Remedy.GIVE_UP or (self._token is None and not self._may_renew()):
            raise FollowingError(ended)
        # The first time it reconnects immediately: most often one of several processes is being restarted.
        wait_s = 0.0 if self._tries == 0 else _BACKOFF.choose_seconds(self._tries)
        self._tries += 1
        self.note(f"{ended.problem}: {ended.message} " + (f"Again in {wait_s:.1f} s." if wait_s else "Again."))
        await asyncio.sleep(wait_s)

    def _may_renew(self) -> bool:
        return self._refused == 0 or (self.tokens.is_renewable and self._refused <= _TOKENS_REFUSED_MAX)


def _read_event(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return what the message contains besides its cursor; None where there is nothing else."""
    told: dict[str, Any] = {}
    for value in (result.get("data") or {}).values():
        if isinstance(value, dict):
            told |= value
    if result.get("errors"):
        told["errors"] = result["errors"]
    tells = any(value is not None for name, value in told.items() if name not in {"cursor", "__typename"})
    return told if tells else None
