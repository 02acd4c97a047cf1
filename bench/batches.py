"""Batches of writes: by the ledger's functions and over HTTP, beside the same SQL by psql on a copy of the database.

psql runs the same statements that the ledger sent, with literals for parameters, on a copy made before the first batch.
The ratio is what the ledger, and the gateway around it, cost beyond PostgreSQL's own work. Each batch begins when the
sequencer has taken up the events of those before it, which would otherwise slow down whatever happens to come next.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from typing import Any

import asyncpg

from auth.clients.registration import CreatedClient
from bench.figures import Figure, Samples, compare, read_stopwatch
from bench.serving import Gateway, serve_gateway
from bench.statements import Psql, Statement, take_down, write_script
from bench.world import World
from ledger.storage.database import Database, Transaction
from ledger.viewer import Viewer

_IS_PENDING = "SELECT EXISTS (SELECT FROM feed_pending)"
_SETTLED_SECONDS_MAX = 60.0
SIZES = ((1, 20), (100, 2), (1000, 1))
"""How many items a batch has, and how many such batches a round has on each side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWrite:
    """What is written: how the ledger does it and how a client asks for it, item by item.

    write and check assert that every item was accepted. counted gives, for each query that counts rows, how many rows
    one item adds. largest_by_http_min bounds the ratio of the largest batch over HTTP.
    """

    title: str
    viewer: Viewer
    client: CreatedClient
    scope: str
    mutation: str
    write: Callable[[Transaction, Sequence[str]], Awaitable[None]]
    variables: Callable[[Sequence[str]], Mapping[str, Any]]
    check: Callable[[Any, int], None]
    counted: Mapping[str, int]
    largest_by_http_min: float | None = None


def count_items(rounds: int) -> int:
    """Return how many items are written in that many rounds on both sides."""
    return 2 * rounds * sum(size * times for size, times in SIZES)


async def measure_batches(
    world: World, name: str, copy: str, write: BatchWrite, items: Sequence[str], *, rounds: int, as_of: datetime
) -> tuple[list[Figure], Sequence[Statement]]:
    """Return the figures and the statements of the last batch; the first round warms up and doesn't count."""
    rates: dict[tuple[int, str], list[float]] = defaultdict(list)
    left = iter(items)
    script = world.folder / "batch.sql"
    database = world.connect(name)
    statements: Sequence[Statement] = ()
    async with serve_gateway(world, name, write.client, scope=write.scope) as gateway, _watch(world, name) as settle:
        with Psql(world.url_of(copy)) as session:
            for place in range(rounds):
                if place == 1:
                    # As autovacuum does in a database in use: a plan that was kept for empty tables fits no others.
                    await world.refresh_statistics(name)
                    await world.refresh_statistics(copy)
                for size, times in SIZES:
                    ledger = psql = http = 0.0
                    for _ in range(times):
                        await settle()
                        seconds, statements = await _write_by_ledger(database, write, _take(left, size), as_of=as_of)
                        ledger += seconds
                        write_script(script, statements)
                        await settle()
                        psql += session.run(script)
                        http += await _write_by_http(gateway, write, _take(left, size))
                    for side, seconds in (("ledger", ledger), ("psql", psql), ("HTTP", http)):
                        rates[size, side].append(times / seconds)
    await database.close()
    await _check_equal(world, name, copy, write, by_http=count_items(rounds) // 2)
    return [_compare(write, rates, size, side) for size, _ in SIZES for side in ("ledger", "HTTP")], statements


@asynccontextmanager
async def _watch(world: World, name: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Give what waits until the sequencer has taken up every event of the database."""
    connection = await asyncpg.connect(world.superuser_url_of(name))

    async def settle() -> None:
        async with asyncio.timeout(_SETTLED_SECONDS_MAX):
            while await connection.fetchval(_IS_PENDING):  # noqa: ASYNC110 - PostgreSQL tells nobody of it
                await asyncio.sleep(0.01)

    try:
        yield settle
    finally:
        await connection.close()


def _take(items: Iterator[str], size: int) -> list[str]:
    taken = list(islice(items, size))
    assert len(taken) == size
    return taken


def _compare(write: BatchWrite, rates: Mapping[tuple[int, str], Sequence[float]], size: int, side: str) -> Figure:
    ours, beside = (Samples(rates[size, each][1:]) for each in (side, "psql"))
    figure = compare(f"{size:,} {write.title}, {side}", ours, beside, unit="batches/s", beside_name="psql")
    is_bound = (size, side) == (SIZES[-1][0], "HTTP")
    return replace(figure, ratio_min=write.largest_by_http_min) if is_bound else figure


async def _write_by_ledger(
    database: Database, write: BatchWrite, items: Sequence[str], *, as_of: datetime
) -> tuple[float, list[Statement]]:
    """Return the seconds from the items to the commit, and what was sent."""
    with take_down(database) as statements:
        started = read_stopwatch()
        async with database.transaction(write.viewer, as_of=as_of) as tx:
            await write.write(tx, items)
        return read_stopwatch() - started, statements


async def _write_by_http(gateway: Gateway, write: BatchWrite, items: Sequence[str]) -> float:
    variables = dict(write.variables(items))
    started = read_stopwatch()
    data = await gateway.ask(write.mutation, variables)
    seconds = read_stopwatch() - started
    write.check(data, len(items))
    return seconds


async def _check_equal(world: World, name: str, copy: str, write: BatchWrite, *, by_http: int) -> None:
    """Check that psql did the same work as the ledger."""
    counts = []
    for database in (name, copy):
        connection = await asyncpg.connect(world.superuser_url_of(database))
        counts.append([await connection.fetchval(query) for query in write.counted])
        await connection.close()
    ours, psqls = counts
    added = [count - by_http * rows for count, rows in zip(ours, write.counted.values(), strict=True)]
    assert added == psqls, (write.title, counts)
