"""The periodic jobs of a serving process. One that changes something runs in one process at a time.

A job takes an advisory lock for its transaction; a process that doesn't get the lock skips the job. A job that fails is
logged and retried at its next beat; it must be safe to run again, and never runs inside a request. A job that has more
to do runs again at once, each time in a transaction of its own, until it is done or its share of the beat is used up.
At the end of each beat one statement records how its jobs ended, for `jembatan status`.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog

from auth.housekeeping import delete_expired
from auth.tokens.token_events import delete_old_token_events
from ledger.access_records.retention import erase_old_access_records
from ledger.access_records.sealing import seal_access_records
from ledger.complaints.binding import bind_accounts
from ledger.complaints.expiry import expire_information_requests
from ledger.complaints.uploads import delete_expired_uploads
from ledger.extracts.retention import ContentRetention
from ledger.feed.retention import Retention
from ledger.forwarding.scheduling import forward_on_schedule
from ledger.orders.emergencies import lapse_unconfirmed_orders
from ledger.outages.recording import beat
from ledger.participations.agreements import begin_due_participations, end_due_participations
from ledger.participations.leaving import remind_of_deletions
from ledger.referrals.ending import lapse_referrals, withdraw_from_departed
from ledger.signals.filling import fill_signal_keys
from ledger.signals.revocation import expire_signals
from ledger.storage.database import Database, Transaction
from ledger.storage.job_outcomes import JobOutcome, record_outcomes
from ledger.storage.recounts import recount_next
from ledger.storage.roles import Role
from ledger.storage.sums import Compaction

_logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job: its name, the role it runs as, and its work, which returns how many items it handled.

    has_more is asked after each run of the work. is_each_process: it only measures, and every process does it.
    """

    name: str
    role: Role
    work: Callable[[Transaction], Awaitable[int]]
    has_more: Callable[[], bool] = lambda: False
    is_each_process: bool = False


JOBS: Sequence[Job] = (
    Job(name="expire_information_requests", role=Role.TRANSITION, work=expire_information_requests),
    Job(name="bind_accounts", role=Role.TRANSITION, work=bind_accounts),
    Job(name="lapse_unconfirmed_orders", role=Role.TRANSITION, work=lapse_unconfirmed_orders),
    Job(name="end_participations", role=Role.TRANSITION, work=end_due_participations),
    Job(name="begin_participations", role=Role.TRANSITION, work=begin_due_participations),
    Job(name="remind_of_deletions", role=Role.TRANSITION, work=remind_of_deletions),
    Job(name="expire_signals", role=Role.TRANSITION, work=expire_signals),
    Job(name="lapse_referrals", role=Role.TRANSITION, work=lapse_referrals),
    Job(name="withdraw_from_departed", role=Role.TRANSITION, work=withdraw_from_departed),
    Job(name="forward_on_schedule", role=Role.TRANSITION, work=forward_on_schedule),
    Job(name="fill_signal_keys", role=Role.TRANSITION, work=fill_signal_keys),
    Job(name="delete_expired", role=Role.AUTH, work=delete_expired),
    Job(name="delete_expired_uploads", role=Role.RETENTION, work=delete_expired_uploads),
    Job(name="seal_access_records", role=Role.JOBS, work=seal_access_records),
    Job(name="recount_tallies", role=Role.VERIFIER, work=recount_next),
)


HEARTBEAT = Job(name="heartbeat", role=Role.TRANSITION, work=beat)
"""It has a beat of its own, shorter than the others', so that no other job makes the gateway seem to be away."""

BEAT_SHARE = 0.5
"""How much of a beat a job that has more to do may use: the rest is for the other jobs and the database."""


