"""Loads on the sides: every answer checked against PostgreSQL's, then one side at a time, in turn."""

import asyncio
import functools
import os
import re
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import asyncpg
import orjson

from bench.children import end_with_parent
from bench.json_lines import Worker
from bench.processes import read_cpu_seconds
from bench.read_sides import Endpoint
from bench.read_workloads import Workload
from bench.serving import AnswerError
from bench.side_names import PGBENCH, POSTGRAPHILE
from bench.world import Country, World, find_program

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RATE = re.compile(r"tps = ([0-9.]+)")
_EXTRA_SECONDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one load measured. Units: requests a second, milliseconds; CPU is for one request.

    server_ms is the side's own process, if it is a server; database_ms is PostgreSQL with all its processes.
    """

    rate: float
    p50_ms: float
    p99_ms: float
    server_ms: float | None
    database_ms: float


class Loaded(Protocol):
    """A side that can be loaded."""

    name: str

    async def run(self, *, connections: int, seconds: float, per_second: float | None = None) -> Load:
        """Load it for that long. per_second paces all connections together. Errors: AnswerError."""
        ...


@asynccontextmanager
async def prepare_loads(
    world: World, name: str, country: Country, endpoints: Sequence[Endpoint], workload: Workload, wanted: Sequence[str]
) -> AsyncIterator[Sequence[Loaded]]:
    """Return the sides that answer the workload rightly, ready to be loaded. Errors: AnswerError."""
    expected = [await ask_postgres(world, name, country, workload, each) for each in workload.variables]
    loaded: list[Loaded] = []
    workers: list[Worker] = []
    try:
        for endpoint in endpoints:
            worker = await Worker.start(sys.executable, "-m", "bench.http_load")
            workers.append(worker)
            side = _ServedSide(world, endpoint, worker)
            await side.prepare(workload, expected)
            loaded.append(side)
        if PGBENCH in wanted:
            loaded.append(_PgBenchSide(world, name, country, workload))
        yield loaded
    finally:
        for worker in workers:
            await worker.kill()


async def ask_postgres(
    world: World, name: str, country: Country, workload: Workload, variables: Mapping[str, str]
) -> Any:
    """Return the right answer's data, as the workload's viewer sees it."""
    settings = _settings_of(country, workload)
    connection = await asyncpg.connect(world.url_of(name), server_settings=settings)
    try:
        literals = {key: f"'{value}'" for key, value in variables.items()}
        return orjson.loads(await connection.fetchval(_fill(workload.statement, literals)))
    finally:
        await connection.close()


def compare_answers(name: str, answer: bytes, expected: Any) -> None:
    """Compare an answer with the right data, field by field. Errors: AnswerError, with the first difference."""
    body = orjson.loads(answer)
    if "errors" in body:
        raise AnswerError(f"{name}: {body['errors'][:1]}")
    difference = find_difference(body["data"], expected)
    if difference is not None:
        raise AnswerError(f"{name}: {difference}")


def find_difference(answered: Any, expected: Any, *, place: str = "data") -> str | None:
    """Return where an answer departs from what is right, or None. Times are equal in any notation of their moment."""
    if isinstance(answered, dict) and isinstance(expected, dict):
        if list(answered) != list(expected):
            return f"{place} has {list(answered)}, not {list(expected)}"
        pairs = ((f"{place}.{key}", answered[key], expected[key]) for key in expected)
        return next((found for at, a, e in pairs if (found := find_difference(a, e, place=at))), None)
    if isinstance(answered, list) and isinstance(expected, list):
        if len(answered) != len(expected):
            return f"{place} has {len(answered)} items, not {len(expected)}"
        items = ((f"{place}[{at}]", a, e) for at, (a, e) in enumerate(zip(answered, expected, strict=True)))
        return next((found for at, a, e in items if (found := find_difference(a, e, place=at))), None)
    same = type(answered) is type(expected) and _moment_of(answered) == _moment_of(expected)
    return None if same else f"{place} is {answered!r}, not {expected!r}"


def _moment_of(value: Any) -> Any:
    if isinstance(value, str) and _TIME.fullmatch(value):
        return datetime.fromisoformat(value).astimezone(UTC)
    return value


class _ServedSide:
    """A server, and the process that loads it."""

    def __init__(self, world: World, endpoint: Endpoint, worker: Worker) -> None:
        self.name = endpoint.name
        self._world = world
        self._endpoint = endpoint
        self._worker = worker

    async def prepare(self, workload: Workload, expected: Sequence[Any]) -> None:
        """Ask everything once, compare it with what is right, and keep it: later answers must have its bytes."""
        document = workload.postgraphile if self.name == POSTGRAPHILE else workload.document
        token = self._endpoint.tokens[workload.viewer]
        exchanges = []
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", "Accept": "application/json"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for variables, right in zip(workload.variables, expected, strict=True):
                body = orjson.dumps({"query": document, "variables": variables})
                async with session.post(self._endpoint.url, data=body) as response:
                    answer = await response.read()
                if response.status != 200:
                    raise AnswerError(f"{self.name}: {response.status} {answer[:500]!r}")
                compare_answers(self.name, answer, right)
                exchanges.append([b64encode(body).decode(), b64encode(answer).decode()])
        self._worker.send({"do": "prepare", "url": self._endpoint.url, "token": token, "exchanges": exchanges})
        await self._worker.read(timeout_seconds=_EXTRA_SECONDS)

    async def run(self, *, connections: int, seconds: float, per_second: float | None = None) -> Load:
        """Load it, with the CPU of its process and of PostgreSQL before and after."""
        order = {"do": "load", "connections": connections, "seconds": seconds, "per_second": per_second}
        before = self._read_cpu()
        self._worker.send(order)
        taken = await self._worker.read(timeout_seconds=seconds + _EXTRA_SECONDS)
        server, database = (after - start for start, after in zip(before, self._read_cpu(), strict=True))
        if taken["failure"] is not None or not taken["answers"]:
            raise AnswerError(f"{self.name}: {taken['failure']}")
        load = Load(
            rate=taken["answers"] / taken["seconds"],
            p50_ms=taken["p50_ms"],
            p99_ms=taken["p99_ms"],
            server_ms=1000 * server / taken["answers"],
            database_ms=1000 * database / taken["answers"],
        )
        _report(self.name, connections, load, f"; the load's process was busy for {taken['cpu_share']:.0%}")
        return load

    def _read_cpu(self) -> tuple[float, float]:
        return read_cpu_seconds(self._endpoint.process_id), read_cpu_seconds(self._world.postgres_process_id)


class _PgBenchSide:
    """pgbench with the one statement that makes the right answer: no server stands between it and PostgreSQL."""

    name = PGBENCH

    def __init__(self, world: World, name: str, country: Country, workload: Workload) -> None:
        self._world = world
        self._url = world.url_of(name)
        self._script = world.folder / f"{workload.name}.sql"
        first = workload.variables[0]
        # One of the same numbers each time, and a parameter of the prepared statement.
        choice = f"\\set place random(1, {len(workload.variables)})\n" if "e164" in first else ""
        number = "concat('+62812', lpad(CAST(:place AS text), 7, '0'))"
        values = {key: number if key == "e164" else f"'{value}'" for key, value in first.items()}
        self._script.write_text(f"{choice}{_fill(workload.statement, values)};\n", encoding="utf-8")
        settings = _settings_of(country, workload)
        self._options = " ".join(f"-c {key}={value}" for key, value in settings.items())

    async def run(self, *, connections: int, seconds: float, per_second: float | None = None) -> Load:
        """Run it; each transaction's time is in its log."""
        return await asyncio.to_thread(
            functools.partial(self._run, connections=connections, seconds=seconds, per_second=per_second)
        )

    def _run(self, *, connections: int, seconds: float, per_second: float | None) -> Load:
        with tempfile.TemporaryDirectory(dir=self._world.folder) as logs:
            shape = ["-n", "-M", "prepared", "-c", str(connections), "-T", str(max(1, round(seconds)))]
            pace = ["-R", f"{per_second:.3f}"] if per_second is not None else []
            log = ["-l", "--log-prefix", f"{logs}/log"]
            command = [find_program("pgbench"), *shape, *pace, *log, "-f", str(self._script), self._url]
            before = read_cpu_seconds(self._world.postgres_process_id)
            answer = subprocess.run(
                command,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, "PGOPTIONS": self._options},
                preexec_fn=end_with_parent,
            )
            database = read_cpu_seconds(self._world.postgres_process_id) - before
            match = _RATE.search(answer.stdout)
            if answer.returncode or match is None or "number of failed transactions: 0 " not in answer.stdout:
                raise RuntimeError(f"pgbench failed: {answer.stdout} {answer.stderr}")
            took_us = sorted(
                int(line.split()[2]) for log in Path(logs).iterdir() for line in log.read_text().splitlines()
            )
        load = Load(
            rate=float(match[1]),
            p50_ms=took_us[len(took_us) // 2] / 1000,
            p99_ms=took_us[len(took_us) * 99 // 100] / 1000,
            server_ms=None,
            database_ms=1000 * database / len(took_us),
        )
        _report(self.name, connections, load, "")
        return load


def _settings_of(country: Country, workload: Workload) -> dict[str, str]:
    """Return the session's settings by which row-level security knows the viewer; the sides set them by transaction."""
    viewer = {"carrier": country.carrier, "agency": country.agency, "regulator": country.officer}[workload.viewer]
    return {"role": f"jembatan_{workload.viewer}", "jembatan.member_id": str(viewer.member_id), "TimeZone": "UTC"}


def _fill(statement: str, values: Mapping[str, str]) -> str:
    for key, value in values.items():
        statement = statement.replace(f"{{{key}}}", value)
    return statement


def _report(name: str, connections: int, load: Load, note: str) -> None:
    server = "" if load.server_ms is None else f"{load.server_ms:.2f} + "
    print(
        f"  {name}, {connections} connections: {load.rate:,.0f}/s, p50 {load.p50_ms:.2f}, p99 {load.p99_ms:.1f} ms, "
        f"CPU {server}PostgreSQL {load.database_ms:.2f} ms a request{note}",
        file=sys.stderr,
    )
