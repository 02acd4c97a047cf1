"""Ten hostile clients against one serving process while a carrier polls: what they cost the carrier.

Each attack is a round between two rounds without it, and its p99 is compared with the mean of theirs. The attackers run
in another process, at the lowest priority: on a machine with few cores they would otherwise take the gateway's time,
which says nothing about the gateway. Bounds: three times the p99, no restart, no takeover of the sequencer, and memory
back within 10 % in the round after.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp

from bench.figures import Figure
from bench.hostile_attacks import list_attacks
from bench.json_lines import Worker
from bench.processes import HAS_PROC, read_resident_bytes
from bench.scale import Scale
from bench.serving import AnswerError, Gateway, find_free_port, obtain_token, read_metric, serve_process
from bench.world import World, found_country, issue_orders, read_clock

RATIO_MAX, MEMORY_MAX = 3.0, 1.1
_ORDERS = 200
_SCOPE = "orders:read numbers:read members:read"
_POLL = "{ blockOrders(first: 20) { edges { node { id orderNo state dueAt } } } }"
_POLL_SECONDS = 0.05
_SOURCE = "127.0.0.2"
_NICE = ("nice", "-n", "19")
_SETTINGS = {"JEMBATAN_RATE_PER_SECOND": "50", "JEMBATAN_RATE_BURST": "200"}
"""The defaults, which the other benchmarks raise: here they are part of what is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What the carrier met in one round. Units: milliseconds and megabytes."""

    requests: int
    failed: int
    p50_ms: float
    p99_ms: float
    memory_mb: float
    takeovers: float


@dataclass(slots=True, kw_only=True)
class Front:
    """The gateway under attack, and those who meet it."""

    gateway: Gateway
    metrics_url: str
    hostile_token: str
    hostile_client_id: str
    seconds: float

    async def poll(self) -> Round:
        """Poll as a carrier does, at a steady pace, each time from when it was due."""
        loop = asyncio.get_running_loop()
        delays: list[float] = []
        failed = 0
        began = loop.time()
        due = began
        while due < began + self.seconds:
            await asyncio.sleep(due - loop.time())
            try:
                await self.gateway.ask(_POLL)
            except (AnswerError, aiohttp.ClientError):
                failed += 1
            delays.append((loop.time() - due) * 1000)
            # A late poll is not made up for, but its whole delay counts.
            due = max(due + _POLL_SECONDS, loop.time())
        delays.sort()
        return Round(
            requests=len(delays),
            failed=failed,
            p50_ms=delays[len(delays) // 2],
            p99_ms=delays[min(len(delays) - 1, int(len(delays) * 0.99))],
            memory_mb=read_resident_bytes(self.gateway.process_id) / 2**20,
            takeovers=await read_metric(self.metrics_url, "jembatan_sequencer_takeovers_total"),
        )

    async def poll_under(self, attack: str) -> tuple[Round, dict[str, int]]:
        """Poll while the attack runs; return the outcomes of its exchanges as well."""
        address = urlsplit(self.gateway.url)
        load = await Worker.start(*_NICE, sys.executable, "-m", "bench.hostile_load")
        try:
            load.send(
                {
                    "attack": attack,
                    "host": address.hostname,
                    "port": address.port,
                    "source": _SOURCE,
                    "token": self.hostile_token,
                    "client_id": self.hostile_client_id,
                }
            )
            await load.read(timeout_seconds=60)
            met = await self.poll()
            load.send("stop")
            said = await load.read(timeout_seconds=60)
        finally:
            await load.kill()
        assert not said["failures"], attack
        return met, said["outcomes"]


async def run(world: World, scale: Scale) -> list[Figure]:
    """Run every attack between two rounds without one, and print a row for each."""
    if not HAS_PROC:
        print("There is no /proc to read a server's memory from: hostile is left out.", file=sys.stderr)
        return []
    figures: list[Figure] = []
    async with _open_front(world, scale.hostile_seconds) as front:
        await front.poll()
        before = await front.poll()
        for attack in list_attacks():
            met, outcomes = await front.poll_under(attack)
            after = await front.poll()
            figures += _judge(attack, before, met, after)
            print(_render(attack, before, met, after, outcomes, seconds=front.seconds), file=sys.stderr, flush=True)
            before = after
    return figures


def _judge(attack: str, before: Round, met: Round, after: Round) -> list[Figure]:
    """Return the figures with their bounds. A restart would have failed the polls that follow, and so the benchmark."""
    return [
        Figure(
            name=attack,
            value=met.p99_ms,
            unit="ms",
            beside=(before.p99_ms + after.p99_ms) / 2,
            beside_name="without",
            ratio_max=RATIO_MAX,
        ),
        Figure(
            name="  memory afterwards",
            value=after.memory_mb,
            unit="MB",
            beside=before.memory_mb,
            beside_name="before",
            ratio_max=MEMORY_MAX,
        ),
        Figure(name="  polls that failed", value=met.failed + after.failed, unit="", value_max=0),
        Figure(name="  takeovers of the sequencer", value=after.takeovers - before.takeovers, unit="", value_max=0),
    ]


def _render(attack: str, before: Round, met: Round, after: Round, outcomes: dict[str, int], *, seconds: float) -> str:
    told = ", ".join(f"{outcome}: {count:,}" for outcome, count in sorted(outcomes.items()))
    per_second = sum(outcomes.values()) / seconds
    memory = ", ".join(f"{each.memory_mb:.0f}" for each in (before, met, after))
    return (
        f"  {attack}: {per_second:,.0f}/s ({told}) | {met.requests} polls, p50 {met.p50_ms:.0f} and "
        f"p99 {met.p99_ms:.0f} ms, without {before.p99_ms:.0f} and {after.p99_ms:.0f} ms | memory {memory} MB"
    )


@asynccontextmanager
async def _open_front(world: World, seconds: float) -> AsyncIterator[Front]:
    """Serve a small country: the carrier has orders, and the attackers have the other carrier's token."""
    as_of = read_clock()
    async with world.clone() as name:
        database = world.connect(name)
        try:
            country = await found_country(database, as_of=as_of)
            await issue_orders(database, country, _ORDERS, as_of=as_of)
        finally:
            await database.close()
        await world.refresh_statistics(name)
        port = find_free_port()
        settings = {**_SETTINGS, "JEMBATAN_METRICS_PORT": str(port)}
        async with serve_process(world, name, settings) as served:
            tokens = [
                await obtain_token(served.url, client, scope=_SCOPE)
                for client in (country.carrier_client, country.other_carrier_client)
            ]
            headers = {"Authorization": f"Bearer {tokens[0]}", "Content-Type": "application/json"}
            timeout = aiohttp.ClientTimeout(total=60)
            async with aiohttp.ClientSession(headers=headers, timeout=timeout) as session:
                yield Front(
                    gateway=Gateway(url=served.url, process_id=served.process_id, session=session),
                    metrics_url=f"http://127.0.0.1:{port}/metrics",
                    hostile_token=tokens[1],
                    hostile_client_id=country.other_carrier_client.client_id,
                    seconds=seconds,
                )
