"""How the demo tells its steps: for people as headings, lines and tables; for scripts as JSON lines."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson
from rich.table import Table
from rich.text import Text

from gateway.cli.printing import results


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
        for line in told.lines:
            party, _, did = line.partition(": ")
            console.print(Text.assemble("      ", (f"{party:<10} ", "bold"), did))
        for name, columns, rows in told.tables:
            table = Table(title=name, title_justify="left", header_style="bold", title_style="italic")
            for column in columns:
                table.add_column(column, overflow="fold")
            for row in rows:
                table.add_row(*(Text(cell) for cell in row))
            console.print(table)
        if failure is None:
            console.print(Text("      as it should be", style="green"))
        else:
            console.print(Text(f"      FAILED: expected that {failure}", style="bold red"))

    def close(self, facts: Mapping[str, Any]) -> None:
        """Addresses, credentials and a line to paste."""
        console = results()
        console.print()
        for name, value in facts["addresses"].items():
            console.print(Text.assemble((f"{name:<16}", "bold"), str(value)), soft_wrap=True)
        table = Table(title="Credentials of this demo", title_justify="left", header_style="bold")
        for column in ("party", "client id", "secret, key file, or login / password"):
            table.add_column(column, overflow="fold")
        for party, values in facts["credentials"].items():
            table.add_row(Text(party), Text(values["clientId"]), Text(values["proof"]))
        console.print(table)
        console.print(Text("A carrier's first call, to paste into a shell:", style="bold"))
        for line in facts["curl"]:
            console.print(Text(line), soft_wrap=True)


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
