"""Overrides of the numbering plan to be proposed, as CSV files that are read completely or not at all. No database."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import BinaryIO

from ledger.errors import InvalidInputError, LedgerError
from ledger.spreadsheets import Column, Dialect, Layout, Spreadsheet, SpreadsheetError, read_time

_OVERRIDE = Layout(
    columns=(
        Column("number", is_required=True),
        Column("holder", is_required=True),
        Column("reason", is_required=True),
        Column("brand"),
        Column("valid_from", read_time),
    ),
    needed=(("number",), ("holder",), ("reason",)),
)
_DIALECT = Dialect(delimiters=",;", lines_max=100_000)


class OverrideFileError(InvalidInputError):
    """This is not a file of overrides; nothing in it was proposed."""

    code = "OVERRIDE_FILE_INVALID"
    hint = "Use CSV in UTF-8 with the columns number, holder, reason and, if needed, brand and valid_from."


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRow:
    """One row: the line on which it begins, the number as written, and holder and brand by slug."""

    line: int
    number: str
    holder: str
    reason: str
    brand: str | None = None
    valid_from: datetime | None = None


def read_overrides(stream: BinaryIO, *, zone: tzinfo | None) -> list[OverrideRow]:
    """Return the rows of a CSV file. Errors: OverrideFileError, which names the line."""
    found: list[OverrideRow] = []
    try:
        for row in Spreadsheet(stream, _OVERRIDE, dialect=_DIALECT):
            found.append(OverrideRow(line=row.line, **_OVERRIDE.convert(row, zone)))
    except SpreadsheetError as error:
        raise OverrideFileError(error.message) from None
    except LedgerError as error:
        raise OverrideFileError(f"Line {row.line}, {error.field or 'row'}: {error.message}", hint=error.hint) from None
    return found
