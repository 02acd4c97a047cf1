"""Events to many subscribers: the gateway beside plain Strawberry and beside graphql-yoga with graphql-ws.

Every side serves alone, in turn, in its own process, and gets the same paced events: a burst would let a server put
many messages into one write, and flatter it. The comparison is of the server's CPU per delivered event, and of the time
from an event's publication to its receipt. A side that loses, repeats or reorders an event aborts the run.
"""

import asyncio
import functools
import itertools
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bench.fanout_gateway import OUR_NAME, ServedGateway
from bench.fanout_sides import YOGA, Endpoint, Publication, Side, list_others
from bench.figures import Figure, Samples, compare, measure_in_turn, plain
from bench.json_lines import Worker
from bench.processes import HAS_PROC, allow_open_files, read_cpu_seconds, read_resident_bytes
from bench.scale import Scale
from bench.serving import AnswerError, read_metric
from bench.world import World

_PACES_MS = (50, 500)
"""At 50 ms, 1,000 subscribers need 20,000 messages a second, more than a slow side can send; at 500 all keep up."""
_EVENTS_MIN = 20
_WARM_UPS = 20
_PER_SECOND = 500
_PATIENCE_SECONDS = 300
_SPARE_FILES = 500
_CHURNS, _CHURN_AT_ONCE = 4, 100
"""How often as many subscribers as are active come and go, and how many of them at a time."""
_IDLE_RATIO_MAX, _PAUSE_MS_MAX = 2.0, 50.0
_FEW_RATIO_MAX, _MANY_US_MAX, _MANY = 0.3, 12.0, 1_000
"""Of ours at the fast pace: as a part of yoga's with few subscribers, and in microseconds with many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The result of one load. Units: microseconds of the server's CPU per delivered event, milliseconds."""

    cpu_us: float
    p50_ms: float
    p99_ms: float


Taken = dict[tuple[str, int, int], list[Delivery]]
"""The deliveries by side, pace and number of subscribers, round by round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """What idle subscribers cost: memory, and the delay of the active ones without and with them."""

    kilobytes_each: float
    p99_ms: float
    beside_p99_ms: float
    longest_pause_ms: float | None


@dataclass(slots=True, kw_only=True)
class Run:
    """A running side with its subscribers."""

    side: Side
    endpoint: Endpoint
    load: Worker
    active_count: int = 0
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def connect(self, count: int, *, is_active: bool) -> None:
        """Add subscribers. Idle ones may see no event."""
        payload = self.endpoint.active if is_active else self.endpoint.idle
        order = {"count": count, "payload": dict(payload), "is_active": is_active, "per_second": _PER_SECOND}
        await self._order("connect", **order)
        self.active_count += count if is_active else 0

    async def churn(self, count: int) -> float:
        """Let idle subscribers come and go; return the longest pause for garbage since the server's start, in ms."""
        assert self.endpoint.metrics_url is not None
        order = {"count": _CHURN_AT_ONCE, "payload": dict(self.endpoint.idle), "per_second": _PER_SECOND}
        for _ in range(0, count, _CHURN_AT_ONCE):
            await self._order("churn", **order)
        return await read_metric(self.endpoint.metrics_url, "jembatan_gc_longest_seconds") * 1000

    async def warm_up(self) -> None:
        """Send events that are not counted, until one has reached everyone."""
        for _ in range(_WARM_UPS):
            published = await self.side.publish(next(self.numbers))
            await self._settle(published, patience_seconds=2)
        reached = await self._settle(published, patience_seconds=_PATIENCE_SECONDS)
        assert reached == self.active_count, f"{reached} of {self.active_count} receive"

    async def deliver(self, count: int, *, pace_ms: int) -> Delivery:
        """Send count events, one at a time. Errors: AnswerError when one was lost, repeated, reordered or leaked."""
        before = read_cpu_seconds(self.endpoint.process_id)
        published = [
            await self.side.publish(next(self.numbers)) async for _ in _beat(count, pace_seconds=pace_ms / 1000)
        ]
        await self._settle(published[-1], patience_seconds=_PATIENCE_SECONDS)
        used_us = (read_cpu_seconds(self.endpoint.process_id) - before) * 1e6
        verdict = await self._order("judge", expected=[(each.key, each.at_ns) for each in published])
        if any(verdict[fault] for fault in ("missing", "doubled", "disordered", "leaked")):
            raise AnswerError(f"{self.side.name}: {verdict}")
        cpu_us = used_us / verdict["delivered"]
        print(
            f"  {self.side.name}, {count} events to {self.active_count:,}, every {pace_ms} ms: {cpu_us:.1f} us, "
            f"p50 {verdict['p50_ms']:.1f}, p99 {verdict['p99_ms']:.1f}, last {verdict['max_ms']:.1f} ms; "
            f"the load's process was busy for {verdict['cpu_share']:.0%}",
            file=sys.stderr,
        )
        return Delivery(cpu_us=cpu_us, p50_ms=verdict["p50_ms"], p99_ms=verdict["p99_ms"])

    async def _settle(self, published: Publication, *, patience_seconds: float) -> int:
        answer = await self._order("settle", key=published.key, patience_seconds=patience_seconds)
        return int(answer["reached"])

    async def _order(self, name: str, **details: object) -> dict[str, Any]:
        self.load.send({"do": name, **details})
        answer: dict[str, Any] = await self.load.read(timeout_seconds=_PATIENCE_SECONDS + 30)
        if answer["failures"]:
            raise AnswerError(f"{self.side.name}: {answer}")
        return answer


