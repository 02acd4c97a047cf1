"""What a serving process does for the feed besides answering requests: it follows it, and may become its sequencer.

Both end with the application; another process can then become the sequencer immediately.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress

import structlog

from ledger.feed.follower import Follower
from ledger.feed.sequencer import Sequencer, Sign
from ledger.settings import FeedSettings

_logger = structlog.get_logger(__name__)

Task = Callable[[], Awaitable[None]]


def make_sequencer(settings: FeedSettings, *, sign: Sign | None = None) -> Sequencer | None:
    """Make the process's candidate for sequencer; None where the settings leave sequencing to other processes."""
    return Sequencer(settings, sign=sign) if settings.sequencing else None


@asynccontextmanager
async def running_feed(
    follower: Follower, sequencer: Sequencer | None, *, ready_seconds_max: float, others: Sequence[Task] = ()
) -> AsyncIterator[None]:
    """Run the follower, the sequencer and the others while inside; entered when the feed is reached or time is up."""
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
