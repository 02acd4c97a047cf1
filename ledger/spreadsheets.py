"""Delimited text files, read as a stream: takes bytes and yields rows with line numbers and named cells. Pure.

The only reader of such files. An importer declares its columns and their converters (`Layout`) and how the text is
split (`Dialect`), and decides what to do with a bad row. A bad row never stops reading. A file that can't be read
further (wrong columns, an unclosed quote, truncated gzip, invalid UTF-8, NUL bytes, overlong records) raises an error
with the line, after yielding the rows before it. It must never hold more than one record in memory.
"""

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum
from functools import cached_property
from itertools import chain
from typing import Any, BinaryIO, TypeVar

from ledger.errors import InvalidInputError, LedgerError, TimeInvalidError

RECORD_BYTES_MAX = 1024 * 1024
_NUMBER_DIGITS_MAX = len(str(2**63))
_GZIP_MAGIC = b"\x1f\x8b"
_ENCODING_HINT = "Write the file as text in UTF-8."
_QUOTE_HINT = "A quote may be unclosed."
# Invalid bytes are decoded to these surrogates, so that the lines before them can be read and theirs is known.
_UNDECODED = re.compile("[\udc80-\udcff]")


class SpreadsheetError(InvalidInputError):
    """The file can't be read past this line."""

    code = "FILE_UNREADABLE"

    def __init__(self, message: str, *, line: int, hint: str | None = None) -> None:
        """Line is where reading stopped."""
        super().__init__(f"Line {line}: {message}", hint=hint)
        self.line = line


class FileColumnsError(SpreadsheetError):
    """The columns do not match the format."""

    code = "FILE_COLUMNS_WRONG"


class FileQuoteError(SpreadsheetError):
    """A quote is never closed."""

    code = "FILE_QUOTE_UNCLOSED"


class FileTruncatedError(SpreadsheetError):
    """The compressed file is truncated or damaged."""

    code = "FILE_TRUNCATED"


class FileEncodingError(SpreadsheetError):
    """The file is not UTF-8 text."""

    code = "FILE_ENCODING_WRONG"


class FileRecordTooLongError(SpreadsheetError):
    """A record is too long."""

    code = "FILE_RECORD_TOO_LONG"


class RowColumnsError(InvalidInputError):
    """The row has more or fewer columns than the header."""

    code = "ROW_COLUMNS_WRONG"


class RowValueError(InvalidInputError):
    """The column does not accept this value."""

    code = "ROW_VALUE_UNKNOWN"


class ZoneUnknownError(TimeInvalidError):
    """The time has no UTC offset, and no time zone was given for the file."""

    hint = "Add the offset from UTC, or specify a time zone for the file."


def read_text(text: str, _zone: tzinfo | None) -> str:
    """The cell unchanged."""
    return text


