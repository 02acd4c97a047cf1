"""Builds the production application from the ledger's database and the authorization server.

The command line calls `create_gateway`; tests pass other parts to `create_app` instead. It must open no connection
before the application starts, and never starts a server.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from strawberry.federation import Schema

from auth.login.passwords import Passwords
from auth.routes import create_auth_routes
from auth.tokens.bound_tokens import BoundTokenVerifier
from auth.tokens.open_tokens import OpenTokens
from auth.tokens.principal import Principal
from auth.tokens.signing_keys import SigningKeyStore
from auth.tokens.verification import TokenVerifier
from gateway.app import create_app, read_clock
from gateway.process.approvers import ApproverWatch
from gateway.process.feed_tasks import make_sequencer, running_feed
from gateway.process.jobs import (
    COMPACTION_SECONDS,
    HEARTBEAT,
    Job,
    list_jobs,
    make_compaction_job,
    note_outage,
    run_job,
    running_jobs,
)
from gateway.process.work import WorkWatch
from gateway.settings import Settings
from ledger.errors import LedgerError
from ledger.feed.checkpoints import make_signer
from ledger.feed.follower import Follower
from ledger.feed.retention import Retention
from ledger.storage.database import Database
from migrations.state import check_served_schema
from resolvers.context import Context


def create_gateway(
    settings: Settings, *, database: Database, schema: Schema, now: Callable[[], datetime] = read_clock
) -> Starlette:
    """Create the application on a database; it closes the database's pool when it shuts down.

    Errors: SchemaUnsafeError, SettingsError, IssuerInvalidError.
    """
    keys = SigningKeyStore(database, settings)
    verifier = TokenVerifier(database, keys, settings)

    def make_context(principal: Principal | None, as_of: datetime, request_id: str) -> Context:
        return Context(
            database=database, auth_settings=settings, principal=principal, as_of=as_of, request_id=request_id
        )

    async def check_schema_now() -> None:
        await check_served_schema(database, as_of=now())

    follower = Follower(database.settings)
    sign = make_signer(origin=settings.feed_origin, keyring=database.keyring, now=now)
    sequencer = make_sequencer(database.settings, sign=sign)

    retention = Retention(kept_days=settings.feed_retention_days)
    work = WorkWatch()
    open_tokens = OpenTokens(database, settings, verifier.watch, now=now)

    @asynccontextmanager
    async def run(_app: Starlette) -> AsyncIterator[None]:
        try:
            approvers = ApproverWatch(settings, report=app.state.metrics.approvers.set)
            await _measure_at_start(database, (approvers.job, work.job), as_of=now())
            if settings.heartbeat_seconds:
                await note_outage(database, now=now)
            jobs = list_jobs(
                token_event_days=settings.token_event_days,
                retention=retention,
                access_record_days=settings.access_record_days,
                complaint_content_days=settings.complaint_content_days,
            )
            async with (
                running_feed(
                    follower,
                    sequencer,
                    ready_seconds_max=settings.database_connect_timeout_seconds,
                    others=(open_tokens.run,),
                ),
                running_jobs(
                    database, now=now, beat_seconds=settings.job_seconds, jobs=(*jobs, approvers.job, work.job)
                ),
                running_jobs(database, now=now, beat_seconds=settings.heartbeat_seconds, jobs=(HEARTBEAT,)),
                running_jobs(
                    database,
                    now=now,
                    beat_seconds=min(settings.job_seconds, COMPACTION_SECONDS),
                    jobs=(make_compaction_job(),),
                ),
            ):
                yield
        finally:
            await database.close()

    app = create_app(
        settings,
        schema=schema,
        verify_token=verifier.verify,
        bound_tokens=BoundTokenVerifier(database, verifier, settings),
        make_context=make_context,
        auth_routes=create_auth_routes(
            database, keys=keys, passwords=Passwords(settings), settings=settings, clock=now
        ),
        ready_checks={"database": database.ping, "schema": check_schema_now},
        read_pools=lambda: _count_connections(database),
        lifespan=run,
        follower=follower,
        open_tokens=open_tokens,
        now=now,
    )
    app.state.follower = follower
    app.state.metrics.watch_feed(follower.status, sequencer.status if sequencer else None)
    app.state.metrics.watch_retention(retention.status)
    app.state.metrics.registry.register(work)
    return app


async def _measure_at_start(database: Database, jobs: Sequence[Job], *, as_of: datetime) -> None:
    """Measure before the first beat, so that metrics are there at once; an absent database does not prevent a start."""
    with suppress(LedgerError):
        for job in jobs:
            await run_job(job, database, as_of=as_of)


def _count_connections(database: Database) -> Mapping[str, Mapping[str, int]]:
    pool: Any = database.engine.pool
    direct = database.direct_reads
    counted = {"used": pool.checkedout(), "idle": pool.checkedin(), "overflow": max(pool.overflow(), 0)}
    reads = {} if direct is None else {"reads": {"used": direct.used, "idle": direct.idle}}
    return {"database": counted, **reads}
