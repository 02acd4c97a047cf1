"""The tables whose changes leave marks, and whose rows they are."""

from sqlalchemy import Table

from ledger import tables
from ledger.storage.changes import find_own_column
from ledger.storage.metadata import metadata
from ledger.storage.roles import VIEWERS

__all__ = ["audience_of", "list_watched", "tables"]


def list_watched() -> list[Table]:
    """The tables that are declared as watched."""
    return [table for table in metadata.sorted_tables if table.info.get("is_watched")]


def audience_of(table: Table) -> str | None:
    """The one column that any rule of access for viewers goes by."""
    rules = [rule for rule in table.info["access"] if rule.role in VIEWERS and rule.select is not None]
    own = {column for rule in rules if (column := find_own_column(rule)) is not None}
    assert len(own) <= 1, f"{table.name}: {own}"
    return next(iter(own), None)
