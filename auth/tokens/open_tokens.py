"""The tokens that long-lived streams were opened with, and the end of each: expired, revoked, or its bearer fallen.

A request is short and its token was verified a moment ago; a stream would outlive its token. Here nothing is asked for
each stream: one look at what was revoked lately and one statement for the standing of all. It only ever ends what was
verified before: it must never be asked whether a token may open a stream (tokens.py says that).
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
"""Told once, in the event loop's thread, that the token ended: EXPIRED or REVOKED. It must not wait for anything."""

_STALE_EXPIRIES_MAX = 1_000
"""How many expiries of tokens that nobody holds any more may be kept, beyond as many as are held."""
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
        """Held until it is closed or the token ends."""
        self._on_end = on_end
        self._release = release

    def close(self) -> None:
        """Let go of the token: nothing is told any more. Closing again, or after the end, does nothing."""
        self._release(self)

    def tell(self, reason: Refusal) -> None:
        """Tell the stream; a stream that fails at it must not keep the others from being told."""
        try:
            self._on_end(reason)
        except Exception:
            _logger.exception("open_token_end_failed")


class OpenTokens:
    """The tokens of this process's open streams. One per process; owned by the event loop's thread.

    `run` must run beside it; expiry alone needs no more than the event loop.
    """

    def __init__(self, database: Database, settings: AuthSettings, watch: RevocationWatch, *, now: Clock) -> None:
        """Nothing is open; the watch is the verifier's own, so that a process asks once."""
        self._database = database
        self._settings = settings
        self._watch = watch
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._families: dict[str, set[str]] = {}
        self._unasked: set[str] = set()
        self._all_asked_at: datetime | None = None
        self._expiries: list[tuple[datetime, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._is_any_open = asyncio.Event()
        self._is_unchecked = False

    def __len__(self) -> int:
        """How many tokens are open, whatever the number of their streams."""
        return len(self._entries)

    def watch(self, principal: Principal, on_end: OnEnd) -> OpenToken:
        """Hold the token of a principal that was just verified, until the stream is closed or on_end is called.

        on_end is never called before this returns, and called soon after for a token that has ended meanwhile.
        """
        token_id = principal.token_id
        entry = self._entries.get(token_id)
        if entry is None:
            entry = self._enter(principal)
        hold = OpenToken(on_end, lambda hold: self._release(entry, hold))
        entry.holds.add(hold)
        return hold

    async def run(self) -> None:
        """Check on a beat while any token is open, and rest while none is. Runs until it is cancelled."""
        while True:
            await self._is_any_open.wait()
            await self.check()
            # Twice as often as the watch asks: a beat just before the watch is due would otherwise cost a whole one.
            await asyncio.sleep(self._settings.revocation_check_s / 2)

    async def check(self) -> None:
        """End what has expired, was revoked or has fallen.

        An unreachable database ends nothing: streams go on until their tokens expire, and the next beat asks again.
        """
        self._end_expired()
        if not self._entries:
            return
        try:
            await self._watch.catch_up(self._now())
            self._end_revoked()
            await self._end_inactive(self._now())
        except Exception as error:  # noqa: BLE001 - whatever it was, a check that stopped for good would be worse
            if not self._is_unchecked:
                _logger.warning("open_tokens_unchecked", extra={"error": type(error).__name__})
            self._is_unchecked = True
        else:
            if self._is_unchecked:
                _logger.info("open_tokens_checked_again")
            self._is_unchecked = False

    def _enter(self, principal: Principal) -> _Entry:
        # No token of ours lives longer: one that claims to was made with a stolen key, and must not outlive that key.
        lifetime = timedelta(seconds=self._settings.access_token_lifetime_s + self._settings.clock_skew_s)
        entry = _Entry(principal, min(principal.expires_at, self._now() + lifetime))
        self._entries[principal.token_id] = entry
        if principal.family_id is not None:
            self._families.setdefault(principal.family_id, set()).add(principal.token_id)
        self._unasked.add(principal.token_id)
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
        self._unasked.discard(principal.token_id)
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
        # One by one: who is told may close others, which must then not be told.
        while entry.holds:
            entry.holds.pop().tell(reason)

    def _end_revoked(self) -> None:
        for token_id in self._watch.named_among(self._entries.keys()):
            self._end(token_id, Refusal.REVOKED)
        for family_id in self._watch.named_among(self._families.keys()):
            for token_id in tuple(self._families.get(family_id, ())):
                self._end(token_id, Refusal.REVOKED)

    async def _end_inactive(self, as_of: datetime) -> None:
        """Ask for the standing of all when that is due, and of newcomers at once: theirs was asked a while ago."""
        is_due = self._is_status_due(as_of)
        asked = list(self._entries if is_due else self._unasked)
        if not asked:
            return
        principals = [self._entries[token_id].principal for token_id in asked]
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            inactive = await find_inactive(tx, principals)
        self._unasked.difference_update(asked)
        if is_due:
            self._all_asked_at = as_of
        for token_id in inactive:
            self._end(token_id, Refusal.REVOKED)

    def _is_status_due(self, as_of: datetime) -> bool:
        asked_at = self._all_asked_at
        if asked_at is None or not self._watch.has_all_since(asked_at):
            return True
        return abs((as_of - asked_at).total_seconds()) >= self._settings.standing_check_s

    def _expect(self, entry: _Entry) -> None:
        """Note when the token ends; wake up then if none ends before."""
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
            # The token may have been let go and taken up again since, to end later.
            if entry is not None and entry.ends_at <= as_of:
                self._end(token_id, Refusal.EXPIRED)
        self._set_timer()

    def _set_timer(self) -> None:
        """One timer for all: for the first that expires. The clock decides when it rings, and may say not yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._expiries:
            seconds = max((self._expiries[0][0] - self._now()).total_seconds(), 0.0)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._end_expired)
