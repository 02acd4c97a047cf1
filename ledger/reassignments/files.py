"""Reassignments to be reported, as CSV files that are read completely or not at all. It never touches the database."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import BinaryIO

from ledger.errors import InvalidInputError, LedgerError
from ledger.reassignments.reporting import ReassignmentDraft
from ledger.spreadsheets import Column, Dialect, Layout, Spreadsheet, SpreadsheetError, read_time

_REASSIGNMENT = Layout(
    columns=(Column("number", is_required=True), Column("reassigned_at", read_time, is_required=True))
)
_DIALECT = Dialect(delimiters=",;", lines_max=1_000_000)


class ReassignmentFileError(InvalidInputError):
    """This is not a file of reassignments; nothing in it was reported."""

    code = "REASSIGNMENT_FILE_INVALID"
    hint = "Use CSV in UTF-8 with the columns number and reassigned_at; write times in ISO 8601."


@dataclass(frozen=True, slots=True)
class ReassignmentRow:
    """One row: the line on which it begins, and what it reports."""

    line: int
    draft: ReassignmentDraft


def read_reassignments(stream: BinaryIO, *, zone: tzinfo | None) -> list[ReassignmentRow]:
    """Return the rows of a CSV file. Errors: ReassignmentFileError, which names the line."""
    found: list[ReassignmentRow] = []
    try:
        for row in Spreadsheet(stream, _REASSIGNMENT, dialect=_DIALECT):
            found.append(ReassignmentRow(row.line, ReassignmentDraft(**_REASSIGNMENT.convert(row, zone))))
    except SpreadsheetError as error:
        raise ReassignmentFileError(error.message) from None
    except LedgerError as error:
        message = f"Line {row.line}, {error.field or 'row'}: {error.message}"
        raise ReassignmentFileError(message, hint=error.hint) from None
    return found
