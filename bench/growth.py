"""How the gateway's reads grow with the register: the same questions over registers of several sizes, in one run.

Each size has a gateway of its own, and they are loaded in turn. The median at one connection must stay flat: nothing
that is asked all day may depend on how much has been kept.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from bench.figures import Figure, compare, measure_in_turn, plain
from bench.order_filling import open_register
from bench.read_loads import Loaded, prepare_loads
from bench.read_sides import serve_sides
from bench.read_workloads import DASHBOARD, POLL, STATISTICS, Workload
from bench.scale import Scale
from bench.side_names import COMPILED
from bench.world import World

RATIO_MAX = 1.3
_WARM_UP_SECONDS = 1.0


async def run(world: World, scale: Scale) -> list[Figure]:
    """Measure each question over all sizes."""
    figures: list[Figure] = []
    for workload in (POLL, DASHBOARD, STATISTICS):
        figures += await _measure(world, scale, workload)
    return figures


async def _measure(world: World, scale: Scale, workload: Workload) -> list[Figure]:
    smallest, *larger = scale.growth_orders
    async with AsyncExitStack() as stack:
        sides: dict[str, Loaded] = {}
        for orders in scale.growth_orders:
            name, country = await open_register(world, orders)
            endpoints = await stack.enter_async_context(serve_sides(world, name, country, [COMPILED]))
            loads: Sequence[Loaded] = await stack.enter_async_context(
                prepare_loads(world, name, country, endpoints, workload, [COMPILED])
            )
            (sides[f"{orders:,}"],) = loads
        for side in sides.values():
            await side.run(connections=1, seconds=_WARM_UP_SECONDS)
        samples = await measure_in_turn(
            {size: _read_median(side, scale.read_seconds) for size, side in sides.items()}, rounds=scale.read_rounds
        )
    least = samples[f"{smallest:,}"]
    title = f"p50 of {workload.name}"
    return [plain(f"{title}, {smallest:,} orders", least, unit="ms")] + [
        replace(
            compare(
                f"{title}, {orders:,} orders", samples[f"{orders:,}"], least, unit="ms", beside_name=f"{smallest:,}"
            ),
            ratio_max=RATIO_MAX,
        )
        for orders in larger
    ]


def _read_median(side: Loaded, seconds: float) -> Callable[[int], Awaitable[float]]:
    async def measure(_turn: int) -> float:
        return (await side.run(connections=1, seconds=seconds)).p50_ms

    return measure
