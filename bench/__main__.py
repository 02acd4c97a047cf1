"""`python -m bench [names] [--quick] [--json] [--real]`: runs the benchmarks on their own server."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from bench import (
    acknowledgements,
    fanout,
    feed,
    filing,
    footprint,
    forwarding,
    growth,
    hostile,
    imports,
    reads,
    retention,
    start,
    tokens,
    unchanged,
)
from bench.children import end_in_order_on_signals
from bench.figures import Figure, read_stopwatch
from bench.machine import describe_machine, describe_versions
from bench.scale import FULL, LARGE_ORDERS, QUICK, Scale
from bench.side_names import SIDES
from bench.tables import DOCUMENT, place_table, render_tables
from bench.world import World, open_world

BENCHES: dict[str, Callable[[World, Scale], Coroutine[Any, Any, list[Figure]]]] = {
    "poll": reads.run_poll,
    "poll-numbers": reads.run_poll_with_numbers,
    "lookup": reads.run_look_up,
    "complaints": reads.run_complaints,
    "dashboard": reads.run_dashboard,
    "unchanged": unchanged.run,
    "growth": growth.run,
    "footprint": footprint.run,
    "imports": imports.run,
    "acknowledgements": acknowledgements.run,
    "filing": filing.run,
    "forwarding": forwarding.run,
    "tokens": tokens.run,
    "feed": feed.run,
    "retention": retention.run,
    "fanout": fanout.run,
    "hostile": hostile.run,
    "start": start.run,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks, or all; progress goes to stderr, figures to stdout. Ends with 1 if one is too high."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Each ratio compares two sides in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Which: {', '.join(BENCHES)}. None: all.")
    parser.add_argument("--quick", action="store_true", help="Small sizes and few rounds, about five minutes.")
    parser.add_argument("--json", action="store_true", help="Figures as JSON.")
    parser.add_argument(
        "--large", action="store_true", help=f"Growth up to {LARGE_ORDERS:,} orders: an hour and 26 GB more."
    )
    parser.add_argument("--write", action="store_true", help="Write the tables of docs/benchmarks.md, too.")
    parser.add_argument("--real", action="store_true", help="Import the real files in ../shared/data, too.")
    parser.add_argument("--sides", help=f"Of the reads, only these: {','.join(SIDES)}.", default=",".join(SIDES))
    options = parser.parse_args(arguments)
    unknown = [name for name in options.names if name not in BENCHES]
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; known: {', '.join(BENCHES)}")
    sides = tuple(side.strip() for side in options.sides.split(","))
    if absent := set(sides) - set(SIDES):
        parser.error(f"there is no side {', '.join(sorted(absent))}; known: {', '.join(SIDES)}")
    scale = replace(QUICK if options.quick else FULL, with_real_data=options.real, sides=sides)
    if options.large:
        scale = replace(scale, growth_orders=(*scale.growth_orders, LARGE_ORDERS))
    end_in_order_on_signals()
    machine = describe_machine()
    results: dict[str, list[Figure]] = {}
    for name, figures in _run(options.names or list(BENCHES), scale, as_text=not options.json):
        results[name] = figures
        if options.write:
            _write(name, figures, machine)
    if options.json:
        told = {name: [figure.as_dict() for figure in figures] for name, figures in results.items()}
        sys.stdout.buffer.write(
            orjson.dumps({"machine": machine, "versions": describe_versions(), "figures": told}) + b"\n"
        )
    if any(figure.is_over for figures in results.values() for figure in figures):
        raise SystemExit(1)


def _run(names: Sequence[str], scale: Scale, *, as_text: bool) -> Iterator[tuple[str, list[Figure]]]:
    """Yield the figures of each benchmark when it has run."""
    if as_text:
        print(f"{describe_machine()}. value ±half the spread of its rounds | beside | value : beside")
    with open_world() as world:
        for name in names:
            print(f"{name} ...", file=sys.stderr)
            started = read_stopwatch()
            figures = asyncio.run(BENCHES[name](world, scale))
            if as_text:
                print(name)
                print("\n".join(figure.render() for figure in figures), flush=True)
            print(f"{name}: {read_stopwatch() - started:.0f} s", file=sys.stderr)
            yield name, figures


def _write(name: str, figures: Sequence[Figure], machine: str) -> None:
    """Put the figures into the document, with the day, the machine and the versions."""
    heading = f"{datetime.now(UTC).date().isoformat()}. {machine} before the run; {describe_versions()}."
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(place_table(text, name, f"{heading}\n\n{render_tables(figures)}"), encoding="utf-8")


if __name__ == "__main__":
    main()
