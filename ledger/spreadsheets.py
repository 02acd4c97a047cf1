"""Delimited text files, read as a stream: takes bytes and yields rows with line numbers and named cells. Pure.

The only reader of such files, with one set of rules for all (docs/adr/0110). An importer declares its columns and their
converters (`Layout`), and decides what to do with a bad row. A bad row never stops reading. A file that can't be read
further (wrong columns, an unclosed quote, or what `text_files` refuses) raises an error with the line, after yielding
the rows before it. It must never hold more than one record in memory.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any, BinaryIO, Generic, TypeVar

from ledger.errors import InvalidInputError, LedgerError
from ledger.text_files import QUOTE_HINT, Bounds, Encoding, FileRecordTooLongError, Lines, SpreadsheetError
from ledger.written_times import FileTimes

_NUMBER_DIGITS_MAX = len(str(2**63))
_DELIMITERS = ",;\t"
# The first line by which a file tells Excel its delimiter.
_DELIMITER_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_COLUMNS_HINT = "Separate the cells of the header by commas, semicolons or tabs. Its columns may be: {}."


class FileColumnsError(SpreadsheetError):
    """The columns do not match the format."""

    code = "FILE_COLUMNS_WRONG"


class FileQuoteError(SpreadsheetError):
    """A quote is never closed."""

    code = "FILE_QUOTE_UNCLOSED"


class RowColumnsError(InvalidInputError):
    """The row's cells are not those of the columns."""

    code = "ROW_COLUMNS_WRONG"


class RowValueError(InvalidInputError):
    """The column does not accept this value."""

    code = "ROW_VALUE_UNKNOWN"


def read_text(text: str, _times: FileTimes) -> str:
    """The cell unchanged."""
    return text


def read_filled(text: str, _times: FileTimes) -> str:
    """The cell unchanged, which must not be empty. Errors: RowValueError."""
    if not text:
        raise RowValueError("The cell is empty.")
    return text


def read_whole_number(text: str, _times: FileTimes) -> int:
    """A whole number written in ASCII digits only. Errors: RowValueError."""
    if not (text.isascii() and text.isdigit()) or len(text) > _NUMBER_DIGITS_MAX:
        raise RowValueError("This is not a whole number.", hint="Use digits only.")
    return int(text)


_Choice = TypeVar("_Choice", bound=StrEnum)
_Made = TypeVar("_Made")


def choice_of(choices: type[_Choice], also: Mapping[str, _Choice] | None = None) -> Callable[[str, Any], _Choice]:
    """A converter for a closed list, which ignores case and accepts spaces or dashes; also maps further spellings."""
    known = {choice.value: choice for choice in choices} | dict(also or {})

    def read_choice(text: str, _times: FileTimes) -> _Choice:
        try:
            return known[text.upper().replace(" ", "_").replace("-", "_")]
        except KeyError:
            raise RowValueError(hint=f"One of {', '.join(choices)}.") from None

    return read_choice


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its name in the header, with the converter of its cells.

    The converter receives the cell without surrounding whitespace, and what was said of the file's times. An empty cell
    yields the default, or is passed to the converter if the cell is required. Problems name the field if set, or else
    the column.
    """

    name: str
    read: Callable[[str, FileTimes], object] = read_text
    default: object = None
    is_required: bool = False
    field: str | None = None
    other_names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line at which it begins, its text as read, and its cells by column.

    A blank row has no cells. If there is a fault, it says why the cells may not be those of their columns.
    """

    line: int
    text: str
    cells: Mapping[str, str]
    fault: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing is written in any cell."""
        return not self.cells


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The columns of a file, in any order. The header must name one of each group in needed, or all if that is None.

    Columns in ignored may stand in the file and are not converted; any other column is refused.
    """

    columns: tuple[Column, ...]
    needed: tuple[tuple[str, ...], ...] | None = None
    ignored: tuple[str, ...] = ()

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

    def read_header(self, header: Sequence[str], *, line: int) -> list[str]:
        """The columns that a header names, in its order, without empty ones at its end. Errors: FileColumnsError."""
        names = [self.find_name(written) for written in header]
        while names and not names[-1]:
            names.pop()
        groups = self.needed if self.needed is not None else tuple((name,) for name in self.names)
        known = {*self.names, *self.ignored}
        faults = {
            "missing": [" or ".join(map(repr, group)) for group in groups if not set(group) & set(names)],
            "unknown": [_place(header, at) for at, name in enumerate(names) if name and name not in known],
            "without a name": [f"column {at + 1}" for at, name in enumerate(names) if not name],
            "named twice": [
                f"{_place(header, names.index(name))} and {_place(header, at)}"
                for at, name in enumerate(names)
                if name and name in names[:at]
            ],
        }
        if any(faults.values()):
            said = "; ".join(f"{fault}: {', '.join(found)}" for fault, found in faults.items() if found)
            hint = _COLUMNS_HINT.format(", ".join(self.names))
            raise FileColumnsError(f"wrong columns ({said}).", line=line, hint=hint)
        return names

    def convert(self, row: Row, times: FileTimes) -> dict[str, Any]:
        """The row's values by column; absent columns have their default.

        Errors: RowColumnsError, RowValueError, TimeInvalidError.
        """
        if row.fault is not None:
            raise RowColumnsError(row.fault)
        values = dict(self._defaults)
        for column in self.columns:
            text = row.cells.get(column.name, "").strip()
            if not text and not column.is_required:
                continue
            try:
                values[column.name] = column.read(text, times)
            except LedgerError as error:
                error.field = column.field or column.name
                raise
        return values


