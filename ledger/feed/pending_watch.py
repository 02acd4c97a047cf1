"""When the sequencer checks for events: right after a notification under low load, by polling under high load.

Notifications are expensive for writers, since PostgreSQL commits transactions that notify one at a time. So writers
notify only while the sequencer listens, which an advisory lock tells them: the sequencer holds it exclusively while it
listens; a writer that gets a shared lock keeps it until its transaction ends, and does not notify. The sequencer can't
start to listen before such writers have finished, and checks once more when it does. So no event is missed, and
polling while listening is only a safety net.

If an old snapshot (a long report, a backup) keeps the queue's dead rows, scanning the entire queue is slow. So most
checks only look after the last event taken; full checks, which find late commits, take about a tenth of the time.
Source: ADR 0053.
"""

import asyncio
import time

from ledger.feed.direct import DirectSession, wait_for_notice

PENDING_CHANNEL = "jembatan_pending"
_RUSH_LOOKS = 20
_RUSH_SECONDS = 0.1
"""If this many checks within this time find events, polling is cheaper than notifications."""
_PAUSE_SECONDS = 0.003
_PAUSE_SECONDS_MAX = 0.02
"""The pause between polls."""
_CALM_LOOKS = 16
"""After this many consecutive checks without events, it listens."""
WHOLE_LOOK_REST = 10
"""After a full check, this many times its duration passes before the next one."""

_LISTEN = "SELECT pg_try_advisory_lock(hashtextextended('jembatan.sequencer.listening', 0))"
_LOOK_AWAY = "SELECT pg_advisory_unlock(hashtextextended('jembatan.sequencer.listening', 0))"
_IS_ANY_PENDING = "SELECT EXISTS (SELECT 1 FROM feed_pending WHERE event_id > $1)"


class PendingWatch:
    """Decides when to check for events. Owned by the leader's task; it lives as long as the leader's session."""

    def __init__(self, session: DirectSession, *, poll_s: float) -> None:
        """Begin by polling; start must be called."""
        self.is_listening = False
        self._session = session
        self._poll_s = poll_s
        self._wake = asyncio.Event()
        self._taken_to = 0
        self._whole_look_at = 0.0
        self._is_look_owed = True
        self._empty_looks = 0
        self._rush_looks = 0
        self._rush_began = time.monotonic()

    async def start(self) -> None:
        """Subscribe to the writers' notifications. Errors: direct.FAILURES."""
        await self._session.listen(PENDING_CHANNEL, self._wake)

    async def look(self) -> int | None:
        """The event id after which events are pending, 0 for the entire queue; None if none is. Errors: FAILURES.

        It only reads, whereas an empty batch would lock the head, which is a write.
        """
        self._wake.clear()
        began = time.monotonic()
        is_whole = began >= self._whole_look_at
        behind = 0 if is_whole else self._taken_to
        is_any = await self._session.fetch_value(_IS_ANY_PENDING, behind)
        self._is_look_owed = not is_whole
        if is_whole:
            now = time.monotonic()
            self._whole_look_at = now + (now - began) * WHOLE_LOOK_REST
        return behind if is_any else None

    async def wait(self, *, taken: int, taken_to: int, taken_max: int) -> None:
        """Wait until the next check, after a batch of taken events, of at most taken_max, up to the id taken_to.

        Errors: direct.FAILURES.
        """
        self._taken_to = max(self._taken_to, taken_to)
        if taken:
            self._empty_looks = 0
            await self._note_rush()
        else:
            self._empty_looks += 1
        if taken == taken_max:
            await self._look_away()
        elif self.is_listening:
            await self._rest(self._poll_s)
        elif self._empty_looks < _CALM_LOOKS:
            await self._rest(_PAUSE_SECONDS)
        elif await self._session.fetch_value(_LISTEN):
            self.is_listening = True
        else:
            # A writer still holds the shared lock; until it has finished, no writer notifies.
            await self._rest(min(_PAUSE_SECONDS * (self._empty_looks - _CALM_LOOKS + 1), _PAUSE_SECONDS_MAX))

    async def _rest(self, seconds: float) -> None:
        if self._is_look_owed:
            seconds = min(seconds, max(0.0, self._whole_look_at - time.monotonic()))
        await wait_for_notice(self._wake, seconds=min(seconds, self._poll_s))

    async def _look_away(self) -> None:
        """Stop the writers' notifications, since the next check comes soon anyway."""
        if self.is_listening:
            self.is_listening = False
            await self._session.execute(_LOOK_AWAY)

    async def _note_rush(self) -> None:
        self._rush_looks += 1
        if self._rush_looks < _RUSH_LOOKS:
            return
        now = time.monotonic()
        is_rush = now - self._rush_began < _RUSH_SECONDS
        self._rush_looks, self._rush_began = 0, now
        if is_rush:
            await self._look_away()
