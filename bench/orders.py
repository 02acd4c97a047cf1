"""Pages of 50 block orders with number, complaint count and acknowledgements, as a carrier reads them.

They are read by the ledger's functions, and through the whole gateway over HTTP with a token; pgbench, for comparison,
runs the same statements that the ledger sent, prepared and with the same parameters bound, in the same kind of
transaction.
"""

import asyncio
import re
import subprocess
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import orjson

from bench.children import end_with_parent
from bench.figures import Figure, Samples, compare, measure_in_turn, plain, read_stopwatch
from bench.scale import Scale
from bench.serving import AnswerError, Gateway, serve_gateway
from bench.statements import Statement, take_down, write_bound_script
from bench.world import BATCH_SIZE, Country, World, find_program, found_country, issue_orders, read_clock
from ledger.numbers.reading import load_numbers
from ledger.orders.acknowledgement_rules import AcknowledgementDraft
from ledger.orders.acknowledgements import acknowledge_block_orders, load_acknowledgements
from ledger.orders.reading import list_block_orders
from ledger.orders.table import OrderAcknowledgement
from ledger.orders.vocabulary import AcknowledgementKind
from ledger.pages import PageRequest
from ledger.storage.database import Database

_MANY = 16
_QUERY = """{ blockOrders(first: 50) { nodes {
  id orderNo version state dueAt isOverdue complaintCount summary number { e164 status risk }
  acknowledgements { kind reference recordedAt isLate } } pageInfo { hasNextPage endCursor } } }"""
_BEGIN = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
_RATE = re.compile(r"tps = ([0-9.]+)")


async def run(world: World, scale: Scale) -> list[Figure]:
    """Let each side load the machine alone, in turn."""
    async with world.clone() as name:
        as_of = read_clock()
        database = world.connect(name)
        country = await found_country(database, as_of=as_of)
        order_ids = await issue_orders(database, country, scale.order_count, as_of=as_of)
        for start in range(0, len(order_ids) // 2, BATCH_SIZE):
            await _receive(database, country, order_ids[start : start + BATCH_SIZE], as_of=as_of)
        await world.refresh_statistics(name)
        script = world.folder / "order_page.sql"
        with take_down(database) as statements:
            await _read_page(database, country, as_of=as_of)
        bound = write_bound_script(script, statements, begin=_BEGIN)
        scope = "orders:read numbers:read"
        async with serve_gateway(world, name, country.carrier_client, scope=scope) as gateway:
            load = _PgBench(world.url_of(name), script, bound)
            figures = await _measure(database, country, gateway, load, scale, as_of=as_of)
        await database.close()
    return [*figures, Figure(name="  statements of a page", value=_count(statements), unit="")]


def _count(statements: list[Statement]) -> int:
    return sum("set_config" not in statement.text for statement in statements)


async def _receive(database: Database, country: Country, order_ids: list[str], *, as_of: datetime) -> None:
    drafts = [
        AcknowledgementDraft(order_id=order_id, kind=AcknowledgementKind.RECEIVED, reference="TT-1")
        for order_id in order_ids
    ]
    async with database.transaction(country.carrier, as_of=as_of) as tx:
        await acknowledge_block_orders(tx, drafts)


async def _measure(
    database: Database,
    country: Country,
    gateway: Gateway,
    beside: "_PgBench",
    scale: Scale,
    *,
    as_of: datetime,
) -> list[Figure]:
    expected = await _read_expected(gateway)
    seconds = scale.load_seconds
    cpu: list[float] = []

    async def by_ledger(_turn: int) -> float:
        return await _load(lambda: _read_page(database, country, as_of=as_of), workers=1, seconds=seconds)

    async def by_http(workers: int) -> float:
        async def ask() -> None:
            if await gateway.post(_QUERY) != expected:
                raise AnswerError("a page differs from the first one")

        return await _load(ask, workers=workers, seconds=seconds)

    async def by_http_many(_turn: int) -> float:
        before = gateway.read_cpu_seconds()
        started = read_stopwatch()
        rate = await by_http(_MANY)
        after = gateway.read_cpu_seconds()
        if before is not None and after is not None:
            cpu.append(1000 * (after - before) / (rate * (read_stopwatch() - started)))
        return rate

    async def by_pgbench(clients: int) -> float:
        return await asyncio.to_thread(beside.run, clients=clients, seconds=seconds)

    await by_http(_MANY)  # opens the pool and fills the caches
    samples = await measure_in_turn(
        {
            "ledger": by_ledger,
            "http 1": lambda _turn: by_http(1),
            "pgbench 1": lambda _turn: by_pgbench(1),
            "http 16": by_http_many,
            "pgbench 16": lambda _turn: by_pgbench(_MANY),
        },
        rounds=scale.rounds,
    )
    one, many = samples["pgbench 1"], samples["pgbench 16"]
    figures = [
        compare("pages, ledger", samples["ledger"], one, unit="pages/s", beside_name="pgbench, 1 client"),
        compare("pages, HTTP, 1 connection", samples["http 1"], one, unit="pages/s", beside_name="pgbench, 1 client"),
        compare(
            f"pages, HTTP, {_MANY} connections", samples["http 16"], many, unit="pages/s",
            beside_name=f"pgbench, {_MANY} clients",
        ),
    ]  # fmt: skip
    return figures + ([plain("  CPU of the gateway's process for a page", Samples(cpu), unit="ms")] if cpu else [])


async def _read_page(database: Database, country: Country, *, as_of: datetime) -> None:
    async with database.reading(country.carrier, as_of=as_of) as tx:
        page = await list_block_orders(tx, PageRequest(first=50))
        numbers = await load_numbers(tx, [order.e164 for order in page.items])
        said = await load_acknowledgements(tx, [order.id for order in page.items])
    assert len(page.items) == len(numbers) == len(said) == 50
    assert all(isinstance(each, OrderAcknowledgement) for of_order in said.values() for each in of_order)


async def _read_expected(gateway: Gateway) -> bytes:
    """Return the page's body after checking it in full; every later one must have the same bytes."""
    body = await gateway.post(_QUERY)
    answer = orjson.loads(body)
    nodes = answer["data"]["blockOrders"]["nodes"]
    assert "errors" not in answer, answer
    assert len(nodes) == 50
    assert all(node["number"]["e164"] and node["acknowledgements"] and node["complaintCount"] == 1 for node in nodes)
    return body


async def _load(work: Callable[[], Awaitable[None]], *, workers: int, seconds: float) -> float:
    """Return how often per second the work is done when that many workers do nothing else."""
    done = 0
    started = read_stopwatch()

    async def repeat() -> None:
        nonlocal done
        while read_stopwatch() - started < seconds:
            await work()
            done += 1

    await asyncio.gather(*(repeat() for _ in range(workers)))
    return done / (read_stopwatch() - started)


@dataclass(frozen=True, slots=True)
class _PgBench:
    """A transaction that pgbench repeats, and the values of its variables."""

    url: str
    script: Path
    values: Mapping[str, str]

    def run(self, *, clients: int, seconds: float) -> float:
        """Return the transactions per second."""
        bound = [part for name, value in self.values.items() for part in ("-D", f"{name}={value}")]
        shape = ["-n", "-M", "prepared", "-c", str(clients), "-T", str(max(1, round(seconds)))]
        command = [find_program("pgbench"), *shape, *bound, "-f", str(self.script), self.url]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=end_with_parent)
        match = _RATE.search(answer.stdout)
        if answer.returncode or match is None or "number of failed transactions: 0 " not in answer.stdout:
            raise RuntimeError(f"pgbench failed: {answer.stdout} {answer.stderr}")
        return float(match[1])
