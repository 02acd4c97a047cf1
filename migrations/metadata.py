"""All tables, those of the ledger and of the authorization server; each one's access is declared beside it."""

from auth import tables as auth_tables
from ledger import tables as ledger_tables
from ledger.storage.metadata import metadata

__all__ = ["auth_tables", "ledger_tables", "metadata"]
