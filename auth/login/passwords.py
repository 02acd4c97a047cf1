"""Passwords: argon2id, in threads of their own, with bounds on how many are hashed at once and wait for that.

A password must never be logged, stored or returned. Verification takes the same time whether or not there is a hash to
compare with. The callers of one source take their turns one after another, so that a source that sends many passwords
never holds up another one for longer than one hash takes. Browsers that are known to the login go first and have room
of their own to wait in, so that not even a flood from many sources holds them up for longer.

Source: RFC 9106 section 4 (the defaults are its second recommended parameters); NIST SP 800-63B section 5.1.1.2 (length
and commonness instead of composition).
"""

import asyncio
import threading
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar, TypeVarTuple
from weakref import WeakValueDictionary

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth.errors import PasswordInvalidError, PasswordsBusyError
from auth.login.turns import Turns
from auth.settings import LoginSettings

PASSWORD_LENGTH_MAX = 256
WAITING_MAX = 100
"""Passwords that may wait for their turn, from known browsers and from others each."""
CALLERS_PER_SOURCE_MAX = 10
"""Passwords of one source that may wait or be hashed."""
_HARD_TO_GUESS = "Use a few unrelated words, and nothing from the login name."
_GUESSES_MIN = 10**8
_GUESSED_LENGTH_MAX = 72
"""How much zxcvbn looks at; more would cost time and not change the verdict."""
_guessing = threading.Lock()
"""One estimate at a time: zxcvbn keeps the given words in a module variable."""


T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Passwords:
    """Hashes and checks passwords at the cost set. One per process, since it bounds the memory that hashing takes."""

    def __init__(self, settings: LoginSettings, *, waiting_max: int = WAITING_MAX) -> None:
        """Start with nothing hashed."""
        self._length_min = settings.password_length_min
        self._hasher = PasswordHasher(
            time_cost=settings.password_hash_rounds,
            memory_cost=settings.password_hash_memory_kib,
            parallelism=settings.password_hash_threads,
            type=Type.ID,
        )
        at_once = settings.password_hashes_at_once
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="passwords")
        self._turns = Turns(at_once)
        self._wait_s = settings.password_wait_seconds
        self._callers_max = at_once + waiting_max
        self._callers: Counter[str] = Counter()
        self._waiting: Counter[bool] = Counter()
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._decoy: str | None = None

    async def hash(self, password: str, *, about: Sequence[str] = (), source: str = "", is_known: bool = False) -> str:
        """Return the hash to store.

        Shapes: about holds words that guessers try first, such as the login and the officer's name. source is who sent
        the password, as turns are counted, and is_known whether it was let in before.
        Errors: PasswordInvalidError, also for one that is too easy to guess; PasswordsBusyError.
        """
        normalised = _normalise(password)
        if normalised is None or len(normalised) < self._length_min:
            raise PasswordInvalidError(
                f"A password is {self._length_min} to {PASSWORD_LENGTH_MAX} characters.", field="password"
            )
        async with self._turn(source, is_known=is_known):
            if not await self._run(_is_hard_to_guess, normalised, about):
                raise PasswordInvalidError("The password is too easy to guess.", field="password", hint=_HARD_TO_GUESS)
            return await self._run(self._hasher.hash, normalised)

    async def verify(self, password: str, stored_hash: str | None, *, source: str = "", is_known: bool = False) -> bool:
        """Return whether the password is the stored one; with nothing stored, the same work is done.

        Errors: PasswordsBusyError.
        """
        normalised = _normalise(password)
        async with self._turn(source, is_known=is_known):
            if self._decoy is None:
                self._decoy = await self._run(self._hasher.hash, "no login has this password")
            is_same = await self._run(self._matches, normalised or "", stored_hash or self._decoy)
        return is_same and normalised is not None and stored_hash is not None

    @asynccontextmanager
    async def _turn(self, source: str, *, is_known: bool) -> AsyncIterator[None]:
        """Wait for one of the threads, unless too many are waiting already or it takes too long."""
        if self._waiting[is_known] >= self._callers_max or self._callers[source] >= CALLERS_PER_SOURCE_MAX:
            raise PasswordsBusyError
        self._waiting[is_known] += 1
        self._callers[source] += 1
        line = self._lines.setdefault(source, asyncio.Lock())
        try:
            async with AsyncExitStack() as turn:
                try:
                    async with asyncio.timeout(self._wait_s):
                        await turn.enter_async_context(line)
                        await turn.enter_async_context(self._turns.take(is_known=is_known))
                except TimeoutError:
                    raise PasswordsBusyError from None
                yield
        finally:
            self._waiting[is_known] -= 1
            self._callers[source] -= 1
            if not self._callers[source]:
                del self._callers[source]

    async def _run(self, work: Callable[[*Ts], T], *arguments: *Ts) -> T:
        # What a caller that gave up left running still holds one of these threads.
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)

    def _matches(self, password: str, stored_hash: str) -> bool:
        try:
            return self._hasher.verify(stored_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _is_hard_to_guess(password: str, about: Sequence[str]) -> bool:
    """Return whether guessing from common passwords, words and facts about the officer would take long."""
    # It reads its dictionaries when it is imported, which only a new password needs.
    from zxcvbn import zxcvbn

    with _guessing:
        words = [word for text in (*about, "jembatan") for word in (text, *text.split())]
        guessed = zxcvbn(password[:_GUESSED_LENGTH_MAX], user_inputs=words)
    return bool(guessed["guesses"] >= _GUESSES_MIN)


def _normalise(password: str) -> str | None:
    """Return the password as any keyboard would send it (NFKC), or None if none could."""
    if len(password) > PASSWORD_LENGTH_MAX:
        return None
    normalised = unicodedata.normalize("NFKC", password)
    # Surrogates and control characters can't be typed reliably, and argon2 can't encode surrogates.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in normalised):
        return None
    return normalised
