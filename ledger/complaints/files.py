"""Complaints in files, read as a stream: CSV, JSON lines and the FTC's Do Not Call files, each plain or gzip. Pure.

A row that can't be a complaint comes out as a rejected row with its line and reason, and reading goes on. A file that
can't be read any further (wrong columns, an unclosed quote, a truncated gzip, no UTF-8, NUL bytes, endless lines)
raises with the line; what came before stands. Never more than one record is held.
"""

import csv
import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

import orjson

from ledger.complaints.drafts import ComplaintDraft
from ledger.complaints.rows import (
    COLUMN_NAMES,
    COLUMNS,
    FTC_API,
    FTC_FILE,
    Cells,
    ComplaintFileError,
    FileFormat,
    FileReading,
    TimeZoneMissingError,
    read_cells,
    read_ftc_api,
    read_ftc_file,
)
from ledger.errors import InvalidInputError, LedgerError, Problem

if TYPE_CHECKING:
    from _csv import Reader

__all__ = [
    "RECORD_BYTES_MAX",
    "ComplaintFileError",
    "FileColumnsError",
    "FileEncodingError",
    "FileFormat",
    "FileQuoteError",
    "FileReading",
    "FileRecordTooLongError",
    "FileRow",
    "FileTruncatedError",
    "TimeZoneMissingError",
    "read_complaints",
]

RECORD_BYTES_MAX = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"


class FileColumnsError(ComplaintFileError):
    """The columns are not those of the format."""

    code = "FILE_COLUMNS_WRONG"


class FileQuoteError(ComplaintFileError):
    """A quote is never closed."""

    code = "FILE_QUOTE_UNCLOSED"


class FileTruncatedError(ComplaintFileError):
    """The compressed file breaks off or is damaged."""

    code = "FILE_TRUNCATED"


class FileEncodingError(ComplaintFileError):
    """The file is not text in UTF-8."""

    code = "FILE_ENCODING_WRONG"


class FileRecordTooLongError(ComplaintFileError):
    """A record is longer than is taken."""

    code = "FILE_RECORD_TOO_LONG"


class RowColumnsError(InvalidInputError):
    """The row has more or fewer columns than the header."""

    code = "ROW_COLUMNS_WRONG"


class RowJsonError(InvalidInputError):
    """The line is no JSON object of a complaint."""

    code = "ROW_JSON_INVALID"


@dataclass(frozen=True, slots=True)
class FileRow:
    """One record: the line at which it begins, its text as read, and the complaint or why it is none."""

    line: int
    text: str
    content: ComplaintDraft | Problem


_REQUIRED = ({"medium"}, {"category"}, {"number", "account_platform"})


def read_complaints(stream: BinaryIO, reading: FileReading) -> Iterator[FileRow]:
    """The complaints of a file, one after another; gzip is recognised by its first bytes.

    Shapes: stream is seekable or buffered (has peek).
    Errors: ComplaintFileError and its kinds, when the bad place is reached.
    """
    lines = _Lines(_open(stream))
    if reading.format is FileFormat.JSON_LINES:
        return _read_json_lines(lines, reading)
    return _read_csv(lines, reading)


def _open(stream: BinaryIO) -> BinaryIO:
    start = stream.peek(2)[:2] if hasattr(stream, "peek") else stream.read(2)
    if not hasattr(stream, "peek"):
        stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if start == _GZIP_MAGIC else stream  # type: ignore[return-value]


