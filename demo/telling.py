"""How the demo tells its steps: for people as headings, lines and tables; for scripts as JSON lines."""

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
    """What one step has to tell: lines, and tables by title."""

    lines: list[str] = field(default_factory=list)
    tables: list[tuple[str, Sequence[str], Sequence[Sequence[str]]]] = field(default_factory=list)

    def say(self, party: str, did: str) -> None:
        """One party did something."""
        self.lines.append(f"{party}: {did}")

    def show(self, title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """A table."""
        self.tables.append((title, columns, [["-" if cell is None else str(cell) for cell in row] for row in rows]))


class Teller(Protocol):
    """Tells steps as they come."""

    def begin(self, number: int, count: int, title: str) -> None:
        """A step begins."""

    def end(self, number: int, title: str, told: Told, *, failure: str | None) -> None:
        """A step ended; failure says what did not come out."""

    def close(self, facts: Mapping[str, Any]) -> None:
        """What stands at the end: where it serves, and with which credentials."""


class PeopleTeller:
    """Headings, lines and tables on stdout."""

    def begin(self, number: int, count: int, title: str) -> None:
        """The heading, before the step is played."""
        results().print()
        results().print(Text.assemble((f"{number:>2}/{count} ", "dim"), (title, "bold cyan")))

    def end(self, number: int, title: str, told: Told, *, failure: str | None) -> None:  # noqa: ARG002 - as the protocol
        """What the step told, and how it ended."""
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
            console.print(Padding(Text("as it should be", style="green"), (0, 0, 0, _INDENT), expand=False))
        else:
            said = Text(f"FAILED: expected that {failure}", style="bold red")
            console.print(Padding(said, (0, 0, 0, _INDENT), expand=False))

    def close(self, facts: Mapping[str, Any]) -> None:
        """Addresses, credentials and a line to paste."""
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
            Text("The OTT provider's signals, from before it was cut off, and then as they come:", style="bold")
        )
        for line in facts["follow"]:
            console.print(Text(line), soft_wrap=True)


def _make_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    """Without frames, which would take the width that the cells need on a terminal of 100 columns."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def tell_moment(moment: str) -> str:
    """A time of the graph as people read it: in UTC, to the minute."""
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%Y-%m-%d %H:%M}"


class ScriptTeller:
    """One JSON object a line on stdout."""

    def begin(self, number: int, count: int, title: str) -> None:
        """Nothing: the line comes when the step ended."""

    def end(self, number: int, title: str, told: Told, *, failure: str | None) -> None:
        """The step, what was told, and whether it passed."""
        tables = [{"title": name, "columns": columns, "rows": rows} for name, columns, rows in told.tables]
        passed = {"passed": failure is None, "failure": failure}
        self._write({"step": number, "title": title, **passed, "lines": told.lines, "tables": tables})

    def close(self, facts: Mapping[str, Any]) -> None:
        """Where it serves."""
        self._write(facts)

    @staticmethod
    def _write(value: Any) -> None:
        sys.stdout.write(orjson.dumps(value).decode() + "\n")
        sys.stdout.flush()
