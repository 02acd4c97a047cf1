"""All tables, the ledger's and those of the authorization server; who may touch them stands beside each."""

from auth import tables as auth_tables
from ledger import tables as ledger_tables
from ledger.storage.metadata import metadata

__all__ = ["auth_tables", "ledger_tables", "metadata"]