def list_jobs(
    *, token_event_days: int, retention: Retention, access_record_days: int, complaint_content_days: int
) -> Sequence[Job]:
    """List every job, with what the settings keep."""
    forget = partial(delete_old_token_events, kept_days=token_event_days)
    content = ContentRetention(complaint_content_days)
    forget_accesses = partial(erase_old_access_records, kept_days=access_record_days)
    return (
        *JOBS,
        Job(name="delete_old_token_events", role=Role.JOBS, work=forget),
        Job(
            name="erase_old_entries",
            role=Role.RETENTION,
            work=retention.erase_batch,
            has_more=lambda: retention.has_more,
        ),
        Job(
            name="erase_old_complaint_content",
            role=Role.RETENTION,
            work=content.erase_batch,
            has_more=lambda: content.has_more,
        ),
        Job(name="erase_old_access_records", role=Role.RETENTION, work=forget_accesses),
    )


def make_compaction_job() -> Job:
    """Make the job that puts rows of sums together; every poll reads such rows, so it has a beat of its own."""
    compaction = Compaction()
    return Job(name="compact_sums", role=Role.JOBS, work=compaction.run, has_more=lambda: compaction.has_more)


COMPACTION_SECONDS = 15.0
"""How often that job runs, unless the others run more often."""


async def run_job(job: Job, database: Database, *, as_of: datetime) -> int | None:
    """Run a job once; return None where another process is running it."""
    async with database.system(job.role, as_of=as_of) as tx:
        is_ours = job.is_each_process or await tx.try_lock(f"jembatan.job.{job.name}")
        return await job.work(tx) if is_ours else None


async def run_to_end(job: Job, database: Database, *, now: Callable[[], datetime], seconds_max: float) -> int | None:
    """Run a job until it is done or the time is up; return None where another process is running it.

    The last transaction may exceed the time; a statement's own limit bounds it.
    """
    ends_at = time.monotonic() + seconds_max
    done = await run_job(job, database, as_of=now())
    while done is not None and job.has_more() and time.monotonic() < ends_at:
        more = await run_job(job, database, as_of=now())
        if more is None:
            break
        done += more
    return done


async def note_outage(database: Database, *, now: Callable[[], datetime]) -> None:
    """Say at a start that the gateway is there, so that an outage before it is recorded before anybody answers late.

    If that fails, it is logged, and the heartbeat tries again.
    """
    try:
        await run_job(HEARTBEAT, database, as_of=now())
    except Exception as error:  # noqa: BLE001 - what can't be recorded must not prolong the outage
        _logger.warning("job_failed", job=HEARTBEAT.name, error=type(error).__name__)


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
        await run_on_beat(jobs, database, now=now, beat_seconds=beat_seconds)


async def run_on_beat(
    jobs: Sequence[Job], database: Database, *, now: Callable[[], datetime], beat_seconds: float
) -> None:
    """Run each job once, one after the other, and record how they ended. A job's failure goes no further."""
    outcomes = [await _run_once(job, database, now=now, beat_seconds=beat_seconds) for job in jobs]
    await _record([each for each in outcomes if each is not None], database, as_of=now())


async def _run_once(
    job: Job, database: Database, *, now: Callable[[], datetime], beat_seconds: float
) -> JobOutcome | None:
    """Run a job on its beat; return how it ended, or None if another process is running it."""
    try:
        done = await run_to_end(job, database, now=now, seconds_max=beat_seconds * BEAT_SHARE)
    except Exception as error:  # noqa: BLE001 - a failing job must end neither the others nor the process
        failed = type(error).__name__
        _logger.warning("job_failed", job=job.name, error=failed)
        return JobOutcome(name=job.name, ran_at=now(), failures=1, failed_at=now(), error=failed)
    if done:
        _logger.info("job_done", job=job.name, count=done)
    return JobOutcome(name=job.name, ran_at=now()) if done is not None else None


async def _record(outcomes: Sequence[JobOutcome], database: Database, *, as_of: datetime) -> None:
    """Record how jobs ended, as far as the database is there for it."""
    try:
        async with database.system(Role.TRANSITION, as_of=as_of) as tx:
            await record_outcomes(tx, outcomes)
    except Exception as error:  # noqa: BLE001 - as above: the log has told of the jobs already
        _logger.warning("job_outcomes_unrecorded", error=type(error).__name__)
