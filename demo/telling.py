"""How the demo reports its steps: to people as headings, lines and tables; to scripts as JSON lines."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import orjson
from rich import box
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cli.printing import results

_INDENT = 6
_PARTY_WIDTH = 10


@dataclass(slots=True)
class Told:
    """What one step reports: lines, and tables by title."""

    lines: list[str] = field(default_factory=list)
    tables: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = field(default_factory=list)

    def say(self, party: str, did: str) -> None:
        """Add a line about what a party did."""
        self.lines.append(f"{party}: {did}")

    def show(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """Add a table."""
        self.tables.append((title, columns, [["-" if cell is None else str(cell) for cell in row] for row in rows]))


class Teller(Protocol):
    """Reports steps as they happen."""

    def begin(self, number: int, count: int, title: str) -> None:
        """Report that a step begins."""

    def end(self, number: int, title: str, told: Told, *, failure: str | None) -> None:
        """Report that a step ended; failure says what was expected in vain."""

    def close(self, facts: Mapping[str, Any]) -> None:
        """Report at the end where the demo serves, and with which credentials."""


class PeopleTeller:
    """Prints headings, lines and tables on stdout."""

    def begin(self, number: int, count: int, title: str) -> None:
        """Print the heading, before the step runs."""
        results().print()
        results().print(Text.assemble((f"{number:>2}/{count} ", "dim"), (title, "bold cyan")))

    def end(self, number: int, title: str, told: Told, *, failure: str | None) -> None:  # noqa: ARG002 - as the protocol
        """Print what the step reported, and how it ended."""
        console = results()
        lines = Table.grid(padding=(0, 1, 0, 0))
        lines.add_column(min_width=_PARTY_WIDTH, no_wrap=True, style="bold")
        lines.add_column(overflow="fold")
        for line in told.lines:
            party, _, did = line.partition(": ")
            lines.add_row(Text(party), Text(did))
        console.print(Padding(lines, (0, 0, 0, _INDENT), expand=False))
        for name, columns, rows in told.tables:
            console.print()
            console.print(Text(name, style="italic"))
            console.print(_make_table(columns, rows))
        if told.tables:
            console.print()
        if failure is None:
            console.print(Padding(Text("as expected", style="green"), (0, 0, 0, _INDENT), expand=False))
        else:
            said = Text(f"FAILED: expected that {failure}", style="bold red")
            console.print(Padding(said, (0, 0, 0, _INDENT), expand=False))

    def close(self, facts: Mapping[str, Any]) -> None:
        """Print addresses, credentials and a line to paste."""
        console = results()
        console.print()
        for name, value in facts["addresses"].items():
            console.print(Text.assemble((f"{name:<15}", "bold"), str(value)), soft_wrap=True)
        console.print()
        console.print(Text("Credentials of this demo", style="bold"))
        columns = ("party", "client id", "secret, key file, or login / password")
        rows = [(party, values["clientId"], values["proof"]) for party, values in facts["credentials"].items()]
        console.print(_make_table(columns, rows))
        console.print()
        console.print(Text("A carrier's first call, to paste into a shell:", style="bold"))
        for line in facts["curl"]:
            console.print(Text(line), soft_wrap=True)
        console.print(
            Text("The OTT provider's signals, from before it was cut off, and then as they happen:", style="bold")
        )
        for line in facts["follow"]:
            console.print(Text(line), soft_wrap=True)


def _make_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Make a table without frames, which would take up width that the cells need on a terminal of 100 columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def tell_moment(moment: str) -> str:
    """Format a time of the graph for people: in UTC, to the minute."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M}"


class ScriptTeller:
    """Prints one JSON object per line on stdout."""

    def begin(self, number: int, count: int, title: str) -> None:
        """Print nothing: the line follows when the step has ended."""

    def end(self, number: int, title: str, told: Told, *, failure: str | None) -> None:
        """Print the step, what it reported, and whether it passed."""
        tables = [{"title": name, "columns": columns, "rows": rows} for name, columns, rows in told.tables]
        passed = {"passed": failure is None, "failure": failure}
        self._write({"step": number, "title": title, **passed, "lines": told.lines, "tables": tables})

    def close(self, facts: Mapping[str, Any]) -> None:
        """Print where the demo serves."""
        self._write(facts)

    @staticmethod
    def _write(value: Any) -> None:
        sys.stdout.write(orjson.dumps(value).decode() + "\n")
        sys.stdout.flush()
