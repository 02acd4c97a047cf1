"""Login attempts: throttled, checked, and rewarded with a session of the browser.

The response, and the time it takes, is the same for an unknown login, a wrong password and a disabled officer. A
throttled attempt gets the same response at once, for any login alike, since it must not cost us a hash. Guessing at a
login locks out the guesser and, in the end, unknown browsers, but never a browser that the login was used in before:
that one is counted by itself.

Source: NIST SP 800-63B section 5.2.2 (throttling), OWASP ASVS 5.0 chapters 6 and 7.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from auth.clock import Clock
from auth.errors import PasswordsBusyError
from auth.login.devices import is_known_device, remember_device
from auth.login.logins import normalise_login, replace_password
from auth.login.passwords import Passwords
from auth.login.second_factors import (
    UsedCode,
    begin_enrolment,
    confirm_enrolment,
    remove_second_factor,
    use_code,
)
from auth.login.sessions import LoginSession, OpenedSession, end_session, insert_session
from auth.login.table import officer_logins
from auth.login.throttles import Throttle, count_attempt, make_subject
from auth.outcomes import AccountEvent, AccountOutcome, record_failure, record_outcome
from auth.protocol.ended_grants import end_officer_grants
from auth.rows import read_record
from auth.settings import AuthSettings
from ledger.identifiers import ClientId, OfficerId
from ledger.members.table import members, officers
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role
from ledger.viewer import MemberKind

_FAILURES_RECORDED = 10
"""Failures of one kind that are events, for each name and window of logins."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    login_id: str
    officer_id: str
    password_hash: str
    officer_scopes: Sequence[str]
    is_active: bool
    has_second_factor: bool
    is_regulators: bool


