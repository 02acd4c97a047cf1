"""Delimited text files, read as a stream: bytes in, rows with their lines and named cells out. Pure.

The only reader of such files. An importer declares its columns and their converters (`Layout`) and how the text is cut
(`Dialect`), and decides what a bad row means to it. A bad row never ends the reading. A file that can't be read any
further (wrong columns, an unclosed quote, a truncated gzip, no UTF-8, NUL bytes, endless lines) raises with the line,
after the rows before it. Never more than one record is held.
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
_QUOTE_HINT = "Perhaps a quote is never closed."
# Bytes that are not UTF-8 are decoded to these, so that the lines before them are read, and theirs is known.
_UNDECODED = re.compile("[\udc80-\udcff]")


class SpreadsheetError(InvalidInputError):
    """The file can't be read any further."""

    code = "FILE_UNREADABLE"

    def __init__(self, message: str, *, line: int, hint: str | None = None) -> None:
        """The line is the one at which reading stopped."""
        super().__init__(f"Line {line}: {message}", hint=hint)
        self.line = line


class FileColumnsError(SpreadsheetError):
    """The columns are not those of the format."""

    code = "FILE_COLUMNS_WRONG"


class FileQuoteError(SpreadsheetError):
    """A quote is never closed."""

    code = "FILE_QUOTE_UNCLOSED"


class FileTruncatedError(SpreadsheetError):
    """The compressed file breaks off or is damaged."""

    code = "FILE_TRUNCATED"


class FileEncodingError(SpreadsheetError):
    """The file is not text in UTF-8."""

    code = "FILE_ENCODING_WRONG"


class FileRecordTooLongError(SpreadsheetError):
    """A record is longer than is taken."""

    code = "FILE_RECORD_TOO_LONG"


class RowColumnsError(InvalidInputError):
    """The row has more or fewer columns than the header."""

    code = "ROW_COLUMNS_WRONG"


class RowValueError(InvalidInputError):
    """The value is none of those that the column takes."""

    code = "ROW_VALUE_UNKNOWN"


class ZoneUnknownError(TimeInvalidError):
    """The time has no zone, and none was given for the file."""

    hint = "Add its offset from UTC, or give a time zone for the file."


def read_text(text: str, _zone: tzinfo | None) -> str:
    """The cell as it is."""
    return text


def read_time(text: str, zone: tzinfo | None) -> datetime:
    """A time in ISO 8601, of the zone where it has no offset. Errors: TimeInvalidError, ZoneUnknownError."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise TimeInvalidError("This is no time.", hint="Write it as 2026-03-02T10:00:00+07:00.") from None
    if moment.tzinfo is not None:
        return moment
    if zone is None:
        raise ZoneUnknownError
    return moment.replace(tzinfo=zone)


def read_whole_number(text: str, _zone: tzinfo | None) -> int:
    """A number of ASCII digits alone. Errors: RowValueError."""
    if not (text.isascii() and text.isdigit()) or len(text) > _NUMBER_DIGITS_MAX:
        raise RowValueError("This is no whole number.", hint="A whole number, digits only.")
    return int(text)


_Choice = TypeVar("_Choice", bound=StrEnum)


def choice_of(choices: type[_Choice], also: Mapping[str, _Choice] | None = None) -> Callable[[str, Any], _Choice]:
    """The converter of a closed list, written in any case and with spaces or dashes; also has further words for it."""
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

    The converter gets the cell without surrounding white space, and the file's time zone. An empty cell is the default,
    unless the cell is required: then the converter gets it too. Problems name the field, or else the column.
    """

    name: str
    read: Callable[[str, tzinfo | None], object] = read_text
    default: object = None
    is_required: bool = False
    field: str | None = None
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line at which it begins, its text as read, its cells by column.

    Not whole: it has more or fewer cells than the header, and the first ones are here.
    """

    line: int
    text: str
    cells: Mapping[str, str]
    is_whole: bool = True


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of a file, in any order. Of each group in needed the header must name one; None: every column."""

    columns: tuple[Column, ...]
    needed: tuple[tuple[str, ...], ...] | None = None
    is_open: bool = False
    """Columns that are not declared are passed over, not refused."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(column.name for column in self.columns)

    def find_name(self, written: str) -> str:
        """The name of the column that a file calls so, in any case; what is no column, in lower case."""
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
        """The row's values by column, absent columns too. Errors: RowColumnsError, RowValueError, TimeInvalidError."""
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
    """How the text of a file is cut into lines and cells, and how much of it is taken.

    Of the delimiters the one that the first line has most of is the file's. line_end is that of `io.TextIOWrapper`:
    the empty one stands for each of LF, CR LF and CR.
    """

    delimiters: str = ","
    line_end: str = ""
    bytes_max: int | None = None
    lines_max: int | None = None


class Lines:
    """The lines of a file as text, counted, with bounds on one record and on the whole."""

    def __init__(self, stream: BinaryIO, dialect: Dialect) -> None:
        """Gzip is recognised by its first bytes, so stream is seekable or buffered (has peek)."""
        self.number = 0
        self.record: list[str] = []
        self._dialect = dialect
        self._record_bytes = 0
        self._bytes = 0
        self._text = io.TextIOWrapper(
            _decompress(stream), encoding="utf-8-sig", errors="surrogateescape", newline=dialect.line_end
        )

    def begin_record(self) -> None:
        """What is read from here on belongs to another record."""
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
            with suppress(ValueError):  # the stream is the caller's, who may have closed it
                self._text.detach()

    def _read(self) -> str:
        try:
            return self._text.readline(RECORD_BYTES_MAX + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileTruncatedError("the compressed file breaks off or is damaged.", line=self.number + 1) from error

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
            raise FileEncodingError("a NUL byte.", line=self.number, hint=_ENCODING_HINT)
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
    """A file whose header was read: which layout it has, and its rows, once. Lines without cells are passed over."""

    def __init__(self, stream: BinaryIO, *layouts: Layout, dialect: Dialect) -> None:
        """The layout is the first that the header fits. Errors: SpreadsheetError, FileColumnsError of the last one."""
        self._lines = Lines(stream, dialect)
        self._records = _read_records(self._lines, dialect.delimiters)
        _, header = next(self._records)
        self.layout, self._names = _choose_layout(header, layouts)

    def __iter__(self) -> Iterator[Row]:
        """Errors: SpreadsheetError and its kinds, when the bad place is reached."""
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
    """Records with the line at which each begins; of an empty file an empty one."""
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
    """The error of the csv module, which has no classes of its own to tell them apart by."""
    if "unexpected end of data" in str(error):
        return FileQuoteError("a quote in this record is never closed.", line=line)
    if "field limit" in str(error):
        return FileRecordTooLongError("a field is too long.", line=line, hint=_QUOTE_HINT)
    return SpreadsheetError(f"{error}.", line=line)
