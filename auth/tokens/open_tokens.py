"""The tokens that open streams depend on, and the end of each: expired, revoked or no longer active.

A request is short and its token was just verified, but a stream could outlive its token. There is no query for each
stream: recent revocations are shared, and one statement checks the status of all tokens. This module only ends what was
verified before; whether a token may open a stream must never be decided here (see verification.py).
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from auth.clock import Clock
from auth.settings import AuthSettings
from auth.tokens.principal import Principal
from auth.tokens.revocation_watch import RevocationWatch
from auth.tokens.token_status import find_inactive
from auth.tokens.verification import Refusal
from ledger.storage.database import Database
from ledger.storage.roles import Role

OnEnd = Callable[[Refusal], None]
"""Called once, in the event loop's thread, when the token ends: EXPIRED or REVOKED. It must not block."""

_STALE_EXPIRIES_MAX = 1_000
"""How many expiries of released tokens may be kept, beyond as many as are held."""
_logger = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Entry:
    """One token, held by every stream that was opened with it."""

    principal: Principal
    ends_at: datetime
    holds: set["OpenToken"] = field(default_factory=set)


class OpenToken:
    """One stream's hold on its token. Made by OpenTokens.watch alone."""

    __slots__ = ("_on_end", "_release")

    def __init__(self, on_end: OnEnd, release: Callable[["OpenToken"], None]) -> None:
        """Hold the token until this is closed or the token ends."""
        self._on_end = on_end
        self._release = release

    def close(self) -> None:
        """Release the token: on_end is no longer called. Closing again, or after the end, does nothing."""
        self._release(self)

    def notify(self, reason: Refusal) -> None:
        """Notify the stream; a stream that fails must not keep the others from being notified."""
        try:
            self._on_end(reason)
        except Exception:
            _logger.exception("open_token_end_failed")


