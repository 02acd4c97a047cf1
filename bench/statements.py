"""The statements that the ledger ran, recorded with their parameters and written out as SQL with literals."""

import re
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from sqlalchemy import event

from bench.children import end_with_parent
from bench.figures import read_stopwatch
from bench.world import find_program
from ledger.storage.database import Database

_PLACE = re.compile(r"\$(\d+)")


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement as the driver received it."""

    text: str
    parameters: Sequence[Any]

    def render(self) -> str:
        """Return the statement with its parameters as literals, on one line."""
        filled = _PLACE.sub(lambda match: render_literal(self.parameters[int(match[1]) - 1]), self.text)
        return filled.strip()


@contextmanager
def take_down(database: Database) -> Iterator[list[Statement]]:
    """Record everything that runs on the pool while the block runs, except transaction control."""
    taken: list[Statement] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Sequence[Any], *_: Any) -> None:
        taken.append(Statement(statement, parameters))

    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        yield taken
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)


def render_literal(value: Any) -> str:
    """Render a value as PostgreSQL reads it where the statement determines its type."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float | Decimal):
        return str(value)
    if isinstance(value, list | tuple):
        elements = ",".join(_element(each) for each in value)
        return _quote("{" + elements + "}")
    return _quote(_text_of(value))


def _text_of(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, str | uuid.UUID):
        return str(value)
    raise TypeError(f"no literal for {type(value).__name__}")


def _element(value: Any) -> str:
    if value is None:
        return "NULL"
    escaped = _text_of(value).replace("\\", "\\\\").replace('"', '\\"') if not isinstance(value, int) else str(value)
    return f'"{escaped}"'


def _quote(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def write_script(path: Path, statements: Sequence[Statement], *, begin: str = "BEGIN") -> None:
    """Write one transaction of these statements, for psql."""
    lines = [begin, *(statement.render() for statement in statements), "COMMIT"]
    path.write_text("".join(f"{line};\n" for line in lines), encoding="utf-8")


class Psql:
    """A psql that stays connected, so that its connection is as warm as ours. Results are discarded."""

    def __init__(self, url: str) -> None:
        """Start it, and wait until it answers."""
        command = [find_program("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, which takes no lock
        )
        self._say("\\o /dev/null")

    def run(self, script: Path) -> float:
        """Return the seconds that the script took, from reading the file to its last result."""
        started = read_stopwatch()
        self._say(f"\\i {script}")
        return read_stopwatch() - started

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n\\echo done\n")
        self._process.stdin.flush()
        if self._process.stdout.readline() != "done\n":
            raise RuntimeError(f"psql ended at: {line}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()
