"""Importing complaints, compared with a bare COPY of the same rows into a table with the file's columns.

COPY takes the rows as they are: it checks, encrypts, matches and locks nothing. The ratio is the cost of all that.
"""

import asyncio
import csv
import gzip
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from bench.children import end_with_parent
from bench.complaint_file import write_complaint_file
from bench.figures import Figure, Samples, compare, measure_in_turn, plain, read_stopwatch
from bench.scale import Scale
from bench.world import World, found_country, read_clock

PEAK_MB_MAX = 300
_REAL_FOLDER = Path(__file__).parents[1].parent / "shared" / "data"
_REAL_FILES = ("ftc_dnc_complaint_numbers_2019-12-16.csv", "ftc_dnc_api_2021-03-15_2021-04-14.csv.gz")


async def run(world: World, scale: Scale) -> list[Figure]:
    """Import generated rows, and the real files if they are requested and present."""
    made = world.folder / "complaints.csv"
    write_complaint_file(made, rows=scale.import_rows)
    figures = await _measure_file(world, made, title=f"{scale.import_rows:,} made rows", rounds=scale.rounds)
    for name in _REAL_FILES if scale.with_real_data else ():
        if (_REAL_FOLDER / name).exists():
            figures += await _measure_file(world, _REAL_FOLDER / name, title=name.partition("_20")[0], rounds=1)
    return figures


async def _measure_file(world: World, file: Path, *, title: str, rounds: int) -> list[Figure]:
    rows = _read_rows(file)
    peaks: list[float] = []
    again: list[float] = []

    async def import_twice(_turn: int) -> float:
        async with world.clone() as name:
            database = world.connect(name)
            country = await found_country(database, as_of=read_clock())
            await database.close()
            task = {"url": world.url_of(name), "keys": world.keys, "source_id": country.agency.member_id}
            first, second = [await _import(task | {"file": str(file)}) for _ in range(2)]
            _check(first, second, row_count=len(rows) - 1)
            peaks.append(max(first["peak_bytes"], second["peak_bytes"]) / 1e6)
            again.append(second["read"] / second["seconds"])
            return float(first["read"] / first["seconds"])

    async def copy(_turn: int) -> float:
        async with world.clone() as name:
            return await _copy(world.superuser_url_of(name), rows)

    samples = await measure_in_turn({"import": import_twice, "copy": copy}, rounds=rounds)
    assert max(peaks) < PEAK_MB_MAX, f"the import held {max(peaks):.0f} MB"
    return [
        compare(f"import, {title}", samples["import"], samples["copy"], unit="rows/s", beside_name="COPY"),
        plain("  the same file again, all already filed", Samples(again), unit="rows/s"),
        Figure(name="  most memory held (bound 300)", value=max(peaks), unit="MB"),
    ]


async def _import(task: dict[str, Any]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.import_worker",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        preexec_fn=end_with_parent,
    )
    answer, _ = await process.communicate(orjson.dumps(task))
    if process.returncode:
        raise RuntimeError("the import failed")
    account: dict[str, Any] = orjson.loads(answer)
    return account


def _check(first: dict[str, Any], second: dict[str, Any], *, row_count: int) -> None:
    assert first["adds_up"], first
    assert second["adds_up"], second
    assert first["read"] == second["read"] == row_count, (first, row_count)
    assert second["filed"] == 0, second
    assert second["already_filed"] == first["filed"] > 0, (first, second)
    assert second["rejected"] == first["rejected"] > 0, (first, second)


def _read_rows(file: Path) -> list[tuple[str, ...]]:
    """Return header and rows as texts; reading them is not part of what is timed for COPY."""
    with gzip.open(file, "rt", newline="") if file.suffix == ".gz" else file.open(newline="") as stream:
        return [tuple(row) for row in csv.reader(stream)]


async def _copy(url: str, rows: Sequence[tuple[str, ...]]) -> float:
    header, *records = rows
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(f"CREATE TABLE bare ({', '.join(f'{name} text' for name in header)})")
        started = read_stopwatch()
        await connection.copy_records_to_table("bare", records=records)
        return len(records) / (read_stopwatch() - started)
    finally:
        await connection.close()
