"""Ten hostile clients in a process of their own. It speaks in lines of JSON: an attack and its target, then `stop`.

It answers when it begins, and at the end with the outcomes.
"""

import asyncio
import itertools
import sys
from collections import Counter
from dataclasses import replace

import orjson

from bench.hostile_attacks import Exchange, Target, list_attacks
from bench.json_lines import open_standard_input, tell

CLIENTS = 10


async def attack(exchange: Exchange, target: Target, outcomes: "Counter[str]") -> None:
    """Do it again and again, over one connection at a time."""
    while True:
        try:
            outcomes[await exchange(target)] += 1
        except TimeoutError:
            outcomes["no answer"] += 1
        except OSError:
            outcomes["reset"] += 1
            await asyncio.sleep(0.01)


async def run_load() -> None:
    """Attack until the next line."""
    lines = await open_standard_input()
    order = orjson.loads(await lines.readline())
    exchange = list_attacks()[order.pop("attack")]
    outcomes: Counter[str] = Counter()
    target = Target(**order)
    targets = [replace(target, held=[], serials=itertools.count(place, CLIENTS)) for place in range(CLIENTS)]
    # The round begins now, and not while this process starts, which takes long at the lowest priority.
    tell("ready")
    loops = [asyncio.create_task(attack(exchange, each, outcomes)) for each in targets]
    await lines.readline()
    for loop in loops:
        loop.cancel()
    failures = [found for found in await asyncio.gather(*loops, return_exceptions=True) if isinstance(found, Exception)]
    if failures:
        print(f"an attack failed: {failures[0]!r}", file=sys.stderr)
    tell({"outcomes": outcomes, "failures": len(failures)})


if __name__ == "__main__":
    asyncio.run(run_load())
