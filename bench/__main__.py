"""`python -m bench [names] [--quick] [--json] [--real]`: runs the benchmarks on their own server."""

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import orjson

from bench import acknowledgements, fanout, feed, hostile, imports, orders, reads, retention, tokens
from bench.children import end_in_order_on_signals
from bench.figures import Figure, read_stopwatch
from bench.scale import FULL, QUICK, Scale
from bench.side_names import SIDES
from bench.world import World, open_world

BENCHES: dict[str, Callable[[World, Scale], Coroutine[Any, Any, list[Figure]]]] = {
    "poll": reads.run_poll,
    "poll-numbers": reads.run_poll_with_numbers,
    "lookup": reads.run_look_up,
    "complaints": reads.run_complaints,
    "imports": imports.run,
    "acknowledgements": acknowledgements.run,
    "orders": orders.run,
    "tokens": tokens.run,
    "feed": feed.run,
    "retention": retention.run,
    "fanout": fanout.run,
    "hostile": hostile.run,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the named benchmarks, or all; progress goes to stderr, figures to stdout. Ends with 1 if one is too high."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Each ratio compares two sides in one run.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"Which: {', '.join(BENCHES)}. None: all.")
    parser.add_argument("--quick", action="store_true", help="Small sizes and few rounds, about five minutes.")
    parser.add_argument("--json", action="store_true", help="Figures as JSON.")
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
    end_in_order_on_signals()
    results = _run(options.names or list(BENCHES), scale, as_text=not options.json)
    if options.json:
        figures = {name: [figure.as_dict() for figure in figures] for name, figures in results.items()}
        sys.stdout.buffer.write(orjson.dumps({"machine": _describe_machine(), "figures": figures}) + b"\n")
    if any(figure.is_over for figures in results.values() for figure in figures):
        raise SystemExit(1)


def _run(names: Sequence[str], scale: Scale, *, as_text: bool) -> dict[str, list[Figure]]:
    results: dict[str, list[Figure]] = {}
    if as_text:
        print(f"{_describe_machine()}. value ±half the spread of its rounds | beside | value : beside")
    with open_world() as world:
        for name in names:
            print(f"{name} ...", file=sys.stderr)
            started = read_stopwatch()
            results[name] = asyncio.run(BENCHES[name](world, scale))
            if as_text:
                print(name)
                print("\n".join(figure.render() for figure in results[name]), flush=True)
            print(f"{name}: {read_stopwatch() - started:.0f} s", file=sys.stderr)
    return results


def _describe_machine() -> str:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"Python {platform.python_version()}, {os.cpu_count()} cores{load}"


if __name__ == "__main__":
    main()
