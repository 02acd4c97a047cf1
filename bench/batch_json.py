"""The cost of sending a batch as one JSON document: how much of the statement's time PostgreSQL spends reading it."""

import re
from collections.abc import Mapping, Sequence

import asyncpg
import orjson

from bench.figures import Figure, Samples, plain
from bench.statements import Statement

_WRITTEN_BY_JSON: Mapping[str, str] = {
    "INSERT INTO order_acknowledgements": "INSERT of 1,000 acknowledgements",
    "UPDATE block_orders": "UPDATE of 1,000 orders",
}
_READING = re.compile(r"json_(?:populate|to)_recordset\(.*?AS json\)\)(?: AS \w+\([^)]*\))?")


async def measure_json(url: str, statements: Sequence[Statement], *, rounds: int) -> list[Figure]:
    """Return the share of each write's time (planning and execution by EXPLAIN ANALYZE) spent on reading JSON.

    The whole batch is replayed on a database that has not seen it, and rolled back.
    """
    shares: dict[str, list[float]] = {title: [] for title in _WRITTEN_BY_JSON.values()}
    connection = await asyncpg.connect(url)
    try:
        for _ in range(rounds):
            replay = connection.transaction()
            await replay.start()
            for statement in statements:
                title = next((title for start, title in _WRITTEN_BY_JSON.items() if start in statement.text), None)
                if title is None:
                    await connection.execute(statement.render())
                    continue
                read = _READING.search(statement.text)
                assert read is not None, statement.text
                reading = Statement(f"SELECT count(*) FROM {read[0]}", statement.parameters)
                reading_ms = await _explain(connection, reading.render())
                shares[title].append(100 * reading_ms / await _explain(connection, statement.render()))
            await replay.rollback()
    finally:
        await connection.close()
    return [plain(f"  reading JSON, {title}", Samples(values), unit="%") for title, values in shares.items()]


async def _explain(connection: asyncpg.Connection, statement: str) -> float:
    """Return the milliseconds of planning and execution."""
    plan = orjson.loads(await connection.fetchval(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}"))[0]
    return float(plan["Planning Time"] + plan["Execution Time"])