def read_time(text: str, zone: tzinfo | None) -> datetime:
    """A time in ISO 8601; zone applies if it has no offset. Errors: TimeInvalidError, ZoneUnknownError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TimeInvalidError("This is not a time.", hint="Write it as 2026-03-02T10:00:00+07:00.") from None
    if moment.tzinfo is not None:
        return moment
    if zone is None:
        raise ZoneUnknownError
    return moment.replace(tzinfo=zone)


def read_whole_number(text: str, _zone: tzinfo | None) -> int:
    """A whole number written in ASCII digits only. Errors: RowValueError."""
    if not (text.isascii() and text.isdigit()) or len(text) > _NUMBER_DIGITS_MAX:
        raise RowValueError("This is not a whole number.", hint="Use digits only.")
    return int(text)


_Choice = TypeVar("_Choice", bound=StrEnum)


def choice_of(choices: type[_Choice], also: Mapping[str, _Choice] | None = None) -> Callable[[str, Any], _Choice]:
    """A converter for a closed list, which ignores case and accepts spaces or dashes; also maps further spellings."""
    known = {choice.value: choice for choice in choices} | dict(also or {})

    def read_choice(text: str, _zone: tzinfo | None) -> _Choice:
        try:
            return known[text.upper().replace(" ", "_").replace("-", "_")]
        except KeyError:
            raise RowValueError(hint=f"One of {', '.join(choices)}.") from None

    return read_choice


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name in the header, with the converter of its cells.

    The converter receives the cell without surrounding whitespace, and the file's time zone. An empty cell yields the
    default, or is passed to the converter if the cell is required. Problems name the field if set, or else the column.
    """

    name: str
    read: Callable[[str, tzinfo | None], object] = read_text
    default: object = None
    is_required: bool = False
    field: str | None = None
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line at which it begins, its text as read, and its cells by column.

    If is_whole is False, it has more or fewer cells than the header, and cells has only those that match a column.
    """

    line: int
    text: str
    cells: Mapping[str, str]
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of a file, in any order. The header must name one of each group in needed, or all if that is None."""

    columns: tuple[Column, ...]
    needed: tuple[tuple[str, ...], ...] | None = None
    is_open: bool = False
    """Undeclared columns are ignored instead of refused."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def find_name(self, written: str) -> str:
        """The column that a header cell names, ignoring case; an unknown name is returned in lower case."""
        folded = written.strip().lower()
        return self._by_name.get(folded, folded)

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        return {name.lower(): column.name for column in self.columns for name in (column.name, *column.other_names)}

    @cached_property
    def _defaults(self) -> Mapping[str, Any]:
        return {column.name: column.default for column in self.columns}

    def read_header(self, header: Sequence[str]) -> list[str]:
        """The columns that a header names, in its order. Errors: FileColumnsError."""
        names = [self.find_name(written) for written in header]
        groups = self.needed if self.needed is not None else tuple((name,) for name in self.names)
        faults = {
            "missing": [" or ".join(group) for group in groups if not set(group) & set(names)],
            "unknown": [] if self.is_open else [name for name in names if name not in self.names],
            "named twice": sorted({name for name in names if names.count(name) > 1}),
        }
        if any(faults.values()):
            said = "; ".join(f"{fault}: {', '.join(map(repr, found))}" for fault, found in faults.items() if found)
            raise FileColumnsError(f"wrong columns ({said}).", line=1, hint=f"Known columns: {', '.join(self.names)}.")
        return names

    def convert(self, row: Row, zone: tzinfo | None) -> dict[str, Any]:
        """The row's values by column; absent columns have their default.

        Errors: RowColumnsError, RowValueError, TimeInvalidError.
        """
        if not row.is_whole:
            raise RowColumnsError
        values = dict(self._defaults)
        for column in self.columns:
            text = row.cells.get(column.name, "").strip()
            if not text and not column.is_required:
                continue
            try:
                values[column.name] = column.read(text, zone)
            except LedgerError as error:
                error.field = column.field or column.name
                raise
        return values


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How the text of a file is split into lines and cells, and how much of it is accepted.

    The file's delimiter is the one of delimiters that is most frequent in the first line. line_end is the newline
    argument of `io.TextIOWrapper`: the empty string accepts LF, CR LF and CR.
    """

    delimiters: str = ","
    line_end: str = ""
    bytes_max: int | None = None
    lines_max: int | None = None


