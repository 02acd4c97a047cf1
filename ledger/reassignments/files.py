"""Reassignments to be reported, as CSV files that are read completely or not at all. It never touches the database."""

from dataclasses import dataclass
from typing import Any, BinaryIO

from ledger.errors import InvalidInputError
from ledger.reassignments.reporting import ReassignmentDraft
from ledger.spreadsheets import Column, FileRows, Layout, read_all, read_filled
from ledger.text_files import Bounds, Encoding, SpreadsheetError
from ledger.written_times import FileTimes, read_time

_REASSIGNMENT = Layout(
    columns=(Column("number", read_filled, is_required=True), Column("reassigned_at", read_time, is_required=True))
)
_BOUNDS = Bounds(lines_max=1_000_000)


class ReassignmentFileError(InvalidInputError):
    """This is not a file of reassignments; nothing in it was reported."""

    code = "REASSIGNMENT_FILE_INVALID"
    hint = "Use CSV in UTF-8 with the columns number and reassigned_at; write times as 2026-01-01T19:30:00+07:00."


@dataclass(frozen=True, slots=True)
class ReassignmentRow:
    """One row: the line on which it begins, and what it reports."""

    line: int
    draft: ReassignmentDraft


def read_reassignments(
    stream: BinaryIO, *, times: FileTimes, encoding: Encoding | None = None
) -> FileRows[ReassignmentRow]:
    """Return the rows of a CSV file. Errors: ReassignmentFileError, which names the line and the column."""
    try:
        return read_all(stream, _REASSIGNMENT, _make_row, bounds=_BOUNDS, times=times, encoding=encoding)
    except SpreadsheetError as error:
        raise ReassignmentFileError(error.message, hint=error.hint) from None


def _make_row(line: int, values: dict[str, Any]) -> ReassignmentRow:
    return ReassignmentRow(line, ReassignmentDraft(**values))