class _Lines:
    """The lines of a file as text, counted, with a bound on what one record may take together."""

    def __init__(self, stream: BinaryIO) -> None:
        self.number = 0
        self.record: list[str] = []
        self._stream = stream
        self._record_bytes = 0

    def begin_record(self) -> None:
        self.record = []
        self._record_bytes = 0

    def __iter__(self) -> Iterator[str]:
        while (raw := self._read()) != b"":
            self.number += 1
            self._record_bytes += len(raw)
            if self._record_bytes > RECORD_BYTES_MAX:
                raise FileRecordTooLongError(
                    f"the record is longer than {RECORD_BYTES_MAX} bytes.", line=self.number, hint=_QUOTE_HINT
                )
            line = self._decode(raw)
            self.record.append(line)
            yield line

    def _read(self) -> bytes:
        try:
            return self._stream.readline(RECORD_BYTES_MAX + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileTruncatedError("the compressed file breaks off or is damaged.", line=self.number + 1) from error

    def _decode(self, raw: bytes) -> str:
        if b"\x00" in raw:
            raise FileEncodingError("a NUL byte.", line=self.number, hint="Write the file as text in UTF-8.")
        try:
            return raw.decode("utf-8-sig" if self.number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            raise FileEncodingError(
                f"byte {error.start + 1} is not UTF-8.", line=self.number, hint="Write the file as text in UTF-8."
            ) from None


_QUOTE_HINT = "Perhaps a quote is never closed."


def _read_csv(lines: _Lines, reading: FileReading) -> Iterator[FileRow]:
    reader = csv.reader(iter(lines), strict=True)
    header = next(_records(reader, lines), None)
    columns, draft_of = _choose_layout([] if header is None else header[1], reading)
    for line, cells in _records(reader, lines):
        text = "".join(lines.record)
        if not cells:
            continue
        if len(cells) != len(columns):
            yield FileRow(line, text, RowColumnsError().problem())
            continue
        named = dict(zip(columns, cells, strict=True))
        yield FileRow(line, text, _take(draft_of, named, reading, line))


def _records(reader: "Reader", lines: _Lines) -> Iterator[tuple[int, list[str]]]:
    """Records with the line at which each begins."""
    while True:
        line = lines.number + 1
        lines.begin_record()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            if "unexpected end of data" in str(error):
                raise FileQuoteError("a quote in this record is never closed.", line=line) from None
            if "field limit" in str(error):
                raise FileRecordTooLongError("a field is too long.", line=line, hint=_QUOTE_HINT) from None
            raise ComplaintFileError(f"{error}.", line=line) from None
        yield line, cells


def _choose_layout(header: Sequence[str], reading: FileReading) -> tuple[Sequence[str], "_DraftOf"]:
    names = [name.strip() for name in header]
    if reading.format is FileFormat.FTC_DNC:
        if tuple(names) == FTC_API:
            return names, read_ftc_api
        if tuple(names) != FTC_FILE:
            raise FileColumnsError(
                "these are not the columns of the FTC's files.",
                line=1,
                hint=f"Either {','.join(FTC_FILE)} or {','.join(FTC_API)}.",
            )
        if reading.zone is None:
            raise TimeZoneMissingError("the times of this file have no zone.", line=1, hint="Give a time zone.")
        return names, read_ftc_file
    columns = [COLUMN_NAMES.get(name.lower(), name.lower()) for name in names]
    unknown = [name for name in columns if name not in COLUMNS]
    missing = [sorted(some) for some in _REQUIRED if not some & set(columns)]
    if unknown or missing or len(set(columns)) != len(columns):
        raise FileColumnsError(
            f"unknown columns {unknown}, missing columns {missing}, or one that stands twice.",
            line=1,
            hint=f"Known columns: {', '.join(COLUMNS)}.",
        )
    return columns, read_cells


_DraftOf = Callable[[Cells, FileReading, int], ComplaintDraft]


def _take(draft_of: _DraftOf, cells: Cells, reading: FileReading, line: int) -> ComplaintDraft | Problem:
    try:
        return draft_of(cells, reading, line)
    except ComplaintFileError:
        raise
    except LedgerError as error:
        return error.problem()


def _read_json_lines(lines: _Lines, reading: FileReading) -> Iterator[FileRow]:
    for text in lines:
        lines.begin_record()
        if text.strip():
            yield FileRow(lines.number, text, _take_json(text, reading, lines.number))


def _take_json(text: str, reading: FileReading, line: int) -> ComplaintDraft | Problem:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return RowJsonError().problem()
    if not isinstance(value, dict):
        return RowJsonError().problem()
    cells = {}
    for name, content in value.items():
        column = COLUMN_NAMES.get(name, name)
        if column not in COLUMNS or column in cells:
            return RowJsonError("A key is unknown or stands twice.", field=name[:64]).problem()
        if content is None:
            continue
        if isinstance(content, bool) or not isinstance(content, str | int):
            return RowJsonError("A value is neither text nor a whole number.", field=name).problem()
        cells[column] = str(content)
    return _take(read_cells, cells, reading, line)