class LoginDesk:
    """Checks passwords and codes, and opens sessions. One per process."""

    def __init__(self, database: Database, passwords: Passwords, settings: AuthSettings) -> None:
        """Keep nothing in memory: attempts are counted in the database."""
        self._database = database
        self._passwords = passwords
        self._settings = settings

    async def open_session(
        self,
        *,
        login: str,
        password: str,
        address: str,
        device_token: str | None = None,
        client_id: ClientId | None = None,
        clock: Clock,
    ) -> OpenedSession | None:
        """Open a session for the officer; None on failure, whatever the reason.

        Errors: DatabaseUnavailableError, PasswordsBusyError.
        """
        as_of = clock()
        # An impossible login is counted and looked up like any other, under a name that no login can have.
        name = normalise_login(login) or f" {hashlib.sha256(login.encode('utf-8', 'replace')).hexdigest()}"
        async with self._database.system(Role.AUTH, as_of=as_of) as tx:
            is_known = await is_known_device(tx, device_token, login=name)
            throttle = self._throttle(name, address=address, device_token=device_token if is_known else None)
            is_throttled = await count_attempt(tx, throttle, window_s=self._settings.login_window_seconds)
            candidate = await _find_candidate(tx, name)
            if is_throttled:
                await self._note_failure(tx, AccountOutcome.LOCKED_OUT, name, candidate, client_id)
        if is_throttled:
            return None
        # No transaction is open while the password is hashed: hashing is slow and connections are few.
        source = device_token if is_known and device_token is not None else address
        stored_hash = candidate.password_hash if candidate else None
        is_right = await self._verify(password, stored_hash, throttle, source=source, is_known=is_known, clock=clock)
        if candidate is None or not is_right or not candidate.is_active:
            async with self._database.system(Role.AUTH, as_of=clock()) as tx:
                await self._note_failure(tx, AccountOutcome.LOGIN_FAILED, name, candidate, client_id)
            return None
        settings = self._settings
        # The regulator's officers use its own provider instead, unless the settings allow both.
        if candidate.is_regulators and settings.openid_issuer and not settings.openid_passwords:
            return None
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            await throttle.forgive(tx)
            if not await _still_has(tx, candidate):
                return None
            return await self._open(tx, candidate, device_token, client_id)

    async def change_password(
        self, session: LoginSession, *, old: str, new: str, device_token: str | None, clock: Clock
    ) -> OpenedSession | None:
        """Change the password of a session's login; None if the current one is wrong.

        What came of the old one ends everywhere; this browser gets a new session.
        Errors: PasswordInvalidError, PasswordsBusyError, DatabaseUnavailableError.
        """
        candidate = await self._check_password(session, old, clock=clock)
        if candidate is None:
            return None
        about = (session.login or "", session.officer_name)
        password_hash = await self._passwords.hash(new, about=about, source=session.own_login_id, is_known=True)
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            if not await _still_has(tx, candidate):
                return None
            await replace_password(tx, candidate.login_id, password_hash, settings=self._settings)
            await _note(tx, AccountOutcome.PASSWORD_CHANGED, session)
            return await self._open_complete(tx, candidate, device_token, second_factor_at=session.second_factor_at)

    async def pass_second_factor(
        self,
        session: LoginSession,
        *,
        code: str,
        device_token: str | None,
        client_id: ClientId | None = None,
        clock: Clock,
    ) -> OpenedSession | None:
        """Replace the session that lacks the second factor by a complete one; None if the code is wrong.

        Errors: DatabaseUnavailableError.
        """
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            if not await self._use_code(tx, session, code, device_token, client_id):
                return None
            await end_session(tx, session.token)
            await _note(tx, AccountOutcome.LOGGED_IN, session, client_id)
            return await self._open_complete(tx, session, device_token, second_factor_at=tx.as_of)

    async def begin_enrolment(self, session: LoginSession, *, password: str | None, clock: Clock) -> str | None:
        """Return the secret of a new second factor, or None if the password is wrong; password None requires none.

        Errors: PasswordsBusyError, DatabaseUnavailableError.
        """
        if password is not None and await self._check_password(session, password, clock=clock) is None:
            return None
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            return await begin_enrolment(tx, session.own_login_id)

    async def confirm_enrolment(
        self, session: LoginSession, *, code: str, device_token: str | None, clock: Clock
    ) -> tuple[OpenedSession, list[str]] | None:
        """Enable the second factor: a complete session and the recovery codes, or None if the code is wrong.

        What the officer granted before ends, since whoever held the password alone could have granted it.
        """
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            throttle = self._code_throttle(session, "")
            if await count_attempt(tx, throttle, window_s=self._settings.login_window_seconds):
                return None
            codes = await confirm_enrolment(tx, session.own_login_id, code)
            if codes is None:
                return None
            await throttle.forgive(tx)
            await end_session(tx, session.token)
            await end_officer_grants(tx, session.officer_id, settings=self._settings)
            await _note(tx, AccountOutcome.SECOND_FACTOR_ENROLLED, session)
            if self._settings.needs_second_factor(session.officer_scopes):
                # Without it the login wasn't complete.
                await _note(tx, AccountOutcome.LOGGED_IN, session)
            opened = await self._open_complete(tx, session, device_token, second_factor_at=tx.as_of)
            return opened, codes

    async def remove_second_factor(self, session: LoginSession, *, password: str, code: str, clock: Clock) -> bool:
        """Remove the second factor, which requires the password and a code; returns whether it was removed.

        What the officer granted before ends.
        """
        if await self._check_password(session, password, clock=clock) is None:
            return False
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            if not await self._use_code(tx, session, code, None, None):
                return False
            await remove_second_factor(tx, session.own_login_id)
            await _note(tx, AccountOutcome.SECOND_FACTOR_REMOVED, session)
            await end_officer_grants(tx, session.officer_id, settings=self._settings)
            return True

    async def _check_password(self, session: LoginSession, password: str, *, clock: Clock) -> _Candidate | None:
        """Return the session's login if the password is right; counted apart from attempts at the login page."""
        subject = make_subject("password", session.own_login_id)
        throttle = Throttle({subject: self._settings.login_attempts_per_source}, clears=(subject,))
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            is_throttled = await count_attempt(tx, throttle, window_s=self._settings.login_window_seconds)
            candidate = await _find_candidate(tx, session.login or "")
        if is_throttled or candidate is None or not candidate.is_active:
            return None
        if not await self._verify(
            password, candidate.password_hash, throttle, source=session.own_login_id, is_known=True, clock=clock
        ):
            return None
        async with self._database.system(Role.AUTH, as_of=clock()) as tx:
            await throttle.forgive(tx)
        return candidate

    async def _verify(
        self,
        password: str,
        stored_hash: str | None,
        throttle: Throttle,
        *,
        source: str,
        is_known: bool,
        clock: Clock,
    ) -> bool:
        """Return whether the password is right; one that found no turn is no attempt. Errors: PasswordsBusyError."""
        try:
            return await self._passwords.verify(password, stored_hash, source=source, is_known=is_known)
        except PasswordsBusyError:
            async with self._database.system(Role.AUTH, as_of=clock()) as tx:
                await throttle.take_back(tx)
            raise

    async def _use_code(
        self,
        tx: Transaction,
        session: LoginSession,
        code: str,
        device_token: str | None,
        client_id: ClientId | None,
    ) -> bool:
        """Return whether the code is right and the attempts were not too many."""
        is_known = await is_known_device(tx, device_token, login=session.login or "")
        throttle = self._code_throttle(session, (device_token or "") if is_known else "")
        is_throttled = await count_attempt(tx, throttle, window_s=self._settings.login_window_seconds)
        used = None if is_throttled else await use_code(tx, session.own_login_id, code)
        if used is None:
            outcome = AccountOutcome.LOCKED_OUT if is_throttled else AccountOutcome.SECOND_FACTOR_FAILED
            await self._note_failure(tx, outcome, session.login or "", session, client_id)
            return False
        if used is UsedCode.RECOVERY:
            await _note(tx, AccountOutcome.RECOVERY_CODE_USED, session, client_id)
        await throttle.forgive(tx)
        return True

    async def _note_failure(
        self,
        tx: Transaction,
        outcome: AccountOutcome,
        name: str,
        officer: _Candidate | LoginSession | None,
        client_id: ClientId | None,
    ) -> None:
        """Record a failure, unless enough of them are recorded for the name in this window."""
        recorded = Throttle({make_subject("recorded failure", outcome, name): _FAILURES_RECORDED})
        if not await count_attempt(tx, recorded, window_s=self._settings.login_window_seconds):
            officer_id = OfficerId(officer.officer_id) if officer is not None else None
            await record_failure(tx, outcome, officer_id=officer_id, client_id=client_id)

    def _code_throttle(self, session: LoginSession, known_device: str) -> Throttle:
        subject = make_subject("second factor", session.own_login_id, known_device)
        return Throttle({subject: self._settings.second_factor_attempts}, clears=(subject,))

    def _throttle(self, name: str, *, address: str, device_token: str | None) -> Throttle:
        """Return what is counted: a browser known to the login by itself, any other with all others."""
        settings = self._settings
        if device_token is not None:
            subject = make_subject("device", device_token, name)
            return Throttle({subject: settings.login_attempts_per_source}, clears=(subject,))
        by_login, by_address = make_subject("login", name), make_subject("address", address)
        by_both = make_subject("source", address, name)
        return Throttle(
            {
                by_login: settings.login_attempts_per_login,
                by_address: settings.login_attempts_per_address,
                by_both: settings.login_attempts_per_source,
            },
            clears=(by_login, by_both),
            lowers=(by_address,),
        )

    async def _open(
        self, tx: Transaction, candidate: _Candidate, device_token: str | None, client_id: ClientId | None
    ) -> OpenedSession:
        """Open a session after the right password: a short one, with no known browser, if a second factor is due."""
        if candidate.has_second_factor or self._settings.needs_second_factor(candidate.officer_scopes):
            expires_at = tx.as_of + timedelta(seconds=self._settings.second_factor_seconds)
            token = await insert_session(
                tx, login_id=candidate.login_id, officer_id=candidate.officer_id, expires_at=expires_at
            )
            return OpenedSession(token)
        await _note(tx, AccountOutcome.LOGGED_IN, candidate, client_id)
        return await self._open_complete(tx, candidate, device_token, second_factor_at=None)

    async def _open_complete(
        self,
        tx: Transaction,
        owner: _Candidate | LoginSession,
        device_token: str | None,
        *,
        second_factor_at: datetime | None,
    ) -> OpenedSession:
        settings = self._settings
        login_id = owner.login_id if isinstance(owner, _Candidate) else owner.own_login_id
        token = await insert_session(
            tx,
            login_id=login_id,
            officer_id=owner.officer_id,
            expires_at=tx.as_of + timedelta(seconds=settings.login_session_seconds),
            second_factor_at=second_factor_at,
        )
        return OpenedSession(
            token, await remember_device(tx, device_token, login_id=login_id, lifetime_s=settings.login_device_seconds)
        )


