"""Reads side by side: the gateway, compiled and ordinary, beside PostGraphile, graphql-yoga, Strawberry and pgbench.

Every side answers the same question to the same viewer over the same database, under row-level security, after checking
the same kind of token, in one process. Its answer is compared with PostgreSQL's own, field by field; then each is
loaded alone, in turn, by a process that compares every body. Source of the bounds: docs/benchmarks.md.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

from bench.figures import Figure, Samples, compare, measure_in_turn, plain
from bench.order_filling import open_register
from bench.read_loads import Load, Loaded, prepare_loads
from bench.read_sides import serve_sides
from bench.read_workloads import COMPLAINTS, DASHBOARD, LOOK_UP, POLL, POLL_WITH_NUMBERS, STATISTICS, Workload
from bench.scale import Scale
from bench.side_names import COMPILED, ORDINARY, PGBENCH, POSTGRAPHILE, STRAWBERRY
from bench.world import World

Reading = Callable[[Load], float | None]
"""Reads one value of a load."""
_ONE, _MANY = 1, 16
_PACED_SHARE = 0.5
"""The equal load at which delays are compared, as a part of what PostGraphile takes with all connections."""
_WARM_UP_SECONDS = 2.0


@dataclass(slots=True)
class Taken:
    """The loads of every side, by its name and how it was loaded, round by round."""

    loads: dict[tuple[str, str], list[Load]] = field(default_factory=lambda: defaultdict(list))

    def samples(self, side: str, how: str, read: Reading) -> Samples | None:
        """Return one value of a side, or None where it was not loaded so or has no such value."""
        values = [value for load in self.loads.get((side, how), ()) if (value := read(load)) is not None]
        return Samples(values) if values else None


async def run_poll(world: World, scale: Scale) -> list[Figure]:
    """What a carrier's system asks all day."""
    taken, figures = await _measure(world, scale, POLL, orders=scale.read_orders)
    return figures + _bound(taken)


async def run_poll_with_numbers(world: World, scale: Scale) -> list[Figure]:
    """The same with each order's number."""
    taken, figures = await _measure(world, scale, POLL_WITH_NUMBERS, orders=scale.read_orders)
    return figures + _relate(taken)


async def run_look_up(world: World, scale: Scale) -> list[Figure]:
    """One number with its orders."""
    taken, figures = await _measure(world, scale, LOOK_UP, orders=scale.read_orders)
    return figures + _bound(taken)


async def run_complaints(world: World, scale: Scale) -> list[Figure]:
    """A filtered page."""
    taken, figures = await _measure(world, scale, COMPLAINTS, orders=scale.read_orders)
    return figures + _relate(taken)


async def run_dashboard(world: World, scale: Scale) -> list[Figure]:
    """What the regulator's screen asks over a large register: a count of all orders, and the statistics."""
    taken, figures = await _measure(world, scale, DASHBOARD, orders=scale.dashboard_orders)
    figures += _relate(taken)
    alone = replace(scale, sides=tuple(side for side in scale.sides if side in {COMPILED, ORDINARY, PGBENCH}))
    _, ours = await _measure(world, alone, STATISTICS, orders=scale.dashboard_orders)
    return figures + [replace(figure, name=f"statistics, {figure.name}") for figure in ours]


async def _measure(world: World, scale: Scale, workload: Workload, *, orders: int) -> tuple[Taken, list[Figure]]:
    name, country = await open_register(world, orders)
    taken = Taken()
    async with (
        serve_sides(world, name, country, scale.sides) as endpoints,
        prepare_loads(world, name, country, endpoints, workload, scale.sides) as sides,
    ):
        for side in sides:
            await side.run(connections=_MANY, seconds=min(_WARM_UP_SECONDS, scale.read_seconds))
        for connections in (_ONE, _MANY):
            await _load_in_turn(sides, taken, scale, how=str(connections), connections=connections)
        rate = _choose_pace(taken)
        keeping = [side for side in sides if taken.loads[side.name, str(_MANY)][-1].rate > rate]
        await _load_in_turn(keeping, taken, scale, how="paced", connections=_MANY, per_second=rate)
    return taken, _list_figures(taken, [side.name for side in sides], pace=rate)


