"""Browsers that a login was used in before, known by a cookie, so that a stranger's guesses can't lock them out.

A browser becomes known to a login only by a right password. Its token is replaced at each login, so that one planted in
a browser never becomes trusted. A known browser must never stand for a login: it only decides whose wrong passwords are
counted together.

Source: OWASP, "Slow Down Online Guessing Attacks with Device Cookies".
"""

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert

from auth.hashed_secrets import generate_secret, hash_secret
from auth.login.table import login_devices, officer_logins
from ledger.storage.database import Transaction


async def is_known_device(tx: Transaction, token: str | None, *, login: str) -> bool:
    """Return whether the login was used in this browser before."""
    if token is None:
        return False
    found = await tx.execute(
        select(login_devices.c.login_id)
        .join(officer_logins, officer_logins.c.id == login_devices.c.login_id)
        .where(
            login_devices.c.token_hash == hash_secret(token),
            login_devices.c.expires_at > tx.as_of,
            officer_logins.c.login == login,
        )
    )
    return found.first() is not None


async def remember_device(tx: Transaction, token: str | None, *, login_id: str, lifetime_s: int) -> str:
    """Make the browser known to this login; returns the token that replaces its previous one."""
    fresh = generate_secret()
    if token is not None:
        # The browser stays known to other logins: several officers may share it.
        await tx.execute(
            update(login_devices)
            .where(login_devices.c.token_hash == hash_secret(token), login_devices.c.expires_at > tx.as_of)
            .values(token_hash=hash_secret(fresh))
        )
    row = {
        "token_hash": hash_secret(fresh),
        "login_id": login_id,
        "expires_at": tx.as_of + timedelta(seconds=lifetime_s),
    }
    statement = insert(login_devices).values(row)
    await tx.execute(
        statement.on_conflict_do_update(
            index_elements=[login_devices.c.token_hash, login_devices.c.login_id],
            set_={"expires_at": statement.excluded.expires_at},
        )
    )
    return fresh


async def forget_devices(tx: Transaction, login_id: str) -> None:
    """Make every browser unknown to this login."""
    await tx.execute(delete(login_devices).where(login_devices.c.login_id == login_id))
