"""Starting: from nothing to the first right answer, and what a side then holds; and how long our commands take.

A side is started as for the other reads, round by round, and asked at once. What `serve` and a command take until they
are ready or done is set beside a bare import of the same packages of others: the least that their start can cost.
"""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import partial

from bench.children import end_with_parent
from bench.figures import Figure, Samples, compare, measure_in_turn, plain, read_stopwatch
from bench.order_filling import open_register
from bench.processes import read_resident_bytes
from bench.read_loads import prepare_loads
from bench.read_sides import Endpoint, Trust, can_serve, read_trust, serve_ours, serve_peer
from bench.read_workloads import POLL
from bench.scale import Scale
from bench.serving import find_free_port, serve_process, settings_of
from bench.side_names import COMPILED, ORDINARY, PGBENCH
from bench.world import Country, World

_RATIO_MAX = 1.5
_MANY = 16
_COMMANDS = (("--help",), ("schema",), ("status", "--json"), ("schedule", "--json"))
_OURS = frozenset(
    {"demo", "cli", "gateway", "schema", "resolvers", "auth", "ledger", "migrations", "bench", "__main__"}
)
_PROFILE = {"PYTHONPROFILEIMPORTTIME": "1"}
_IMPORT = """
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""
"""Python also reports what was tried and is absent."""
_PREFIX = "import time:"
_SECONDS_MAX = 120
Measured = Callable[[int], Awaitable[float]]
Values = dict[tuple[str, str], list[float]]


async def run(world: World, scale: Scale) -> list[Figure]:
    """Start every side in turn, then the commands."""
    name, country = await open_register(world, scale.read_orders)
    port = find_free_port()
    async with serve_ours(world, name, country, COMPILED, port=port) as ours:
        trust = await read_trust(ours)
    sides = [side for side in scale.sides if side not in {ORDINARY, PGBENCH} and can_serve(side)]
    taken: Values = defaultdict(list)
    starts = {side: partial(_start, world, name, country, side, scale, trust, port, taken) for side in sides}
    await measure_in_turn(starts, rounds=scale.read_rounds)
    figures = [
        plain(title, Samples(values), unit="s" if title == "first answer" else "MB", side=side)
        for (side, title), values in taken.items()
    ]
    return figures + await _compare_serve(world, name, scale) + await _compare_commands(world, name, scale)


async def _start(
    world: World,
    name: str,
    country: Country,
    side: str,
    scale: Scale,
    trust: Trust,
    port: int,
    taken: Values,
    _turn: int,
) -> float:
    started = read_stopwatch()
    async with (
        _serve(world, name, country, side, trust, port) as endpoint,
        prepare_loads(world, name, country, [endpoint], POLL, [side]) as (loaded,),
    ):
        # Checking the first answer and starting the load's process take all sides the same time.
        seconds = read_stopwatch() - started
        held = read_resident_bytes(endpoint.process_id)
        await loaded.run(connections=_MANY, seconds=scale.read_seconds)
        loaded_held = read_resident_bytes(endpoint.process_id)
    taken[side, "first answer"].append(seconds)
    taken[side, "memory then"].append(held / 2**20)
    taken[side, "memory after a load"].append(loaded_held / 2**20)
    return seconds


def _serve(
    world: World, name: str, country: Country, side: str, trust: Trust, port: int
) -> AbstractAsyncContextManager[Endpoint]:
    if side == COMPILED:
        return serve_ours(world, name, country, side, port=port, tokens=trust.tokens)
    return serve_peer(world, name, side, trust)


async def _compare_serve(world: World, name: str, scale: Scale) -> list[Figure]:
    async with serve_process(world, name, _PROFILE) as served:
        modules = find_foreign_modules(bytes(served.said).decode())

    async def start(_turn: int) -> float:
        started = read_stopwatch()
        async with serve_process(world, name):
            return read_stopwatch() - started

    return [await _compare("serve, to /readyz", start, modules, scale)]


async def _compare_commands(world: World, name: str, scale: Scale) -> list[Figure]:
    figures = []
    for arguments in _COMMANDS:
        _, said = await _run([sys.executable, "-m", "cli", *arguments], settings_of(world, name) | _PROFILE)

        async def run_command(_turn: int, arguments: Sequence[str] = arguments) -> float:
            seconds, _ = await _run([sys.executable, "-m", "cli", *arguments], settings_of(world, name))
            return seconds

        title = f"jembatan {' '.join(arguments)}"
        figures.append(await _compare(title, run_command, find_foreign_modules(said), scale))
    return figures


async def _compare(title: str, ours: Measured, modules: Sequence[str], scale: Scale) -> Figure:
    """Measure ours and a bare import of the modules in turn."""
    command = [sys.executable, "-c", _IMPORT, *modules]

    async def bare(_turn: int) -> float:
        seconds, _ = await _run(command, dict(os.environ))
        return seconds

    samples = await measure_in_turn({"ours": ours, "bare": bare}, rounds=scale.read_rounds)
    print(
        f"  {title}: {samples['ours'].median:.2f} s, its packages alone {samples['bare'].median:.2f} s", file=sys.stderr
    )
    figure = compare(title, samples["ours"], samples["bare"], unit="s", beside_name="import of its packages")
    return replace(figure, ratio_max=_RATIO_MAX)


async def _run(command: Sequence[str], environment: dict[str, str]) -> tuple[float, str]:
    """Return the seconds that a command took, and its standard error."""
    started = read_stopwatch()
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    async with asyncio.timeout(_SECONDS_MAX):
        _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{command} failed: {said.decode()[-1000:]}")
    return read_stopwatch() - started, said.decode()


def find_foreign_modules(said: str) -> list[str]:
    """Return the imported modules that are neither Python's nor ours, packages before what is in them.

    said has the lines that Python writes with -X importtime.
    """
    names = {line.rpartition("|")[2].strip() for line in said.splitlines() if line.startswith(_PREFIX)}
    return sorted(name for name in names if _is_foreign(name.partition(".")[0]))


def _is_foreign(package: str) -> bool:
    return not (
        package in sys.stdlib_module_names or package in _OURS or package.startswith(("_", "site")) or " " in package
    )
