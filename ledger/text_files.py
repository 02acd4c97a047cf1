"""Text files as lines: takes bytes, plain or gzip, and yields text with line numbers and within bounds. Pure.

A file is UTF-8, or UTF-16 with a byte order mark; any other encoding has to be named, and is never found out from the
content. What ends the first line (LF, CR LF or CR) ends them all: another kind of line break is part of a line. A file
that can't be read further raises an error with the line, after the lines before it (docs/adr/0110).
It must never hold more than one record in memory.
"""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import BinaryIO

from ledger.errors import InvalidInputError

RECORD_BYTES_MAX = 1024 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
# A zip archive, as .xlsx and .ods are, and the older .xls.
_WORKBOOK_MAGICS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MAGIC_BYTES = 4
QUOTE_HINT = "A quote may be unclosed."
_ENCODING_HINT = "Save it as UTF-8 (in a spreadsheet: CSV UTF-8), or name its encoding: --encoding windows-1252."
# Whatever can't be decoded becomes this lone surrogate, so that the lines before it can be read and its own is known.
_UNDECODED = "\udc80"
_MARKER = "ledger.text_files.mark"


class Encoding(StrEnum):
    """An encoding that a file may be said to have."""

    UTF_8 = "utf-8"
    UTF_16_LE = "utf-16-le"
    UTF_16_BE = "utf-16-be"
    WINDOWS_1252 = "windows-1252"
    ISO_8859_1 = "iso-8859-1"
    IBM_850 = "ibm850"
    MACINTOSH = "macintosh"


# By the byte order mark: the encoding, and the codec that reads past the mark.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, Encoding.UTF_8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, Encoding.UTF_16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, Encoding.UTF_16_BE, "utf-16"),
)


class SpreadsheetError(InvalidInputError):
    """The file can't be read past this line."""

    code = "FILE_UNREADABLE"

    def __init__(self, message: str, *, line: int, column: str | None = None, hint: str | None = None) -> None:
        """Line is where reading stopped, and column whose cell is at fault."""
        place = f"Line {line}, {column}" if column else f"Line {line}"
        super().__init__(f"{place}: {message}", hint=hint)
        self.line = line


class FileTruncatedError(SpreadsheetError):
    """The compressed file is truncated or damaged."""

    code = "FILE_TRUNCATED"


class FileEncodingError(SpreadsheetError):
    """The file is not text in UTF-8, or in the encoding that was named."""

    code = "FILE_ENCODING_WRONG"
    hint = _ENCODING_HINT


class FileWorkbookError(SpreadsheetError):
    """The file is a workbook of a spreadsheet program, not text."""

    code = "FILE_IS_WORKBOOK"
    hint = "Open it in its program and save the sheet as CSV UTF-8."


class FileRecordTooLongError(SpreadsheetError):
    """A record is too long."""

    code = "FILE_RECORD_TOO_LONG"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much of a file is accepted: bytes of its text in UTF-8, and lines."""

    bytes_max: int | None = None
    lines_max: int | None = None


class Lines:
    """The lines of a file as text, each with its end, counted, with limits on one record and on the entire file."""

    def __init__(self, stream: BinaryIO, bounds: Bounds, encoding: Encoding | None = None) -> None:
        """Gzip and byte order marks are recognised by the first bytes, so stream must be seekable or have `peek`.

        Errors: FileEncodingError, FileWorkbookError, FileTruncatedError.
        """
        self.number = 0
        self.record: list[str] = []
        self._bounds = bounds
        self._record_bytes = 0
        self._bytes = 0
        self._end: str | None = None
        self._ahead: str | None = None
        self._text, self._encoding = _open(stream, encoding)

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
        """Return the next line, or an empty text at the end of the file."""
        line = self._read_part()
        if self._end is None and line:
            line = self._find_end(line)
        if not line or line.endswith(self._end or ""):
            return line
        parts, length = [line], len(line)
        while length <= RECORD_BYTES_MAX and not parts[-1].endswith(self._end or ""):
            part = self._read_part()
            if not part:
                break
            parts.append(part)
            length += len(part)
        return "".join(parts)

    def _find_end(self, first: str) -> str:
        """Note what ends the lines, and return the first one."""
        self._end = "\n"
        if not first.endswith("\r"):
            return first
        following = self._read_part()
        if following == "\r\n":  # a program wrote each CR LF as CR CR LF
            return first + following
        self._end, self._ahead = "\r", following
        return first

    def _read_part(self) -> str:
        """Return the text up to the next LF, CR LF or CR."""
        if self._ahead is not None:
            part, self._ahead = self._ahead, None
            return part
        try:
            return self._text.readline(RECORD_BYTES_MAX + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise FileTruncatedError("the compressed file is truncated or damaged.", line=self.number + 1) from error

    def _check(self, line: str) -> None:
        size = len(line) if line.isascii() else len(line.encode("utf-8", "surrogatepass"))
        self._record_bytes += size
        self._bytes += size
        if self._record_bytes > RECORD_BYTES_MAX:
            said = f"the record is longer than {RECORD_BYTES_MAX} bytes."
            raise FileRecordTooLongError(said, line=self.number, hint=QUOTE_HINT)
        bytes_max, lines_max = self._bounds.bytes_max, self._bounds.lines_max
        if bytes_max is not None and self._bytes > bytes_max:
            raise SpreadsheetError(f"the file is larger than {bytes_max} bytes.", line=self.number)
        if lines_max is not None and self.number > lines_max:
            raise SpreadsheetError(f"the file has more than {lines_max} lines.", line=self.number)
        if "\x00" in line:
            raise FileEncodingError("the line contains a NUL byte, which no text has.", line=self.number)
        if not line.isascii() and (place := line.find(_UNDECODED)) >= 0:
            said = f"character {place + 1} is not valid in {self._encoding}."
            raise FileEncodingError(said, line=self.number)


def _mark_undecoded(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return _UNDECODED, error.end


codecs.register_error(_MARKER, _mark_undecoded)


def _open(stream: BinaryIO, named: Encoding | None) -> tuple[io.TextIOWrapper, Encoding]:
    """Open a file as text without translating its line breaks, and return its encoding."""
    if _peek(stream).startswith(_GZIP_MAGIC):
        stream = gzip.GzipFile(fileobj=stream)  # type: ignore[assignment]
    try:
        start = _peek(stream)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise FileTruncatedError("the compressed file is truncated or damaged.", line=1) from error
    if start.startswith(_WORKBOOK_MAGICS):
        raise FileWorkbookError("this is a workbook, not text.", line=1)
    encoding = named or Encoding.UTF_8
    codec = encoding.value
    for mark, marked, past_mark in _BYTE_ORDER_MARKS:
        if start.startswith(mark):
            if named not in {None, marked}:
                raise FileEncodingError(f"the file begins with the mark of {marked}, not of {named}.", line=1)
            encoding, codec = marked, past_mark
    return io.TextIOWrapper(stream, encoding=codec, errors=_MARKER, newline=""), encoding


def _peek(stream: BinaryIO) -> bytes:
    if hasattr(stream, "peek"):
        start: bytes = stream.peek(_MAGIC_BYTES)[:_MAGIC_BYTES]
        return start
    start = stream.read(_MAGIC_BYTES)
    stream.seek(0)
    return start