async def run(world: World, scale: Scale) -> list[Figure]:
    """Run the paced loads round by round, then once those with the idle subscribers."""
    if not HAS_PROC:
        print("There is no /proc to read a server's CPU from: fanout is left out.", file=sys.stderr)
        return []
    idle_count = _allow_subscribers(scale)
    sides: list[Side] = [ServedGateway(world), *list_others()]
    taken: Taken = defaultdict(list)
    paced = {side.name: functools.partial(_measure_paces, side, scale, taken) for side in sides}
    await measure_in_turn(paced, rounds=scale.fanout_rounds)
    figures = [
        figure
        for count in _count_subscribers(scale)
        for pace_ms in _PACES_MS
        for figure in _compare_pace(sides, taken, pace_ms=pace_ms, count=count)
    ]
    memory: dict[str, Samples] = {}
    for side in sides:
        # Ours is bound to keep the fast pace.
        pace_ms = _PACES_MS[0] if side.name == OUR_NAME else _find_kept_pace(side, scale, taken)
        idle = await _measure_idle(side, scale, pace_ms=pace_ms, idle_count=idle_count)
        memory[side.name] = Samples([idle.kilobytes_each])
        title = f"p99 with {idle_count:,} idle, {pace_ms} ms: {side.name}"
        beside = compare(title, Samples([idle.beside_p99_ms]), Samples([idle.p99_ms]), unit="ms", beside_name="without")
        figures.append(replace(beside, ratio_max=_IDLE_RATIO_MAX if side.name == OUR_NAME else None))
        if idle.longest_pause_ms is not None:
            pause = Samples([idle.longest_pause_ms])
            title = f"longest pause for garbage, {idle_count:,} idle"
            figures.append(replace(plain(title, pause, unit="ms"), value_max=_PAUSE_MS_MAX))
    return figures + _compare(sides, f"memory of one of {idle_count:,} idle", memory, unit="KB")


