"""How PostgreSQL answers what the ledger asks: the plans of its statements, run, and what each of them read."""

import itertools
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import event

from ledger.pages import PAGE_SIZE_MAX, Page, PageRequest
from ledger.storage.database import Database, Transaction
from ledger.viewer import Viewer

_NAMES = itertools.count()
_CUSTOM_PLANS = 6
"""How often PostgreSQL plans a prepared statement for its values before it may settle on a plan for any values."""
_KEPT = "SELECT generic_plans > 0 FROM pg_prepared_statements"
_LIMIT = re.compile(r"\A(.*)\sLIMIT (\$\d+(?:::\w+)?)\s*\Z", re.DOTALL)
PAGE_SIZE = 20
TAKEN_UP_MAX = 300
"""Rows that a page, or the rows of an hour and what belongs to them, may cost: an hour has 60."""
_SCANS = ("Seq Scan", "Index Scan", "Index Only Scan", "Bitmap Heap Scan", "Tid Scan")


@dataclass(frozen=True)
class Ran:
    """One statement that was run: the indexes with conditions that it used, the tables that it read without an index,
    how many rows its scans took up, those that a filter dropped included, how many pages of memory it touched, and
    whether PostgreSQL keeps its plan for any values."""

    statement: str
    indexes: frozenset[str]
    conditions: str
    whole_tables: frozenset[str]
    rows: int
    pages: int
    is_sorted: bool
    is_kept: bool = False

    @property
    def is_compiled(self) -> bool:
        """Whether the statement has the form of a compiled one."""
        return "AS q LIMIT" in self.statement

    def __str__(self) -> str:
        form = "compiled" if self.is_compiled else "ordinary"
        tables = f"indexes {sorted(self.indexes)}, whole {sorted(self.whole_tables)}"
        return f"{form}: {tables}, {self.rows} rows, sorted: {self.is_sorted}, {self.conditions}"


def pages_of(
    read: Callable[..., Awaitable[Page[Any]]], wanted: Any, sort: Any = None
) -> Callable[[Transaction], Awaitable[None]]:
    """Asks for the first three pages of a list, or for all that it has."""

    async def ask(tx: Transaction) -> None:
        after = None
        for _ in range(3):
            ordered = {} if sort is None else {"sort": sort}
            page = await read(tx, PageRequest(first=PAGE_SIZE, after=after), wanted, **ordered)
            if not page.has_next_page:
                break
            after = page.cursors[-1]

    return ask


def check(found: Sequence[Ran], *, is_sorted: bool | None = None, rows_max: int = TAKEN_UP_MAX) -> None:
    """An index answered each statement and took up few rows; if told, the rows had to be sorted, or came in order."""
    assert found
    for ran in found:
        assert not ran.whole_tables, str(ran)
        assert ran.indexes, str(ran)
        assert ran.rows <= rows_max, str(ran)
        assert is_sorted is None or ran.is_sorted is is_sorted, str(ran)


async def run_plans(
    database: Database, viewer: Viewer, as_of: datetime, ask: Callable[[Transaction], Awaitable[Any]]
) -> list[Ran]:
    """Ask as the viewer, and run the same statements again: planned for their values, and for any values."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT") and "set_config" not in statement:
            asked.append((statement, parameters))

    async with database.reading(viewer, as_of=as_of) as tx:
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        try:
            await ask(tx)
        finally:
            event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        found = []
        for statement, parameters in asked:
            analyzed = "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON)"
            own = await tx.connection.exec_driver_sql(f"{analyzed} {statement}", parameters)
            found.append(_read(statement, own.scalar_one()))
            # A compiled page has its limits in this form (ledger/compiling/compiler.py).
            compiled = _LIMIT.sub(rf"SELECT * FROM (\1 LIMIT {PAGE_SIZE_MAX + 1}) AS q LIMIT (SELECT \2)", statement)
            for text in {statement: None, compiled: None}:
                name = f"asked_{next(_NAMES)}"
                await tx.connection.exec_driver_sql(f"PREPARE {name} AS {text}")
                executed = f"EXECUTE {name}" + (f"({', '.join(map(_quote, parameters))})" if parameters else "")
                for _ in range(_CUSTOM_PLANS):
                    await tx.connection.exec_driver_sql(executed)
                of_any = await tx.connection.exec_driver_sql(f"{analyzed} {executed}")
                kept = await tx.connection.exec_driver_sql(f"{_KEPT} WHERE name = '{name}'")
                found.append(replace(_read(text, of_any.scalar_one()), is_kept=kept.scalar_one()))
                await tx.connection.exec_driver_sql(f"DEALLOCATE {name}")
    return found


def _quote(value: Any) -> str:
    """A value as an SQL literal: the parameters of these tests have no quotes in them."""
    if isinstance(value, list | tuple):
        return f"ARRAY[{', '.join(map(_quote, value))}]"
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else f"'{value}'"


def _read(statement: str, explained: Any) -> Ran:
    [root] = explained if isinstance(explained, list) else json.loads(explained)
    nodes = list(_walk(root["Plan"]))
    conditions = " ".join(node["Index Cond"] for node in nodes if "Index Cond" in node)
    return Ran(
        statement=statement,
        indexes=frozenset(node["Index Name"] for node in nodes if "Index Name" in node),
        conditions=conditions,
        whole_tables=frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"),
        rows=round(sum(map(_count, nodes))),
        pages=root["Plan"]["Shared Hit Blocks"] + root["Plan"]["Shared Read Blocks"],
        is_sorted=any("Sort" in node["Node Type"] for node in nodes),
    )


def _walk(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from _walk(child)


def _count(node: Mapping[str, Any]) -> float:
    if node["Node Type"] not in _SCANS:
        return 0
    dropped = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + dropped) * node["Actual Loops"])
