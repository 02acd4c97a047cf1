"""A poll that finds nothing new, beside the page that it would have read again: what each costs the servers.

One connection asks in turn, round by round, with the answer's tag and without; the same gateway answers both. What is
compared is the CPU of the gateway and of PostgreSQL, since a client that waits for one answer at a time loads neither.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import aiohttp
import orjson

from bench.figures import Figure, Samples, compare, measure_in_turn, read_stopwatch
from bench.order_filling import open_register
from bench.processes import read_cpu_seconds
from bench.read_sides import Endpoint, serve_ours
from bench.read_workloads import POLL, POLL_WITH_NUMBERS, Workload
from bench.scale import Scale
from bench.serving import AnswerError
from bench.side_names import COMPILED
from bench.world import World, read_clock
from ledger.storage.roles import Role
from ledger.storage.sums import Compaction

_OF_PAGE_MAX = 0.4
"""The most that an unchanged answer may cost, as a part of the page."""
_OF_NOTHING_MAX = 1.5
"""The same beside a request that reads nothing, which has the same HTTP, token and limits: nothing can cost less."""
_ASKED = ("unchanged", "nothing", "page")
_NOTHING = orjson.dumps({"query": "{ __typename }"})
_OK, _NOT_MODIFIED = 200, 304


@dataclass(slots=True)
class _Poller:
    """One client of the gateway. by_part collects the CPU of each process, in ms a request, by what was asked."""

    world: World
    endpoint: Endpoint
    session: aiohttp.ClientSession
    body: bytes
    seconds: float
    by_part: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    async def ask(self, body: bytes, tag: str | None) -> str | None:
        """One request; returns the answer's tag. Errors: AnswerError where it isn't what was to be expected."""
        headers = {} if tag is None else {"If-None-Match": tag}
        async with self.session.post(self.endpoint.url, data=body, headers=headers) as response:
            answer = await response.read()
            if response.status != (_OK if tag is None else _NOT_MODIFIED) or b'"errors"' in answer:
                raise AnswerError(f"{response.status}: {answer[:500]!r}")
            return response.headers.get("ETag")

    async def load(self, what: str) -> float:
        """Ask for some seconds; returns the CPU of both servers in ms a request."""
        body = _NOTHING if what == "nothing" else self.body
        tag = await self.ask(body, None) if what == "unchanged" else None
        before, count, ends_at = self._read_cpu(), 0, read_stopwatch() + self.seconds
        while read_stopwatch() < ends_at:
            await self.ask(body, tag)
            count += 1
        took = [1000 * (after - start) / count for start, after in zip(before, self._read_cpu(), strict=True)]
        for part, value in zip(("gateway", "PostgreSQL"), took, strict=True):
            self.by_part.setdefault((what, part), []).append(value)
        return sum(took)

    def _read_cpu(self) -> tuple[float, float]:
        return read_cpu_seconds(self.endpoint.process_id), read_cpu_seconds(self.world.postgres_process_id)


async def run(world: World, scale: Scale) -> list[Figure]:
    """Both polls of a carrier."""
    figures: list[Figure] = []
    for workload in (POLL, POLL_WITH_NUMBERS):
        name, country = await open_register(world, scale.read_orders)
        await _put_together(world, name)
        async with serve_ours(world, name, country, COMPILED) as endpoint:
            figures += await _measure(world, scale, endpoint, workload)
    return figures


async def _put_together(world: World, name: str) -> None:
    """Compact what the filling left, as a job does every few seconds."""
    database, compaction = world.connect(name), Compaction()
    while True:
        async with database.system(Role.JOBS, as_of=read_clock()) as tx:
            await compaction.run(tx)
        if not compaction.has_more:
            break
    await database.close()


async def _measure(world: World, scale: Scale, endpoint: Endpoint, workload: Workload) -> list[Figure]:
    headers = {
        "Authorization": f"Bearer {endpoint.tokens[workload.viewer]}",
        "Content-Type": "application/json",
        "Accept": "application/graphql-response+json",
    }
    async with aiohttp.ClientSession(headers=headers) as session:
        body = orjson.dumps({"query": workload.document})
        poller = _Poller(world, endpoint, session, body, scale.read_seconds)

        def loads(what: str) -> Callable[[int], Awaitable[float]]:
            async def load(_turn: int) -> float:
                return await poller.load(what)

            return load

        await poller.load("warm-up")
        taken = await measure_in_turn({what: loads(what) for what in _ASKED}, rounds=scale.read_rounds)
    nothing, unchanged, page = (taken[what] for what in ("nothing", "unchanged", "page"))
    whole = compare(f"{workload.name}, unchanged: CPU of both", unchanged, page, unit="ms", beside_name="the page")
    least = compare("  the same", unchanged, nothing, unit="ms", beside_name="what reads nothing")
    parts = [
        compare(
            f"  of {part}",
            Samples(poller.by_part["unchanged", part]),
            Samples(poller.by_part["page", part]),
            unit="ms",
            beside_name="the page",
        )
        for part in ("gateway", "PostgreSQL")
    ]
    return [replace(whole, ratio_max=_OF_PAGE_MAX), replace(least, ratio_max=_OF_NOTHING_MAX), *parts]
