"""The tables of auth, and which of their columns are sealed.

Importing this module fills the metadata. The AUTH role alone touches these tables, except where a table names another
role; AUTH also reads every row of `members`, `brands`, `offices` and `officers`, and writes none.
"""

from sqlalchemy import Table

from auth.clients import table as clients
from auth.login import table as login
from auth.protocol import table as protocol
from auth.tokens import table as tokens
from ledger.storage.rekeying import SealedColumn

AUTH_TABLES: tuple[Table, ...] = tuple(
    part for room in (clients, tokens, protocol, login) for part in vars(room).values() if isinstance(part, Table)
)

AUTH_SEALED: tuple[SealedColumn, ...] = (
    SealedColumn(table=tokens.signing_keys, key=tokens.signing_keys.c.id, column=tokens.signing_keys.c.private_key),
    SealedColumn(
        table=login.officer_logins, key=login.officer_logins.c.id, column=login.officer_logins.c.totp_secret_sealed
    ),
)
"""Re-encryption goes through these as through the ledger's."""