async def _measure_paces(side: Side, scale: Scale, taken: Taken, _turn: int) -> float:
    """Measure few subscribers first, then all; and the slow pace first, since it leaves no backlog for the other."""
    async with _serve(side) as served:
        for subscribers in _count_subscribers(scale):
            await served.connect(subscribers - served.active_count, is_active=True)
            await served.warm_up()
            for pace_ms in reversed(_PACES_MS):
                count = max(scale.fanout_events * _PACES_MS[0] // pace_ms, _EVENTS_MIN)
                taken[side.name, pace_ms, subscribers].append(await served.deliver(count, pace_ms=pace_ms))
    return taken[side.name, _PACES_MS[0], scale.subscribers][-1].cpu_us


def _count_subscribers(scale: Scale) -> list[int]:
    """Return how many subscribe: few, where what a process does in any case dominates, and all."""
    return [scale.few_subscribers, scale.subscribers]


async def _measure_idle(side: Side, scale: Scale, *, pace_ms: int, idle_count: int) -> Idle:
    """Measure the same load to the same active subscribers, first without the idle ones, then with them."""
    async with _serve(side) as served:
        await served.connect(scale.subscribers, is_active=True)
        await served.warm_up()
        count = max(scale.fanout_events * _PACES_MS[0] // pace_ms, _EVENTS_MIN)
        alone = await served.deliver(count, pace_ms=pace_ms)
        before = read_resident_bytes(served.endpoint.process_id)
        await served.connect(idle_count, is_active=False)
        held = read_resident_bytes(served.endpoint.process_id) - before
        beside = await served.deliver(count, pace_ms=pace_ms)
        pause = None if served.endpoint.metrics_url is None else await served.churn(scale.subscribers * _CHURNS)
    return Idle(
        kilobytes_each=held / idle_count / 1024,
        p99_ms=alone.p99_ms,
        beside_p99_ms=beside.p99_ms,
        longest_pause_ms=pause,
    )


def _find_kept_pace(side: Side, scale: Scale, taken: Taken) -> int:
    """Return the fastest pace at which the side has a fifth of a core to spare; else the slowest."""
    for pace_ms in _PACES_MS:
        used = Samples([delivery.cpu_us for delivery in taken[side.name, pace_ms, scale.subscribers]]).median
        if used * scale.subscribers < 0.8 * pace_ms * 1000:
            return pace_ms
    return _PACES_MS[-1]


def _compare_pace(sides: Sequence[Side], taken: Taken, *, pace_ms: int, count: int) -> list[Figure]:
    def take(read: Callable[[Delivery], float]) -> dict[str, Samples]:
        return {side.name: Samples([read(each) for each in taken[side.name, pace_ms, count]]) for side in sides}

    how = f"{count:,} subscribers, every {pace_ms} ms"
    used = _compare(sides, f"CPU for one delivered, {how}", take(lambda each: each.cpu_us), unit="us")
    return [
        *([_bound(figure, count=count) for figure in used] if pace_ms == _PACES_MS[0] else used),
        *_compare(sides, f"  p50 to receipt, {how}", take(lambda each: each.p50_ms), unit="ms"),
        *_compare(sides, f"  p99 to receipt, {how}", take(lambda each: each.p99_ms), unit="ms"),
    ]


def _bound(figure: Figure, *, count: int) -> Figure:
    if count >= _MANY:
        return replace(figure, value_max=_MANY_US_MAX)
    return replace(figure, ratio_max=_FEW_RATIO_MAX) if figure.beside_name == YOGA else figure


def _compare(sides: Sequence[Side], title: str, samples: Mapping[str, Samples], *, unit: str) -> list[Figure]:
    """Compare ours with each of the others."""
    others = [side.name for side in sides if side.name != OUR_NAME]
    return [compare(title, samples[OUR_NAME], samples[name], unit=unit, beside_name=name) for name in others]


def _allow_subscribers(scale: Scale) -> int:
    """Return how many idle subscribers the limit on open files allows, with a note where they are fewer."""
    allowed = allow_open_files(scale.subscribers + scale.idle_subscribers + _SPARE_FILES)
    idle_count = min(scale.idle_subscribers, allowed - scale.subscribers - _SPARE_FILES)
    if idle_count < scale.idle_subscribers:
        print(f"Only {allowed:,} files may be open: {idle_count:,} idle subscribers.", file=sys.stderr)
    return idle_count


@asynccontextmanager
async def _serve(side: Side) -> AsyncIterator[Run]:
    """Run a server and a load of its own, both gone after the block."""
    try:
        endpoint = await side.start()
        load = await Worker.start(sys.executable, "-m", "bench.fanout_load")
        try:
            load.send(
                {
                    "url": endpoint.url,
                    "document": endpoint.document,
                    "variables": dict(endpoint.variables),
                    "key_path": list(endpoint.key_path),
                }
            )
            yield Run(side=side, endpoint=endpoint, load=load)
        finally:
            await load.kill()
    finally:
        await side.stop()


async def _beat(count: int, *, pace_seconds: float) -> AsyncIterator[None]:
    """Yield that many beats. A late one is not made up for, so that it can't become a burst."""
    loop = asyncio.get_running_loop()
    due = loop.time()
    for _ in range(count):
        due = max(due + pace_seconds, loop.time())
        await asyncio.sleep(due - loop.time())
        yield
