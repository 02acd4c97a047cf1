"""Officers' logins: a login name and a password that lead to one officer.

An officer may have several logins; the four-eyes rule counts officers. These functions are for operators; the login
page uses attempts.py. Runs under the AUTH role.
"""

import unicodedata

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from auth.errors import LoginInvalidError, LoginTakenError, LoginUnknownError, OfficerUnknownError
from auth.login.devices import forget_devices
from auth.login.passwords import Passwords
from auth.login.sessions import end_sessions_of_login
from auth.login.table import officer_logins
from auth.login.throttles import forget_attempts, make_subject
from auth.protocol.ended_grants import end_officer_grants
from auth.settings import AuthSettings
from ledger.identifiers import OfficerId, new_id, parse_id
from ledger.members.table import officers
from ledger.storage.database import Transaction

LOGIN_LENGTH_MAX = 128


def normalise_login(login: str) -> str | None:
    """Return the login as it is stored and looked up (NFKC, case folded), or None if it can't be one."""
    if len(login) > LOGIN_LENGTH_MAX:
        return None
    folded = unicodedata.normalize("NFKC", login.strip()).casefold()
    if not 1 <= len(folded) <= LOGIN_LENGTH_MAX or not folded.isprintable() or " " in folded:
        return None
    return folded


async def create_login(
    tx: Transaction, passwords: Passwords, *, officer_id: OfficerId, login: str, password: str
) -> str:
    """Create a login for an officer; returns its id.

    Errors: LoginInvalidError, PasswordInvalidError, OfficerUnknownError, LoginTakenError.
    """
    normalised = require_login_name(login)
    found = await tx.execute(select(officers.c.id).where(officers.c.id == parse_id(officer_id)))
    if found.first() is None:
        raise OfficerUnknownError(field="officerId")
    password_hash = await passwords.hash(password, about=(normalised,))
    return await insert_login(tx, officer_id=officer_id, login=normalised, password_hash=password_hash)


def require_login_name(login: str) -> str:
    """Return the login as it is stored. Errors: LoginInvalidError."""
    normalised = normalise_login(login)
    if normalised is None:
        raise LoginInvalidError(field="login")
    return normalised


async def insert_login(tx: Transaction, *, officer_id: OfficerId, login: str, password_hash: str) -> str:
    """Store a login, by its normalised name, and return its id. Errors: LoginTakenError."""
    login_id = new_id()
    row = {
        "id": login_id,
        "officer_id": officer_id,
        "login": login,
        "password_hash": password_hash,
        "created_at": tx.as_of,
        "password_set_at": tx.as_of,
    }
    made = await tx.execute(
        insert(officer_logins)
        .values(row)
        .on_conflict_do_nothing(index_elements=[officer_logins.c.login])
        .returning(officer_logins.c.id)
    )
    if made.first() is None:
        raise LoginTakenError(field="login")
    return login_id


async def set_password(
    tx: Transaction, passwords: Passwords, *, login: str, password: str, settings: AuthSettings
) -> None:
    """Set a login's password, which ends what came of the old one.

    Errors: LoginUnknownError, PasswordInvalidError.
    """
    login_id = await get_login_id(tx, login)
    await replace_password(tx, login_id, await passwords.hash(password, about=(login,)), settings=settings)


async def replace_password(tx: Transaction, login_id: str, password_hash: str, *, settings: AuthSettings) -> None:
    """Store the hash of a new password.

    The login's sessions end, no browser is known to it any more, and all that the officer granted ends.
    """
    replaced = await tx.execute(
        update(officer_logins)
        .where(officer_logins.c.id == login_id)
        .values(password_hash=password_hash, password_set_at=tx.as_of)
        .returning(officer_logins.c.officer_id)
    )
    await forget_devices(tx, login_id)
    # Before the grants: a session that is just getting a code is waited for.
    await end_sessions_of_login(tx, login_id)
    await end_officer_grants(tx, replaced.scalar_one(), settings=settings)


async def forgive_login(tx: Transaction, *, login: str) -> None:
    """Forget the failed attempts at a login, so that its officer need not wait.

    Errors: LoginUnknownError.
    """
    await get_login_id(tx, login)
    await forget_attempts(tx, make_subject("login", normalise_login(login) or ""))


async def get_login_id(tx: Transaction, login: str) -> str:
    """Return the id of a login. Errors: LoginUnknownError."""
    found = await tx.execute(
        select(officer_logins.c.id).where(officer_logins.c.login == (normalise_login(login) or ""))
    )
    login_id: str | None = found.scalar_one_or_none()
    if login_id is None:
        raise LoginUnknownError(field="login")
    return login_id


async def find_officer_id(tx: Transaction, login: str) -> OfficerId | None:
    """Return the officer of a login, or None."""
    normalised = normalise_login(login)
    if normalised is None:
        return None
    found = await tx.execute(select(officer_logins.c.officer_id).where(officer_logins.c.login == normalised))
    return found.scalar_one_or_none()


async def list_logins(tx: Transaction) -> dict[OfficerId, list[str]]:
    """List the logins of each officer; an officer without any has no entry."""
    logins: dict[OfficerId, list[str]] = {}
    found = await tx.execute(select(officer_logins.c.officer_id, officer_logins.c.login).order_by(officer_logins.c.id))
    for row in found:
        logins.setdefault(row.officer_id, []).append(row.login)
    return logins