class Lines:
    """The lines of a file as text, counted, with limits on one record and on the entire file."""

    def __init__(self, stream: BinaryIO, dialect: Dialect) -> None:
        """Gzip is recognised by its first bytes, so stream must be seekable or have `peek`."""
        self.number = 0
        self.record: list[str] = []
        self._dialect = dialect
        self._record_bytes = 0
        self._bytes = 0
        self._text = io.TextIOWrapper(
            _decompress(stream), encoding="utf-8-sig", errors="surrogateescape", newline=dialect.line_end
        )

    def begin_record(self) -> None:
        """Start a new record at the next line."""
        self.record = []
        self._record_bytes = 0

    def __iter__(self) -> Iterator[str]:
        try:
            while line := self._read():
                self.number += 1
                self._check(line)
                self.record.append(line)
                yield line
        finally:
            with suppress(ValueError):  # the caller owns the stream and may have closed it
                self._text.detach()

    def _read(self) -> str:
        try:
            return self._text.readline(RECORD_BYTES_MAX + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileTruncatedError("the compressed file is truncated or damaged.", line=self.number + 1) from error

    def _check(self, line: str) -> None:
        size = len(line) if line.isascii() else len(line.encode("utf-8", "surrogateescape"))
        self._record_bytes += size
        self._bytes += size
        if self._record_bytes > RECORD_BYTES_MAX:
            said = f"the record is longer than {RECORD_BYTES_MAX} bytes."
            raise FileRecordTooLongError(said, line=self.number, hint=_QUOTE_HINT)
        bytes_max, lines_max = self._dialect.bytes_max, self._dialect.lines_max
        if bytes_max is not None and self._bytes > bytes_max:
            raise SpreadsheetError(f"the file is larger than {bytes_max} bytes.", line=self.number)
        if lines_max is not None and self.number > lines_max:
            raise SpreadsheetError(f"the file has more than {lines_max} lines.", line=self.number)
        if "\x00" in line:
            raise FileEncodingError("the line contains a NUL byte.", line=self.number, hint=_ENCODING_HINT)
        if not line.isascii() and (found := _UNDECODED.search(line)):
            place = len(line[: found.start()].encode()) + 1
            raise FileEncodingError(f"byte {place} is not UTF-8.", line=self.number, hint=_ENCODING_HINT)


def _decompress(stream: BinaryIO) -> BinaryIO:
    if hasattr(stream, "peek"):
        start = stream.peek(2)[:2]
    else:
        start = stream.read(2)
        stream.seek(0)
    return gzip.GzipFile(fileobj=stream) if start == _GZIP_MAGIC else stream  # type: ignore[return-value]


class Spreadsheet:
    """A file whose header was read: its layout, and its rows, which can be read once. Blank lines are skipped."""

    def __init__(self, stream: BinaryIO, *layouts: Layout, dialect: Dialect) -> None:
        """Use the first layout that matches. Errors: SpreadsheetError; FileColumnsError for the last layout."""
        self._lines = Lines(stream, dialect)
        self._records = _read_records(self._lines, dialect.delimiters)
        _, header = next(self._records)
        self.layout, self._names = _choose_layout(header, layouts)

    def __iter__(self) -> Iterator[Row]:
        """Errors: SpreadsheetError and its subclasses, when reading reaches the bad line."""
        names = self._names
        for line, cells in self._records:
            if cells:
                named = dict(zip(names, cells, strict=False))
                yield Row(line, "".join(self._lines.record), named, is_whole=len(cells) == len(names))


def _choose_layout(header: Sequence[str], layouts: Sequence[Layout]) -> tuple[Layout, Sequence[str]]:
    for layout in layouts[:-1]:
        with suppress(FileColumnsError):
            return layout, layout.read_header(header)
    return layouts[-1], layouts[-1].read_header(header)


def _read_records(lines: Lines, delimiters: str) -> Iterator[tuple[int, list[str]]]:
    """Records with the line at which each begins; an empty file has one empty record."""
    rest = iter(lines)
    first = next(rest, "")
    reader = csv.reader(chain([first], rest), delimiter=max(delimiters, key=first.count), strict=True)
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise _translate(error, line) from None
        yield line, cells
        line = lines.number + 1
        lines.begin_record()


def _translate(error: csv.Error, line: int) -> SpreadsheetError:
    """Translate an error of the csv module, which distinguishes its errors only by their messages."""
    if "unexpected end of data" in str(error):
        return FileQuoteError("a quote in this record is never closed.", line=line)
    if "field limit" in str(error):
        return FileRecordTooLongError("a field is too long.", line=line, hint=_QUOTE_HINT)
    return SpreadsheetError(f"{error}.", line=line)
