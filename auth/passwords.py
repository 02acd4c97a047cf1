"""Passwords: argon2id, in threads of their own, so many at once and no more.

A password is never logged, stored or returned. Verification takes the same time whether or not there
is anything to compare with.

Source: RFC 9106 section 4 (the second recommended parameters are the default).
"""

import asyncio
import unicodedata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from auth.errors import PasswordInvalidError, PasswordsBusyError
from auth.settings import AuthSettings

PASSWORD_LENGTH_MAX = 256


class Passwords:
    """Hashes and checks passwords by the settings' cost. One per process: it bounds the memory that hashing takes."""

    def __init__(self, settings: AuthSettings) -> None:
        """Nothing is hashed yet."""
        self._length_min = settings.password_length_min
        self._hasher = PasswordHasher(
            time_cost=settings.password_hash_time_cost,
            memory_cost=settings.password_hash_memory_kib,
            parallelism=settings.password_hash_parallelism,
            type=Type.ID,
        )
        self._turns = asyncio.Semaphore(settings.password_hashes_at_once)
        self._callers_max = settings.password_hashes_at_once + settings.password_hashes_waiting_max
        self._callers = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to store. Errors: PasswordInvalidError, PasswordsBusyError."""
        normalised = _normalise(password)
        if normalised is None or len(normalised) < self._length_min:
            raise PasswordInvalidError(
                f"A password is {self._length_min} to {PASSWORD_LENGTH_MAX} characters.", field="password"
            )
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, normalised)

    async def verify(self, password: str, stored_hash: str | None) -> bool:
        """Whether the password is the stored one; with nothing stored the same work is done in vain.

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
        """Wait for one of the threads, unless too many wait already."""
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


def _normalise(password: str) -> str | None:
    """The password as any keyboard would send it (NFKC), or None where none could."""
    if len(password) > PASSWORD_LENGTH_MAX:
        return None
    normalised = unicodedata.normalize("NFKC", password)
    # Surrogates and control characters can't be typed again; argon2 could not encode the first.
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in normalised):
        return None
    return normalised
