"""The columns of auth that the keyring seals; re-encryption goes through them as through the ledger's."""

from auth.tables import officer_logins, signing_keys
from ledger.storage.rekeying import SealedColumn

AUTH_SEALED: tuple[SealedColumn, ...] = (
    SealedColumn(table=signing_keys, key=signing_keys.c.id, column=signing_keys.c.private_key),
    SealedColumn(table=officer_logins, key=officer_logins.c.id, column=officer_logins.c.totp_secret_sealed),
)
