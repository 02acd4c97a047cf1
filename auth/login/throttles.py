"""Counts of attempts, in the database, so that processes and concurrent requests share them.

An attempt is counted before it is checked, for each of its subjects, and is refused if any of them is over its limit. A
subject must only be stored as a hash: a mistyped login may be a password.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Update, case, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from auth.login.table import login_throttles
from ledger.storage.database import Transaction

_ATTEMPTS_COUNTED_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Throttle:
    """The subjects that an attempt counts for, and how many attempts each may have in a window.

    A success resets the subjects in clears to zero, and takes its own attempt off those in lowers.
    """

    limits: Mapping[bytes, int]
    clears: Sequence[bytes] = ()
    lowers: Sequence[bytes] = ()

    async def forgive(self, tx: Transaction) -> None:
        """Take a successful attempt off the counts."""
        left = {subject: update(login_throttles).values(attempts=0) for subject in self.clears}
        left |= {subject: _take_one_off() for subject in self.lowers}
        await self._update(tx, left)

    async def take_back(self, tx: Transaction) -> None:
        """Take an attempt off the counts that was never checked."""
        await self._update(tx, {subject: _take_one_off() for subject in self.limits})

    async def _update(self, tx: Transaction, left: Mapping[bytes, Update]) -> None:
        # In the order in which attempts are counted, so that the two can't deadlock.
        for subject in sorted(left):
            await tx.execute(left[subject].where(login_throttles.c.subject_hash == subject))


def _take_one_off() -> Update:
    return update(login_throttles).values(attempts=func.greatest(login_throttles.c.attempts - 1, 0))


def make_subject(kind: str, *values: str) -> bytes:
    """Return the subject of a count, as it is stored."""
    return hashlib.sha256(json.dumps([kind, *values]).encode()).digest()


async def count_attempt(tx: Transaction, throttle: Throttle, *, window_s: int) -> bool:
    """Count the attempt for every subject; returns whether any is over its limit."""
    counts: list[bool] = []
    # Always in the same order, so that two attempts can't deadlock.
    for subject, limit in sorted(throttle.limits.items()):
        counted = await tx.execute(_count(subject, tx.as_of, window_s))
        counts.append(counted.scalar_one() > limit)
    return any(counts)


async def forget_attempts(tx: Transaction, subject: bytes) -> None:
    """Delete the subject's count."""
    await tx.execute(delete(login_throttles).where(login_throttles.c.subject_hash == subject))


def _count(subject: bytes, as_of: datetime, window_s: int) -> ReturningInsert[tuple[int]]:
    """Return the statement that counts one attempt, in a new window if the last one is over."""
    ends_at = as_of + timedelta(seconds=window_s)
    statement = insert(login_throttles).values(subject_hash=subject, attempts=1, window_ends_at=ends_at)
    is_over = login_throttles.c.window_ends_at <= as_of
    # A count that stops growing can't overflow.
    more = case(
        (login_throttles.c.attempts < _ATTEMPTS_COUNTED_MAX, login_throttles.c.attempts + 1),
        else_=_ATTEMPTS_COUNTED_MAX,
    )
    return statement.on_conflict_do_update(
        index_elements=[login_throttles.c.subject_hash],
        set_={
            "attempts": case((is_over, 1), else_=more),
            "window_ends_at": case((is_over, ends_at), else_=login_throttles.c.window_ends_at),
        },
    ).returning(login_throttles.c.attempts)
