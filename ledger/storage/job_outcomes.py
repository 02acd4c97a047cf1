"""How each periodic job ended: a row for each, for whoever runs the installation. It decides nothing.

An error is kept as the name of its class: its text may contain what the job was working on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from sqlalchemy import CheckConstraint, text

from ledger.storage.access import TRANSITION_MOVES, reads
from ledger.storage.database import Transaction
from ledger.storage.markers import KEY
from ledger.storage.records import declare
from ledger.storage.roles import Role
from ledger.storage.rows import dump_rows, fetch_records, select_records, written_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class JobOutcome:
    """How a job ended last, whichever process ran it.

    failures counts those since it last succeeded. failed_at and error are of the last failure, also if it has
    succeeded since.
    """

    name: Annotated[str, KEY]
    ran_at: datetime
    failures: int = 0
    failed_at: datetime | None = None
    error: str | None = None


job_outcomes = declare(
    "job_outcomes",
    JobOutcome,
    CheckConstraint("failures >= 0", name="failures_not_negative"),
    CheckConstraint("(failed_at IS NULL) = (error IS NULL)", name="failure_whole"),
    CheckConstraint("failures = 0 OR failed_at IS NOT NULL", name="failures_told"),
    access=(*reads(Role.REGULATOR), TRANSITION_MOVES),
)

# One statement for all jobs of a beat, locking their rows in one order whichever process writes them.
_RECORD = text("""
INSERT INTO job_outcomes AS o (name, ran_at, failures, failed_at, error)
SELECT name, ran_at, failures, failed_at, error
FROM json_populate_recordset(NULL::job_outcomes, CAST(:rows AS json)) ORDER BY name
ON CONFLICT (name) DO UPDATE SET
  ran_at = excluded.ran_at,
  failures = CASE WHEN excluded.failures = 0 THEN 0 ELSE o.failures + excluded.failures END,
  failed_at = COALESCE(excluded.failed_at, o.failed_at),
  error = COALESCE(excluded.error, o.error)
""")


async def record_outcomes(tx: Transaction, outcomes: Sequence[JobOutcome]) -> None:
    """Write how jobs ended, each named once: failures are added to the row's, or set to 0 by a success.

    Runs under the TRANSITION role.
    """
    if outcomes:
        await tx.execute(_RECORD, {"rows": dump_rows(written_rows(outcomes))})


async def list_failing_jobs(tx: Transaction) -> list[JobOutcome]:
    """Return the jobs that failed when they last ran, by name. Runs under the REGULATOR role."""
    statement = select_records(tx, JobOutcome).where(job_outcomes.c.failures > 0).order_by(job_outcomes.c.name)
    return await fetch_records(tx, JobOutcome, statement)
