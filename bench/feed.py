"""The feed at several sizes: assigning positions to events, delivering them, catching up and proving.

The sequencer and the follower are the real ones, in this process; pgbench writes. They are compared with bare INSERTs
of the same rows into a table without an index. What matters most is that no cost grows with the feed.
"""

import asyncio
import random
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg

from bench.children import end_with_parent
from bench.feed_filling import fill_feed
from bench.figures import Figure, Samples, compare, measure_in_turn, plain, read_stopwatch
from bench.scale import Scale
from bench.world import ROLE_PREFIX, Country, World, find_program, found_country, read_clock
from ledger.feed.entries import Entry
from ledger.feed.follower import Follower
from ledger.feed.proofs import prove_inclusion
from ledger.feed.reading import read_entries
from ledger.feed.sequencer import Sequencer
from ledger.identifiers import Position
from ledger.settings import FeedSettings
from ledger.storage.database import Database

_WRITERS = 8
_BATCH = 1_000
_PAGE = 100
_PROOFS = 50
_PER_SECOND = 200
_LEAST_SECONDS = 1
_WAIT_SECONDS_MAX = 60
_PLAIN = "CREATE TABLE plain_events (LIKE events INCLUDING DEFAULTS INCLUDING IDENTITY)"
_COLUMNS = "(kind, subject, subject_id, state, audience, payload, recorded_at)"
_ROW = """
SELECT 'ORDER_ISSUED', 'BLOCK_ORDER', gen_random_uuid()::text, 'ISSUED', ARRAY[id],
  '{"orderNo": "O-1", "version": 1}'::jsonb, clock_timestamp() FROM members WHERE slug = 'indosat'
"""
_MANY_ROWS = _ROW.replace("FROM members", f"FROM generate_series(1, {_BATCH}) CROSS JOIN members")
_ONE = f"""
INSERT INTO events {_COLUMNS} SELECT 'ORDER_ISSUED', 'BLOCK_ORDER', $1, 'ISSUED', ARRAY[id],
  '{{"orderNo": "O-1", "version": 1}}'::jsonb, clock_timestamp() FROM members WHERE slug = 'telkomsel'
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """The measurements at one size. The samples are in events per second; bare ones in rows per second."""

    size: int
    samples: dict[str, Samples]
    p50_ms: float
    p99_ms: float
    caught_up: float
    proof_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """One database with a feed in it."""

    world: World
    name: str
    database: Database
    country: Country
    owner: "asyncpg.Connection[asyncpg.Record]"

    @property
    def direct(self) -> FeedSettings:
        """How the feed's processes reach the database."""
        return FeedSettings(
            database_url=self.world.url_of(self.name), role_prefix=ROLE_PREFIX, statement_timeout_ms=60_000
        )

    async def read_size(self) -> int:
        """Return the size of the feed."""
        return int(await self.owner.fetchval("SELECT size FROM feed_head"))

    async def is_all_placed(self) -> bool:
        """Whether no event is waiting."""
        return not await self.owner.fetchval("SELECT EXISTS (SELECT 1 FROM feed_pending)")

    async def wait_for(self, size: int) -> None:
        """Errors: TimeoutError when the feed doesn't reach a size."""

        async def has_come() -> bool:
            return await self.read_size() >= size

        await _wait_until(has_come)


async def run(world: World, scale: Scale) -> list[Figure]:
    """Measure one database that grows from size to size."""
    async with world.clone() as name:
        database = world.connect(name)
        owner = await asyncpg.connect(world.superuser_url_of(name))
        try:
            country = await found_country(database, as_of=read_clock())
            await owner.execute(_PLAIN)
            bench = Bench(world=world, name=name, database=database, country=country, owner=owner)
            async with _running(Sequencer(bench.direct)):
                await _wait_until(bench.is_all_placed)
            taken = [await _measure_size(bench, scale, size) for size in scale.feed_sizes]
        finally:
            await owner.close()
            await database.close()
    return _tell(taken)


