"""What a serving process does for the feed beside answering: it stands for the sequencer's place, and follows the feed.

Both end with the application; the sequencer's place is free for another process at once then.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from gateway.settings import Settings
from ledger.feed.direct import DirectSettings
from ledger.feed.follower import Follower, FollowerSettings
from ledger.feed.sequencer import Sequencer, SequencerSettings, Sign

_logger = structlog.get_logger(__name__)

Task = Callable[[], Awaitable[None]]


def make_follower(settings: Settings, *, database_url: str) -> Follower:
    """The process's one follower; it connects when it is run."""
    return Follower(
        FollowerSettings(
            direct=_read_direct_settings(settings, database_url),
            tail_entries=settings.feed_tail_entries,
            poll_s=settings.feed_poll_seconds,
        )
    )


def make_sequencer(settings: Settings, *, database_url: str, sign: Sign | None = None) -> Sequencer | None:
    """The process's candidate for the sequencer's place; None where the settings leave that to other processes."""
    if not settings.sequencing:
        return None
    return Sequencer(
        SequencerSettings(
            direct=_read_direct_settings(settings, database_url),
            batch_max=settings.sequencer_batch_max,
            poll_s=settings.sequencer_poll_seconds,
            takeover_s=settings.sequencer_takeover_seconds,
            lease_s=settings.sequencer_lease_seconds,
            checkpoint_s=settings.checkpoint_seconds,
        ),
        sign=sign,
    )


@asynccontextmanager
async def running_feed(
    follower: Follower, sequencer: Sequencer | None, *, ready_seconds_max: float, others: Sequence[Task] = ()
) -> AsyncIterator[None]:
    """Follow, sequence and do the others' work while inside. It begins once the feed was reached, or after so long."""
    runs: list[Task] = [follower.run, *([sequencer.run] if sequencer else []), *others]
    tasks = [asyncio.create_task(_run(run)) for run in runs]
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(ready_seconds_max):
                await follower.wait_ready()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _run(task: Task) -> None:
    try:
        await task()
    except Exception:
        _logger.exception("feed_task_failed", task=getattr(task, "__qualname__", repr(task)))


def _read_direct_settings(settings: Settings, database_url: str) -> DirectSettings:
    return DirectSettings(
        url=settings.database_direct_url or database_url,
        role_prefix=settings.role_prefix,
        connect_timeout_s=settings.database_connect_timeout_seconds,
        statement_timeout_ms=settings.statement_timeout_ms,
    )