async def _load_in_turn(
    sides: Sequence[Loaded],
    taken: Taken,
    scale: Scale,
    *,
    how: str,
    connections: int,
    per_second: float | None = None,
) -> None:
    def loads(side: Loaded) -> Callable[[int], Awaitable[float]]:
        async def load(_turn: int) -> float:
            done = await side.run(connections=connections, seconds=scale.read_seconds, per_second=per_second)
            taken.loads[side.name, how].append(done)
            return done.rate

        return load

    await measure_in_turn({side.name: loads(side) for side in sides}, rounds=scale.read_rounds)


def _choose_pace(taken: Taken) -> float:
    """Return the requests a second of the equal load."""
    names = [name for name, how in taken.loads if how == str(_MANY)]
    peer = taken.samples(POSTGRAPHILE if POSTGRAPHILE in names else names[0], str(_MANY), lambda load: load.rate)
    assert peer is not None
    return _PACED_SHARE * peer.median


_METRICS: Sequence[tuple[str, str, str, Reading]] = (
    ("1 connection", "1", "/s", lambda load: load.rate),
    ("16 connections", "16", "/s", lambda load: load.rate),
    ("p50 at 1", "1", "ms", lambda load: load.p50_ms),
    ("p99 at 1", "1", "ms", lambda load: load.p99_ms),
    ("p99 at 16", "16", "ms", lambda load: load.p99_ms),
    ("CPU of the server at 16", "16", "ms", lambda load: load.server_ms),
    ("CPU of PostgreSQL at 16", "16", "ms", lambda load: load.database_ms),
)


def _list_figures(taken: Taken, sides: Sequence[str], *, pace: float) -> list[Figure]:
    paced = (f"p99 at {pace:,.0f}/s", "paced", "ms", lambda load: load.p99_ms)
    return [
        plain(title, samples, unit=unit, side=side)
        for side in sides
        for title, how, unit, read in (*_METRICS, paced)
        if (samples := taken.samples(side, how, read)) is not None
    ]


def _relate(taken: Taken) -> list[Figure]:
    """Return ours beside each other side's."""
    pairs = [(COMPILED, POSTGRAPHILE), (COMPILED, PGBENCH), (COMPILED, STRAWBERRY), (ORDINARY, STRAWBERRY)]
    kinds: Sequence[tuple[str, str, str, Reading]] = (
        ("requests at 1", "1", "/s", lambda load: load.rate),
        ("requests at 16", "16", "/s", lambda load: load.rate),
        ("CPU of the server", "16", "ms", lambda load: load.server_ms),
        ("p99 at equal load", "paced", "ms", lambda load: load.p99_ms),
    )
    return [
        compare(f"{title}, {ours}", mine, theirs, unit=unit, beside_name=other)
        for ours, other in pairs
        for title, how, unit, read in kinds
        if (mine := taken.samples(ours, how, read)) and (theirs := taken.samples(other, how, read)) and theirs.median
    ]


_BOUNDS: dict[tuple[str, str, str], tuple[float | None, float | None]] = {
    ("requests at 1", COMPILED, POSTGRAPHILE): (2.5, None),
    ("requests at 16", COMPILED, POSTGRAPHILE): (3.0, None),
    ("CPU of the server", COMPILED, POSTGRAPHILE): (None, 0.3),
    ("p99 at equal load", COMPILED, POSTGRAPHILE): (None, 1.0),
    ("requests at 16", COMPILED, PGBENCH): (0.4, None),
    ("requests at 16", COMPILED, STRAWBERRY): (25.0, None),
    ("requests at 16", ORDINARY, STRAWBERRY): (1.0, None),
}
"""The least and the greatest ratio that each is to have."""


def _bound(taken: Taken) -> list[Figure]:
    """Return the same with what each is to reach."""
    bounds = {(f"{title}, {ours}", other): bound for (title, ours, other), bound in _BOUNDS.items()}
    figures = [(figure, bounds.get((figure.name, figure.beside_name or ""), (None, None))) for figure in _relate(taken)]
    return [replace(figure, ratio_min=least, ratio_max=greatest) for figure, (least, greatest) in figures]
