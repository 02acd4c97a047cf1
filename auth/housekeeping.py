"""Deletion of what has expired: codes, sessions, known browsers, used proofs and assertions, revocations, login counts.

Nothing but disk space depends on it: every reader checks the time itself. Safe in several processes at once.
"""

from sqlalchemy import delete, select

from auth.clients.table import used_assertions
from auth.login.table import login_devices, login_sessions, login_throttles, officer_invitations, provider_logins
from auth.protocol.table import authorization_codes, pushed_requests
from auth.tokens.table import revoked_tokens, token_families, used_proofs
from ledger.storage.database import Transaction

_EXPIRING = (
    login_sessions,
    officer_invitations,
    provider_logins,
    login_devices,
    used_assertions,
    used_proofs,
    pushed_requests,
    token_families,
    revoked_tokens,
)


async def delete_expired(tx: Transaction) -> int:
    """Delete what has expired, and return how many rows that were. Runs under the AUTH role."""
    codes = authorization_codes.c
    # Rows that a login attempt has locked are skipped, so that the two can't deadlock.
    over = (
        select(login_throttles.c.subject_hash)
        .where(login_throttles.c.window_ends_at <= tx.as_of)
        .with_for_update(skip_locked=True)
    )
    statements = (
        *(delete(table).where(table.c.expires_at <= tx.as_of) for table in _EXPIRING),
        delete(login_throttles).where(login_throttles.c.subject_hash.in_(over)),
        # A redeemed code is kept as long as its token lives, so that a replay still ends the token.
        delete(authorization_codes).where(
            codes.expires_at <= tx.as_of,
            codes.token_expires_at.is_(None) | (codes.token_expires_at <= tx.as_of),
        ),
    )
    return sum([(await tx.execute(statement)).rowcount for statement in statements])
