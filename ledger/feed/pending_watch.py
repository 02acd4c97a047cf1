"""When the sequencer looks for events: at once after a notice while there are few, by itself while there are many.

A notice costs every writer dear, since PostgreSQL lets only one transaction at a time commit with one. So a writer
gives notice only while the sequencer listens, and knows that from an advisory lock: the sequencer holds it while it
listens; a writer that gets a share of it keeps that until its own end, and gives no notice. The sequencer can't begin
to listen before such writers are through, and looks once more when it does. So no event is left lying, and the poll
is a net for what nobody thought of.

Where an old snapshot keeps the queue's dead rows (a long report, a backup), looking through all of it takes long. Then
most looks are at what came behind the last event taken, and the rest, where late commits lie, gets a tenth of the time.
Source: ADR 0053.
"""

import asyncio
import time

from ledger.feed.direct import DirectSession, wait_for_notice

PENDING_CHANNEL = "jembatan_pending"
_RUSH_LOOKS = 20
_RUSH_SECONDS = 0.1
"""So many looks within so long that found something: then looking by itself is cheaper for all."""
_PAUSE_SECONDS = 0.003
_PAUSE_SECONDS_MAX = 0.02
"""Between looks of its own."""
_CALM_LOOKS = 16
"""So many looks in a row that found nothing: then it listens."""
WHOLE_LOOK_REST = 10
"""After a look at the whole queue, so many times its own duration passes until the next."""

_LISTEN = "SELECT pg_try_advisory_lock(hashtextextended('jembatan.sequencer.listening', 0))"
_LOOK_AWAY = "SELECT pg_advisory_unlock(hashtextextended('jembatan.sequencer.listening', 0))"
_IS_ANY_PENDING = "SELECT EXISTS (SELECT 1 FROM feed_pending WHERE event_id > $1)"


class PendingWatch:
    """Says when to look. Owned by the leader's task; it lives as long as the leader's session."""

    def __init__(self, session: DirectSession, *, poll_s: float) -> None:
        """It begins by looking by itself; start must be called."""
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
        """Hear the notices of writers. Errors: direct.FAILURES."""
        await self._session.listen(PENDING_CHANNEL, self._wake)

    async def look(self) -> int | None:
        """The event id behind which one waits, 0 for the whole queue; None where none was seen. Errors: FAILURES.

        It reads, where an empty batch would lock the head and write that down.
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
        """Return when it is time to look again, after so many events of at most so many, up to that id, or none.

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
            # A writer is still at it, and while it is, neither it nor any other gives notice.
            await self._rest(min(_PAUSE_SECONDS * (self._empty_looks - _CALM_LOOKS + 1), _PAUSE_SECONDS_MAX))

    async def _rest(self, seconds: float) -> None:
        if self._is_look_owed:
            seconds = min(seconds, max(0.0, self._whole_look_at - time.monotonic()))
        await wait_for_notice(self._wake, seconds=min(seconds, self._poll_s))

    async def _look_away(self) -> None:
        """Spare the writers their notices, since the next look comes soon anyhow."""
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
