"""How commands write output: results on stdout, notes and progress on stderr.

A table is for people; `--json` gives the same as JSON. Progress bars show only on a terminal.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress

JsonFlag = Annotated[bool, typer.Option("--json", help="Print the result as JSON on stdout, for scripts.")]

_WIDTH_PIPED = 200


def notes() -> "Console":
    """Return the console for notes: stderr as it is at the time."""
    return _console(sys.stderr)


def results() -> "Console":
    """Return the console for results: stdout as it is at the time."""
    return _console(sys.stdout)


def _console(stream: Any) -> "Console":
    from rich.console import Console

    # Piped output is read by programs and log viewers: a fixed width keeps cells intact.
    return Console(file=stream, highlight=False, width=None if stream.isatty() else _WIDTH_PIPED)


def note(message: str) -> None:
    """Print one line about progress on stderr."""
    from rich.text import Text

    notes().print(Text(message, style="dim"), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print one JSON value as a line on stdout."""
    import orjson

    sys.stdout.write(orjson.dumps(plain(value), default=str).decode() + "\n")


def plain(value: Any) -> Any:
    """Return a value in JSON's types: dataclasses become objects with camelCase names."""
    if is_dataclass(value) and not isinstance(value, type):
        return {_camel(part.name): plain(getattr(value, part.name)) for part in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    return value


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table on stdout; the content of cells is never parsed as markup."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left", header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_cell(cell)) for cell in row))
    results().print(table)


def print_title(title: str) -> None:
    """Print the title of what follows on stdout, after an empty line."""
    from rich.text import Text

    results().print(Text(f"\n{title}", style="bold italic"))


def print_record(values: Mapping[str, object]) -> None:
    """Print one object as lines of name and value on stdout."""
    from rich.text import Text

    width = max(map(len, values), default=0)
    for name, value in values.items():
        results().print(Text.assemble((f"{name:<{width}}  ", "bold"), _cell(value)), soft_wrap=True)


def print_result(value: Any, record: Mapping[str, object] | None = None, *, as_json: bool) -> None:
    """Print one result as JSON, or as lines of name and value: those of the record, or the value's own."""
    if as_json:
        print_json(value)
    else:
        print_record(value if record is None else record)


@contextmanager
def show_progress(description: str, *, total: int | None = None) -> Iterator["Reporter"]:
    """Show a progress bar on stderr while the block runs; nothing if stderr is not a terminal."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()]
    progress = Progress(*columns, TimeElapsedColumn(), console=notes(), transient=True, disable=not sys.stderr.isatty())
    with progress:
        yield Reporter(progress, progress.add_task(description, total=total))


class Reporter:
    """Moves one bar."""

    def __init__(self, progress: "Progress", task: Any) -> None:
        """Made by show_progress."""
        self._progress = progress
        self._task = task

    def advance(self, count: int = 1) -> None:
        """Report that this many more are done."""
        self._progress.advance(self._task, count)

    def move(self, done: int) -> None:
        """Report that this many are done in total."""
        self._progress.update(self._task, completed=done)


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(str(part) for part in value) or "-"
    return str(value)
