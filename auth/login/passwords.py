"""Passwords: argon2id, in threads, with a bound on how many are hashed at once.

A password must never be logged, stored or returned. Verification takes the same time whether or not there is a hash to
compare with.

Source: RFC 9106 section 4 (the defaults are its second recommended parameters); NIST SP 800-63B section 5.1.1.2 (length
and commonness instead of composition).
"""

import asyncio
import threading
import unicodedata
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

from auth.errors import PasswordInvalidError, PasswordsBusyError
from auth.settings import LoginSettings

PASSWORD_LENGTH_MAX = 256
WAITING_MAX = 100
"""Passwords that may wait for their turn."""
_HARD_TO_GUESS = "Use a few unrelated words, and nothing from the login name."
_GUESSES_MIN = 10**8
_GUESSED_LENGTH_MAX = 72
"""How much zxcvbn looks at; more would cost time and not change the verdict."""
_guessing = threading.Lock()
"""One estimate at a time: zxcvbn keeps the given words in a module variable."""


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
        self._turns = asyncio.Semaphore(settings.password_hashes_at_once)
        self._callers_max = settings.password_hashes_at_once + waiting_max
        self._callers = 0
        self._decoy: str | None = None

    async def hash(self, password: str, *, about: Sequence[str] = ()) -> str:
        """Return the hash to store.

        Shapes: about holds words that guessers try first, such as the login and the officer's name.
        Errors: PasswordInvalidError, also for one that is too easy to guess; PasswordsBusyError.
        """
        normalised = _normalise(password)
        if normalised is None or len(normalised) < self._length_min:
            raise PasswordInvalidError(
                f"A password is {self._length_min} to {PASSWORD_LENGTH_MAX} characters.", field="password"
            )
        async with self._turn():
            if not await asyncio.to_thread(_is_hard_to_guess, normalised, about):
                raise PasswordInvalidError("The password is too easy to guess.", field="password", hint=_HARD_TO_GUESS)
            return await asyncio.to_thread(self._hasher.hash, normalised)

    async def verify(self, password: str, stored_hash: str | None) -> bool:
        """Return whether the password is the stored one; with nothing stored, the same work is done.

        Errors: PasswordsBusyError.
        """
        normalised = _normalise(password)
        async with self._turn():
            if self._decoy is None:
                self._decoy = await asyncio.to_thread(self._hasher.hash, "no login has this password")
            is_same = await asyncio.to_thread(self._matches, normalised or "", stored_hash or self._decoy)
        return is_same and normalised is not None and stored_hash is not None

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Wait for one of the threads, unless too many are waiting already."""
        if self._callers >= self._callers_max:
            raise PasswordsBusyError
        self._callers += 1
        try:
            async with self._turns:
                yield
        finally:
            self._callers -= 1

    def _matches(self, password: str, stored_hash: str) -> bool:
        try:
            return self._hasher.verify(stored_hash, password)
        except (VerificationError, InvalidHashError):
            return False


def _is_hard_to_guess(password: str, about: Sequence[str]) -> bool:
    """Return whether guessing from common passwords, words and facts about the officer would take long."""
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
