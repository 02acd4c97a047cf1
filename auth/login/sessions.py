"""Sessions of officers' browsers: one row each, found by the hash of a token that only the browser has.

A session is invalid while its officer is disabled or the officer's member suspended. A token that a browser brings must
never become a session: a new one is generated at every login.

Source: OWASP ASVS 5.0 chapter 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, literal, select

from auth.hashed_secrets import generate_secret, hash_secret
from auth.login.table import login_sessions, officer_logins
from auth.rows import read_record
from ledger.identifiers import OfficerId, new_id
from ledger.members.table import members, officers
from ledger.storage.database import Transaction


@dataclass(frozen=True, slots=True)
class OpenedSession:
    """What a browser gets at login: its session's token and, once the login is complete, its device token."""

    token: str
    device_token: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginSession:
    """A session that has not expired, of an officer who may act."""

    id: str
    token: str
    login_id: str | None
    login: str | None
    officer_id: OfficerId
    officer_name: str
    officer_scopes: Sequence[str]
    has_second_factor: bool
    created_at: datetime
    second_factor_at: datetime | None

    def is_after(self, time: datetime | None) -> bool:
        """Return whether the officer logged in after the time, if there is one."""
        return time is None or self.created_at > time

    @property
    def own_login_id(self) -> str:
        """Return the id of the login whose password opened the session; RuntimeError if a provider opened it."""
        if self.login_id is None:
            raise RuntimeError("A provider opened this session; it has no login.")
        return self.login_id


async def insert_session(
    tx: Transaction,
    *,
    login_id: str | None,
    officer_id: str,
    expires_at: datetime,
    second_factor_at: datetime | None = None,
) -> str:
    """Insert a session and return its token."""
    token = generate_secret()
    row = {
        "id": new_id(),
        "token_hash": hash_secret(token),
        "login_id": login_id,
        "officer_id": officer_id,
        "created_at": tx.as_of,
        "second_factor_at": second_factor_at,
        "expires_at": expires_at,
    }
    await tx.execute(insert(login_sessions).values(row))
    return token


async def find_session(tx: Transaction, token: str | None) -> LoginSession | None:
    """Return the session of the token, if it has not expired and its officer may act."""
    if not token:
        return None
    found = await tx.execute(
        select(
            login_sessions.c.id,
            literal(token).label("token"),
            login_sessions.c.login_id,
            officer_logins.c.login,
            login_sessions.c.officer_id,
            officers.c.display_name.label("officer_name"),
            officers.c.scopes.label("officer_scopes"),
            officer_logins.c.totp_confirmed_at.is_not(None).label("has_second_factor"),
            login_sessions.c.created_at,
            login_sessions.c.second_factor_at,
        )
        .outerjoin(officer_logins, officer_logins.c.id == login_sessions.c.login_id)
        .join(officers, officers.c.id == login_sessions.c.officer_id)
        .join(members, members.c.id == officers.c.member_id)
        .where(
            login_sessions.c.token_hash == hash_secret(token),
            login_sessions.c.expires_at > tx.as_of,
            officers.c.disabled_at.is_(None),
            members.c.suspended_at.is_(None),
        )
    )
    return read_record(LoginSession, found.first())


def hold_session(connection: Connection, session_id: str) -> bool:
    """Return whether the session is still open; it can't be ended before this transaction is."""
    held = connection.execute(
        select(login_sessions.c.id).where(login_sessions.c.id == session_id).with_for_update(read=True, key_share=True)
    )
    return held.first() is not None


async def end_session(tx: Transaction, token: str | None) -> None:
    """End the session of the token, if there is one."""
    if token:
        await tx.execute(delete(login_sessions).where(login_sessions.c.token_hash == hash_secret(token)))


async def end_sessions_of_officer(tx: Transaction, officer_id: OfficerId) -> None:
    """End every session of the officer, by whichever login or provider it was opened."""
    await tx.execute(delete(login_sessions).where(login_sessions.c.officer_id == officer_id))


async def end_sessions_of_login(tx: Transaction, login_id: str) -> None:
    """End every session of the login."""
    await tx.execute(delete(login_sessions).where(login_sessions.c.login_id == login_id))
