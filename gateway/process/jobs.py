"""The periodic jobs of a serving process, each of which runs in one process at a time.

A job takes an advisory lock for its transaction; a process that doesn't get the lock skips the job. A job that fails is
logged and retried at its next beat; it must be safe to run again, and never runs inside a request.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from auth.housekeeping import delete_expired
from auth.tokens.token_events import delete_old_token_events
from ledger.complaints.expiry import expire_information_requests
from ledger.feed.retention import erase_old_entries
from ledger.participations.agreements import begin_due_participations, end_due_participations
from ledger.signals.filling import fill_signal_keys
from ledger.signals.revocation import expire_signals
from ledger.storage.database import Database, Transaction
from ledger.storage.roles import Role

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: its name, the role it runs as, and its work, which returns how many items it handled."""

    name: str
    role: Role
    work: Callable[[Transaction], Awaitable[int]]


JOBS: Sequence[Job] = (
    Job(name="expire_information_requests", role=Role.TRANSITION, work=expire_information_requests),
    Job(name="end_participations", role=Role.TRANSITION, work=end_due_participations),
    Job(name="begin_participations", role=Role.TRANSITION, work=begin_due_participations),
    Job(name="expire_signals", role=Role.TRANSITION, work=expire_signals),
    Job(name="fill_signal_keys", role=Role.TRANSITION, work=fill_signal_keys),
    Job(name="delete_expired", role=Role.AUTH, work=delete_expired),
)


def list_jobs(*, token_event_days: int, feed_retention_days: int) -> Sequence[Job]:
    """List every job, with the retention from the settings."""
    forget = partial(delete_old_token_events, kept_days=token_event_days)
    erase = partial(erase_old_entries, kept_days=feed_retention_days)
    return (
        *JOBS,
        Job(name="delete_old_token_events", role=Role.JOBS, work=forget),
        Job(name="erase_old_entries", role=Role.RETENTION, work=erase),
    )


async def run_job(job: Job, database: Database, *, as_of: datetime) -> int | None:
    """Run a job once; return None where another process is running it."""
    async with database.system(job.role, as_of=as_of) as tx:
        return await job.work(tx) if await tx.try_lock(f"jembatan.job.{job.name}") else None


@asynccontextmanager
async def running_jobs(
    database: Database, *, now: Callable[[], datetime], beat_seconds: float, jobs: Sequence[Job] = JOBS
) -> AsyncIterator[None]:
    """Run every job on the beat while inside; a beat of 0 runs none. Leaving cancels the job under way."""
    if not beat_seconds:
        yield
        return
    task = asyncio.create_task(_beat(database, jobs, now=now, beat_seconds=beat_seconds))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _beat(database: Database, jobs: Sequence[Job], *, now: Callable[[], datetime], beat_seconds: float) -> None:
    while True:
        await asyncio.sleep(beat_seconds)
        for job in jobs:
            try:
                done = await run_job(job, database, as_of=now())
            except Exception as error:  # noqa: BLE001 - a failing job must end neither the others nor the process
                _logger.warning("job_failed", job=job.name, error=type(error).__name__)
            else:
                if done:
                    _logger.info("job_done", job=job.name, count=done)
