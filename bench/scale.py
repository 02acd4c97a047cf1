"""The sizes of a run."""

from dataclasses import dataclass

from bench.side_names import SIDES


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Rounds, sizes, and the seconds for which a load runs. The fan-out has fewer rounds, since each is long."""

    rounds: int
    import_rows: int
    forwarded: int
    load_seconds: float
    fanout_rounds: int
    fanout_events: int
    few_subscribers: int
    subscribers: int
    idle_subscribers: int
    feed_rounds: int
    feed_backlog: int
    feed_sizes: tuple[int, ...]
    retention_entries: int
    hostile_seconds: float
    read_rounds: int
    read_seconds: float
    read_orders: int
    dashboard_orders: int
    growth_orders: tuple[int, ...]
    with_real_data: bool = False
    sides: tuple[str, ...] = SIDES


FULL = Scale(
    rounds=5,
    import_rows=20_000,
    forwarded=10_000,
    load_seconds=4,
    fanout_rounds=3,
    fanout_events=200,
    few_subscribers=100,
    subscribers=1_000,
    idle_subscribers=10_000,
    feed_rounds=3,
    feed_backlog=20_000,
    feed_sizes=(10_000, 300_000, 3_000_000),
    retention_entries=100_000,
    hostile_seconds=20,
    read_rounds=4,
    read_seconds=4,
    read_orders=100_000,
    dashboard_orders=1_000_000,
    growth_orders=(10_000, 100_000, 1_000_000),
)
QUICK = Scale(
    rounds=3,
    import_rows=2_000,
    forwarded=2_000,
    load_seconds=1,
    fanout_rounds=1,
    fanout_events=100,
    few_subscribers=50,
    subscribers=100,
    idle_subscribers=500,
    feed_rounds=1,
    feed_backlog=10_000,
    feed_sizes=(10_000, 100_000),
    retention_entries=20_000,
    hostile_seconds=5,
    read_rounds=2,
    read_seconds=1,
    read_orders=2_000,
    dashboard_orders=5_000,
    growth_orders=(2_000, 5_000),
)
LARGE_ORDERS = 10_000_000
