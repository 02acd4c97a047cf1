"""All tables, the ledger's and those of the authorization server, and who may touch them."""

from auth.tables import AUTH_ACCESS
from ledger import tables as ledger_tables
from ledger.storage.metadata import metadata
from ledger.storage.rights import LEDGER_ACCESS, AccessPlan

__all__ = ["access_plan", "ledger_tables", "metadata"]


def access_plan() -> AccessPlan:
    """Every table's access."""
    return AccessPlan(tables=[table.name for table in metadata.sorted_tables], rules=(*LEDGER_ACCESS, *AUTH_ACCESS))
