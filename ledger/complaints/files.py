"""Complaints in files, read as a stream: CSV, JSON lines and the FTC's Do Not Call files, each plain or gzip. Pure.

A row that is not a valid complaint is returned as rejected, with its line and reason, and reading continues. A blank
row is returned without content. A file that can't be read any further, or a time without a zone, raises an error that
names the line; the rows before it remain valid. At most one record is held in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import orjson

from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.file_formats import FileFormat
from ledger.complaints.rows import (
    COMPLAINT,
    FTC_API,
    FTC_FILE,
    FileReading,
    MakeDraft,
    make_complaint,
    make_ftc_api,
    make_ftc_file,
)
from ledger.errors import InvalidInputError, LedgerError, Problem
from ledger.spreadsheets import Layout, Row, Spreadsheet
from ledger.text_files import Bounds, Lines, SpreadsheetError
from ledger.written_times import ZoneUnknownError

_FORMATS: dict[FileFormat, tuple[tuple[Layout, MakeDraft], ...]] = {
    FileFormat.CSV: ((COMPLAINT, make_complaint),),
    FileFormat.FTC_DNC: ((FTC_API, make_ftc_api), (FTC_FILE, make_ftc_file)),
}


class TimeZoneMissingError(SpreadsheetError):
    """A time has no time zone, and none was given for the file."""

    code = "TIMEZONE_REQUIRED"


class RowJsonError(InvalidInputError):
    """The line is not a JSON object that describes a complaint."""

    code = "ROW_JSON_INVALID"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One record: the line on which it begins, its text as read, and the complaint or the reason for rejection.

    A blank row has no content.
    """

    line: int
    text: str
    content: ComplaintDraft | Problem | None


def read_complaints(stream: BinaryIO, reading: FileReading) -> Iterator[FileRow]:
    """Yield the complaints of a file one by one; gzip is recognised by its first bytes.

    Shapes: stream is seekable or buffered (has peek).
    Errors: SpreadsheetError and its subclasses, when reading reaches the faulty line.
    """
    if reading.format is FileFormat.JSON_LINES:
        return _read_json_lines(stream, reading)
    return _read_csv(stream, reading)


def _read_csv(stream: BinaryIO, reading: FileReading) -> Iterator[FileRow]:
    layouts = _FORMATS[reading.format]
    sheet = Spreadsheet(stream, *(layout for layout, _ in layouts), encoding=reading.encoding)
    if sheet.layout is FTC_FILE and reading.times.zone is None:  # times in these files never have a zone
        raise TimeZoneMissingError("the times in this file have no time zone.", line=1, hint="Give a time zone.")
    (make,) = (make for layout, make in layouts if layout is sheet.layout)
    for row in sheet:
        yield FileRow(row.line, row.text, None) if row.is_blank else _take(row, sheet.layout, make, reading)


def _take(row: Row, layout: Layout, make: MakeDraft, reading: FileReading) -> FileRow:
    try:
        return FileRow(row.line, row.text, make(layout.convert(row, reading.times), reading.region))
    except ZoneUnknownError as error:
        raise TimeZoneMissingError("a time has no time zone.", line=row.line, hint=error.hint) from None
    except LedgerError as error:
        return FileRow(row.line, row.text, error.problem())


def _read_json_lines(stream: BinaryIO, reading: FileReading) -> Iterator[FileRow]:
    lines = Lines(stream, Bounds(), reading.encoding)
    for text in lines:
        lines.begin_record()
        if not text.strip():
            yield FileRow(lines.number, text, None)
            continue
        try:
            row = Row(lines.number, text, _read_object(text))
        except RowJsonError as error:
            yield FileRow(lines.number, text, error.problem())
        else:
            yield _take(row, COMPLAINT, make_complaint, reading)


def _read_object(text: str) -> dict[str, str]:
    """Return the values of a JSON object as cells by column. Errors: RowJsonError."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise RowJsonError from None
    if not isinstance(value, dict):
        raise RowJsonError
    cells = {}
    for name, content in value.items():
        column = COMPLAINT.find_name(name)
        if column not in COMPLAINT.names or column in cells:
            raise RowJsonError("A key is unknown or repeated.", field=name[:64])
        if content is None:
            continue
        if isinstance(content, bool) or not isinstance(content, str | int):
            raise RowJsonError("A value is neither text nor a whole number.", field=name)
        cells[column] = str(content)
    return cells
