"""Overrides of the numbering plan to be proposed, as CSV files that are read completely or not at all. No database."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from ledger.errors import InvalidInputError
from ledger.spreadsheets import Column, FileRows, Layout, read_all, read_filled
from ledger.text_files import Bounds, Encoding, SpreadsheetError
from ledger.written_times import FileTimes, read_time

_OVERRIDE = Layout(
    columns=(
        Column("number", read_filled, is_required=True),
        Column("holder", read_filled, is_required=True),
        Column("reason", read_filled, is_required=True),
        Column("brand"),
        Column("valid_from", read_time),
    ),
    needed=(("number",), ("holder",), ("reason",)),
)
_BOUNDS = Bounds(lines_max=100_000)


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


def read_overrides(stream: BinaryIO, *, times: FileTimes, encoding: Encoding | None = None) -> FileRows[OverrideRow]:
    """Return the rows of a CSV file. Errors: OverrideFileError, which names the line and the column."""
    try:
        return read_all(stream, _OVERRIDE, _make_row, bounds=_BOUNDS, times=times, encoding=encoding)
    except SpreadsheetError as error:
        raise OverrideFileError(error.message, hint=error.hint) from None


def _make_row(line: int, values: dict[str, Any]) -> OverrideRow:
    return OverrideRow(line=line, **values)