def _place(header: Sequence[str], at: int) -> str:
    return f"{header[at].strip()!r} (column {at + 1})"


class Spreadsheet:
    """A file whose header was read: its layout, and its rows, which can be read once.

    The delimiter is the one that a line `sep=` names, or else the comma, semicolon or tab by which the header names
    the columns of a layout. A row may be shorter than the header, and the rest of it is then empty.
    """

    def __init__(
        self, stream: BinaryIO, *layouts: Layout, bounds: Bounds | None = None, encoding: Encoding | None = None
    ) -> None:
        """Use the first layout that matches. Errors: SpreadsheetError; FileColumnsError for the last layout."""
        self._lines = Lines(stream, bounds or Bounds(), encoding)
        self._rest = iter(self._lines)
        delimiters, header, line = self._read_header()
        self.layout, self._names, self._delimiter = _choose_layout(header, layouts, delimiters, line=line)

    def _read_header(self) -> tuple[str, list[str], int]:
        """Return the possible delimiters, the lines of the header, and the number of its first one."""
        first = next(self._rest, "")
        delimiters, line = _DELIMITERS, 1
        declared = _DELIMITER_LINE.fullmatch(first.rstrip("\r\n"))
        if declared:
            delimiters, line = declared[1], 2
            if delimiters not in _DELIMITERS:
                said = "this character can't separate cells."
                raise FileColumnsError(said, line=1, hint="Use sep=, or sep=; or a tab, or leave the line out.")
            self._lines.begin_record()
            first = next(self._rest, "")
        header, quotes = [first], first.count('"')
        while quotes % 2 and (more := next(self._rest, "")):
            header.append(more)
            quotes += more.count('"')
        return delimiters, header, line

    def __iter__(self) -> Iterator[Row]:
        """Errors: SpreadsheetError and its subclasses, when reading reaches the bad line."""
        names, lines = self._names, self._lines
        reader = csv.reader(self._rest, delimiter=self._delimiter, strict=True)
        while True:
            line = lines.number + 1
            lines.begin_record()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _translate(error, line) from None
            text = "".join(lines.record)
            if any(cell and not cell.isspace() for cell in cells):
                fault = _find_fault(cells, len(names), text) if len(cells) != len(names) else None
                yield Row(line, text, dict(zip(names, cells, strict=False)), fault)
            else:
                yield Row(line, text, {})


def _choose_layout(
    header: Sequence[str], layouts: Sequence[Layout], delimiters: str, *, line: int
) -> tuple[Layout, list[str], str]:
    refusal: SpreadsheetError = FileColumnsError("wrong columns.", line=line)
    # Last comes the delimiter whose error is the most telling: the most frequent one.
    for delimiter in sorted(delimiters, key="".join(header).count):
        try:
            cells = next(csv.reader(header, delimiter=delimiter, strict=True), [])
        except csv.Error as error:
            refusal = _translate(error, line)
            continue
        for layout in layouts:
            try:
                return layout, layout.read_header(cells, line=line), delimiter
            except FileColumnsError as error:
                refusal = error
    raise refusal


def _find_fault(cells: Sequence[str], width: int, text: str) -> str | None:
    if any(cell and not cell.isspace() for cell in cells[width:]):
        return f"The row has {len(cells)} cells, and the header {width} columns."
    if len(cells) < width and not text.endswith(("\n", "\r")):
        return "The file ends within this row; it may have been cut off."
    return None


def _translate(error: csv.Error, line: int) -> SpreadsheetError:
    """Translate an error of the csv module, which distinguishes its errors only by their messages."""
    said = str(error)
    if "unexpected end of data" in said:
        return FileQuoteError("a quote in this record is never closed.", line=line)
    if "field limit" in said:
        return FileRecordTooLongError("a field is too long.", line=line, hint=QUOTE_HINT)
    if "new-line character" in said:
        hint = "End all lines as the first one is, and put cells that contain line breaks in quotes."
        return SpreadsheetError("a line break of another kind than the first line's.", line=line, hint=hint)
    hint = 'A cell that contains quotes is in quotes, and each quote in it is written twice: "He said ""Halo""."'
    return SpreadsheetError("a quoted cell goes on after its closing quote.", line=line, hint=hint)


@dataclass(frozen=True, slots=True)
class FileRows(Generic[_Made]):
    """What a file contains: what each row was made into, and how many blank rows were passed over."""

    items: list[_Made]
    blank_count: int


def read_all(
    stream: BinaryIO,
    layout: Layout,
    make: Callable[[int, dict[str, Any]], _Made],
    *,
    bounds: Bounds,
    times: FileTimes,
    encoding: Encoding | None,
) -> FileRows[_Made]:
    """Read a file completely, or not at all; make receives the line of each row and its values.

    Errors: SpreadsheetError, which names the line and, for a bad cell, the column.
    """
    items: list[_Made] = []
    blank_count = 0
    for row in Spreadsheet(stream, layout, bounds=bounds, encoding=encoding):
        if row.is_blank:
            blank_count += 1
            continue
        try:
            items.append(make(row.line, layout.convert(row, times)))
        except LedgerError as error:
            raise SpreadsheetError(error.message, line=row.line, column=error.field, hint=error.hint) from None
    return FileRows(items, blank_count)
