"""Recounting: compares each tally with the rows that it counts, on one snapshot, and mends it if it is told to.

Triggers leave nothing to mend. What can is who writes rows with triggers off, such as a superuser who loads a table.
A difference is what the tally lacks, whatever is written meanwhile: so it can be appended as it is.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

import orjson
from sqlalchemy import CheckConstraint, select, text

from ledger.storage.access import TRANSITION_MOVES, reads
from ledger.storage.changes import mark_changed
from ledger.storage.database import Transaction
from ledger.storage.markers import BIG, KEY
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.storage.sums import COUNT
from ledger.storage.tallies import Tally, list_tallies

_logger = logging.getLogger(__name__)
_EVERY = timedelta(days=1)
_ALLOW_LONG = text("SELECT set_config('statement_timeout', '600000', true)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TallyRecount:
    """When a tally was last recounted, and how many of its counts were wrong, whether or not they were mended since."""

    name: Annotated[str, KEY]
    recounted_at: datetime
    differences: Annotated[int, BIG]


tally_recounts = declare(
    "tally_recounts",
    TallyRecount,
    CheckConstraint("differences >= 0", name="differences_not_negative"),
    access=(*reads(Role.REGULATOR, Role.VERIFIER), TRANSITION_MOVES),
)


@dataclass(frozen=True, slots=True)
class Recount:
    """What a tally lacked: for each combination of its dimensions whose count was wrong, the dimensions and `n`."""

    name: str
    differences: Sequence[Mapping[str, Any]]


_RECORD = text("""
INSERT INTO tally_recounts (name, recounted_at, differences) VALUES (:name, :recounted_at, :differences)
ON CONFLICT (name) DO UPDATE SET recounted_at = excluded.recounted_at, differences = excluded.differences
""")


async def recount(tx: Transaction, tally: Tally, *, mends: bool = False) -> Recount:
    """Compare a tally with its rows, in one statement, and record what was found; mends: append what is lacking.

    Runs under the VERIFIER role, which reads the rows.
    """
    await tx.execute(_ALLOW_LONG)
    found = await tx.execute(text(f"SELECT coalesce(json_agg(d), '[]')::text FROM ({tally.recount()}) d"))
    differences: str = found.scalar_one()
    name, listed = tally.table.name, f"{tally.listed}, {COUNT}"
    told = Recount(name, orjson.loads(differences))
    if told.differences:
        _logger.warning("tally_differs", extra={"tally": name, "differences": len(told.differences), "mends": mends})
    if mends and told.differences:
        rows = f"json_populate_recordset(NULL::{name}, CAST(:rows AS json))"
        async with tx.role(Role.JOBS):
            statement = text(f"INSERT INTO {name} ({listed}) SELECT {listed} FROM {rows}")
            await tx.execute(statement, {"rows": differences})
            await mark_changed(tx, name)
    record = {"name": name, "recounted_at": tx.as_of, "differences": len(told.differences)}
    async with tx.role(Role.TRANSITION):
        await tx.execute(_RECORD, record)
    return told


async def recount_all(tx: Transaction, *, mends: bool = False) -> list[Recount]:
    """Recount every tally. Runs under the VERIFIER role."""
    return [await recount(tx, tally, mends=mends) for tally in list_tallies()]


async def recount_next(tx: Transaction) -> int:
    """Recount one tally that was not recounted for a day; returns how many that were, 1 or 0.

    Runs under the VERIFIER role; mends nothing, since somebody should know why it differs.
    """
    known = select(tally_recounts.c.name)
    fresh = {row.name for row in await tx.execute(known.where(tally_recounts.c.recounted_at > tx.as_of - _EVERY))}
    due = [tally for tally in list_tallies() if tally.table.name not in fresh]
    for tally in due[:1]:
        await recount(tx, tally)
    return len(due[:1])


async def count_differences(tx: Transaction) -> Mapping[str, int]:
    """How many counts of each tally were wrong when it was last recounted. Runs under the REGULATOR role."""
    found = await tx.execute(select(tally_recounts.c.name, tally_recounts.c.differences))
    return {row.name: row.differences for row in found}
