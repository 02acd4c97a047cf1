"""Rows of a file that the ledger refused: what is said of them, and the exit status."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from cli.failures import FAILED
from cli.printing import note

if TYPE_CHECKING:
    from ledger.errors import Problem

_SHOWN = 20


def end_with_refused(refused: "Sequence[tuple[int, Problem]]") -> None:
    """Note the first refused rows, each by its line, and end the command with 1 if there are any."""
    for line, problem in refused[:_SHOWN]:
        note(f"Line {line}: {problem.code}: {problem.message}")
    if refused:
        raise typer.Exit(FAILED)
