"""The tables of auth, room by room, and which of their columns are sealed.

Importing this module fills the metadata. The AUTH role alone touches these tables, except where a table names another
role; AUTH also reads every row of `members`, `brands`, `offices` and `officers`, and writes none.
"""

from auth.clients.table import clients, consents, used_assertions
from auth.login.table import (
    login_devices,
    login_sessions,
    login_throttles,
    officer_identities,
    officer_logins,
    provider_logins,
    recovery_codes,
)
from auth.protocol.table import authorization_codes, pushed_requests
from auth.tokens.table import refresh_tokens, revoked_tokens, signing_keys, token_events, token_families, used_proofs
from ledger.storage.rekeying import SealedColumn

__all__ = [
    "AUTH_SEALED",
    "authorization_codes",
    "clients",
    "consents",
    "login_devices",
    "login_sessions",
    "login_throttles",
    "officer_identities",
    "officer_logins",
    "provider_logins",
    "pushed_requests",
    "recovery_codes",
    "refresh_tokens",
    "revoked_tokens",
    "signing_keys",
    "token_events",
    "token_families",
    "used_assertions",
    "used_proofs",
]

AUTH_SEALED: tuple[SealedColumn, ...] = (
    SealedColumn(table=signing_keys, key=signing_keys.c.id, column=signing_keys.c.private_key),
    SealedColumn(table=officer_logins, key=officer_logins.c.id, column=officer_logins.c.totp_secret_sealed),
)
"""Re-encryption goes through these as through the ledger's."""
