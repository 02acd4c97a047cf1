"""Counts of attempts, in the database, so that many processes and many requests at once share them.

An attempt is counted before it is looked at, for each of its subjects, and refused where any is over its limit. A
subject is stored only as a hash: a mistyped login can be a password.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, delete, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from auth.login.table import login_throttles
from ledger.storage.database import Transaction

_ATTEMPTS_COUNTED_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class Throttle:
    """The subjects that one attempt counts for, and how many each may have in a window.

    A success sets those of clears to nothing, and takes its own attempt off those of lowers.
    """

    limits: Mapping[bytes, int]
    clears: Sequence[bytes] = ()
    lowers: Sequence[bytes] = ()

    async def forgive(self, tx: Transaction) -> None:
        """The attempt was a good one."""
        left = {subject: update(login_throttles).values(attempts=0) for subject in self.clears}
        for subject in self.lowers:
            fewer = func.greatest(login_throttles.c.attempts - 1, 0)
            left[subject] = update(login_throttles).values(attempts=fewer)
        # In the order in which attempts are counted, so that the two can't deadlock.
        for subject in sorted(left):
            await tx.execute(left[subject].where(login_throttles.c.subject_hash == subject))


def make_subject(kind: str, *values: str) -> bytes:
    """What is counted, as it is stored."""
    return hashlib.sha256(json.dumps([kind, *values]).encode()).digest()


async def count_attempt(tx: Transaction, throttle: Throttle, *, window_s: int) -> bool:
    """Count the attempt for every subject; whether any is over its limit."""
    counts: list[bool] = []
    # One order for everyone (by subject), so that two attempts can't deadlock.
    for subject, limit in sorted(throttle.limits.items()):
        counted = await tx.execute(_count(subject, tx.as_of, window_s))
        counts.append(counted.scalar_one() > limit)
    return any(counts)


async def forget_attempts(tx: Transaction, subject: bytes) -> None:
    """Begin the subject's count anew."""
    await tx.execute(delete(login_throttles).where(login_throttles.c.subject_hash == subject))


def _count(subject: bytes, as_of: datetime, window_s: int) -> ReturningInsert[tuple[int]]:
    """The statement that counts one attempt and begins another window where the last one is over."""
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