async def _measure_size(bench: Bench, scale: Scale, size: int) -> Taken:
    started = read_stopwatch()
    await fill_feed(bench.world, bench.name, size)
    print(f"  a feed of {size:,} entries: filled in {read_stopwatch() - started:.0f} s", file=sys.stderr)
    present = await bench.read_size()
    caught_up, proof_ms = await _catch_up(bench, present), await _prove(bench, present)
    samples = await measure_in_turn(
        {
            "batches": lambda _turn: _sequence_backlog(bench, scale.feed_backlog),
            "bare batches": lambda _turn: _insert_bare(bench, scale.feed_backlog),
            "singles": lambda _turn: _sequence_singles(bench, seconds=scale.load_seconds),
            "bare singles": lambda _turn: _run_pgbench(bench, "plain_events", seconds=scale.load_seconds),
        },
        rounds=scale.feed_rounds,
    )
    delays = await _measure_delays(bench, round(scale.load_seconds * 2 * _PER_SECOND))
    return Taken(
        size=size,
        samples=samples,
        p50_ms=delays[len(delays) // 2],
        p99_ms=delays[int(len(delays) * 0.99)],
        caught_up=caught_up,
        proof_ms=proof_ms,
    )


async def _sequence_backlog(bench: Bench, count: int) -> float:
    """Return events per second for a backlog of count, from the sequencer's start to the last event's position."""
    for _ in range(count // _BATCH):
        await bench.owner.execute(f"INSERT INTO events {_COLUMNS} {_MANY_ROWS}")
    before = await bench.read_size()
    async with _running(Sequencer(bench.direct)):
        started = read_stopwatch()
        await bench.wait_for(before + count)
        return count / (read_stopwatch() - started)


async def _insert_bare(bench: Bench, count: int) -> float:
    started = read_stopwatch()
    for _ in range(count // _BATCH):
        await bench.owner.execute(f"INSERT INTO plain_events {_COLUMNS} {_MANY_ROWS}")
    return count / (read_stopwatch() - started)


async def _sequence_singles(bench: Bench, *, seconds: float) -> float:
    """Return the events per second that writers commit, one per transaction, and that are sequenced by the end."""
    before = await bench.read_size()
    assert await bench.is_all_placed()
    async with _running(Sequencer(bench.direct)):
        started = read_stopwatch()
        await _run_pgbench(bench, "events", seconds=seconds)
        await _wait_until(bench.is_all_placed)
        return (await bench.read_size() - before) / (read_stopwatch() - started)


async def _run_pgbench(bench: Bench, table: str, *, seconds: float) -> float:
    """Return the transactions per second of several writers, one row each."""
    script = bench.world.folder / f"one_{table}.sql"
    script.write_text(f"INSERT INTO {table} {_COLUMNS} {' '.join(_ROW.split())};\n", encoding="utf-8")
    shape = ["-n", "-M", "prepared", "-c", str(_WRITERS), "-T", str(max(1, round(seconds)))]
    command = [find_program("pgbench"), *shape, "-f", str(script), bench.world.superuser_url_of(bench.name)]
    answer = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=False, preexec_fn=end_with_parent
    )
    told = next((line for line in answer.stdout.splitlines() if line.startswith("tps = ")), None)
    if answer.returncode or told is None:
        raise RuntimeError(f"pgbench failed: {answer.stdout} {answer.stderr}")
    return float(told.split()[2])


async def _measure_delays(bench: Bench, count: int) -> Sequence[float]:
    """Return the milliseconds from right before a commit is requested to the follower's listener, sorted."""
    written: dict[str, float] = {}
    name = f"delay-{await bench.read_size()}"
    delays: list[float] = []
    follower = Follower(bench.direct)

    def on_entries(entries: Sequence[Entry]) -> None:
        now = time.monotonic()
        delays.extend((now - written[entry.subject_id]) * 1000 for entry in entries if entry.subject_id in written)

    follower.add_listener(on_entries)
    statement = await bench.owner.prepare(_ONE)
    loop = asyncio.get_running_loop()
    async with _running(Sequencer(bench.direct)), _running(follower):
        await follower.wait_ready()
        due = loop.time()
        for number in range(count):
            due = max(due + 1 / _PER_SECOND, loop.time())
            await asyncio.sleep(due - loop.time())
            written[f"{name}-{number}"] = time.monotonic()
            await statement.fetch(f"{name}-{number}")

        async def have_come() -> bool:
            return len(delays) >= count

        await _wait_until(have_come)
    assert len(delays) == count, len(delays)
    return sorted(delays)


async def _catch_up(bench: Bench, size: int) -> float:
    """Return the entries per second that the first carrier reads from the start, repeatedly; it owns one in 1,000."""
    await _read_all(bench, size)
    started, entries_read = read_stopwatch(), 0
    while (seconds := read_stopwatch() - started) < _LEAST_SECONDS:
        entries_read += await _read_all(bench, size)
    return entries_read / seconds


async def _read_all(bench: Bench, size: int) -> int:
    entries_read, after = 0, Position(0)
    while after < size:
        async with bench.database.reading(bench.country.carrier, as_of=read_clock()) as tx:
            part = await read_entries(tx, after=after, limit=_PAGE)
        entries_read, after = entries_read + len(part.entries), part.scanned_to
    assert entries_read >= size // 1000 - 1, entries_read
    return entries_read


async def _prove(bench: Bench, size: int) -> float:
    """Return the milliseconds of one inclusion proof, the median of several."""
    chance = random.Random(size)  # noqa: S311 - no secret
    taken: list[float] = []
    for _ in range(_PROOFS):
        started = read_stopwatch()
        async with bench.database.reading(bench.country.carrier, as_of=read_clock()) as tx:
            await prove_inclusion(tx, chance.randint(1, size), size)
        taken.append((read_stopwatch() - started) * 1000)
    return statistics.median(taken)


async def _wait_until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Errors: TimeoutError."""
    async with asyncio.timeout(_WAIT_SECONDS_MAX):
        while not await holds():  # noqa: ASYNC110 - nothing reports it, so it must be polled
            await asyncio.sleep(0.002)


@asynccontextmanager
async def _running(part: Sequencer | Follower) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _tell(taken: Sequence[Taken]) -> list[Figure]:
    figures: list[Figure] = []
    for at in taken:
        title = f"{at.size:,} entries"
        batches, singles = at.samples["batches"], at.samples["singles"]
        bare, bare_singles = at.samples["bare batches"], at.samples["bare singles"]
        figures += [
            compare(f"{title}: sequenced", batches, bare, unit="events/s", beside_name="bare INSERT"),
            compare(f"  by {_WRITERS} writers", singles, bare_singles, unit="events/s", beside_name="bare INSERT"),
            plain(f"  p50 to the follower, {_PER_SECOND}/s", Samples([at.p50_ms]), unit="ms"),
            plain(f"  p99 to the follower, {_PER_SECOND}/s", Samples([at.p99_ms]), unit="ms"),
            plain("  catching up, 1 of 1,000 is its own", Samples([at.caught_up]), unit="entries/s"),
            plain("  inclusion proof", Samples([at.proof_ms]), unit="ms"),
        ]
    return figures
