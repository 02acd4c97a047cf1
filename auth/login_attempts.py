"""A person at the login page: throttled, checked, and given a session of their browser.

What the page answers, and how long it takes, is the same for an unknown login, a wrong password, a
disabled officer and a throttled attempt. Attempts are counted in the database before the password is looked
at, so that many processes and many requests at once share one count.

Source: NIST SP 800-63B section 5.2.2 (throttling), OWASP ASVS 5.0 chapter 7 (sessions).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.sql.dml import ReturningInsert

from auth.clock import Clock
from auth.login_sessions import insert_session
from auth.logins import normalise_login
from auth.passwords import Passwords
from auth.settings import AuthSettings
from auth.tables import login_throttles, officer_logins
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role
from ledger.storage.tables.members import members, officers

_ATTEMPTS_COUNTED_MAX = 1_000_000


@dataclass(frozen=True, slots=True)
class _Candidate:
    login_id: str
    officer_id: str
    password_hash: str
    is_active: bool


class LoginDesk:
    """Checks what people type at the login page. One per process."""

    def __init__(self, database: Database, passwords: Passwords, settings: AuthSettings) -> None:
        """Nothing is counted in memory: the counts stand in the database."""
        self._database = database
        self._passwords = passwords
        self._settings = settings

    async def open_session(self, *, login: str, password: str, address: str, clock: Clock) -> str | None:
        """The token of a new session for the officer, or None, whatever the reason.

        Errors: DatabaseUnavailableError.
        """
        as_of = clock()
        # An impossible login is counted and looked up like any other, under a name that nobody can have.
        name = normalise_login(login) or f" {hashlib.sha256(login.encode('utf-8', 'replace')).hexdigest()}"
        subjects = (_subject("login", name), _subject("address", address))
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            is_throttled = await self._count_attempt(tx, subjects)
            candidate = await _find_candidate(tx, name)
        # No transaction is open while the password is hashed: that takes long, and connections are few.
        is_right = await self._passwords.verify(password, candidate.password_hash if candidate else None)
        if candidate is None or not is_right or not candidate.is_active or is_throttled:
            return None
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            await _forgive(tx, login_subject=subjects[0], address_subject=subjects[1])
            expires_at = tx.as_of + timedelta(seconds=self._settings.session_lifetime_s)
            return await insert_session(
                tx, login_id=candidate.login_id, officer_id=candidate.officer_id, expires_at=expires_at
            )

    async def _count_attempt(self, tx: Transaction, subjects: tuple[bytes, bytes]) -> bool:
        """Count the attempt for both subjects; whether either is over its limit."""
        limits = (self._settings.login_attempts_per_login, self._settings.login_attempts_per_address)
        counts: list[bool] = []
        # One order for everyone (by subject), so that two attempts can't deadlock.
        for subject, limit in sorted(zip(subjects, limits, strict=True)):
            counted = await tx.execute(self._count(subject, tx.as_of))
            counts.append(counted.scalar_one() > limit)
        return any(counts)

    def _count(self, subject: bytes, as_of: datetime) -> ReturningInsert[tuple[int]]:
        """The statement that counts one attempt and begins another window where the last one is over."""
        ends_at = as_of + timedelta(seconds=self._settings.login_window_s)
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


async def _find_candidate(tx: Transaction, login: str) -> _Candidate | None:
    row = (
        await tx.execute(
            select(
                officer_logins,
                officers.c.disabled_at.is_(None).label("is_enabled"),
                members.c.suspended_at.is_(None).label("is_admitted"),
            )
            .join(officers, officers.c.id == officer_logins.c.officer_id)
            .join(members, members.c.id == officers.c.member_id)
            .where(officer_logins.c.login == login)
        )
    ).first()
    if row is None:
        return None
    return _Candidate(row.id, row.officer_id, row.password_hash, row.is_enabled and row.is_admitted)


async def _forgive(tx: Transaction, *, login_subject: bytes, address_subject: bytes) -> None:
    """A right password clears the login's count and takes its own attempt off the address's."""
    left = {
        login_subject: update(login_throttles).values(attempts=0),
        address_subject: update(login_throttles).values(attempts=func.greatest(login_throttles.c.attempts - 1, 0)),
    }
    # In the order in which attempts are counted, so that the two can't deadlock.
    for subject in sorted(left):
        await tx.execute(left[subject].where(login_throttles.c.subject_hash == subject))


def _subject(kind: str, value: str) -> bytes:
    return hashlib.sha256(f"{kind}:{value}".encode("utf-8", "replace")).digest()
