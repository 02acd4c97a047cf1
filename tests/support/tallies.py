"""Whether the running counts are right, as the tables' owner sees both them and what they count, on one snapshot."""

import asyncpg

from ledger import tables
from ledger.storage.tallies import list_tallies

__all__ = ["count_rows_of_sums", "find_miscounts", "tables"]


async def find_miscounts(connection: asyncpg.Connection) -> dict[str, list[dict[str, object]]]:
    """What each tally lacks, of those that lack anything."""
    found = {}
    for tally in list_tallies():
        rows = await connection.fetch(tally.recount())
        if rows:
            found[tally.table.name] = [dict(row) for row in rows]
    return found


async def count_rows_of_sums(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """For each table of sums, how many rows it has and how many combinations of its dimensions."""
    found = {}
    for table in (tally.table for tally in list_tallies()):
        listed = ", ".join(column.name for column in table.columns if column.name not in {"n", "is_sum"})
        counted = f"SELECT count(*) AS rows, count(DISTINCT ROW({listed})) AS groups FROM {table.name}"
        row = await connection.fetchrow(counted)
        found[table.name] = (row["rows"], row["groups"])
    return found
