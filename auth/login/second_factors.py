"""The second factor of a login: a time-based code from an app, or one of ten recovery codes.

The app's secret is shown once and stored sealed; a recovery code is stored as a hash and deleted when it is used. A
code is accepted at most once, and may be one time step early or late. No result tells which kind of code was wrong.

Source: RFC 6238 sections 4 and 5.2, RFC 4226 section 7; NIST SP 800-63B sections 5.1.2 and 5.1.4.
"""

import base64
import hmac
import secrets
from enum import Enum, auto

import pyotp
from sqlalchemy import delete, func, insert, select, update

from auth.hashed_secrets import hash_secret
from auth.login.logins import get_login_id
from auth.login.sessions import end_sessions_of_login
from auth.login.table import officer_logins, recovery_codes
from ledger.storage.database import Transaction

_STEP_S = 30
_DRIFT_STEPS_MAX = 1
_RECOVERY_CODES = 10
_RECOVERY_BYTES = 16
_GROUP_LENGTH = 5


class UsedCode(Enum):
    """Which code was used."""

    APP = auto()
    RECOVERY = auto()


async def begin_enrolment(tx: Transaction, login_id: str) -> str | None:
    """Generate a secret for the app, effective once confirmed; None if the login already has a confirmed one."""
    secret = pyotp.random_base32()
    changed = await tx.execute(
        update(officer_logins)
        .where(officer_logins.c.id == login_id, officer_logins.c.totp_confirmed_at.is_(None))
        .values(totp_secret_sealed=tx.keyring.seal(secret.encode(), _place(login_id)), totp_last_step=None)
    )
    return secret if changed.rowcount == 1 else None


async def confirm_enrolment(tx: Transaction, login_id: str, code: str) -> list[str] | None:
    """Enable the second factor if the app shows the right code; returns ten recovery codes, or None."""
    if not await _use_app_code(tx, login_id, code, is_confirmed=False):
        return None
    await tx.execute(update(officer_logins).where(officer_logins.c.id == login_id).values(totp_confirmed_at=tx.as_of))
    codes = [_make_recovery_code() for _ in range(_RECOVERY_CODES)]
    await tx.execute(delete(recovery_codes).where(recovery_codes.c.login_id == login_id))
    rows = [{"login_id": login_id, "code_hash": hash_secret(_normalise(code))} for code in codes]
    await tx.execute(insert(recovery_codes), rows)
    return codes


async def use_code(tx: Transaction, login_id: str, code: str) -> UsedCode | None:
    """Use a code of the app, or a recovery code, which is deleted; None if it was not valid, or was used before."""
    if await _use_app_code(tx, login_id, code, is_confirmed=True):
        return UsedCode.APP
    used = await tx.execute(
        delete(recovery_codes).where(
            recovery_codes.c.login_id == login_id, recovery_codes.c.code_hash == hash_secret(_normalise(code))
        )
    )
    return UsedCode.RECOVERY if used.rowcount == 1 else None


async def count_recovery_codes(tx: Transaction, login_id: str) -> int:
    """Return how many recovery codes are left."""
    counted = await tx.execute(
        select(func.count()).select_from(recovery_codes).where(recovery_codes.c.login_id == login_id)
    )
    return int(counted.scalar_one())


async def remove_second_factor(tx: Transaction, login_id: str) -> None:
    """Remove the second factor, confirmed or not."""
    await tx.execute(
        update(officer_logins)
        .where(officer_logins.c.id == login_id)
        .values(totp_secret_sealed=None, totp_confirmed_at=None, totp_last_step=None)
    )
    await tx.execute(delete(recovery_codes).where(recovery_codes.c.login_id == login_id))


async def reset_second_factor(tx: Transaction, *, login: str) -> None:
    """Remove a login's second factor, on an operator's request, for an officer who lost app and recovery codes.

    The login's sessions end. Errors: LoginUnknownError.
    """
    login_id = await get_login_id(tx, login)
    await remove_second_factor(tx, login_id)
    await end_sessions_of_login(tx, login_id)


def render_provisioning_uri(secret: str, *, login: str, service_name: str) -> str:
    """Return the URI by which an app imports the secret."""
    uri: str = pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=service_name)
    return uri


async def _use_app_code(tx: Transaction, login_id: str, code: str, *, is_confirmed: bool) -> bool:
    """Use a code of the app; a time step that was used, or an earlier one, is never accepted again."""
    found = await tx.execute(select(officer_logins).where(officer_logins.c.id == login_id).with_for_update())
    row = found.one()
    if row.totp_secret_sealed is None or (row.totp_confirmed_at is not None) != is_confirmed:
        return False
    app = pyotp.TOTP(tx.keyring.open(row.totp_secret_sealed, _place(login_id)).decode(), interval=_STEP_S)
    typed = "".join(code.split()).encode("utf-8", "replace")
    now = int(tx.as_of.timestamp()) // _STEP_S
    steps = range(now - _DRIFT_STEPS_MAX, now + _DRIFT_STEPS_MAX + 1)
    matching = [step for step in steps if hmac.compare_digest(app.generate_otp(step).encode(), typed)]
    unused = [step for step in matching if row.totp_last_step is None or step > row.totp_last_step]
    if not unused:
        return False
    # The row is locked: of two requests with the same code, the second finds its step used.
    await tx.execute(update(officer_logins).where(officer_logins.c.id == login_id).values(totp_last_step=unused[0]))
    return True


def _make_recovery_code() -> str:
    """Return 128 random bits as groups of letters and digits, easy to copy from paper."""
    text = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().rstrip("=")
    groups = [text[start : start + _GROUP_LENGTH] for start in range(0, len(text), _GROUP_LENGTH)]
    return "-".join(groups)


def _normalise(recovery_code: str) -> str:
    kept = [character for character in recovery_code.upper() if character not in "- "]
    return "".join(kept).encode("utf-8", "replace").decode()


def _place(login_id: str) -> str:
    return f"officer_logins.totp_secret:{login_id}"
