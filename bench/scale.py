"""How much of everything a run does."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Rounds, sizes, and the seconds for which a load runs."""

    rounds: int
    import_rows: int
    order_count: int
    load_seconds: float
    with_real_data: bool = False


FULL = Scale(rounds=5, import_rows=20_000, order_count=10_000, load_seconds=4)
QUICK = Scale(rounds=3, import_rows=2_000, order_count=2_000, load_seconds=1)