class OpenTokens:
    """The tokens of this process's open streams. One per process; owned by the event loop's thread.

    `run` must run beside it; expiry alone needs only the event loop.
    """

    def __init__(self, database: Database, settings: AuthSettings, watch: RevocationWatch, *, now: Clock) -> None:
        """Start with nothing open; the watch is the verifier's own, so that a process reads revocations once."""
        self._database = database
        self._settings = settings
        self._watch = watch
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._families: dict[str, set[str]] = {}
        self._new_tokens: set[str] = set()
        self._all_checked_at: datetime | None = None
        self._expiries: list[tuple[datetime, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_any_open = asyncio.Event()
        self._is_unchecked = False

    def __len__(self) -> int:
        """Return how many tokens are open, whatever the number of their streams."""
        return len(self._entries)

    def watch(self, principal: Principal, on_end: OnEnd) -> OpenToken:
        """Hold the token of a principal that was just verified, until the stream is closed or on_end is called.

        on_end is never called before this returns; for a token that has ended in the meantime it is called soon after.
        """
        token_id = principal.token_id
        entry = self._entries.get(token_id)
        if entry is None:
            entry = self._enter(principal)
        hold = OpenToken(on_end, lambda hold: self._release(entry, hold))
        entry.holds.add(hold)
        return hold

    async def run(self) -> None:
        """Check at an interval while any token is open, and wait while none is. Runs until it is cancelled."""
        while True:
            await self._is_any_open.wait()
            await self.check()
            # Twice as often as the watch reads: a check just before it is due would otherwise cost a whole interval.
            await asyncio.sleep(self._settings.revocation_check_seconds / 2)

    async def check(self) -> None:
        """End every token that has expired, was revoked or is no longer active.

        An unreachable database ends nothing: streams go on until their tokens expire, and the next check tries again.
        """
        self._end_expired()
        if not self._entries:
            return
        try:
            await self._watch.catch_up(self._now())
            self._end_revoked()
            await self._end_inactive(self._now())
        except Exception as error:  # noqa: BLE001 - whatever it was, checks that stopped for good would be worse
            if not self._is_unchecked:
                _logger.warning("open_tokens_unchecked", extra={"error": type(error).__name__})
            self._is_unchecked = True
        else:
            if self._is_unchecked:
                _logger.info("open_tokens_checked_again")
            self._is_unchecked = False

    def _enter(self, principal: Principal) -> _Entry:
        # None of our tokens lives longer: one that claims to was signed with a stolen key and must not outlive it.
        lifetime = timedelta(seconds=self._settings.access_token_seconds + self._settings.token_skew_seconds)
        entry = _Entry(principal, min(principal.expires_at, self._now() + lifetime))
        self._entries[principal.token_id] = entry
        if principal.family_id is not None:
            self._families.setdefault(principal.family_id, set()).add(principal.token_id)
        self._new_tokens.add(principal.token_id)
        self._is_any_open.set()
        self._expect(entry)
        return entry

    def _release(self, entry: _Entry, hold: OpenToken) -> None:
        entry.holds.discard(hold)
        if not entry.holds and self._entries.get(entry.principal.token_id) is entry:
            self._leave(entry)

    def _leave(self, entry: _Entry) -> None:
        principal = entry.principal
        del self._entries[principal.token_id]
        self._new_tokens.discard(principal.token_id)
        if principal.family_id is not None:
            family = self._families[principal.family_id]
            family.discard(principal.token_id)
            if not family:
                del self._families[principal.family_id]
        if not self._entries:
            self._is_any_open.clear()
            self._expiries.clear()
            self._set_timer()

    def _end(self, token_id: str, reason: Refusal) -> None:
        entry = self._entries.get(token_id)
        if entry is None:
            return
        self._leave(entry)
        # One by one: a stream that is notified may close others, which must then not be notified.
        while entry.holds:
            entry.holds.pop().notify(reason)

    def _end_revoked(self) -> None:
        for token_id in self._watch.named_among(self._entries.keys()):
            self._end(token_id, Refusal.REVOKED)
        for family_id in self._watch.named_among(self._families.keys()):
            for token_id in tuple(self._families.get(family_id, ())):
                self._end(token_id, Refusal.REVOKED)

    async def _end_inactive(self, as_of: datetime) -> None:
        """Check the status of all tokens when that is due, and of new ones at once: theirs was checked a while ago."""
        is_due = self._is_status_due(as_of)
        checked = list(self._entries if is_due else self._new_tokens)
        if not checked:
            return
        principals = [self._entries[token_id].principal for token_id in checked]
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            inactive = await find_inactive(tx, principals, settings=self._settings)
        self._new_tokens.difference_update(checked)
        if is_due:
            self._all_checked_at = as_of
        for token_id in inactive:
            self._end(token_id, Refusal.REVOKED)

    def _is_status_due(self, as_of: datetime) -> bool:
        checked_at = self._all_checked_at
        if checked_at is None or not self._watch.has_all_since(checked_at):
            return True
        return abs((as_of - checked_at).total_seconds()) >= self._settings.standing_check_seconds

    def _expect(self, entry: _Entry) -> None:
        """Note when the token ends, and wake up then if none ends earlier."""
        if len(self._expiries) > 2 * len(self._entries) + _STALE_EXPIRIES_MAX:
            self._expiries = [(other.ends_at, token_id) for token_id, other in self._entries.items()]
            heapify(self._expiries)
            self._set_timer()
            return
        expiry = (entry.ends_at, entry.principal.token_id)
        heappush(self._expiries, expiry)
        if self._expiries[0] is expiry:
            self._set_timer()

    def _end_expired(self) -> None:
        as_of = self._now()
        while self._expiries and self._expiries[0][0] <= as_of:
            _, token_id = heappop(self._expiries)
            entry = self._entries.get(token_id)
            # The token may have been released and opened again since, to end later.
            if entry is not None and entry.ends_at <= as_of:
                self._end(token_id, Refusal.EXPIRED)
        self._set_timer()

    def _set_timer(self) -> None:
        """Set the one timer, for the first token that expires. When it fires, the clock still decides."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._expiries:
            seconds = max((self._expiries[0][0] - self._now()).total_seconds(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._end_expired)
