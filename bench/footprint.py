"""What a side costs before it does anything: from nothing to its first right answer, and the memory that it then holds.

Each side is started alone, round by round, over the same database, and asked for a poll at once.
"""

from collections import defaultdict
from contextlib import AbstractAsyncContextManager
from functools import partial

from bench.figures import Figure, Samples, measure_in_turn, plain, read_stopwatch
from bench.order_filling import open_register
from bench.processes import read_resident_bytes
from bench.read_loads import prepare_loads
from bench.read_sides import Endpoint, Trust, can_serve, read_trust, serve_ours, serve_peer
from bench.read_workloads import POLL
from bench.scale import Scale
from bench.serving import find_free_port
from bench.side_names import COMPILED, ORDINARY, PGBENCH
from bench.world import Country, World

_MANY = 16
Values = dict[tuple[str, str, str], list[float]]
"""What was read of each side, by its name, the figure's name and its unit, round by round."""


async def run(world: World, scale: Scale) -> list[Figure]:
    """Start every side in turn; our two ways start alike."""
    name, country = await open_register(world, scale.read_orders)
    port = find_free_port()
    async with serve_ours(world, name, country, COMPILED, port=port) as ours:
        trust = await read_trust(ours)
    sides = [side for side in scale.sides if side not in {ORDINARY, PGBENCH} and can_serve(side)]
    taken: Values = defaultdict(list)

    async def start(side: str, _turn: int) -> float:
        started = read_stopwatch()
        async with (
            _serve(world, name, country, side, trust, port) as endpoint,
            prepare_loads(world, name, country, [endpoint], POLL, [side]) as (loaded,),
        ):
            # Checking the first answer and starting the load's process take all sides the same time.
            seconds = read_stopwatch() - started
            taken[side, "until the first answer", "s"].append(seconds)
            taken[side, "memory then", "MB"].append(_read_megabytes(endpoint))
            await loaded.run(connections=_MANY, seconds=scale.read_seconds)
            taken[side, "memory after a load", "MB"].append(_read_megabytes(endpoint))
        return seconds

    await measure_in_turn({side: partial(start, side) for side in sides}, rounds=scale.read_rounds)
    return [plain(title, Samples(values), unit=unit, side=side) for (side, title, unit), values in taken.items()]


def _serve(
    world: World, name: str, country: Country, side: str, trust: Trust, port: int
) -> AbstractAsyncContextManager[Endpoint]:
    if side == COMPILED:
        return serve_ours(world, name, country, side, port=port, tokens=trust.tokens)
    return serve_peer(world, name, side, trust)


def _read_megabytes(endpoint: Endpoint) -> float:
    return read_resident_bytes(endpoint.process_id) / 2**20
