"""What has expired is deleted: codes, browser sessions and known browsers, assertion ids, revocations and login counts.

Nothing depends on it but disk space: every reader looks at the time itself. Safe in several processes at once.
"""

from sqlalchemy import delete, select

from auth.tables import (
    authorization_codes,
    login_devices,
    login_sessions,
    login_throttles,
    provider_logins,
    pushed_requests,
    revoked_tokens,
    token_families,
    used_assertions,
    used_proofs,
)
from ledger.storage.database import Transaction


async def delete_expired(tx: Transaction) -> int:
    """Delete what is over; returns how many rows. Runs under the AUTH role."""
    # Skipping what an attempt to log in holds, so that the two can't deadlock.
    over = (
        select(login_throttles.c.subject_hash)
        .where(login_throttles.c.window_ends_at <= tx.as_of)
        .with_for_update(skip_locked=True)
    )
    statements = (
        delete(login_sessions).where(login_sessions.c.expires_at <= tx.as_of),
        delete(provider_logins).where(provider_logins.c.expires_at <= tx.as_of),
        delete(login_devices).where(login_devices.c.expires_at <= tx.as_of),
        delete(used_assertions).where(used_assertions.c.expires_at <= tx.as_of),
        delete(used_proofs).where(used_proofs.c.expires_at <= tx.as_of),
        delete(pushed_requests).where(pushed_requests.c.expires_at <= tx.as_of),
        delete(token_families).where(token_families.c.expires_at <= tx.as_of),
        delete(revoked_tokens).where(revoked_tokens.c.expires_at <= tx.as_of),
        delete(login_throttles).where(login_throttles.c.subject_hash.in_(over)),
        # A redeemed code is kept as long as its token lives, so that a replay still ends the token.
        delete(authorization_codes).where(
            authorization_codes.c.expires_at <= tx.as_of,
            authorization_codes.c.token_expires_at.is_(None) | (authorization_codes.c.token_expires_at <= tx.as_of),
        ),
    )
    return sum([(await tx.execute(statement)).rowcount for statement in statements])
