"""Figures: what a benchmark measured, how two sides are measured in turn, and how they are printed."""

import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value. beside is the other side's, measured in turn with it; spread is (most - least) / median.

    side is the one that was measured, where a table shows several. ratio_min, ratio_max and value_max are the bounds of
    figures that have one.
    """

    name: str
    value: float
    unit: str
    spread: float | None = None
    beside: float | None = None
    beside_name: str | None = None
    beside_spread: float | None = None
    side: str | None = None
    ratio_min: float | None = None
    ratio_max: float | None = None
    value_max: float | None = None

    @property
    def ratio(self) -> float | None:
        """Our value divided by the other side's."""
        return self.value / self.beside if self.beside else None

    @property
    def is_over(self) -> bool:
        """Whether it is beyond its bound, in either direction."""
        if self.ratio is not None and self.ratio_min is not None and self.ratio < self.ratio_min:
            return True
        if self.ratio is not None and self.ratio_max is not None and self.ratio > self.ratio_max:
            return True
        return self.value_max is not None and self.value > self.value_max

    def as_dict(self) -> dict[str, object]:
        """Return the figure for --json."""
        return asdict(self) | {"ratio": self.ratio, "is_over": self.is_over}

    def render(self) -> str:
        """Render the figure as one line."""
        name = self.name if self.side is None else f"{self.name}: {self.side}"
        line = f"  {name:<46} {self.render_value()}"
        if self.beside is not None and self.ratio is not None:
            line += f"  | {self.render_beside()}  | {self.ratio:.3g}"
        return f"{line}  OVER ITS BOUND" if self.is_over else line

    def render_value(self) -> str:
        """Render the value with its unit and spread."""
        return f"{_number(self.value):>9} {self.unit}{_spread(self.spread)}"

    def render_beside(self) -> str:
        """Render the other side's value with its spread."""
        return "" if self.beside is None else f"{self.beside_name}: {_number(self.beside)}{_spread(self.beside_spread)}"


@dataclass(frozen=True, slots=True)
class Samples:
    """Values of one side, round by round."""

    values: Sequence[float]

    @property
    def median(self) -> float:
        """The median value."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float | None:
        """The range of the rounds relative to the median; None for a single round."""
        if len(self.values) == 1 or not self.median:
            return None
        return (max(self.values) - min(self.values)) / self.median


def compare(name: str, ours: Samples, theirs: Samples, *, unit: str, beside_name: str) -> Figure:
    """Return a figure of two sides that were measured in turn."""
    return Figure(
        name=name,
        value=ours.median,
        unit=unit,
        spread=ours.spread,
        beside=theirs.median,
        beside_name=beside_name,
        beside_spread=theirs.spread,
    )


def plain(name: str, samples: Samples, *, unit: str, side: str | None = None) -> Figure:
    """Return a figure of one side."""
    return Figure(name=name, value=samples.median, unit=unit, spread=samples.spread, side=side)


async def measure_in_turn(sides: Mapping[str, Callable[[int], Awaitable[float]]], *, rounds: int) -> dict[str, Samples]:
    """Measure every side once per round, each round beginning with the next side. Each gets the round's number."""
    names = list(sides)
    values: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            values[name].append(await sides[name](turn))
    return {name: Samples(taken) for name, taken in values.items()}


def read_stopwatch() -> float:
    """Return seconds, for differences."""
    return time.perf_counter()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _spread(value: float | None) -> str:
    return "" if value is None else f" ±{value / 2:.0%}"
