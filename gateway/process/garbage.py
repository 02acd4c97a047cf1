"""Keeps Python's searches for reference cycles short, however much a process holds.

A full search looks at every object: with ten thousand open streams it would stop the process for seconds. So it is done
often, while there is little new, and what survives is set aside (frozen) and never searched again. That is right only
because what is set aside is freed without a search: connections, streams and operations break their cycles when they
end; docs/adr/0083.
"""

import asyncio
import gc
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_THRESHOLDS = (1_000, 5, 1_000_000_000)
"""Python's own searches: of 1,000 new objects, and of 5,000; a full one is never its own choice."""
_SET_ASIDE_MIN = 5_000
"""Survivors are set aside from this many on: a process whose streams don't increase sets nothing aside."""


class ShortSearches(Collector):
    """The searches of one process, and how long they took. Owned by the event loop; a scrape reads it.

    Units: seconds of processor time, so that a busy machine is not mistaken for a large process.
    """

    def __init__(self) -> None:
        """Change nothing yet."""
        self._began = 0.0
        self._count = 0
        self._seconds = 0.0
        self._longest = 0.0
        self._is_due = False

    def begin(self) -> None:
        """Set aside all that was loaded, and search little from now on.

        It is not searched first: what importing leaves behind is little, and a search of the rest takes long.
        """
        gc.freeze()
        gc.set_threshold(*_THRESHOLDS)
        gc.callbacks.append(self._note)

    def end(self) -> None:
        """Stop measuring."""
        gc.callbacks.remove(self._note)

    def tend(self) -> None:
        """Search all that is not set aside, after each of the larger searches, or where much is new.

        Python counts what is new less what is freed. Where one thing replaces another, as every heartbeat does, much
        that is new comes together unnoticed.
        """
        self._is_due = False
        if gc.get_count()[2] == 0 and len(gc.get_objects(generation=0)) < _SET_ASIDE_MIN:
            return
        gc.collect()
        if len(gc.get_objects()) >= _SET_ASIDE_MIN:
            gc.freeze()

    def collect(self) -> Iterable[Metric]:
        """Yield one family for each number. No lock is taken where they are counted: a search may begin anywhere."""
        yield CounterMetricFamily("jembatan_gc_searches", "Searches for reference cycles.", self._count)
        yield CounterMetricFamily(
            "jembatan_gc_seconds", "Processor time that they took, while nothing else ran.", self._seconds
        )
        yield GaugeMetricFamily("jembatan_gc_longest_seconds", "The longest since the process started.", self._longest)

    def _note(self, phase: Literal["start", "stop"], details: dict[str, int]) -> None:
        if phase == "start":
            self._began = time.thread_time()
            return
        seconds = time.thread_time() - self._began
        self._count += 1
        self._seconds += seconds
        self._longest = max(self._longest, seconds)
        if details["generation"] == 1 and not self._is_due:
            self._tend_soon()

    def _tend_soon(self) -> None:
        """Tend in the loop's next round: a loop that is busy has its ticks late, and by then much is new."""
        with suppress(RuntimeError):  # a search in another thread, which has no loop
            asyncio.get_running_loop().call_soon(self.tend)
            self._is_due = True
