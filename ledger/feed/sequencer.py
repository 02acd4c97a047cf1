"""The sequencer: assigns positions to committed events, in one process at a time; if that fails, another takes over.

A process becomes the leader by taking a session-level advisory lock and incrementing the epoch in the feed's head, and
remains it only as long as that session lives: the database closes the session of a leader that is silent for the length
of its lease, and batches with an old epoch are refused. Writers never wait for it. Owned by the task that calls run.
Source: design section 5; graphql-facts.md, The sequencer; ADR 0053.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ledger.bounds.backoff import Backoff
from ledger.feed.backlog import MEASURE_BACKLOG
from ledger.feed.batches import FencedError, sequence_batch, sequence_few
from ledger.feed.direct import FAILURES, DirectSession
from ledger.feed.pending_watch import PendingWatch
from ledger.feed.tree_plans import count_before_node
from ledger.settings import FeedSettings
from ledger.storage.roles import Role

APPLICATION_NAME = "jembatan sequencer"
BATCH_MAX = 1_000
"""How many events one batch assigns positions to."""
POLL_SECONDS = 0.25
"""How often it checks for events without a notification."""
TAKEOVER_SECONDS = 0.25
"""How often a candidate tries to take over from a sequencer that has failed."""
_BACKOFF = Backoff(0.1, 2.0)
_BEAT_SECONDS = 1.0
_HALVINGS_MAX = 20
_FEW_MAX = 16
"""Up to so many events in a batch, the next one is expected to be small, too."""
_logger = logging.getLogger(__name__)

# One statement takes the lock and starts the lease, so that a process that freezes in between can't hold it forever.
TRY_LOCK = """
SELECT CASE WHEN pg_try_advisory_lock(hashtextextended('jembatan.sequencer', 0))
  THEN set_config('idle_session_timeout', $1, false) END
"""
# Use the same index plan for a queue of one event and of a million, whatever the current statistics say.
_PLAN = """
SELECT set_config('enable_seqscan', 'off', false), set_config('enable_bitmapscan', 'off', false),
  set_config('plan_cache_mode', 'force_generic_plan', false), set_config('jit', 'off', false)
"""
_TAKE_OVER = "UPDATE feed_head SET epoch = epoch + 1 WHERE id = 1 RETURNING epoch, size"

Sign = Callable[[DirectSession], Awaitable[None]]
"""Signs a checkpoint on the leader's session, in its own transaction."""


@dataclass(slots=True)
class SequencerStatus:
    """The state of this process's sequencer, for metrics; only its task writes it.

    pending is counted up to 100,000; lag_s is the age of the oldest pending event, 0 if there is none.
    """

    is_leader: bool = False
    epoch: int = 0
    sequenced: int = 0
    takeovers: int = 0
    pending: int = 0
    lag_s: float = 0.0


class Sequencer:
    """A candidate for leadership, and the active sequencer while it leads."""

    def __init__(
        self,
        settings: FeedSettings,
        *,
        sign: Sign | None = None,
        batch_max: int = BATCH_MAX,
        poll_seconds: float = POLL_SECONDS,
        takeover_seconds: float = TAKEOVER_SECONDS,
    ) -> None:
        """Create a candidate, which does nothing until run is called."""
        self.status = SequencerStatus()
        self._settings = settings
        self._sign = sign
        self._batch_max = batch_max
        # The leader must never be silent for as long as its lease, whatever poll_seconds is.
        self._poll_seconds = min(poll_seconds, settings.sequencer_lease_seconds / 3)
        self._takeover_seconds = takeover_seconds
        self._signed_size = 0
        self._signed_at = 0.0
        self._measured_at = 0.0
        self._failures = 0

    async def run(self) -> None:
        """Wait for leadership and lead, until cancelled; leadership is then released immediately."""
        while True:
            self._failures += 1
            try:
                await self._serve()
            except FencedError:
                _logger.warning("sequencer_fenced", extra={"epoch": self.status.epoch})
            except FAILURES as error:
                _logger.warning("sequencer_interrupted", extra={"error": type(error).__name__})
            except Exception:
                _logger.exception("sequencer_failed")
            finally:
                self.status.is_leader = False
            await asyncio.sleep(_BACKOFF.choose_seconds(self._failures))

    async def _serve(self) -> None:
        """On one session, wait for the lock and lead until an error ends it. Errors: FencedError, FAILURES."""
        lease_seconds = self._settings.sequencer_lease_seconds
        session = await DirectSession.open(
            self._settings,
            Role.SEQUENCER,
            application_name=APPLICATION_NAME,
            idle_transaction_s=lease_seconds,
        )
        try:
            await session.execute(_PLAN)
            while not await session.fetch_value(TRY_LOCK, str(int(lease_seconds * 1000))):
                await self._measure(session)
                await asyncio.sleep(self._takeover_seconds)
            await self._lead(session)
        finally:
            await session.close()

    async def _lead(self, session: DirectSession) -> None:
        row = await session.fetch_row(_TAKE_OVER)
        if row is None:
            raise FencedError
        status = self.status
        status.epoch, status.is_leader = row["epoch"], True
        status.takeovers += 1
        self._signed_size = 0
        _logger.info("sequencer_leads", extra={"epoch": status.epoch, "size": row["size"]})
        watch = PendingWatch(session, poll_s=self._poll_seconds)
        await watch.start()
        # After consecutive failures, begin with smaller batches and grow them again, so that slow batches get through.
        batch_max = max(1, self._batch_max >> min(self._failures - 1, _HALVINGS_MAX))
        size, last_taken = row["size"], 0
        while True:
            taken, taken_to, is_cut = 0, 0, False
            behind = await watch.look()
            if behind is not None:
                # One statement is enough while few come at a time, except where one of them completes a node.
                few_max = min(batch_max, count_before_node(size)) if last_taken <= _FEW_MAX else 0
                if few_max:
                    batch = await sequence_few(session, epoch=status.epoch, size=size, count_max=few_max, behind=behind)
                else:
                    batch = await sequence_batch(session, epoch=status.epoch, batch_max=batch_max, behind=behind)
                status.sequenced += batch.count
                taken, taken_to, size = batch.count, batch.last_event_id, batch.size_after
                last_taken, is_cut = taken, 0 < taken == few_max < batch_max
            self._failures = 0
            await self._beat(session, size)
            if not is_cut:
                await watch.wait(taken=taken, taken_to=taken_to, taken_max=batch_max)
            batch_max = min(self._batch_max, batch_max * 2)

    async def _beat(self, session: DirectSession, size: int) -> None:
        """Do the periodic work: measure the queue, and sign a checkpoint if the feed has grown."""
        await self._measure(session)
        if self._sign is None or size == self._signed_size:
            return
        if time.monotonic() - self._signed_at < self._settings.checkpoint_seconds:
            return
        self._signed_at = time.monotonic()
        try:
            await self._sign(session)
        except FAILURES as error:
            _logger.warning("checkpoint_interrupted", extra={"error": type(error).__name__})
        except Exception:
            # Sequencing continues without a signature; if the session is broken, the next batch fails.
            _logger.exception("checkpoint_failed")
        else:
            self._signed_size = size

    async def _measure(self, session: DirectSession) -> None:
        now = time.monotonic()
        if now - self._measured_at < _BEAT_SECONDS:
            return
        self._measured_at = now
        row = await session.fetch_row(MEASURE_BACKLOG)
        if row is not None:
            self.status.pending = row["pending"]
            self.status.lag_s = row["lag_s"]
