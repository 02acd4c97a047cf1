"""Rows of a file that the ledger refused: what is said of them, and the exit status."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli.failures import FAILED
from cli.printing import note

if TYPE_CHECKING:
    from ledger.errors import Problem

_SHOWN = 20


def note_refused(refused: "Sequence[tuple[int, Problem]]") -> None:
    """Note the first refused rows, each by its line and its column."""
    for line, problem in refused[:_SHOWN]:
        place = f"Line {line}, {problem.field}" if problem.field else f"Line {line}"
        note(f"{place}: {problem.code}: {problem.message}" + (f" {problem.hint}" if problem.hint else ""))


def end_with_refused(refused: "Sequence[tuple[int, Problem]]") -> None:
    """Note the first refused rows, and end the command with 1 if there are any."""
    note_refused(refused)
    if refused:
        raise typer.Exit(FAILED)
