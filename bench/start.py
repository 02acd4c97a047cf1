"""How long a start takes: `serve` until `/readyz` answers, and some commands until they end.

Beside each stands a bare import of the packages that it can't do without, in a process of its own: what no arrangement
of our own modules could save. A round before those that count writes the bytecode, which an installed package has.
"""

import asyncio
import resource
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from urllib.request import urlopen

from bench.children import end_with_parent
from bench.figures import Figure, Samples, compare, measure_in_turn, read_stopwatch
from bench.processes import HAS_PROC, read_cpu_seconds
from bench.scale import Scale
from bench.serving import find_free_port, make_environment
from bench.world import World, found_country, read_clock

_RATIO_MAX = 1.5
_SECONDS_MAX = 60
_PAUSE_SECONDS = 0.005
_BARE = "a bare import"

_COMMAND_LINE = ("typer", "rich.table")
_HELP = ("typer.rich_utils",)
_DATABASE = (
    *_COMMAND_LINE,
    "asyncpg",
    "cryptography.hazmat.primitives.ciphers.aead",
    "orjson",
    "pydantic_settings",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.ext.asyncio",
    "uuid_utils",
)
_SERVER = (
    *_DATABASE,
    "argon2",
    "authlib.oauth2.rfc6749",
    "graphql",
    "jinja2",
    "joserfc.jwt",
    "phonenumbers",
    "prometheus_client",
    "pyotp",
    "starlette.applications",
    "strawberry.federation",
    "structlog",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvloop",
)
_COMMANDS: Mapping[tuple[str, ...], Sequence[str]] = {
    ("--help",): _HELP,
    ("member", "list"): _DATABASE,
    ("orders", "waiting"): _DATABASE,
    ("status",): _DATABASE,
    ("access", "verify"): _DATABASE,
}

Cpu = dict[str, list[float]]
"""Processor seconds by side, round by round."""


async def run(world: World, scale: Scale) -> list[Figure]:
    """Measure `serve`, then the commands, each in turn with the bare import of its packages."""
    if not HAS_PROC:
        print("There is no /proc to read a server's CPU from: start is left out.", file=sys.stderr)
        return []
    figures: list[Figure] = []
    async with world.clone() as name:
        database = world.connect(name)
        try:
            await found_country(database, as_of=read_clock())
        finally:
            await database.close()
        environment = make_environment(world, name)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        serve = partial(_run_until_ready, environment)
        figures += await _compare("serve until /readyz", serve, environment, _SERVER, rounds=scale.rounds)
        for arguments, packages in _COMMANDS.items():
            command = partial(_run_to_end, environment, [sys.executable, "-m", "cli", *arguments])
            figures += await _compare(" ".join(arguments), command, environment, packages, rounds=scale.rounds)
    return figures


async def _compare(
    title: str,
    ours: Callable[[], tuple[float, float]],
    environment: Mapping[str, str],
    packages: Sequence[str],
    *,
    rounds: int,
) -> list[Figure]:
    bare = partial(_run_to_end, environment, [sys.executable, "-c", f"import {', '.join(packages)}"])
    runs = {"ours": ours, "bare": bare}
    cpu: Cpu = defaultdict(list)

    async def measure(side: str, _turn: int) -> float:
        seconds, used = await asyncio.to_thread(runs[side])
        cpu[side].append(used * 1000)
        return seconds * 1000

    sides = {side: partial(measure, side) for side in runs}
    await measure_in_turn(sides, rounds=1)
    cpu.clear()
    taken = await measure_in_turn(sides, rounds=rounds)
    wall = compare(title, taken["ours"], taken["bare"], unit="ms", beside_name=_BARE)
    used = compare(f"  {title}, CPU", Samples(cpu["ours"]), Samples(cpu["bare"]), unit="ms", beside_name=_BARE)
    return [wall, replace(used, ratio_max=_RATIO_MAX)]


def _run_to_end(environment: Mapping[str, str], command: Sequence[str]) -> tuple[float, float]:
    """Run a process; return its seconds by the clock and of the processor. Errors: CalledProcessError."""
    before, began = _read_children_seconds(), read_stopwatch()
    subprocess.run(
        command,
        env=environment,
        capture_output=True,
        check=True,
        timeout=_SECONDS_MAX,
        preexec_fn=end_with_parent,
    )
    return read_stopwatch() - began, _read_children_seconds() - before


def _run_until_ready(environment: Mapping[str, str]) -> tuple[float, float]:
    """Serve until `/readyz` says so; return the seconds by the clock and of the processor until then."""
    port = str(find_free_port())
    began = read_stopwatch()
    command = [sys.executable, "-m", "cli", "serve", "--port", port]
    process = subprocess.Popen(
        command,
        env=environment,
        stderr=subprocess.DEVNULL,
        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
    )
    try:
        while not _is_ready(f"http://127.0.0.1:{port}/readyz"):
            assert process.poll() is None, f"serve ended with status {process.returncode}"
            assert read_stopwatch() - began < _SECONDS_MAX, "serve was not ready in time"
            time.sleep(_PAUSE_SECONDS)  # between two looks: nothing tells when it is ready
        return read_stopwatch() - began, read_cpu_seconds(process.pid)
    finally:
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        with urlopen(url, timeout=_SECONDS_MAX) as answer:  # noqa: S310 - our own server's address
            return bool(answer.status == 200)
    except OSError:  # not listening yet, or not ready
        return False


def _read_children_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