async def _note(
    tx: Transaction, outcome: AccountOutcome, officer: _Candidate | LoginSession, client_id: ClientId | None = None
) -> None:
    told = AccountEvent(outcome=outcome, officer_id=OfficerId(officer.officer_id), client_id=client_id)
    await record_outcome(tx, told)


async def _still_has(tx: Transaction, candidate: _Candidate) -> bool:
    """Return whether the checked password is still the login's, and lock it until this transaction ends."""
    found = await tx.execute(
        select(officer_logins.c.id)
        .where(officer_logins.c.id == candidate.login_id, officer_logins.c.password_hash == candidate.password_hash)
        .with_for_update()
    )
    return found.first() is not None


async def _find_candidate(tx: Transaction, login: str) -> _Candidate | None:
    row = (
        await tx.execute(
            select(
                officer_logins.c.id.label("login_id"),
                officer_logins.c.officer_id,
                officer_logins.c.password_hash,
                officers.c.scopes.label("officer_scopes"),
                and_(officers.c.disabled_at.is_(None), members.c.suspended_at.is_(None)).label("is_active"),
                officer_logins.c.totp_confirmed_at.is_not(None).label("has_second_factor"),
                (members.c.kind == MemberKind.REGULATOR).label("is_regulators"),
            )
            .join(officers, officers.c.id == officer_logins.c.officer_id)
            .join(members, members.c.id == officers.c.member_id)
            .where(officer_logins.c.login == login)
        )
    ).first()
    return read_record(_Candidate, row)
